package environment

import (
	"slices"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/words"
)

// Switches are taken away from every program (S3).
var Switches = [...]string{"FLAVOR_VALIDATION", "FLAVOR_COMMAND", "FLAVOR_LAUNCHER_CLI"}

// Check refuses names and patterns of `runtime.env` that no variable can have (LAUNCH.md 6.2).
func Check(rules *pspf.RuntimeEnv) error {
	for _, list := range [][]string{rules.Unset, rules.Pass} {
		for _, name := range list {
			if err := checkName(name); err != nil {
				return err
			}
		}
	}
	for _, pair := range rules.Map {
		if err := checkName(pair.Text); err != nil {
			return err
		}
	}
	if err := CheckNames(rules.Map); err != nil {
		return err
	}
	return CheckNames(rules.Set)
}

// CheckNames refuses names that no variable can have.
func CheckNames(pairs []pspf.Pair) error {
	for _, pair := range pairs {
		if err := checkName(pair.Name); err != nil {
			return err
		}
	}
	return nil
}

func checkName(name string) error {
	if name == "" || strings.ContainsAny(name, "=\x00") {
		return &code.Error{
			Code:    code.LaunchEnvironment,
			Message: "the package names a variable that cannot be, expected a name without `=`: `" + name + "`",
		}
	}
	return nil
}

// Inherited gives the edits of what the user's environment holds (LAUNCH.md 6.1.1).
func Inherited(r *pspf.RuntimeEnv) []plan.Edit {
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
	for _, pair := range r.Map {
		if !coveredByAny(r.Pass, pair.Name) {
			made = append(made, plan.Edit{Operation: plan.Move, Name: pair.Name, Value: pair.Text})
		}
	}
	return made
}

// Missing gives the names, patterns left out, that `pass` counts on and the user's environment does not have
// (LAUNCH.md 6.4).
func Missing(r *pspf.RuntimeEnv, variables *Variables) []string {
	var missing []string
	for _, name := range r.Pass {
		if _, there := variables.Get(name); !there && !words.IsPattern(name) {
			missing = append(missing, name)
		}
	}
	return missing
}
