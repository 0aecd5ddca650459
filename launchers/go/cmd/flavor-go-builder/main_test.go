package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flavorpack-native/launchers/go/internal/builder"
	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/pspf"
)

// files makes a plan of no slots, a launcher and a key, and clears the variables that the program reads.
func files(t *testing.T) (folder string, arguments []string) {
	t.Helper()
	for _, name := range []string{"FLAVOR_LAUNCHER_BIN", "FLAVOR_WORKENV_BASE", "FLAVOR_KEY_SEED", "FLAVOR_LOG_PATH",
		"FLAVOR_LOG_LEVEL", "FLAVOR_BUILDER_LOG_LEVEL", "SOURCE_DATE_EPOCH"} {
		t.Setenv(name, "")
	}
	folder = t.TempDir()
	plan := `{"package":{"name":"x","version":"1"},"execution":{"command":"c"},"slots":[]}`
	for name, content := range map[string]string{"plan": plan, "launcher": "#!/bin/sh\n", "key": strings.Repeat("k", 32), "no-key": "junk"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(folder, name) }
	return folder, []string{"-m", at("plan"), "--output=" + at("out"), "--launcher-bin", at("launcher"), "--log-level", "off"}
}

func TestTheExitCodeSaysWhatWentWrong(t *testing.T) {
	for name, c := range map[string]struct {
		more     []string
		variable [2]string
		exit     int
	}{
		"a package with a key of its own":   {nil, [2]string{}, 0},
		"a key from a file":                 {[]string{"--private-key", "key"}, [2]string{}, 0},
		"a seed from a variable":            {[]string{"--key-seed=env"}, [2]string{"FLAVOR_KEY_SEED", "0123456789abcdef"}, 0},
		"an unknown option":                 {[]string{"--bogus"}, [2]string{}, 2},
		"an argument too many":              {[]string{"more"}, [2]string{}, 2},
		"an option twice":                   {[]string{"--log-level", "off"}, [2]string{}, 2},
		"two keys":                          {[]string{"--private-key", "key", "--key-seed", "x"}, [2]string{}, 2},
		"a public key alone":                {[]string{"--public-key", "key"}, [2]string{}, 2},
		"a key that is none":                {[]string{"--private-key", "no-key"}, [2]string{}, 107},
		"a public key of another":           {[]string{"--private-key", "key", "--public-key", "key"}, [2]string{}, 107},
		"a key that is not there":           {[]string{"--private-key", "nothing"}, [2]string{}, 106},
		"an empty seed":                     {[]string{"--key-seed", ""}, [2]string{}, 109},
		"a time that is no number":          {nil, [2]string{"SOURCE_DATE_EPOCH", "today"}, 109},
		"a time before archives have one":   {nil, [2]string{"SOURCE_DATE_EPOCH", "1"}, 109},
		"a variable with a wrong level":     {nil, [2]string{"FLAVOR_LOG_LEVEL", "loud"}, 0},
		"a folder of sources in the plan":   {[]string{"--workenv-base", "."}, [2]string{}, 0},
		"a log that cannot be written":      {nil, [2]string{"FLAVOR_LOG_PATH", "/nothing/here/log"}, 106},
		"what the text of the version is":   {[]string{"--version"}, [2]string{}, 0},
		"what the options are, in a text":   {[]string{"-h"}, [2]string{}, 0},
		"a value for an option of no value": {[]string{"--help=yes"}, [2]string{}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			folder, arguments := files(t)
			t.Chdir(folder)
			if c.variable[0] != "" {
				t.Setenv(c.variable[0], c.variable[1])
			}
			if exit := run(append(arguments, c.more...)); exit != c.exit {
				t.Errorf("got %d, expected %d", exit, c.exit)
			}
			if _, err := os.Stat("out"); (err == nil) != (c.exit == 0 && !strings.HasPrefix(name, "what")) {
				t.Errorf("after exit code %d the output: %v", c.exit, err)
			}
		})
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	_, arguments := files(t)
	for _, left := range []string{"plan", "launcher"} {
		folder, _ := files(t)
		changed := strings.Split(strings.ReplaceAll(strings.Join(arguments, "\n"), left, "nothing"), "\n")
		t.Chdir(folder)
		if exit := run(changed); exit == 0 {
			t.Errorf("without %s: got 0", left)
		}
	}
	for i := range []int{0, 2, 3} {
		if _, err := parseArguments(arguments[:i]); code.Of(err) != code.FlavorUsage {
			t.Errorf("%v: got %v", arguments[:i], err)
		}
	}
}

func TestEveryCodeHasAnExitCodeOfTheTable(t *testing.T) {
	text, err := os.ReadFile("../../../../crates/pspf/errors.json")
	if err != nil {
		t.Fatal(err)
	}
	var table []struct {
		Code  code.Code
		Layer string
	}
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	for _, row := range table {
		if exit := exitCode(row.Code); row.Layer == "pspf" && exit != 102 {
			t.Errorf("%s: got %d, expected 102", row.Code, exit)
		}
	}
}

func TestTheTimeOfTheBuildRecordIsSourceDateEpoch(t *testing.T) {
	folder, arguments := files(t)
	t.Chdir(folder)
	t.Setenv("SOURCE_DATE_EPOCH", "1000000000")
	if exit := run(arguments); exit != 0 {
		t.Fatalf("got %d", exit)
	}
	file, err := os.Open("out")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	p, err := pspf.Open(file, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(p.JSON()), `"timestamp":"2001-09-09T01:46:40Z"`) || !strings.Contains(string(p.JSON()), builder.Version) {
		t.Errorf("got %s", p.JSON())
	}
}
