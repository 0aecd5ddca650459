package builder

import (
	"slices"
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/strictjson"
)

// slots reads `slots`.
func (r *reader) slots(root *strictjson.Value, p *plan) {
	list := r.need(root, "slots", strictjson.Array, "slots")
	if r.err != nil {
		return
	}
	if len(list.Elements()) > layout.MaxSlots {
		r.fail("slots", strconv.Itoa(len(list.Elements()))+" slots, expected at most 4096")
		return
	}
	taken := map[string]bool{}
	for i := range list.Elements() {
		where := "slots[" + strconv.Itoa(i) + "]"
		v := &list.Elements()[i]
		if !r.is(v, strictjson.Object, where) {
			r.fail(where, "is null")
			return
		}
		if number := v.Get("slot"); r.number(number, where+".slot") != int64(i) && number != nil {
			r.fail(where+".slot", strconv.FormatInt(number.Number(), 10)+", but the slot stands at position "+strconv.Itoa(i))
		}
		slot := r.slot(v, where)
		if r.err != nil {
			return
		}
		if taken[slot.id] {
			r.fail(where+".id", strconv.Quote(slot.id)+" is taken already")
		}
		taken[slot.id] = true
		p.slots = append(p.slots, slot)
	}
	if primary := p.execution["primary_slot"].(int64); primary > 0 && primary >= int64(len(p.slots)) {
		r.fail("execution.primary_slot", "slot "+strconv.FormatInt(primary, 10)+", the package has "+strconv.Itoa(len(p.slots))+" slots")
	}
}

func (r *reader) slot(v *strictjson.Value, where string) planSlot {
	slot := planSlot{
		id:          r.line(r.need(v, "id", strictjson.String, where+".id"), where+".id"),
		source:      r.line(r.need(v, "source", strictjson.String, where+".source"), where+".source"),
		target:      r.line(r.need(v, "target", strictjson.String, where+".target"), where+".target"),
		purpose:     orElse(r.line(v.Get("purpose"), where+".purpose"), "data"),
		platform:    r.text(v.Get("platform"), where+".platform"),
		permissions: "0600",
		level:       usualLevel,
		resolution:  orElse(r.line(v.Get("resolution"), where+".resolution"), "build"),
		role:        "data",
	}
	if slot.purpose == "runtime" {
		slot.role = "runtime"
	}
	slot.isSelf = slot.source == "$SELF"
	slot.lifecycle = orElse(r.word(v.Get("lifecycle"), where+".lifecycle", "", "runtime", "startup", "eager", "cache", "cached",
		"init", "shutdown", "temporary", "temp", "volatile", "lazy", "dev", "persistent", "config", "platform"), "runtime")
	if platform := v.Get("platform"); r.is(platform, strictjson.String, where+".platform") {
		if slot.lifecycle != "platform" {
			r.fail(where+".platform", "stated with the lifecycle "+strconv.Quote(slot.lifecycle)+", expected `platform`")
		}
		system, machine, both := strings.Cut(slot.platform, "_")
		if !slices.Contains([]string{"linux", "darwin", "windows"}, system) || both && machine != "amd64" && machine != "arm64" {
			r.fail(where+".platform", strconv.Quote(slot.platform)+", expected a system, or one and its machine, such as linux_amd64")
		}
	}
	if operations := v.Get("operations"); r.is(operations, strictjson.String, where+".operations") {
		text := operations.Text()
		chain, err := pspf.ParseChain(text)
		if err != nil {
			r.fail(where+".operations", err.Error())
		}
		slot.operations, slot.chain = &text, chain
	}
	if permissions := r.text(v.Get("permissions"), where+".permissions"); permissions != "" {
		mode, ok := octal(permissions)
		if !ok || mode > 0o777 {
			r.fail(where+".permissions", strconv.Quote(permissions)+", expected an octal mode up to 0777")
		}
		slot.permissions = fourDigits(mode)
	}
	if stated := v.Get("level"); r.is(stated, strictjson.Number, where+".level") {
		slot.level = level(r.number(stated, where+".level"))
		if !slot.level.known() {
			r.fail(where+".level", strconv.Itoa(int(slot.level))+", expected 3, 9 or 19")
		}
	}
	path, reason := belowWorkenv(slot.target)
	if reason != "" {
		r.fail(where+".target", strconv.Quote(slot.target)+": "+reason)
	}
	slot.targetWithoutPrefix = path
	if slot.isSelf && (len(slot.chain) > 0) {
		r.fail(where+".operations", "the package file itself has no operations")
	}
	return slot
}

func orElse(text, absent string) string {
	if text == "" {
		return absent
	}
	return text
}

// octal reads one to four octal digits, with or without `0o`.
func octal(text string) (uint64, bool) {
	digits := strings.TrimPrefix(text, "0o")
	if len(digits) < 1 || len(digits) > 4 {
		return 0, false
	}
	mode, err := strconv.ParseUint(digits, 8, 16)
	return mode, err == nil && digits[0] != '+' && !strings.Contains(digits, "_")
}

func fourDigits(mode uint64) string {
	digits := strconv.FormatUint(mode, 8)
	return strings.Repeat("0", 4-len(digits)) + digits
}

// belowWorkenv is a path without `{workenv}/`, "" for the environment itself, and what is wrong with it.
func belowWorkenv(text string) (path, reason string) {
	const workenv = "{workenv}"
	path = strings.TrimPrefix(strings.TrimSuffix(text, "/"), workenv+"/")
	if path == workenv || path == "." {
		return "", ""
	}
	return path, pspf.CheckPath(path)
}

// lifecycles asks of the slots of a package with commands what LAUNCH.md 14 does.
func (r *reader) lifecycles(p *plan) {
	if !p.hasCommands() {
		return
	}
	for i := range p.slots {
		slot := &p.slots[i]
		where := "slots[" + strconv.Itoa(i) + "]"
		if slot.isSelf {
			r.fail(where+".source", "a package with commands is made from folders and archives")
		}
		if slot.operations != nil && !slot.chain.IsFramedTree() {
			r.fail(where+".operations", strconv.Quote(*slot.operations)+", expected \"tar.zst\", the only kind that packages with commands may have")
		}
		stays, copied := true, false
		switch slot.lifecycle {
		case "lazy":
			stays = false
			if !slot.share {
				r.fail(where+".lifecycle", "a lazy slot is unpacked into the shared store; it needs `share`")
			}
		case "shutdown":
			stays = false
			if _, there := p.flavor.commands[slot.id]; !there {
				r.fail(where+".lifecycle", "a shutdown slot needs a command named like it, "+strconv.Quote(slot.id))
			}
		case "persistent", "config":
			stays = false
			if pspf.CheckPath(slot.id) != "" || strings.ContainsAny(slot.id, `/\`) {
				r.fail(where+".lifecycle", strconv.Quote(slot.lifecycle)+" slots are folders of their id; "+strconv.Quote(slot.id)+" cannot be one")
			}
		case "temporary", "temp", "volatile":
			stays = false
		case "init":
			stays, copied = false, true
		}
		kind, linked := p.flavor.linkedSlots[int64(i)]
		if slices.Contains(p.flavor.unpackedSlots, int64(i)) && !stays || linked && !stays && (!copied || kind != "copy") {
			r.fail(where+".lifecycle", "a slot of lifecycle "+strconv.Quote(slot.lifecycle)+" does not stay, so nothing of the work environment can lead to it")
		}
	}
}
