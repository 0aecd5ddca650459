package tool

import (
	"slices"
	"strings"
	"testing"

	"flavorpack-native/launchers/go/internal/code"
)

func TestArgumentsAreReadAsEachToolTakesThem(t *testing.T) {
	for _, c := range []struct {
		line     string
		rest     []string
		switches []string
		values   map[string]string
	}{
		{"info", nil, nil, nil},
		{"info --json", nil, []string{"--json"}, nil},
		{"extract 1 --json 0 --output out", []string{"1", "0"}, []string{"--json"}, map[string]string{"--output": "out"}},
		{"extract --output -x", nil, nil, map[string]string{"--output": "-x"}},
		{"install-links -- -odd", []string{"-odd"}, nil, nil},
		{"install-links --force dir", []string{"dir"}, []string{"--force"}, nil},
		{"slot -- --json", []string{"--json"}, nil, nil},
		{"uninstall --data --dry-run --links d", nil, []string{"--data", "--dry-run"}, map[string]string{"--links": "d"}},
	} {
		words := strings.Fields(c.line)
		read, err := named(words[0]).parse(words[1:])
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		for _, name := range c.switches {
			if !read.switches[name] {
				t.Errorf("%s: %s is not read", c.line, name)
			}
		}
		for name, value := range c.values {
			if read.values[name] != value {
				t.Errorf("%s: %s is %q", c.line, name, read.values[name])
			}
		}
		if !slices.Equal(read.rest, c.rest) || len(read.switches) != len(c.switches) || len(read.values) != len(c.values) {
			t.Errorf("%s is read as %+v", c.line, read)
		}
	}
}

func TestArgumentsThatAToolHasNotAreRefused(t *testing.T) {
	for _, line := range []string{
		"info more", "info --force", "info -", "info --json=1", "info -- --json", "extract --output", "extract --output a --output b",
		"slot", "slot a b", "install-links", "install-links a --data", "uninstall --links", "help x",
	} {
		words := strings.Fields(line)
		if _, err := named(words[0]).parse(words[1:]); code.Of(err) != code.LaunchArguments {
			t.Errorf("%s is %v", line, err)
		}
	}
	if _, err := named("extract").parse([]string{"--output", ""}); code.Of(err) != code.LaunchArguments {
		t.Errorf("an empty value is %v", err)
	}
}

func TestFoldersOfExtractedSlotsHaveNumberAndId(t *testing.T) {
	for id, want := range map[string]string{"runtime": "07_runtime", "../../x y": "07_.._.._x_y", "ä": "07__", "日本": "07___", "": "07_",
		strings.Repeat("ä", 101): "07_" + strings.Repeat("_", 100)} {
		if got := folderOf(7, id); got != want {
			t.Errorf("%q is %q, expected %q", id, got, want)
		}
	}
	if got := folderOf(123, "x"); got != "123_x" {
		t.Error(got)
	}
}

func TestObjectsAreOneLineOfJSON(t *testing.T) {
	got := string(record("x").string("a", "\x1b\"").number("n", -1).truth("t", true).strings("l", []string{"1", "2"}).
		strings("e", nil).objects("o", []*object{part().number("i", 0), part()}).nested("p", part().string("k", "v")).end())
	want := `{"type":"x","schema":1,"a":"\u001b\"","n":-1,"t":true,"l":["1","2"],"e":[],"o":[{"i":0},{}],"p":{"k":"v"}}`
	if got != want {
		t.Errorf("got %s\nexpected %s", got, want)
	}
}

func TestLinksHaveNamesOfFiles(t *testing.T) {
	for name, want := range map[string]bool{"demo": true, "": false, ".": false, "..": false, "a/b": false, "a\x00": false, strings.Repeat("x", 256): false} {
		if fileName(name) != want {
			t.Errorf("%q is the name of a file: %v", name, !want)
		}
	}
}
