package environment

import (
	"slices"
	"testing"

	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/pspf"
)

func edited(entries []string, edits ...plan.Edit) []string {
	variables := Of(slices.Clone(entries))
	editor := Edit(variables, Start{Package: "/p", Typed: "./p"})
	for _, edit := range edits {
		editor.Apply(edit)
	}
	return variables.Entries()
}

func TestEditsApplyAsTheReceiptsTableSays(t *testing.T) {
	for _, c := range []struct {
		name  string
		given []string
		edits []plan.Edit
		want  []string
	}{
		{"what has no equals sign is dropped, what is not named stays, twice if it was", []string{"A=1", "X", "A=2", "=x"}, nil, []string{"A=1", "A=2", "=x"}},
		{"unset removes every variable of the name", []string{"A=1", "AB=1", "A=2"}, []plan.Edit{{Operation: plan.Unset, Name: "A"}}, []string{"AB=1"}},
		{"set keeps the place and leaves one", []string{"A=1", "B=1", "A=2"}, []plan.Edit{{Operation: plan.Set, Name: "A", Value: "x"}}, []string{"A=x", "B=1"}},
		{"prepend stands in front", []string{"PATH=/x"}, []plan.Edit{{Operation: plan.Prepend, Name: "PATH", Value: "/a:/b"}}, []string{"PATH=/a:/b:/x"}},
		{"prepend to nothing brings the system's folders", []string{"PATH="}, []plan.Edit{{Operation: plan.Prepend, Name: "PATH", Value: "/a"}}, []string{"PATH=/a:" + plan.SystemFolders}},
		{"the file and the word of the start", nil, []plan.Edit{{Operation: plan.SetPackage, Name: "P"}, {Operation: plan.SetTyped, Name: "T"}}, []string{"P=/p", "T=./p"}},
		{"patterns spare what is protected before them", []string{"LC_A=1", "B=2", "C=3"}, []plan.Edit{{Operation: plan.Protect, Name: "LC_*"}, {Operation: plan.UnsetPattern, Name: "*"}}, []string{"LC_A=1"}},
		{"move replaces the new name", []string{"A=1", "B=2"}, []plan.Edit{{Operation: plan.Move, Name: "A", Value: "B"}}, []string{"B=1"}},
		{"move of what is not there changes nothing", []string{"B=2"}, []plan.Edit{{Operation: plan.Move, Name: "A", Value: "B"}}, []string{"B=2"}},
		{"bytes pass untouched", []string{"\xff=\xfe"}, []plan.Edit{{Operation: plan.Unset, Name: "x"}}, []string{"\xff=\xfe"}},
	} {
		if got := edited(c.given, c.edits...); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, expected %q", c.name, got, c.want)
		}
	}
}

func TestRulesBecomeEditsInTheDocumentedOrder(t *testing.T) {
	rules := pspf.RuntimeEnv{
		Unset: []string{"A", "KEPT", "P*"},
		Pass:  []string{"KEPT", "PA?H"},
		Map:   []pspf.Pair{{Name: "B", Text: "C"}, {Name: "PATH", Text: "X"}, {Name: "Z", Text: "Y"}},
	}
	want := []plan.Edit{
		{Operation: plan.Protect, Name: "KEPT"}, {Operation: plan.Protect, Name: "PA?H"},
		{Operation: plan.Unset, Name: "A"}, {Operation: plan.UnsetPattern, Name: "P*"},
		{Operation: plan.Move, Name: "B", Value: "C"}, {Operation: plan.Move, Name: "Z", Value: "Y"},
	}
	if got := Inherited(&rules); !slices.Equal(got, want) {
		t.Errorf("got %v, expected %v", got, want)
	}
	if got := Missing(&rules, Of([]string{"A=1"})); !slices.Equal(got, []string{"KEPT"}) {
		t.Errorf("missing are %v", got)
	}
}

func TestNamesThatNoVariableCanHaveAreRefused(t *testing.T) {
	for _, rules := range []pspf.RuntimeEnv{
		{Unset: []string{""}}, {Pass: []string{"A=*"}}, {Map: []pspf.Pair{{Text: "x"}}}, {Map: []pspf.Pair{{Name: "x", Text: "a=b"}}},
		{Set: []pspf.Pair{{Name: "a\x00"}}},
	} {
		if Check(&rules) == nil {
			t.Errorf("%v is accepted", rules)
		}
	}
}
