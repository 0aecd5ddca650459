package launch

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/environment"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/pspf"
)

// ours is a package with commands, slot 0 shared and the others private.
func ours(t *testing.T) *pspf.Package {
	t.Helper()
	file, err := os.ReadFile("../../../../__test__/vectors/packages/composition-usual.pspf")
	if err != nil {
		t.Fatal(err)
	}
	opened, err := pspf.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func rolesOf(p *pspf.Package, variables ...string) (*Roles, error) {
	return (&Start{Variables: environment.Of(variables)}).DecideRoles(p)
}

func TestASlotThatStandsForThePackageIsAbsentWhateverItsLifecycle(t *testing.T) {
	for _, lifecycle := range []string{"", "runtime", "init", "temporary", "shutdown", "persistent", "config", "dev", "platform", "lazy", "no-such-word"} {
		p := ours(t)
		entry := p.Slots()[0].Entry
		entry.SelfRef, entry.Lifecycle, entry.ID = true, lifecycle, "../no folder"
		roles, err := rolesOf(p, "FLAVOR_DEV=1")
		if err != nil {
			t.Errorf("%s: %v", lifecycle, err)
			continue
		}
		if roles.Parts[0] != plan.Absent || !roles.leftOut[0] || roles.EachStart() || roles.HasDeveloper || len(roles.Data)+len(roles.Lazy) > 0 {
			t.Errorf("%s: got %+v", lifecycle, roles)
		}
	}
	p := ours(t)
	p.Slots()[1].Entry.SelfRef, p.Slots()[1].Entry.Lifecycle = true, "lazy"
	if _, err := rolesOf(p); code.Of(err) != code.LaunchLifecycle {
		t.Errorf("a lazy one that is not shared: got %v", err)
	}
}

func TestPlaceholdersOfSlotsWithoutAPlaceAreRefusedOrTakeAwayWhatNamesThem(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(entry *pspf.SlotEntry)
		want    code.Code
		left    bool
		command bool
	}{
		"init":     {func(entry *pspf.SlotEntry) { entry.Lifecycle = "init" }, code.StoreComposition, false, false},
		"lazy":     {func(entry *pspf.SlotEntry) { entry.Lifecycle = "lazy" }, code.StoreComposition, false, false},
		"dev":      {func(entry *pspf.SlotEntry) { entry.Lifecycle = "dev" }, "", true, false},
		"self_ref": {func(entry *pspf.SlotEntry) { entry.SelfRef = true }, "", true, false},
		"runtime":  {func(entry *pspf.SlotEntry) { entry.Lifecycle = "runtime" }, "", false, true},
	} {
		p := ours(t)
		p.Flavor().Commands = []pspf.Command{
			{Name: "main", Argv: []string{"{workenv}/bin/x"}, Env: []pspf.Pair{{Name: "OF_SLOT", Text: "{slot:0}"}}},
			{Name: "other", Argv: []string{"{slot:0}/bin/x"}},
		}
		p.Flavor().Default = "main"
		c.change(p.Slots()[0].Entry)
		roles, err := rolesOf(p)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		made, err := (&planner{p, roles}).plan(formPlaces())
		if code.Of(err) != c.want {
			t.Errorf("%s: got %v, expected %q", name, err, c.want)
		}
		if err != nil {
			continue
		}
		hasVariable := slices.ContainsFunc(made.Commands[0].Edits, func(edit plan.Edit) bool { return edit.Name == "OF_SLOT" })
		if hasVariable == c.left || (len(made.Commands) == 2) != c.command {
			t.Errorf("%s: the variable is there: %v, commands: %d", name, hasVariable, len(made.Commands))
		}
	}
}

func TestWhatIsPutUpWithHasTheNamesOfTheChecks(t *testing.T) {
	for failed, want := range map[code.Code]string{
		code.PspfSignature: "signature", code.PspfSignerKey: "signer-key", code.PspfRendering: "rendering",
	} {
		if got := putUpName(failed); got != want {
			t.Errorf("%s is %s, expected %s", failed, got, want)
		}
	}
}
