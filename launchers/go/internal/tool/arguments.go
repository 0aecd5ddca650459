// Package tool is what a package can be asked for under FLAVOR_LAUNCHER_CLI=1 (LAUNCH.md 8).
//
// It guarantees that arguments are judged before anything is read or written, that a package is opened fully and
// strictly whatever FLAVOR_VALIDATION says, and that standard output holds results and nothing else. It deliberately
// takes nothing from a receipt (S19), and never runs a program of the package: that is internal/launch.
package tool

import (
	"strings"

	"flavorpack-native/launchers/go/internal/code"
)

// tool is one row of the table of LAUNCH.md 8.1.
type tool struct {
	name  string
	shape string // how its arguments look, for `help`
	about string
	// switches and values are its options, without and with a value. Every tool has --json.
	switches, values []string
	least, most      int
	run              func(*session) error
}

// unlimited is a number of arguments that nobody reaches.
const unlimited = 1 << 30

// arguments are those of one tool, read.
type arguments struct {
	switches map[string]bool
	values   map[string]string
	rest     []string
}

// run is not in the table: no argument behind it is looked at.
const runName = "run"

// tools lists the tools in the order in which people are told of them.
func tools() []tool {
	return []tool{
		{name: runName, shape: "[args…]", about: "start the program"},
		{name: "info", about: "name, version, target, signer, commands and slots", run: info},
		{name: "commands", about: "the commands' names, `*` before the default one", run: commands},
		{name: "metadata", about: "the signed document, byte for byte", run: metadata},
		{name: "verify", about: "check every byte of the file", run: verify},
		{name: "extract", shape: "[--output DIR] [SLOT…]", about: "unpack slots into a folder", values: []string{"--output"}, most: unlimited, run: extract},
		{name: "slot", shape: "SLOT", about: "where a slot lies for programs", least: 1, most: 1, run: slot},
		{name: "install-links", shape: "DIR [--force]", about: "a link for each command", switches: []string{"--force"}, least: 1, most: 1, run: installLinks},
		{name: "warm", about: "unpack everything now, and run nothing", run: warm},
		{name: "repair", about: "compare what is unpacked with the package and put it in order", run: repair},
		{name: "doctor", about: "what a start would meet", run: doctor},
		{name: "uninstall", shape: "[--dry-run] [--data] [--links DIR]", about: "remove what starts left", switches: []string{"--dry-run", "--data"}, values: []string{"--links"}, run: uninstall},
		{name: "help", about: "this list", run: help},
	}
}

func named(name string) *tool {
	all := tools()
	for n := range all {
		if all[n].name == name {
			return &all[n]
		}
	}
	return nil
}

func names() string {
	all := tools()
	list := make([]string, len(all))
	for n := range all {
		list[n] = all[n].name
	}
	return strings.Join(list, ", ")
}

func wrong(what string) error { return code.New(code.LaunchArguments, what) }

func contains(list []string, one string) bool {
	for _, other := range list {
		if other == one {
			return true
		}
	}
	return false
}

// parse reads what stands behind the tool's name.
func (t *tool) parse(given []string) (*arguments, error) {
	read := &arguments{switches: map[string]bool{}, values: map[string]string{}}
	for at := 0; at < len(given); at++ {
		word := given[at]
		switch {
		case word == "--":
			read.rest = append(read.rest, given[at+1:]...)
			at = len(given)
		case !strings.HasPrefix(word, "-"):
			read.rest = append(read.rest, word)
		case word == "--json" || contains(t.switches, word):
			read.switches[word] = true
		case contains(t.values, word):
			at++
			if at == len(given) || given[at] == "" {
				return nil, wrong("`" + t.name + "`: the option `" + word + "` has no value")
			}
			if _, twice := read.values[word]; twice {
				return nil, wrong("`" + t.name + "`: the option `" + word + "` is given twice")
			}
			read.values[word] = given[at]
		default:
			return nil, wrong("`" + t.name + "` has no option `" + word + "`")
		}
	}
	if count := len(read.rest); count < t.least || count > t.most {
		return nil, wrong("`" + t.name + "` takes other arguments, expected `" + strings.TrimSpace(t.name+" "+t.shape) + "`")
	}
	return read, nil
}
