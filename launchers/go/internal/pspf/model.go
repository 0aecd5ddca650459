package pspf

import (
	"sort"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/strictjson"
)

// decoder turns values into types. It keeps the first failure and goes on with zero values, so that what reads like
// the table of FORMAT.md is not interrupted by a check a line.
type decoder struct{ err error }

func (d *decoder) fail(v *strictjson.Value, message string) {
	if d.err == nil {
		d.err = refuse(code.PspfMetadataModel, v.Offset(), "the signed metadata: "+message)
	}
}

// kind reports whether v is there and of the kind, and fails if it is of another. A null is as good as absent: the
// strict profile decided where it may stand.
func (d *decoder) kind(v *strictjson.Value, kind strictjson.Kind, what string) bool {
	if v == nil || v.Kind() == strictjson.Null {
		return false
	}
	if v.Kind() != kind {
		d.fail(v, expected("`"+what+"` has the wrong type", v.Kind().String(), kind.String()))
		return false
	}
	return true
}

// need is the value of a key that must be there.
func (d *decoder) need(in *strictjson.Value, key string) *strictjson.Value {
	v := in.Get(key)
	if v == nil {
		d.fail(in, "the key `"+key+"` is missing")
	}
	return v
}

func (d *decoder) text(v *strictjson.Value, what string) string {
	if !d.kind(v, strictjson.String, what) {
		return ""
	}
	return v.Text()
}

func (d *decoder) optional(v *strictjson.Value, what string) *string {
	if !d.kind(v, strictjson.String, what) {
		return nil
	}
	text := v.Text()
	return &text
}

func (d *decoder) truth(v *strictjson.Value, what string) bool {
	return d.kind(v, strictjson.Bool, what) && v.True()
}

// size is an integer that is not negative.
func (d *decoder) size(v *strictjson.Value, what string) int64 {
	if !d.kind(v, strictjson.Number, what) {
		return 0
	}
	if v.Number() < 0 {
		d.fail(v, "`"+what+"` is negative")
		return 0
	}
	return v.Number()
}

func (d *decoder) digest(v *strictjson.Value, what string) (digest [32]byte) {
	if !d.kind(v, strictjson.String, what) {
		return digest
	}
	digest, ok := parseDigest(v.Text())
	if !ok {
		d.fail(v, "`"+what+"` is not 64 lower-case hexadecimal digits")
	}
	return digest
}

// texts is nil only where the array is absent.
func (d *decoder) texts(v *strictjson.Value, what string) []string {
	if !d.kind(v, strictjson.Array, what) {
		return nil
	}
	all := make([]string, 0, len(v.Elements()))
	for i := range v.Elements() {
		all = append(all, d.text(&v.Elements()[i], what))
	}
	return all
}

// pairs is an object of texts, sorted by name.
func (d *decoder) pairs(v *strictjson.Value, what string) []Pair {
	if !d.kind(v, strictjson.Object, what) {
		return nil
	}
	all := make([]Pair, 0, len(v.Members()))
	for i := range v.Members() {
		m := &v.Members()[i]
		all = append(all, Pair{m.Key, d.text(&m.Value, what)})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// elements are the objects of an array.
func (d *decoder) elements(v *strictjson.Value, what string) []strictjson.Value {
	if !d.kind(v, strictjson.Array, what) {
		return nil
	}
	for i := range v.Elements() {
		d.kind(&v.Elements()[i], strictjson.Object, what)
	}
	return v.Elements()
}

// decodeMetadata reads the keys that packages of every builder have, and the x-flavor block where there is one.
func decodeMetadata(root *strictjson.Value) (*Metadata, *Flavor, error) {
	d := &decoder{}
	m := &Metadata{}
	if format := d.need(root, "format"); d.kind(format, strictjson.String, "format") && format.Text() != layout.FormatName {
		d.fail(format, expected("`format` is another", "`"+shown(format.Text())+"`", "`PSPF/2025`"))
	}
	m.FormatVersion = d.text(root.Get("format_version"), "format_version")
	if about := d.need(root, "package"); d.kind(about, strictjson.Object, "package") {
		m.Name = d.text(d.need(about, "name"), "package.name")
		m.Version = d.text(d.need(about, "version"), "package.version")
		m.Description = d.text(about.Get("description"), "package.description")
	}
	if execution := d.need(root, "execution"); d.kind(execution, strictjson.Object, "execution") {
		m.Execution.Command = d.text(d.need(execution, "command"), "execution.command")
		m.Execution.PrimarySlot = d.size(execution.Get("primary_slot"), "execution.primary_slot")
		m.Execution.Env = d.pairs(execution.Get("env"), "execution.env")
		m.Execution.Environment = d.pairs(execution.Get("environment"), "execution.environment")
	}
	if runtime := root.Get("runtime"); d.kind(runtime, strictjson.Object, "runtime") {
		if env := runtime.Get("env"); d.kind(env, strictjson.Object, "runtime.env") {
			m.Runtime.Pass = d.texts(env.Get("pass"), "runtime.env.pass")
			m.Runtime.Unset = d.texts(env.Get("unset"), "runtime.env.unset")
			m.Runtime.Map = d.pairs(env.Get("map"), "runtime.env.map")
			m.Runtime.Set = d.pairs(env.Get("set"), "runtime.env.set")
		}
	}
	if workenv := root.Get("workenv"); d.kind(workenv, strictjson.Object, "workenv") {
		m.private.workenv = workenv
	}
	if validation := root.Get("cache_validation"); d.kind(validation, strictjson.Object, "cache_validation") {
		m.private.validation = validation
	}
	if setup := root.Get("setup_commands"); d.kind(setup, strictjson.Array, "setup_commands") {
		m.private.setup = setup
	}
	slots := root.Get("slots")
	entries := d.elements(slots, "slots")
	if len(entries) > layout.MaxSlots {
		return nil, nil, refuse(code.PspfLimit, slots.Offset(), expected("there are too many slots in the signed metadata", decimal(len(entries)), "at most 4096"))
	}
	for i := range entries {
		m.Slots = append(m.Slots, d.slot(&entries[i]))
	}

	var flavor *Flavor
	if extensions := root.Get("extensions"); d.kind(extensions, strictjson.Object, "extensions") {
		if block := extensions.Get("x-flavor"); block != nil {
			flavor = d.flavor(block)
			d.ours(root, entries, block, m, flavor)
		}
	}
	if d.err != nil {
		return nil, nil, d.err
	}
	if flavor == nil {
		return m, nil, nil
	}
	return m, flavor, checkFlavor(root, m, flavor)
}

func (d *decoder) slot(v *strictjson.Value) SlotEntry {
	if v.Kind() != strictjson.Object {
		return SlotEntry{}
	}
	return SlotEntry{
		Slot:        d.size(d.need(v, "slot"), "slots[].slot"),
		ID:          d.text(d.need(v, "id"), "slots[].id"),
		Source:      d.text(v.Get("source"), "slots[].source"),
		Target:      d.text(v.Get("target"), "slots[].target"),
		Size:        d.size(v.Get("size"), "slots[].size"),
		Checksum:    d.text(v.Get("checksum"), "slots[].checksum"),
		Operations:  d.text(v.Get("operations"), "slots[].operations"),
		Purpose:     d.text(v.Get("purpose"), "slots[].purpose"),
		Lifecycle:   d.text(v.Get("lifecycle"), "slots[].lifecycle"),
		Platform:    d.text(v.Get("platform"), "slots[].platform"),
		Permissions: d.optional(v.Get("permissions"), "slots[].permissions"),
		SelfRef:     d.truth(v.Get("self_ref"), "slots[].self_ref"),
	}
}
