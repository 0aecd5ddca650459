package launch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/pspf"
)

func TestProgramsOfPackagesAreTheirOwn(t *testing.T) {
	for word, want := range map[string]bool{
		"{workenv}/bin/x": true, "{slot:0}/bin/x": true, "{slot:12}/x": true, "{workenv}/a..b/x": true,
		"/bin/sh": false, "bin/x": false, "": false, "{workenv}": false, "{workenv}/": false, "{slot:0}": false, "{slot:0}//": false,
		"{slot:}/x": false, "{slot:-1}/x": false, "{slot:x}/x": false, "{workenv}/../x": false, "{slot:0}/a/../../x": false,
		"x{workenv}/y": false, "{workenvx}/y": false,
	} {
		err := checkProgram(&pspf.Command{Name: "c", Argv: []string{word}})
		if (err == nil) != want {
			t.Errorf("%q is accepted: %v, expected %v", word, err == nil, want)
		}
		if err != nil && code.Of(err) != code.LaunchEnvironment {
			t.Errorf("%q: the code is %s", word, code.Of(err))
		}
	}
	if checkProgram(&pspf.Command{Name: "c"}) == nil {
		t.Error("a command without words is accepted")
	}
}

func TestARelativeProgramStandsForItsAbsolutePathBelowTheEnvironment(t *testing.T) {
	for word, want := range map[string]string{
		"bin/x": "/w/bin/x", "./bin//x": "/w/bin/x", "/w/bin/x": "/w/bin/x", "/bin/x": "/bin/x", "x": "x", "..": "..",
		"/bin/../x": "/bin/../x", "/wider/../x": "/wider/../x",
	} {
		if got, err := programWord(word, "/w"); got != want || err != nil {
			t.Errorf("%q is %q, %v; expected %q", word, got, err, want)
		}
	}
}

func TestTheWayToAProgramInsideHasNoStepUpAndObeysTheRulesForMembers(t *testing.T) {
	for word, want := range map[string]code.Code{
		"": code.LaunchForeign, "/w/a/../x": code.StoreComposition, "/w/../x": code.StoreComposition, "a/../x": code.StoreComposition,
		"../x": code.StoreComposition, "bin/" + strings.Repeat("x", 256): code.StoreComposition, strings.Repeat("a/", 64) + "x": code.StoreComposition,
		"c:/x": code.StoreComposition,
	} {
		if _, err := programWord(word, "/w"); code.Of(err) != want {
			t.Errorf("%q: got %v, expected %s", word, err, want)
		}
	}
}

func TestProgramsWithoutASlashAreFoundInAbsoluteFoldersOnly(t *testing.T) {
	folder := t.TempDir()
	program := filepath.Join(folder, "prog")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "plain"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(folder)
	for _, c := range []struct{ word, folders, want string }{
		{"prog", "::.:relative:/nowhere:" + folder, program},
		{"prog", folder + "/", program},
		{"/bin/x", "", "/bin/x"},
	} {
		if got, err := find(c.word, c.folders); got != c.want || err != nil {
			t.Errorf("%q on %q is %q, %v; expected %q", c.word, c.folders, got, err, c.want)
		}
	}
	for _, c := range []struct{ word, folders string }{{"prog", ".:"}, {"plain", folder}, {"", folder}, {"other", folder}} {
		if got, err := find(c.word, c.folders); code.Of(err) != code.LaunchExecute {
			t.Errorf("%q on %q is %q, %v", c.word, c.folders, got, err)
		}
	}
}

func TestTargetsLoseTheEnvironmentAndEmptyComponents(t *testing.T) {
	for target, want := range map[string]string{
		"": "", "{workenv}": "", "{workenv}/": "", "{workenv}/a//./b/": "a/b", "./a": "a", "{workenv}x": "{workenv}x", "a/{workenv}": "a/{workenv}",
	} {
		if got := cleanTarget(target); got != want {
			t.Errorf("%q is %q, expected %q", target, got, want)
		}
	}
}

func TestCommandsAreChosenByVariableThenNameThenDefault(t *testing.T) {
	names := []string{"a", "b", "c"}
	name := func(n int) string { return names[n] }
	for _, c := range []struct {
		by   chooser
		want int
	}{
		{chooser{}, 1}, {chooser{asked: "c"}, 2}, {chooser{typed: "a"}, 0}, {chooser{typed: "other"}, 1}, {chooser{asked: "c", typed: "a"}, 2},
	} {
		if got, err := c.by.choose(3, name, 1); got != c.want || err != nil {
			t.Errorf("%v gives %d, %v; expected %d", c.by, got, err, c.want)
		}
	}
	if _, err := (chooser{asked: "secret", typed: "a"}).choose(3, name, 1); code.Of(err) != code.LaunchCommand {
		t.Errorf("an unknown command is %v", err)
	} else if got := err.Error(); got != "the package has no command of the name that FLAVOR_COMMAND holds, known are: a, b, c" {
		t.Error(got)
	}
}

func TestSetupCommandsAreReadWholeOrRefused(t *testing.T) {
	text := func(s string) *string { return &s }
	for _, c := range []struct {
		name string
		from pspf.SetupCommand
		want setupStep
	}{
		{"a plain text", pspf.SetupCommand{Command: text("a 'b c'")}, setupStep{kind: runsCommand}},
		{"a pattern that holds both", pspf.SetupCommand{Type: "enumerate_and_execute", Command: text("x"), Pattern: text("a/b/*.whl")},
			setupStep{kind: runsForFiles, path: "a/b/", pattern: "*.whl", hasPath: true}},
		{"a folder without a pattern", pspf.SetupCommand{Type: "enumerate_and_execute", Command: text("x"), Enumerate: &pspf.Enumerate{Path: "d"}},
			setupStep{kind: runsForFiles, path: "d", pattern: "*", hasPath: true}},
		{"a folder whose pattern stands beside it",
			pspf.SetupCommand{Type: "enumerate_and_execute", Command: text("x"), Pattern: text("*.a"), Enumerate: &pspf.Enumerate{Path: "d"}},
			setupStep{kind: runsForFiles, path: "d", pattern: "*.a", hasPath: true}},
		{"a pattern with a slash",
			pspf.SetupCommand{Type: "enumerate_and_execute", Command: text("x"), Pattern: text("*.a"), Enumerate: &pspf.Enumerate{Path: "d", Pattern: text("x/y/*.b")}},
			setupStep{kind: runsForFiles, path: "d", pattern: "*.b", hasPath: true}},
		{"a pattern below the root", pspf.SetupCommand{Type: "enumerate_and_execute", Command: text("x"), Pattern: text("/*.a")},
			setupStep{kind: runsForFiles, path: "/", pattern: "*.a", hasPath: true}},
		{"a file without a mode", pspf.SetupCommand{Type: "write_file", Path: text("f"), Content: text("c")},
			setupStep{kind: writesFile, path: "f", content: "c", hasPath: true, mode: writtenMode}},
		{"chmod without a mode", pspf.SetupCommand{Type: "chmod", Path: text("f")}, setupStep{kind: changesMode, path: "f", hasPath: true, mode: changedMode}},
	} {
		got, err := readStep(0, &c.from)
		got.words = nil
		if err != nil || got.kind != c.want.kind || got.path != c.want.path || got.pattern != c.want.pattern || got.content != c.want.content ||
			got.hasPath != c.want.hasPath || got.mode != c.want.mode {
			t.Errorf("%s is %+v, %v; expected %+v", c.name, got, err, c.want)
		}
	}
	for name, from := range map[string]pspf.SetupCommand{
		"an unknown kind": {Type: "download"}, "no command": {Type: "execute"}, "an open quote": {Command: text("'")},
		"no words": {Command: text("")}, "no path": {Type: "chmod"}, "no content": {Type: "write_file", Path: text("x")},
		"nothing to enumerate": {Type: "enumerate_and_execute", Command: text("x")},
	} {
		if _, err := readStep(0, &from); code.Of(err) != code.LaunchForeign {
			t.Errorf("%s is %v", name, err)
		}
	}
}

func TestIdsOfDataAreNamesOfFolders(t *testing.T) {
	for id, want := range map[string]bool{"a": true, "A-_.9": true, "": false, ".a": false, "a/b": false, "ä": false, "a b": false} {
		if folderName(id) != want {
			t.Errorf("%q may be a folder: %v, expected %v", id, !want, want)
		}
	}
}
