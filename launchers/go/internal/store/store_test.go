//go:build unix

package store

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/record"
)

func inode(tb testing.TB, path string) os.FileInfo {
	tb.Helper()
	info, err := os.Lstat(path)
	must(tb, err)
	return info
}

func TestAFirstStartPublishesSlotsAndComposesTheEnvironment(t *testing.T) {
	w := newWork(t, open(t, usual))
	made := installed(t, w)
	slot := made.Slots[0]
	if !strings.HasPrefix(slot, w.Root.Path+"/v1/slots/") || made.Slots[1] != "" || made.Workenv != w.Root.EnvironmentPath(EnvironmentName(w.Package, "")) {
		t.Fatalf("got %+v", made)
	}
	work := made.Workenv
	for path, target := range map[string]string{"bin/python": slot + "/bin/python3", "lib/std": slot + "/lib", "runtime": slot} {
		if got, err := os.Readlink(work + "/" + path); err != nil || got != target {
			t.Errorf("%s leads to %q (%v), expected %q", path, got, err, target)
		}
	}
	text, err := os.ReadFile(work + "/env.cfg")
	if want := "home = " + slot + "/bin\nenv = " + work + "\n"; err != nil || string(text) != want {
		t.Errorf("got %q (%v), expected %q", text, err, want)
	}
	copied, original := inode(t, work+"/bin/copy"), inode(t, slot+"/bin/python3")
	if copied.Mode() != original.Mode() || copied.Size() != original.Size() || os.SameFile(copied, original) {
		t.Errorf("the copy is %v, the original %v", copied.Mode(), original.Mode())
	}
	if mode := inode(t, work+"/bin/hello").Mode(); mode != 0o755 {
		t.Errorf("a generated file has mode %v", mode)
	}
	if mode := inode(t, work).Mode(); mode != os.ModeDir|0o755 {
		t.Errorf("the environment has mode %v", mode)
	}
	about, ok := record.ReadAbout(w.Root.Envs, made.Name)
	if !ok || about.Private || len(about.Slots) != 1 || !strings.HasSuffix(slot, hexKey(about.Slots[0])) || about.Name != w.Package.Metadata().Name {
		t.Errorf("the description is %+v", about)
	}
	if left := leftovers(t, w); len(left) != 0 {
		t.Errorf("staging holds %v", left)
	}
	if len(made.Renewed)+len(made.Compared) != 0 {
		t.Errorf("something was renewed: %+v", made)
	}
}

// again is a later start in the same store.
func (w *Work) again(tb testing.TB) *Work { return workIn(tb, w.Package, w.Root.Path) }

func TestALaterStartTakesWhatIsThere(t *testing.T) {
	first := newWork(t, open(t, usual))
	made := installed(t, first)
	slot, env := inode(t, made.Slots[0]), inode(t, made.Workenv)
	second := first.again(t)
	again := installed(t, second)
	if !os.SameFile(slot, inode(t, again.Slots[0])) || !os.SameFile(env, inode(t, again.Workenv)) || len(again.Renewed) != 0 {
		t.Errorf("something was made anew: %+v", again)
	}
	if need := second.Need(second.Root); need.Members == 0 || need.Members >= first.Need(second.Root).Members+3 {
		t.Errorf("%+v is needed", need)
	}
}

func TestWhatHasNoRecordIsNotBelieved(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, path string){
		"no record":       func(t *testing.T, path string) { must(t, os.Remove(path+".record")) },
		"an empty record": func(t *testing.T, path string) { must(t, os.Truncate(path+".record", 0)) },
		"a record of garbage": func(t *testing.T, path string) {
			must(t, os.WriteFile(path+".record", bytes.Repeat([]byte("x"), 128), 0o600))
		},
		"the record of another tree": func(t *testing.T, path string) { must(t, os.Rename(path, path+"-")); must(t, os.Mkdir(path, 0o755)) },
		"a link in its place": func(t *testing.T, path string) {
			must(t, os.Rename(path, path+"-"))
			must(t, os.Symlink(path+"-", path))
		},
		"a file in its place": func(t *testing.T, path string) {
			must(t, os.Rename(path, path+"-"))
			must(t, os.WriteFile(path, nil, 0o600))
		},
		"nothing in its place": func(t *testing.T, path string) { must(t, os.Rename(path, path+"-")) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWork(t, open(t, usual))
			made := installed(t, w)
			slot, env := state(t, made.Slots[0]), state(t, made.Workenv)
			for _, path := range []string{made.Slots[0], made.Workenv} {
				must(t, os.WriteFile(path+"/stray", []byte("hostile"), 0o755))
				change(t, path)
			}
			again := installed(t, w.again(t))
			same(t, state(t, again.Slots[0]), slot)
			same(t, state(t, again.Workenv), env)
			if len(again.Renewed) != 2 {
				t.Errorf("renewed: %v", again.Renewed)
			}
		})
	}
}

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

// damaged is the package of a vector with one byte of a slot changed.
func damaged(t *testing.T, name string, slot int) *pspf.Package {
	t.Helper()
	at := open(t, name).Slots()[slot].Offset + 30
	return open(t, name, func(file []byte) { file[at] ^= 1 })
}

func TestEveryByteIsComparedEvenIfEverythingIsThere(t *testing.T) {
	for slot := range 3 {
		w := newWork(t, open(t, usual))
		made := installed(t, w)
		before := state(t, w.Root.Path+"/v1/slots")
		later := workIn(t, damaged(t, usual, slot), w.Root.Path)
		if _, err := later.Install(); code.Of(err) != code.PspfSlotDigest {
			t.Errorf("slot %d: got %v", slot, err)
		}
		same(t, state(t, w.Root.Path+"/v1/slots"), before)
		if _, err := os.Stat(made.Workenv); err != nil {
			t.Error(err)
		}
	}
}

func TestAPackageThatCannotBeUnpackedTakesNothingAway(t *testing.T) {
	w := newWork(t, open(t, usual))
	made := installed(t, w)
	must(t, flip(made.Slots[0]+"/bin/python3"))
	before := state(t, made.Slots[0])
	later := workIn(t, damaged(t, usual, 0), w.Root.Path)
	later.Doubted = true
	if _, err := later.Install(); code.Of(err) != code.PspfSlotDigest {
		t.Fatalf("got %v", err)
	}
	same(t, state(t, made.Slots[0]), before)
}

func TestS16ALiarLeavesNothingThatIsBelieved(t *testing.T) {
	liar := newWork(t, damaged(t, usual, 0))
	if _, err := liar.Install(); code.Of(err) != code.PspfSlotDigest {
		t.Fatalf("got %v", err)
	}
	if names, _ := os.ReadDir(liar.Root.Path + "/v1/slots"); len(names) != 0 {
		t.Errorf("slots: %v", names)
	}
	installed(t, workIn(t, open(t, usual), liar.Root.Path))
}

func TestSimultaneousFirstStartsUnpackOnceAndAllSucceed(t *testing.T) {
	base := folderOf(t)
	pack, other := open(t, usual), open(t, "composition-root")
	var group sync.WaitGroup
	for n := range 12 {
		group.Go(func() {
			from := pack
			if n%3 == 0 {
				from = other
			}
			w := workIn(t, from, base)
			if _, err := w.Install(); err != nil {
				t.Errorf("start %d: %v", n, err)
			}
			if left := leftovers(t, w); len(left) != 0 {
				t.Errorf("start %d unpacked something for nothing: %v", n, left)
			}
		})
	}
	group.Wait()
	if names, _ := os.ReadDir(base + "/v1/slots"); len(names) != 2 {
		t.Errorf("slots: %v", names)
	}
}

func TestADurableStoreNeedsNoComparisonAfterABoot(t *testing.T) {
	w := newWork(t, open(t, usual))
	w.Durable = true
	made := installed(t, w)
	later := w.again(t)
	later.Boot = record.Boot{9}
	again := installed(t, later)
	if len(again.Compared) != 0 || again.Workenv != made.Workenv {
		t.Errorf("got %+v", again)
	}
	for _, path := range []string{made.Slots[0], made.Workenv} {
		raw, err := os.ReadFile(path + ".record")
		must(t, err)
		if found, ok := record.Decode(raw); !ok || found.Boot != record.Durable {
			t.Errorf("%s: %+v", path, found)
		}
	}
}

func TestEntriesOfAbsentSlotsAreLeftOutAndOthersMayNotBeNamed(t *testing.T) {
	parts := func(slot int, part plan.Part) *Work {
		w := newWork(t, open(t, usual))
		w.Parts[slot] = part
		return w
	}
	for name, test := range map[string]struct {
		w    *Work
		want code.Code
	}{
		"a private slot that is absent":            {parts(2, plan.Absent), ""},
		"a shared slot that a file names":          {parts(0, plan.Absent), code.StoreComposition},
		"a slot of setup that links lead into":     {parts(0, plan.Setup), code.StoreComposition},
		"a slot of setup that is unpacked into it": {parts(1, plan.Setup), code.StoreComposition},
		"a slot outside that is unpacked into it":  {parts(1, plan.Outside), code.StoreComposition},
		"a slot outside that links lead into":      {parts(0, plan.Outside), code.StoreComposition},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := test.w.Install()
			if code.Of(err) != test.want {
				t.Fatalf("got %v", err)
			}
			if err == nil {
				made.Hold.End()
			}
		})
	}
}

func TestS3ALoweredStartKeepsNothing(t *testing.T) {
	w := newWork(t, open(t, usual))
	before := state(t, w.Root.Path+"/v1/slots")
	made, err := w.Lower()
	must(t, err)
	if made.Hold != nil || !strings.HasPrefix(made.Workenv, w.Staging.Path+"/") || !strings.HasPrefix(made.Slots[0], w.Staging.Path+"/") {
		t.Fatalf("got %+v", made)
	}
	if got, err := os.Readlink(made.Workenv + "/lib/std"); err != nil || got != made.Slots[0]+"/lib" {
		t.Errorf("a link leads to %q (%v)", got, err)
	}
	text, err := os.ReadFile(made.Workenv + "/env.cfg")
	if err != nil || string(text) != "home = "+made.Slots[0]+"/bin\nenv = "+made.Workenv+"\n" {
		t.Errorf("got %q (%v)", text, err)
	}
	for _, folder := range []string{"slots", "envs", "receipts", "locks"} {
		if names, _ := os.ReadDir(w.Root.Path + "/v1/" + folder); len(names) != 0 {
			t.Errorf("%s: %v", folder, names)
		}
	}
	same(t, state(t, w.Root.Path+"/v1/slots"), before)
	w.Staging.Remove()
	if _, err := os.Stat(made.Workenv); err == nil {
		t.Error("it outlives the start")
	}
}

func TestALoweredStartComparesDigestsUnlessTheLevelDoesNot(t *testing.T) {
	if _, err := newWork(t, damaged(t, usual, 0)).Lower(); code.Of(err) != code.PspfSlotDigest {
		t.Errorf("got %v", err)
	}
	w := newWork(t, damaged(t, usual, 1))
	w.Parts[1], w.WithoutDigests = plan.Absent, true
	if _, err := w.Lower(); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestRecordsOfSlotsAreAboutTheirKeys(t *testing.T) {
	w := newWork(t, open(t, usual))
	if _, believed := w.Believed(0); believed || w.Remains(0) {
		t.Error("an empty store has the slot")
	}
	made := installed(t, w)
	path, believed := w.Believed(0)
	if !believed || path != made.Slots[0] || !w.Remains(0) {
		t.Errorf("got %s, %v", path, believed)
	}
	must(t, os.RemoveAll(path))
	if _, believed := w.Believed(0); believed || !w.Remains(0) {
		t.Error("a record alone is believed")
	}
}

func TestAFullDiskHasItsOwnCode(t *testing.T) {
	if got := code.Of(place.Fault("x", errFull)); got != code.StoreSpace {
		t.Errorf("got %s", got)
	}
	if got := code.Of(place.Fault("x", os.ErrClosed)); got != code.StoreIO {
		t.Errorf("got %s", got)
	}
	if got := code.Of(place.Fault("x", composition("y"))); got != code.StoreComposition {
		t.Errorf("got %s", got)
	}
}
