//go:build unix

package removal

import (
	"bytes"
	"encoding/hex"
	"os"
	"slices"
	"testing"
	"time"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/receipt"
	"flavorpack-native/launchers/go/internal/store/record"
	"flavorpack-native/launchers/go/internal/store/use"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// house is a store with things that starts left.
type house struct {
	*testing.T
	root    *place.Root
	staging *place.Staging
}

func newHouse(t *testing.T) *house {
	t.Helper()
	base := t.TempDir()
	must(t, os.Chmod(base, 0o700))
	root, err := place.Create(base + "/s")
	must(t, err)
	staging, err := root.Stage()
	must(t, err)
	t.Cleanup(func() { staging.Remove(); root.Close() })
	return &house{t, root, staging}
}

func (h *house) slot(key byte) [32]byte {
	about := [32]byte{key}
	name := hex.EncodeToString(about[:])
	must(h, os.MkdirAll(h.root.SlotPath(name)+"/lib", 0o755))
	must(h, os.WriteFile(h.root.SlotPath(name)+"/lib/file", []byte("x"), 0o644))
	must(h, record.Write(h.staging, h.root.Slots, name, record.Record{Boot: record.ThisBoot(), Bytes: 100, About: about}))
	return about
}

func (h *house) environment(name string, keys ...[32]byte) {
	must(h, os.MkdirAll(h.root.EnvironmentPath(name)+"/bin", 0o755))
	hold, err := use.Take(h.root, name)
	must(h, err)
	hold.End()
	about := record.About{Name: "demo", Version: "1", Slots: keys}
	raw, _ := about.Encode()
	must(h, record.Publish(h.staging, h.root.Envs, name+".about", raw))
	must(h, record.Write(h.staging, h.root.Envs, name, record.Record{Boot: record.ThisBoot(), Bytes: 10}))
}

// receipt writes one whose environment and slots are these.
func (h *house) receipt(number byte, environment string, keys ...[32]byte) {
	path := h.TempDir() + "/package"
	trailer := new([layout.TrailerSize]byte)
	trailer[140] = number
	must(h, os.WriteFile(path, append(bytes.Repeat([]byte{number}, 100), trailer[:]...), 0o755))
	stat, err := folder.StatPath(path)
	must(h, err)
	fresh := &receipt.Fresh{
		Package: &receipt.Package{Path: path, Stat: stat, Trailer: trailer}, ReliableTimes: true, Opened: time.Now().Add(time.Minute),
		Plan: &plan.Plan{Package: "demo", Workenv: h.root.EnvironmentPath(environment), Commands: []plan.Command{{Name: "demo", Argv: []string{"x"}}}},
	}
	for _, key := range keys {
		fresh.Roots = append(fresh.Roots, h.root.SlotPath(hex.EncodeToString(key[:])))
	}
	if reason := receipt.Write(h.root, h.staging, fresh); reason != "" {
		h.Fatal(reason)
	}
}

// left are what a folder of the store holds.
func (h *house) left(name string) []string {
	entries, err := os.ReadDir(h.root.Path + "/v1/" + name)
	must(h, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func (h *house) uninstall(target *Target) *Result {
	h.Helper()
	dry, err := Uninstall(h.root, target, true)
	must(h, err)
	done, err := Uninstall(h.root, target, false)
	must(h, err)
	if !slices.Equal(dry.Gone, done.Gone) || !slices.Equal(dry.InUse, done.InUse) || !slices.Equal(dry.Kept, done.Kept) {
		h.Errorf("a dry run said %+v, done was %+v", dry, done)
	}
	return done
}

func TestWhatAPackageLeftGoesWholeAndWhatOthersReferToStays(t *testing.T) {
	h := newHouse(t)
	own, shared, lazy := h.slot(1), h.slot(2), h.slot(3)
	other := h.slot(4)
	h.environment("mine", own, shared)
	h.environment("theirs", shared)
	h.receipt(1, "mine", own, shared)
	h.receipt(2, "theirs", shared)
	before := h.left("locks")
	result := h.uninstall(&Target{Environments: []string{"mine", "mine-dev"}, Keys: [][32]byte{own, shared, lazy}})
	if len(result.Gone) != 3 || result.Gone[0] != (Gone{"environment", "mine", 0}) || result.Gone[1].Kind != "slot" || result.Gone[1].Bytes != 100 {
		t.Errorf("got %+v", result)
	}
	want := []string{hex.EncodeToString(shared[:]), hex.EncodeToString(shared[:]) + ".record", hex.EncodeToString(other[:]), hex.EncodeToString(other[:]) + ".record"}
	if got := h.left("slots"); !slices.Equal(got, want) {
		t.Errorf("slots: %v", got)
	}
	if got := h.left("envs"); !slices.Equal(got, []string{"theirs", "theirs.about", "theirs.record"}) {
		t.Errorf("environments: %v", got)
	}
	if got := h.left("receipts"); len(got) != 1 {
		t.Errorf("receipts: %v", got)
	}
	for _, name := range before {
		if !slices.Contains(h.left("locks"), name) {
			t.Errorf("the lock %s was removed", name)
		}
	}
	if got := h.left("tmp"); len(got) != 1 {
		t.Errorf("staging: %v", got)
	}
}

func TestLocksOfPublishingGoWithWhatWasPublishedAndLocksOfUseStay(t *testing.T) {
	h := newHouse(t)
	mine, other := h.slot(1), h.slot(2)
	h.environment("mine", mine)
	h.environment("theirs", other)
	h.receipt(1, "mine", mine)
	h.receipt(2, "theirs", other)
	for _, name := range []string{"env-mine", "env-theirs", "slot-" + hex.EncodeToString(mine[:]), "slot-" + hex.EncodeToString(other[:])} {
		must(t, os.WriteFile(h.root.Path+"/v1/locks/"+name, nil, 0o600))
	}
	h.uninstall(&Target{Environments: []string{"mine"}, Keys: [][32]byte{mine}})
	want := []string{"collect", "env-theirs", "slot-" + hex.EncodeToString(other[:]), "use-mine", "use-theirs"}
	if got := h.left("locks"); !slices.Equal(got, want) {
		t.Errorf("got %v, expected %v", got, want)
	}
}

func TestTheBytesOfASlotWithoutARecordAreThoseThatAreThere(t *testing.T) {
	h := newHouse(t)
	key := h.slot(7)
	must(t, os.Remove(h.root.SlotPath(hex.EncodeToString(key[:]))+".record"))
	result := h.uninstall(&Target{Keys: [][32]byte{key}})
	if len(result.Gone) != 1 || result.Gone[0].Bytes != 1 {
		t.Errorf("got %+v", result.Gone)
	}
}

func TestAnEnvironmentThatIsHeldStaysWithItsSlotsAndReceipts(t *testing.T) {
	h := newHouse(t)
	own := h.slot(1)
	h.environment("mine", own)
	h.receipt(1, "mine", own)
	hold, err := use.Take(h.root, "mine")
	must(t, err)
	defer hold.End()
	result := h.uninstall(&Target{Environments: []string{"mine"}, Keys: [][32]byte{own}})
	if len(result.Gone) != 0 || !slices.Equal(result.InUse, []string{h.root.EnvironmentPath("mine")}) {
		t.Errorf("got %+v", result)
	}
	if len(h.left("slots")) != 2 || len(h.left("envs")) != 3 || len(h.left("receipts")) != 1 {
		t.Error("something was removed")
	}
}

func TestNoSlotGoesWhileNobodyKnowsWhatAnEnvironmentRefersTo(t *testing.T) {
	h := newHouse(t)
	own := h.slot(1)
	h.environment("mine", own)
	h.environment("unknown")
	must(t, os.Remove(h.root.EnvironmentPath("unknown")+".about"))
	h.uninstall(&Target{Environments: []string{"mine"}, Keys: [][32]byte{own}})
	if len(h.left("slots")) != 2 || slices.Contains(h.left("envs"), "mine") {
		t.Errorf("slots %v, environments %v", h.left("slots"), h.left("envs"))
	}
}

func TestReceiptsOfEnvironmentsThatAreGoneAlreadyAreCleared(t *testing.T) {
	h := newHouse(t)
	own := h.slot(1)
	h.receipt(1, "mine", own)
	result := h.uninstall(&Target{Environments: []string{"mine"}, Keys: [][32]byte{own}})
	if len(result.Gone) != 2 || result.Gone[1].Kind != "receipt" || len(h.left("receipts")) != 0 || len(h.left("slots")) != 0 {
		t.Errorf("got %+v, receipts %v", result, h.left("receipts"))
	}
}

func TestAPrivateEnvironmentIsNamedAndKeptUntilItIsToGo(t *testing.T) {
	h := newHouse(t)
	h.environment("private")
	result := h.uninstall(&Target{Private: "private"})
	if len(result.Gone) != 0 || !slices.Equal(result.Kept, []string{h.root.EnvironmentPath("private")}) {
		t.Errorf("got %+v", result)
	}
	result = h.uninstall(&Target{Private: "private", WithPrivate: true})
	if len(result.Gone) != 1 || len(result.Kept) != 0 || len(h.left("envs")) != 0 {
		t.Errorf("got %+v", result)
	}
}

func TestS15NothingIsRemovedThroughALink(t *testing.T) {
	h := newHouse(t)
	own := h.slot(1)
	h.environment("mine", own)
	outside := t.TempDir()
	must(t, os.WriteFile(outside+"/precious", []byte("kept"), 0o644))
	must(t, os.Symlink(outside, h.root.EnvironmentPath("mine")+"/way"))
	name := hex.EncodeToString(own[:])
	must(t, os.Rename(h.root.SlotPath(name), outside+"/slot"))
	must(t, os.Symlink(outside+"/slot", h.root.SlotPath(name)))
	must(t, os.Mkdir(h.root.EnvironmentPath("mine")+"/closed", 0o000))
	h.uninstall(&Target{Environments: []string{"mine"}, Keys: [][32]byte{own}})
	if len(h.left("slots")) != 0 || len(h.left("envs")) != 0 {
		t.Errorf("slots %v, environments %v", h.left("slots"), h.left("envs"))
	}
	for _, path := range []string{"/precious", "/slot/lib/file"} {
		if _, err := os.Stat(outside + path); err != nil {
			t.Error(err)
		}
	}
}

func TestNothingIsMadeWhereNothingIsToGo(t *testing.T) {
	h := newHouse(t)
	h.staging.Remove()
	if result, err := Uninstall(h.root, &Target{Environments: []string{"mine"}, Keys: [][32]byte{{1}}}, false); err != nil || len(result.Gone) != 0 {
		t.Errorf("got %+v, %v", result, err)
	}
	for _, name := range []string{"locks", "tmp", "envs"} {
		if got := h.left(name); len(got) != 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestStartsThatAreUnpackingKeepARemovalOutButNoDryRun(t *testing.T) {
	if testing.Short() {
		t.Skip("waits ten seconds")
	}
	h := newHouse(t)
	h.environment("mine")
	gate, err := use.Gate(h.root)
	must(t, err)
	defer gate.End()
	if _, err := Uninstall(h.root, &Target{Environments: []string{"mine"}}, true); err != nil {
		t.Error(err)
	}
	if _, err := Uninstall(h.root, &Target{Environments: []string{"mine"}}, false); code.Of(err) != code.StoreBusy {
		t.Errorf("got %v", err)
	}
}
