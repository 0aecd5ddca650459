//go:build unix

package store

import (
	"os"
	"testing"

	"flavorpack-native/launchers/go/internal/store/record"
)

// otherBoot makes the records of a store those of another boot.
func otherBoot(t *testing.T, w *Work, made *Installed) {
	t.Helper()
	key, err := Key(&w.Package.Slots()[0])
	must(t, err)
	found, ok := record.Peek(w.Root.Slots, hexKey(key))
	if !ok {
		t.Fatal("no record")
	}
	found.Boot = record.Boot{7}
	must(t, record.Write(w.Staging, w.Root.Slots, hexKey(key), found))
	found, ok = record.Peek(w.Root.Envs, made.Name)
	if !ok {
		t.Fatal("no record")
	}
	found.Boot = record.Boot{7}
	must(t, record.Write(w.Staging, w.Root.Envs, made.Name, found))
}

// damages are what S18 has to notice in a slot.
var damages = map[string]func(slot string) error{
	"a file with other bytes": func(s string) error { return flip(s + "/bin/python3") },
	"a longer file":           func(s string) error { return grow(s + "/bin/python3") },
	"an empty file":           func(s string) error { return os.Truncate(s+"/bin/python3", 0) },
	"a file that is gone":     func(s string) error { return os.Remove(s + "/bin/python3") },
	"a file of another mode":  func(s string) error { return os.Chmod(s+"/bin/python3", 0o755|os.ModeSetuid) },
	"a link that is a file": func(s string) error {
		return both(os.Remove(s+"/bin/python"), os.WriteFile(s+"/bin/python", nil, 0o755))
	},
	"a link to elsewhere": func(s string) error { return both(os.Remove(s+"/bin/python"), os.Symlink("/bin/sh", s+"/bin/python")) },
	"a file that is a link": func(s string) error {
		return both(os.Rename(s+"/bin/python3", s+"-x"), os.Symlink(s+"-x", s+"/bin/python3"))
	},
	"a folder of another mode": func(s string) error { return os.Chmod(s+"/lib", 0o777) },
	"a folder that is a link":  func(s string) error { return both(os.Rename(s+"/lib", s+"-lib"), os.Symlink(s+"-lib", s+"/lib")) },
	"a root of another mode":   func(s string) error { return os.Chmod(s, 0o700) },
}

func both(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func flip(path string) error {
	data, err := os.ReadFile(path)
	if err == nil {
		data[len(data)-1] ^= 1
		err = os.WriteFile(path, data, 0)
	}
	return err
}

func grow(path string) error {
	data, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, append(data, 'x'), 0)
	}
	return err
}

func TestS18DamageIsNoticedAfterABootAndWhenTheStoreIsDoubted(t *testing.T) {
	for name, damage := range damages {
		for _, doubted := range []bool{false, true} {
			title := name + " after a boot"
			if doubted {
				title = name + " when in doubt"
			}
			t.Run(title, func(t *testing.T) {
				w := newWork(t, open(t, usual))
				made := installed(t, w)
				want, env := state(t, made.Slots[0]), inode(t, made.Workenv)
				must(t, damage(made.Slots[0]))
				later := w.again(t)
				if later.Doubted = doubted; !doubted {
					otherBoot(t, w, made)
				}
				again := installed(t, later)
				same(t, state(t, again.Slots[0]), want)
				if len(again.Renewed) == 0 || again.Renewed[0].Slot != 0 || again.Renewed[0].Path == "" {
					t.Errorf("renewed: %v", again.Renewed)
				}
				_ = env
			})
		}
	}
}

func TestAfterABootWhatIsUndamagedIsComparedOnceAndStays(t *testing.T) {
	w := newWork(t, open(t, usual))
	made := installed(t, w)
	otherBoot(t, w, made)
	must(t, os.WriteFile(made.Workenv+"/added", []byte("mine"), 0o600))
	slot, env := inode(t, made.Slots[0]), inode(t, made.Workenv)
	again := installed(t, w.again(t))
	if !os.SameFile(slot, inode(t, again.Slots[0])) || !os.SameFile(env, inode(t, again.Workenv)) {
		t.Error("something was made anew")
	}
	if len(again.Compared) != 2 || len(again.Renewed) != 0 {
		t.Errorf("got %+v", again)
	}
	third := installed(t, w.again(t))
	if len(third.Compared) != 0 {
		t.Errorf("compared again: %v", third.Compared)
	}
}

func TestWhatWasAddedToASlotCountsAfterABootAndForRepairOnly(t *testing.T) {
	for name, test := range map[string]struct {
		boot, doubted, whole, gone bool
	}{
		"believed":    {},
		"doubted":     {doubted: true},
		"other boot":  {boot: true, gone: true},
		"repair":      {doubted: true, whole: true, gone: true},
		"both at all": {boot: true, doubted: true, gone: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWork(t, open(t, usual))
			made := installed(t, w)
			must(t, os.WriteFile(made.Slots[0]+"/lib/added", nil, 0o644))
			if test.boot {
				otherBoot(t, w, made)
			}
			later := w.again(t)
			later.Doubted, later.Whole = test.doubted, test.whole
			again := installed(t, later)
			if _, err := os.Stat(again.Slots[0] + "/lib/added"); (err != nil) != test.gone {
				t.Errorf("gone: %v, expected %v", err != nil, test.gone)
			}
		})
	}
}

func TestAnEnvironmentKeepsWhatProgramsAddedAndIsPutInOrder(t *testing.T) {
	for name, change := range map[string]func(env string) error{
		"a generated file":       func(e string) error { return flip(e + "/env.cfg") },
		"its mode":               func(e string) error { return os.Chmod(e+"/env.cfg", 0o600) },
		"a copy":                 func(e string) error { return flip(e + "/bin/copy") },
		"a copy that is a link":  func(e string) error { return both(os.Remove(e+"/bin/copy"), os.Symlink("hello", e+"/bin/copy")) },
		"a link":                 func(e string) error { return both(os.Remove(e+"/bin/python"), os.Symlink("/bin/sh", e+"/bin/python")) },
		"a member of its own":    func(e string) error { return os.RemoveAll(e + "/lib/site") },
		"a folder made into one": func(e string) error { return both(os.Rename(e+"/lib", e+"/l"), os.Symlink("l", e+"/lib")) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWork(t, open(t, usual))
			made := installed(t, w)
			want := state(t, made.Workenv)
			must(t, change(made.Workenv))
			must(t, os.WriteFile(made.Workenv+"/added", nil, 0o644))
			later := w.again(t)
			later.Doubted = true
			again := installed(t, later)
			same(t, state(t, again.Workenv), want)
			if len(again.Renewed) != 1 || again.Renewed[0].Slot != Environment || again.Renewed[0].String() != "work environment" {
				t.Errorf("renewed: %v", again.Renewed)
			}
		})
	}
}
