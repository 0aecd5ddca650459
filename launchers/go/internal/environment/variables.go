// Package environment edits the environment that a program gets (LAUNCH.md 6).
//
// Names and values are bytes and pass untouched, in their order; what no edit names stays as it was (LAUNCH.md 6.2).
// Nothing here prints or keeps a value (LAUNCH.md 6.3). It does not know what a package asks for: that is
// internal/launch's business.
package environment

import (
	"strings"

	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/words"
)

// Variables is an environment.
type Variables struct {
	entries []string // NAME=value
}

// Of takes entries over, those without an equals sign left out.
func Of(entries []string) *Variables {
	kept := entries[:0]
	for _, entry := range entries {
		if strings.IndexByte(entry, '=') >= 0 {
			kept = append(kept, entry)
		}
	}
	return &Variables{entries: kept}
}

// Copy gives an environment that can be edited on its own.
func (v *Variables) Copy() *Variables {
	return &Variables{entries: append(make([]string, 0, len(v.entries)+16), v.entries...)}
}

// Entries gives what execve takes.
func (v *Variables) Entries() []string { return v.entries }

// Get gives the value of a variable.
func (v *Variables) Get(name string) (string, bool) {
	for _, entry := range v.entries {
		if hasName(entry, name) {
			return entry[len(name)+1:], true
		}
	}
	return "", false
}

// Value gives the value of a variable, empty where it is not set.
func (v *Variables) Value(name string) string {
	value, _ := v.Get(name)
	return value
}

// Unset removes a variable, however often it is there.
func (v *Variables) Unset(name string) {
	v.keep(func(entry string) bool { return !hasName(entry, name) })
}

// Set gives a variable a value. It keeps its place.
func (v *Variables) Set(name, value string) {
	made := name + "=" + value
	found := false
	kept := v.entries[:0]
	for _, entry := range v.entries {
		if hasName(entry, name) {
			if found {
				continue
			}
			found = true
			entry = made
		}
		kept = append(kept, entry)
	}
	if !found {
		kept = append(kept, made)
	}
	v.entries = kept
}

// Start is what edits know about the start that they are made for.
type Start struct {
	Package string // path of the package file
	Typed   string // argv[0] as it was given
}

// Editor applies edits one by one, in their order (STORE.md 9.2).
type Editor struct {
	variables *Variables
	start     Start
	protected []string
}

// Edit begins to edit an environment.
func Edit(variables *Variables, start Start) *Editor {
	return &Editor{variables: variables, start: start}
}

// Apply makes one edit.
func (e *Editor) Apply(edit plan.Edit) {
	v := e.variables
	switch edit.Operation {
	case plan.Unset:
		v.Unset(edit.Name)
	case plan.Set:
		v.Set(edit.Name, edit.Value)
	case plan.Prepend:
		behind := v.Value(edit.Name)
		if behind == "" {
			behind = plan.SystemFolders
		}
		v.Set(edit.Name, edit.Value+":"+behind)
	case plan.SetPackage:
		v.Set(edit.Name, e.start.Package)
	case plan.SetTyped:
		v.Set(edit.Name, e.start.Typed)
	case plan.Protect:
		e.protected = append(e.protected, edit.Name)
	case plan.UnsetPattern:
		v.keep(func(entry string) bool {
			name := entry[:strings.IndexByte(entry, '=')]
			return !words.Covers(edit.Name, name) || coveredByAny(e.protected, name)
		})
	case plan.Move:
		if value, there := v.Get(edit.Name); there {
			v.Unset(edit.Name)
			v.Set(edit.Value, value)
		}
	}
}

func coveredByAny(patterns []string, name string) bool {
	for _, pattern := range patterns {
		if words.Covers(pattern, name) {
			return true
		}
	}
	return false
}

func (v *Variables) keep(wanted func(entry string) bool) {
	kept := v.entries[:0]
	for _, entry := range v.entries {
		if wanted(entry) {
			kept = append(kept, entry)
		}
	}
	v.entries = kept
}

func hasName(entry, name string) bool {
	return len(entry) > len(name) && entry[len(name)] == '=' && entry[:len(name)] == name
}
