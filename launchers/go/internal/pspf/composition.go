package pspf

import (
	"sort"
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
)

// checkComposition carries out rules 1 to 5 of FORMAT.md §6: what the JSON alone shows of the work environment.
func checkComposition(offset int64, m *Metadata, f *Flavor) error {
	if f.IsPlain() {
		return nil
	}
	c := composition{m: m, f: f}
	c.slots()
	c.paths()
	c.placeholders()
	c.places()
	if c.message == "" {
		return nil
	}
	return refuse(code.PspfMetadataModel, offset, "the work environment cannot be composed: "+c.message)
}

type composition struct {
	m       *Metadata
	f       *Flavor
	message string
}

func (c *composition) fail(message string) {
	if c.message == "" {
		c.message = message
	}
}

// slots is rule 1.
func (c *composition) slots() {
	unpacked := make(map[int]bool, len(c.f.Compose.Unpack))
	for _, u := range c.f.Compose.Unpack {
		switch {
		case u.Slot >= len(c.f.Slots):
			c.fail("`unpack` names slot " + decimal(u.Slot) + ", which does not exist")
		case c.f.Slots[u.Slot].Share:
			c.fail("`unpack` names slot " + decimal(u.Slot) + ", which is shared")
		case unpacked[u.Slot]:
			c.fail("`unpack` names slot " + decimal(u.Slot) + " twice")
		}
		unpacked[u.Slot] = true
	}
	for _, link := range c.f.Compose.Links {
		switch {
		case link.Slot >= len(c.f.Slots):
			c.fail("the link `" + shown(link.Path) + "` names slot " + decimal(link.Slot) + ", which does not exist")
		case !c.f.Slots[link.Slot].Share:
			c.fail("the link `" + shown(link.Path) + "` names slot " + decimal(link.Slot) + ", which is private")
		case link.Copy && link.To == "":
			c.fail("`" + shown(link.Path) + "` copies a whole slot")
		}
	}
}

// paths is rule 2. Rule 3, the modes of files, held when the block was read.
func (c *composition) paths() {
	check := func(what, path string) {
		if reason := CheckPath(path); reason != "" {
			c.fail("the " + what + " `" + shown(path) + "` cannot be used: " + reason)
		}
	}
	for _, link := range c.f.Compose.Links {
		check("path of a link", link.Path)
		if link.To != "" {
			check("target of a link", link.To)
		}
	}
	for _, file := range c.f.Compose.Files {
		check("path of a file", file.Path)
	}
	for _, path := range c.f.Compose.Path {
		check("folder for PATH", path)
	}
	for _, u := range c.f.Compose.Unpack {
		if u.Into != "" {
			check("folder of a slot", u.Into)
		}
	}
}

// placeholders is rule 4.
func (c *composition) placeholders() {
	check := func(where, text string) {
		if reason := c.placeholder(text); reason != "" {
			c.fail(where + ": " + reason)
		}
	}
	pairs := func(where string, all []Pair) {
		for _, pair := range all {
			check(where+", variable `"+shown(pair.Name)+"`", pair.Text)
		}
	}
	for _, file := range c.f.Compose.Files {
		check("the content of `"+shown(file.Path)+"`", file.Content)
	}
	for i := range c.f.Commands {
		command := &c.f.Commands[i]
		where := "the command `" + shown(command.Name) + "`"
		for _, argument := range command.Argv {
			check(where, argument)
		}
		pairs(where, command.Env)
		if command.Cwd != nil {
			check(where, *command.Cwd)
		}
	}
	pairs("`execution.env`", c.m.Execution.Env)
	pairs("`runtime.env.set`", c.m.Runtime.Set)
}

// placeholder says what is wrong with the slots that text names, or "".
func (c *composition) placeholder(text string) string {
	const opening = "{slot:"
	for {
		_, behind, found := strings.Cut(text, opening)
		if !found {
			return ""
		}
		number, rest, closed := strings.Cut(behind, "}")
		if !closed {
			return ""
		}
		n, err := strconv.ParseUint(number, 10, 16)
		switch {
		case err != nil || number[0] == '+' || number[0] == '0' && len(number) > 1:
			return "a placeholder has no number of a slot: `" + shown(opening+number) + "`"
		case n >= uint64(len(c.f.Slots)):
			return "a placeholder names slot " + number + ", which does not exist"
		case !c.f.Slots[n].Share:
			return "a placeholder names slot " + number + ", which is private"
		}
		text = rest
	}
}

// places is rule 5: what is not a folder has its path alone, and nothing is below it.
func (c *composition) places() {
	taken := make(map[string]bool, len(c.f.Compose.Links)+len(c.f.Compose.Files))
	take := func(path string) {
		if taken[path] {
			c.fail("the path `" + shown(path) + "` occurs twice")
		}
		taken[path] = true
	}
	for _, link := range c.f.Compose.Links {
		take(link.Path)
	}
	for _, file := range c.f.Compose.Files {
		take(file.Path)
	}
	paths := make([]string, 0, len(taken))
	for path := range taken {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	for _, path := range paths {
		for above := parent(path); above != ""; above = parent(above) {
			if taken[above] {
				c.fail("the path `" + shown(path) + "` lies below `" + shown(above) + "`, which is no folder")
			}
		}
	}
	for _, u := range c.f.Compose.Unpack {
		for folder := u.Into; folder != ""; folder = parent(folder) {
			if taken[folder] {
				c.fail("a slot is unpacked into `" + shown(u.Into) + "`, and `" + shown(folder) + "` is no folder")
			}
		}
	}
}

// parent is the path above a path, "" above the first component.
func parent(path string) string {
	if slash := strings.LastIndexByte(path, '/'); slash >= 0 {
		return path[:slash]
	}
	return ""
}
