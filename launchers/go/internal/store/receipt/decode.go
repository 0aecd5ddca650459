package receipt

import (
	"bytes"
	"encoding/binary"

	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/record"
)

// contents is a receipt whose every length, count and reference fits (9.4 a). Nothing of it is copied until it is asked
// for.
type contents struct {
	raw     []byte
	strings []byte

	sources, commands, argv, edits, stats, conditions table
}

// table is a part of the receipt made of entries of one size.
type table struct {
	raw  []byte
	size int
}

func (t table) len() int           { return len(t.raw) / t.size }
func (t table) entry(n int) []byte { return t.raw[n*t.size:][:t.size] }

func (c *contents) u32(at int) uint32 { return binary.LittleEndian.Uint32(c.raw[at:]) }
func (c *contents) u64(at int) uint64 { return binary.LittleEndian.Uint64(c.raw[at:]) }

// decode takes a receipt apart. Every reference is checked here, so that nothing that reads it later can fail.
func decode(raw []byte) (*contents, bool) {
	if len(raw) < atTables || len(raw) > MaxSize || string(raw[:8]) != mark {
		return nil, false
	}
	c := &contents{raw: raw}
	if c.u64(atChecksum) != record.Checksum(raw[16:]) || c.u32(atLength) != uint32(len(raw)) ||
		c.u32(atFlags)&^(flagEachStart|flagByPath) != 0 || c.u32(atZero) != 0 {
		return nil, false
	}
	rest := raw[atTables:]
	for _, part := range []struct {
		into  *table
		count uint32
		size  int
	}{
		{&c.sources, c.u32(atSources), sourceSize}, {&c.commands, c.u32(atCommands), commandSize},
		{&c.argv, c.u32(atArgv), argvSize}, {&c.edits, c.u32(atEdits), editSize},
		{&c.stats, c.u32(atStats), statSize}, {&c.conditions, c.u32(atConditions), conditionSize},
	} {
		// A count of 32 bits times at most 64 fits; it is compared with what is there before anything is cut.
		size := uint64(part.count) * uint64(part.size)
		if size > uint64(len(rest)) {
			return nil, false
		}
		*part.into = table{rest[:size], part.size}
		rest = rest[size:]
	}
	c.strings = rest
	if uint64(c.u32(atStrings)) != uint64(len(raw)-len(rest)) {
		return nil, false
	}
	return c, c.fits()
}

// fits judges what stands in the tables.
func (c *contents) fits() bool {
	for _, at := range []int{atPath, atRoot, atWorkenv, atName} {
		if !c.isText(c.raw[at:]) {
			return false
		}
	}
	for n := range c.sources.len() {
		entry := c.sources.entry(n)
		state := binary.LittleEndian.Uint32(entry[8:])
		if !c.isText(entry) || state > 1 || !isIdentity(entry[12:]) ||
			(state == 0 && [identitySize]byte(entry[12:]) != [identitySize]byte{}) {
			return false
		}
	}
	for n := range c.commands.len() {
		entry := c.commands.entry(n)
		part := func(at int, of table) bool {
			first, count := binary.LittleEndian.Uint32(entry[at:]), binary.LittleEndian.Uint32(entry[at+4:])
			return uint64(first)+uint64(count) <= uint64(of.len())
		}
		hasCwd := binary.LittleEndian.Uint32(entry[12:]) != none
		if !c.isText(entry) || (hasCwd && !c.isText(entry[8:])) || !part(16, c.argv) || !part(24, c.edits) ||
			binary.LittleEndian.Uint32(entry[20:]) == 0 || !c.isProgram(binary.LittleEndian.Uint32(entry[16:])) {
			return false
		}
	}
	for n := range c.argv.len() {
		if !c.isText(c.argv.entry(n)) {
			return false
		}
	}
	for n := range c.edits.len() {
		entry := c.edits.entry(n)
		operation := plan.Operation(binary.LittleEndian.Uint32(entry))
		if operation < plan.Unset || operation > plan.LastOperation || !c.isText(entry[4:]) || !c.isText(entry[12:]) {
			return false
		}
	}
	for n := range c.stats.len() {
		if entry := c.stats.entry(n); !c.isText(entry) || !isIdentity(entry[8:]) {
			return false
		}
	}
	for n := range c.conditions.len() {
		entry := c.conditions.entry(n)
		kind := plan.ConditionKind(binary.LittleEndian.Uint32(entry))
		if kind < plan.NotSet || kind > plan.Directory || !c.isText(entry[4:]) || !c.isText(entry[12:]) {
			return false
		}
	}
	return c.u32(atDefault) < c.u32(atCommands)
}

// isProgram tells whether a word may be a command's first: an absolute path, or a name that is looked for on PATH. Any
// other path would begin at the user's working folder (9.2).
func (c *contents) isProgram(word uint32) bool {
	entry := c.argv.entry(int(word))
	if !c.isText(entry) {
		return false
	}
	text := c.bytes(entry)
	return len(text) > 0 && (text[0] == '/' || bytes.IndexByte(text, '/') < 0)
}

// isText tells whether a reference lies in the string table.
func (c *contents) isText(reference []byte) bool {
	offset, length := binary.LittleEndian.Uint32(reference), binary.LittleEndian.Uint32(reference[4:])
	return uint64(offset)+uint64(length) <= uint64(len(c.strings))
}

// bytes are those of a reference that [contents.fits] checked.
func (c *contents) bytes(reference []byte) []byte {
	offset, length := binary.LittleEndian.Uint32(reference), binary.LittleEndian.Uint32(reference[4:])
	return c.strings[offset:][:length]
}

func (c *contents) text(reference []byte) string { return string(c.bytes(reference)) }

func isIdentity(raw []byte) bool { return binary.LittleEndian.Uint32(raw[packageSize:]) == 0 }

// identity reads the first 48 of the 52 bytes of 9.2.
func identity(raw []byte) folder.Identity {
	little := binary.LittleEndian
	return folder.Identity{
		Device: little.Uint64(raw), Inode: little.Uint64(raw[8:]), Size: little.Uint64(raw[16:]),
		MtimeSeconds: int64(little.Uint64(raw[24:])), MtimeNanoseconds: little.Uint32(raw[32:]),
		CtimeSeconds: int64(little.Uint64(raw[36:])), CtimeNanoseconds: little.Uint32(raw[44:]),
	}
}

// putIdentity writes them.
func putIdentity(into []byte, of folder.Identity) {
	little := binary.LittleEndian
	little.PutUint64(into, of.Device)
	little.PutUint64(into[8:], of.Inode)
	little.PutUint64(into[16:], of.Size)
	little.PutUint64(into[24:], uint64(of.MtimeSeconds))
	little.PutUint32(into[32:], of.MtimeNanoseconds)
	little.PutUint64(into[36:], uint64(of.CtimeSeconds))
	little.PutUint32(into[44:], of.CtimeNanoseconds)
}

func (c *contents) trailer() *[layout.TrailerSize]byte {
	return (*[layout.TrailerSize]byte)(c.raw[atTrailer:atTables])
}

func (c *contents) boot() record.Boot { return record.Boot(c.raw[atBoot:atCreated]) }

func (c *contents) byPath() bool { return c.u32(atFlags)&flagByPath != 0 }

// command gives one command whole.
func (c *contents) command(n int) plan.Command {
	entry := c.commands.entry(n)
	little := binary.LittleEndian
	command := plan.Command{Name: c.text(entry), HasCwd: little.Uint32(entry[12:]) != none}
	if command.HasCwd {
		command.Cwd = c.text(entry[8:])
	}
	first, count := int(little.Uint32(entry[16:])), int(little.Uint32(entry[20:]))
	command.Argv = make([]string, count)
	for at := range command.Argv {
		command.Argv[at] = c.text(c.argv.entry(first + at))
	}
	first, count = int(little.Uint32(entry[24:])), int(little.Uint32(entry[28:]))
	command.Edits = make([]plan.Edit, count)
	for at := range command.Edits {
		edit := c.edits.entry(first + at)
		command.Edits[at] = plan.Edit{Operation: plan.Operation(little.Uint32(edit)), Name: c.text(edit[4:]), Value: c.text(edit[12:])}
	}
	return command
}
