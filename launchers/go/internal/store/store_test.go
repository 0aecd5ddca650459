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
	if len(made.Renewed)+len(made.Compared) != 0 || len(made.Unpacked) != 2 {
		t.Errorf("something was renewed, or not all unpacked: %+v", made)
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
	if !os.SameFile(slot, inode(t, again.Slots[0])) || !os.SameFile(env, inode(t, again.Workenv)) || len(again.Renewed)+len(again.Unpacked) != 0 {
		t.Errorf("something was made anew: %+v", again)
	}
	if need := second.Need(second.Root); need.Members == 0 || need.Members >= first.Need(second.Root).Members+3 {
		t.Errorf("%+v is needed", need)
	}
}

func TestAStartSaysWhatBecameOfEachThing(t *testing.T) {
	states := func(made *Installed) string { return made.State(0) + " " + made.State(Environment) }
	w := newWork(t, open(t, usual))
	made := installed(t, w)
	if got := states(made); got != "unpacked unpacked" {
		t.Errorf("the first start: %s", got)
	}
	if got := states(installed(t, w.again(t))); got != "found found" {
		t.Errorf("the second: %s", got)
	}
	after := w.again(t)
	after.Boot = record.Boot{3}
	if got := states(installed(t, after)); got != "compared compared" {
		t.Errorf("after a boot: %s", got)
	}
	must(t, os.Remove(made.Slots[0]+".record"))
	if got := states(installed(t, after.again(t))); !strings.HasPrefix(got, "repaired ") {
		t.Errorf("without a record: %s", got)
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

func TestASharedFileWithoutAKeyIsRefusedBeforeAnythingIsUnpackedWhateverItsPart(t *testing.T) {
	for _, target := range []string{"", "{workenv}", "a\nb", "../a", strings.Repeat("x", 256)} {
		for _, part := range []plan.Part{plan.Absent, plan.Shared} {
			w := newWork(t, open(t, usual))
			w.Parts[0] = part
			slot := &w.Package.Slots()[0]
			var err error
			slot.Chain, err = pspf.ParseChain("raw")
			must(t, err)
			slot.Entry.Target = target
			if _, err := w.Install(); code.Of(err) != code.StoreComposition {
				t.Errorf("%q, part %v: got %v", target, part, err)
			}
			if names, _ := os.ReadDir(w.Root.Path + "/v1/slots"); len(names) != 0 {
				t.Errorf("%q, part %v: something was unpacked", target, part)
			}
		}
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
