package launch

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/pspf"
)

// foreignOf is a package of another builder that says something else of its start.
func foreignOf(t *testing.T, command string, says pspf.Private) *foreigner {
	t.Helper()
	file, err := os.ReadFile("../../../../__test__/vectors/packages/foreign-back-to-back.pspf")
	if err != nil {
		t.Fatal(err)
	}
	opened, err := pspf.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	opened.Metadata().Execution.Command = command
	of, err := newForeigner(opened)
	if err != nil {
		t.Fatal(err)
	}
	of.says = &says
	return of
}

func TestS21PathsThatLeaveTheEnvironmentShowBeforeAnythingIsUnpacked(t *testing.T) {
	text := func(s string) *string { return &s }
	write := func(path string) pspf.Private {
		return pspf.Private{SetupCommands: []pspf.SetupCommand{{Type: "write_file", Path: &path, Content: text("")}}}
	}
	for name, c := range map[string]struct {
		says pspf.Private
		want code.Code
	}{
		"nothing":          {pspf.Private{}, ""},
		"a file":           {write("{workenv}/a//./b"), ""},
		"a relative file":  {write("a"), ""},
		"above":            {write("{workenv}/../a"), code.StoreComposition},
		"up and down":      {write("a/../b"), code.StoreComposition},
		"absolute":         {write("/etc/passwd"), code.StoreComposition},
		"beside":           {write("{workenv}x/a"), code.StoreComposition},
		"no member's name": {write(strings.Repeat("x", 256)), code.StoreComposition},
		"the form itself":  {write("/{workenv}/a"), code.StoreComposition},
		"a folder":         {pspf.Private{Workenv: pspf.Workenv{Directories: []pspf.Directory{{Path: "../a"}}}}, code.StoreComposition},
		"a check file": {pspf.Private{CacheValidation: &pspf.CacheValidation{CheckFile: text("{workenv}/.."), ExpectedContent: text("")}},
			code.StoreComposition},
		"a check file with a slot that is none": {
			pspf.Private{CacheValidation: &pspf.CacheValidation{CheckFile: text("a"), ExpectedContent: text("{slot:99}")}}, code.LaunchForeign},
		"a program of setup": {pspf.Private{SetupCommands: []pspf.SetupCommand{{Command: text("bin/../x")}}}, code.StoreComposition},
		"what is enumerated": {
			pspf.Private{SetupCommands: []pspf.SetupCommand{{Type: "enumerate_and_execute", Command: text("x"), Pattern: text("/*")}}}, code.StoreComposition},
		"what gets a mode": {pspf.Private{SetupCommands: []pspf.SetupCommand{{Type: "chmod", Path: text("..")}}}, code.StoreComposition},
	} {
		if err := foreignOf(t, "x", c.says).check(); code.Of(err) != c.want {
			t.Errorf("%s: got %v, expected %q", name, err, c.want)
		}
	}
}

func TestASlotsPlaceholderHasANumberOrIsRefused(t *testing.T) {
	of := foreignOf(t, "x", pspf.Private{})
	for text, want := range map[string]code.Code{
		"{slot:x}": code.LaunchForeign, "{slot:}": code.LaunchForeign, "{slot:-1}": code.LaunchForeign, "{slot:0 }": code.LaunchForeign,
		"{slot:99999999999999999999}": code.LaunchForeign, "{slot:0": "", "{slots:x}": "", "{x}": "", "{slot:0}": "",
	} {
		if _, err := of.replace(text, "/w", false); code.Of(err) != want {
			t.Errorf("%s: got %v, expected %q", text, err, want)
		}
	}
}

func TestWhatACommandNamesInsideIsLookedForWithLinksFollowed(t *testing.T) {
	workenv := t.TempDir()
	if err := os.Symlink("/bin/sh", workenv+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", workenv+"/broken"); err != nil {
		t.Fatal(err)
	}
	of := foreignOf(t, "x", pspf.Private{})
	made := &plan.Plan{Workenv: workenv, Commands: []plan.Command{{Argv: []string{
		workenv + "/link", "x", workenv + "/broken", workenv + "/../out", workenv + "/link",
	}}}}
	want := []string{workenv + "/.flavor-private", workenv + "/link", workenv + "/link"}
	if got := of.statList(made); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %v, expected %v", got, want)
	}
	if !isThere(programInside(made)) || isThere(workenv+"/broken") {
		t.Error("links are not followed")
	}
}

func TestCheckFilesAreComparedWithoutASCIIWhiteSpaceAtTheirEnds(t *testing.T) {
	for text, want := range map[string]string{" \t\n\f\r a b\n": "a b", "\u00a0a\u2003": "\u00a0a\u2003", "": ""} {
		if got := trimmed(text); got != want {
			t.Errorf("%q is %q, expected %q", text, got, want)
		}
	}
}
