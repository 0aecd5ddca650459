package environment

import (
	"slices"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/words"
)

// Rules is what `runtime.env` of the metadata asks for.
type Rules struct {
	Unset, Pass []string
	Map, Set    map[string]string
}

// Switches are taken away from every program (S3).
var Switches = [...]string{"FLAVOR_VALIDATION", "FLAVOR_COMMAND", "FLAVOR_LAUNCHER_CLI"}

// Check refuses names and patterns that no variable can have (LAUNCH.md 6.2).
func (r *Rules) Check() error {
	for _, list := range [][]string{r.Unset, r.Pass} {
		for _, name := range list {
			if err := CheckName(name); err != nil {
				return err
			}
		}
	}
	for old, name := range r.Map {
		if err := CheckName(old); err != nil {
			return err
		}
		if err := CheckName(name); err != nil {
			return err
		}
	}
	return CheckNames(r.Set)
}

// CheckNames refuses names of a table that no variable can have.
func CheckNames(table map[string]string) error {
	for _, name := range Sorted(table) {
		if err := CheckName(name); err != nil {
			return err
		}
	}
	return nil
}

// CheckName refuses a name or pattern that no variable can have.
func CheckName(name string) error {
	if name == "" || strings.ContainsAny(name, "=\x00") {
		return &code.Error{
			Code:    code.LaunchEnvironment,
			Message: "the package names a variable that cannot be, expected a name without `=`: `" + name + "`",
		}
	}
	return nil
}

// Inherited gives the edits of what the user's environment holds (LAUNCH.md 6.1.1).
func (r *Rules) Inherited() []plan.Edit {
	var made []plan.Edit
	patterns := slices.ContainsFunc(r.Unset, words.IsPattern)
	if patterns {
		for _, name := range r.Pass {
			made = append(made, plan.Edit{Operation: plan.Protect, Name: name})
		}
	}
	for _, name := range r.Unset {
		switch {
		case words.IsPattern(name):
			made = append(made, plan.Edit{Operation: plan.UnsetPattern, Name: name})
		case !coveredByAny(r.Pass, name):
			made = append(made, plan.Edit{Operation: plan.Unset, Name: name})
		}
	}
	for _, old := range Sorted(r.Map) {
		if !coveredByAny(r.Pass, old) {
			made = append(made, plan.Edit{Operation: plan.Move, Name: old, Value: r.Map[old]})
		}
	}
	return made
}

// Missing gives the names, patterns left out, that `pass` counts on and the user's environment does not have
// (LAUNCH.md 6.4).
func (r *Rules) Missing(variables *Variables) []string {
	var missing []string
	for _, name := range r.Pass {
		if _, there := variables.Get(name); !there && !words.IsPattern(name) {
			missing = append(missing, name)
		}
	}
	return missing
}

// Sorted gives the names of a table in the order of their bytes.
func Sorted(table map[string]string) []string {
	names := make([]string, 0, len(table))
	for name := range table {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
