//go:build unix

package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/record"
	"flavorpack-native/launchers/go/internal/store/tree"
)

func TestS19ASlotOfOneStartIsComparedAndGoesWithIt(t *testing.T) {
	w := newWork(t, open(t, usual))
	path, err := w.Fresh(1)
	must(t, err)
	if !strings.HasPrefix(path, w.Staging.Path+"/") {
		t.Errorf("got %s", path)
	}
	w.Staging.Remove()
	if _, err := os.Stat(path); err == nil {
		t.Error("it outlives the start")
	}
	if _, err := newWork(t, damaged(t, usual, 1)).Fresh(1); code.Of(err) != code.PspfSlotDigest {
		t.Errorf("got %v", err)
	}
	if _, err := newWork(t, open(t, "good-slot-self")).Fresh(0); code.Of(err) != code.StoreSlotKind {
		t.Errorf("a slot that holds nothing: got %v", err)
	}
}

func TestExtractingNeedsAFolderThatIsMissingOrEmptyAndLeavesNothingAfterAFailure(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(into string) error
		want    code.Code
	}{
		"missing":      {func(string) error { return nil }, ""},
		"empty":        {func(into string) error { return os.Mkdir(into+"/00_x", 0o755) }, ""},
		"not empty":    {func(into string) error { return os.MkdirAll(into+"/00_x/y", 0o755) }, code.StoreOutput},
		"a file":       {func(into string) error { return os.WriteFile(into+"/00_x", nil, 0o644) }, code.StoreOutput},
		"a link":       {func(into string) error { return os.Symlink(into, into+"/00_x") }, code.StoreOutput},
		"no big house": {func(into string) error { return os.Remove(into) }, code.StoreIO},
	} {
		t.Run(name, func(t *testing.T) {
			into := folderOf(t)
			must(t, test.prepare(into))
			err := newWork(t, open(t, usual)).Extract(0, into, "00_x")
			if code.Of(err) != test.want {
				t.Fatalf("got %v", err)
			}
			if err == nil {
				if _, err := os.Stat(into + "/00_x/bin/python3"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	into := folderOf(t)
	must(t, os.Mkdir(into+"/01_y", 0o750))
	before := inode(t, into+"/01_y")
	for _, name := range []string{"00_x", "01_y"} {
		if err := newWork(t, damaged(t, usual, 0)).Extract(0, into, name); code.Of(err) != code.PspfSlotDigest {
			t.Errorf("got %v", err)
		}
	}
	if left := state(t, into); len(left) != 2 || !os.SameFile(before, inode(t, into+"/01_y")) {
		t.Errorf("something was left: %v", left)
	}
}

func TestDataIsCopiedOnceAndThenTheUsers(t *testing.T) {
	w := newWork(t, open(t, usual))
	path := DataPath(folderOf(t), w.Package, "models")
	copied, err := w.CopyData(0, path)
	if err != nil || !copied {
		t.Fatalf("got %v, %v", copied, err)
	}
	if mode := inode(t, filepath.Dir(path)).Mode(); mode != os.ModeDir|0o700 {
		t.Errorf("the folder above has mode %v", mode)
	}
	must(t, os.Remove(path+"/bin/python3"))
	must(t, os.WriteFile(path+"/mine", nil, 0o600))
	copied, err = w.CopyData(0, path)
	if err != nil || copied {
		t.Fatalf("got %v, %v", copied, err)
	}
	if _, err := os.Stat(path + "/bin/python3"); err == nil {
		t.Error("what the user removed is back")
	}
	if names, _ := os.ReadDir(filepath.Dir(path)); len(names) != 2 {
		t.Errorf("beside it there is %v", names)
	}
}

func TestS23WhatStandsInTheWayOfDataIsNeitherReplacedNorFollowed(t *testing.T) {
	for name, prepare := range map[string]func(base, path string) error{
		"a file":                    func(_, path string) error { return os.WriteFile(path, nil, 0o600) },
		"a link that leads nowhere": func(_, path string) error { return os.Symlink("nowhere", path) },
		"a folder others may write": func(base, path string) error { return os.Chmod(filepath.Dir(path), 0o777) },
		"a lock that is a link":     func(_, path string) error { return os.Symlink("/dev/null", filepath.Dir(path)+"/.lock") },
		"a folder of somebody else": func(base, path string) error { return os.Chown(filepath.Dir(path), 65534, 65534) },
		"a way through a file": func(base, path string) error {
			return both(os.Remove(filepath.Dir(path)), os.WriteFile(filepath.Dir(path), nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "a folder of somebody else" && os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			w := newWork(t, open(t, usual))
			base := folderOf(t)
			path := DataPath(base, w.Package, "models")
			must(t, os.MkdirAll(filepath.Dir(path), 0o700))
			must(t, prepare(base, path))
			before := state(t, base)
			if _, err := w.CopyData(0, path); code.Of(err) != code.StoreData {
				t.Fatalf("got %v", err)
			}
			after := state(t, base)
			delete(after, "flavor/"+w.Package.Metadata().Name+"/"+filepath.Base(filepath.Dir(path))+"/.lock")
			delete(before, "flavor/"+w.Package.Metadata().Name+"/"+filepath.Base(filepath.Dir(path))+"/.lock")
			same(t, after, before)
		})
	}
	w := newWork(t, open(t, usual))
	base, elsewhere := folderOf(t), folderOf(t)
	path := DataPath(base, w.Package, "models")
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.Symlink(elsewhere, path))
	if copied, err := w.CopyData(0, path); err != nil || copied {
		t.Errorf("a link to a folder: got %v, %v", copied, err)
	}
}

func TestDataThatCannotBeVerifiedIsNeverVisible(t *testing.T) {
	w := newWork(t, damaged(t, usual, 0))
	path := DataPath(folderOf(t), w.Package, "models")
	if _, err := w.CopyData(0, path); code.Of(err) != code.PspfSlotDigest {
		t.Fatalf("got %v", err)
	}
	if names, _ := os.ReadDir(filepath.Dir(path)); len(names) != 1 {
		t.Errorf("something was left: %v", names)
	}
}

func foreignPackage(t *testing.T) *pspf.Package {
	t.Helper()
	for _, v := range vectors(t) {
		if strings.HasPrefix(v.Name, "foreign") && v.Outcome == "ok" {
			pack := open(t, v.Name)
			w := newWork(t, pack)
			if made, err := w.InstallPrivate(nothing); err == nil {
				made.Hold.End()
				if len(state(t, made.Workenv)) > 2 {
					return pack
				}
			}
		}
	}
	t.Fatal("no foreign package holds anything")
	return nil
}

func TestAPrivateEnvironmentIsSetUpInPlaceOnceAndIsDurable(t *testing.T) {
	w := newWork(t, foreignPackage(t))
	runs := 0
	private := &Private{
		Ready: func(in *Enclosure, _ bool) (bool, error) {
			_, err := in.Stat("made")
			return err == nil, nil
		},
		Setup: func(in *Enclosure) error {
			runs++
			if _, err := os.Stat(in.Path() + "/" + tree.Marker); err != nil {
				t.Errorf("setup does not see the final path: %v", err)
			}
			if in.Path() != w.Root.EnvironmentPath(PrivateEnvironmentName(w.Package)) {
				t.Errorf("the path is %s", in.Path())
			}
			return os.WriteFile(in.Path()+"/made", nil, 0o600)
		},
		Directories: func(environment string) ([]PrivateDirectory, error) {
			return []PrivateDirectory{{"{workenv}-less", 0o700}, {environment + "/a/b", 0o4751}}, nil
		},
	}
	made, err := w.InstallPrivate(private)
	must(t, err)
	defer made.Hold.End()
	if mode := inode(t, made.Workenv+"/a/b").Mode(); mode != os.ModeDir|0o751 {
		t.Errorf("a directory has mode %v", mode)
	}
	if mode := inode(t, made.Workenv+"/a").Mode(); mode != os.ModeDir|0o755 {
		t.Errorf("a directory above has mode %v", mode)
	}
	raw, err := os.ReadFile(made.Workenv + ".record")
	must(t, err)
	if found, ok := record.Decode(raw); !ok || found.Boot != record.Durable {
		t.Errorf("the record is %+v", found)
	}
	if about, ok := record.ReadAbout(w.Root.Envs, made.Name); !ok || !about.Private || len(about.Slots) != 0 {
		t.Errorf("the description is %+v", about)
	}
	if names, _ := os.ReadDir(w.Root.Path + "/v1/slots"); len(names) != 0 {
		t.Errorf("s21: something entered the shared slots: %v", names)
	}
	later := w.again(t)
	later.Boot = record.Boot{5}
	again, err := later.InstallPrivate(private)
	must(t, err)
	again.Hold.End()
	if runs != 1 || len(again.Renewed) != 0 {
		t.Errorf("setup ran %d times, renewed %v", runs, again.Renewed)
	}
	must(t, os.Remove(made.Workenv+"/made"))
	again, err = w.again(t).InstallPrivate(private)
	must(t, err)
	again.Hold.End()
	if runs != 2 || len(again.Renewed) != 1 {
		t.Errorf("setup ran %d times, renewed %v", runs, again.Renewed)
	}
}

func TestAFailedSetupLeavesNothing(t *testing.T) {
	w := newWork(t, foreignPackage(t))
	failure := errors.New("setup failed")
	_, err := w.InstallPrivate(&Private{Ready: nothing.Ready, Setup: func(*Enclosure) error { return failure }, Directories: nothing.Directories})
	if !errors.Is(err, failure) {
		t.Fatalf("got %v", err)
	}
	if names, _ := os.ReadDir(w.Root.Path + "/v1/envs"); len(names) != 0 {
		t.Errorf("something was left: %v", names)
	}
}

func TestAfterAFailedSetupFilesOfTheUserAreWhereTheyWere(t *testing.T) {
	w := newWork(t, foreignPackage(t))
	private := &Private{
		Ready: func(*Enclosure, bool) (bool, error) { return false, nil },
		Setup: func(*Enclosure) error { return nil }, Directories: nothing.Directories,
	}
	made, err := w.InstallPrivate(private)
	must(t, err)
	made.Hold.End()
	must(t, os.WriteFile(made.Workenv+"/mine", []byte("of the user"), 0o600))
	before := inode(t, made.Workenv)
	failure := errors.New("setup failed")
	private.Setup = func(in *Enclosure) error { return both(os.WriteFile(in.Path()+"/half", nil, 0o600), failure) }
	if _, err := w.again(t).InstallPrivate(private); !errors.Is(err, failure) {
		t.Fatalf("got %v", err)
	}
	if text, err := os.ReadFile(made.Workenv + "/mine"); err != nil || string(text) != "of the user" || !os.SameFile(before, inode(t, made.Workenv)) {
		t.Errorf("got %q, %v", text, err)
	}
	if _, err := os.Stat(made.Workenv + "/half"); err == nil {
		t.Error("what the failed setup made was kept")
	}
}

func TestALoweredPrivateEnvironmentIsThisStartsAlone(t *testing.T) {
	w := newWork(t, foreignPackage(t))
	at := ""
	made, err := w.LowerPrivate(&Private{Setup: func(in *Enclosure) error { at = in.Path(); return nil }, Directories: nothing.Directories})
	must(t, err)
	if at != made.Workenv || !strings.HasPrefix(at, w.Staging.Path+"/") {
		t.Errorf("setup ran at %s, the environment is %s", at, made.Workenv)
	}
	if names, _ := os.ReadDir(w.Root.Path + "/v1/envs"); len(names) != 0 {
		t.Errorf("something was kept: %v", names)
	}
}

func TestS21PathsOfAPackageNeverLeaveItsEnvironmentOrPassThroughALink(t *testing.T) {
	base := folderOf(t)
	must(t, os.MkdirAll(base+"/env/real", 0o755))
	must(t, os.WriteFile(base+"/env/real/text", []byte("text \n"), 0o644))
	must(t, os.WriteFile(base+"/outside", []byte("mine"), 0o644))
	must(t, os.Symlink("real", base+"/env/way"))
	must(t, os.Symlink("../outside", base+"/env/out"))
	dir, err := folder.OpenPath(base + "/env")
	must(t, err)
	defer dir.Close()
	in := &Enclosure{dir: dir, path: base + "/env"}
	for path, want := range map[string]string{
		"real/text": "ok", "./real//text": "ok", base + "/env/real/text": "ok", "": "ok", base + "/env": "ok",
		"way": "ok", "missing": "missing", "missing/x": "missing", "real/text/x": "missing",
		"way/text": "refused", "../outside": "refused", "real/../../outside": "refused", base + "/outside": "refused", base + "/env-2/x": "refused", "/": "refused",
		"real/../real/text": "refused", "missing/..": "refused", strings.Repeat("x", 256): "refused", strings.Repeat("a/", 512) + "x": "refused",
		strings.Repeat("a/", 64) + "x": "refused", "C:text": "refused", "a\x00b": "refused",
	} {
		_, err := in.Stat(path)
		got := "ok"
		switch {
		case code.Of(err) == code.StoreComposition:
			got = "refused"
		case err == syscall.ENOENT || err == syscall.ENOTDIR:
			got = "missing"
		case err != nil:
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got %s, expected %s", path, got, want)
		}
	}
	if _, err := in.Text("out", 100); code.Of(err) != code.StoreComposition {
		t.Errorf("a link was read: %v", err)
	}
	if text, err := in.Text("real/text", 6); err != nil || text != "text \n" {
		t.Errorf("got %q, %v", text, err)
	}
	if text, err := in.Text("real/text", 5); err != syscall.EFBIG {
		t.Errorf("got %q, %v", text, err)
	}
	for _, path := range []string{"way/new", "out", "real/text/new", "../new"} {
		if err := in.MakeFolder(path, 0o700); code.Of(err) != code.StoreComposition {
			t.Errorf("%s: got %v", path, err)
		}
	}
	must(t, in.MakeFolder("new/deep", 0))
	if mode := inode(t, base+"/env/new/deep").Mode(); mode != os.ModeDir|0o700 {
		t.Errorf("the owner has %v", mode)
	}
	if names, _ := os.ReadDir(base); len(names) != 2 {
		t.Errorf("something was made outside: %v", names)
	}
}

func TestTheModeOfAPrivateFileIsCutAndWhatCannotBeReadIsTheOwnersAlone(t *testing.T) {
	text := func(s string) *string { return &s }
	for _, c := range []struct {
		permissions *string
		want        uint32
	}{
		{nil, 0o644}, {text(""), 0o644}, {text("0755"), 0o755}, {text("0o755"), 0o755}, {text("4755"), 0o755}, {text("0000"), 0o600},
		{text("rwx"), 0o600}, {text("0o"), 0o600}, {text("888"), 0o600}, {text("777777777777777777777750"), 0o750},
	} {
		if got := privateMode(c.permissions); got != c.want {
			t.Errorf("got %o, expected %o", got, c.want)
		}
	}
}

func TestTargetsAreRefusedBeforeAnythingIsWritten(t *testing.T) {
	for name, change := range map[string]func(slot *pspf.Slot){
		"a component that is too long": func(slot *pspf.Slot) { slot.Entry.Target = strings.Repeat("x", 256) },
		"too many components":          func(slot *pspf.Slot) { slot.Entry.Target = strings.Repeat("a/", 64) + "b" },
		"a path that is too long":      func(slot *pspf.Slot) { slot.Entry.Target = strings.Repeat("abc/", 300) + "b" },
		"a drive letter":               func(slot *pspf.Slot) { slot.Entry.Target = "c:b" },
		"a step up":                    func(slot *pspf.Slot) { slot.Entry.Target = "a/../b" },
		"self_ref with stored bytes":   func(slot *pspf.Slot) { slot.Entry.SelfRef, slot.Size = true, 1 },
	} {
		w := newWork(t, foreignPackage(t))
		change(&w.Package.Slots()[0])
		if _, err := w.InstallPrivate(nothing); code.Of(err) != code.StoreComposition {
			t.Errorf("%s: got %v", name, err)
		}
		if names, _ := os.ReadDir(w.Root.Path + "/v1/envs"); len(names) != 0 || len(leftovers(t, w)) != 0 {
			t.Errorf("%s: something was written", name)
		}
	}
}
