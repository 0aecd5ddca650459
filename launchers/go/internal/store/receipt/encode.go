package receipt

import (
	"encoding/binary"

	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/record"
)

// entry is one line of a stat list.
type entry struct {
	path     string
	identity folder.Identity
}

// sheet is what a receipt is made of, all of it known.
type sheet struct {
	boot       record.Boot
	seconds    int64
	nanosecond uint32
	expiry     int64
	byPath     bool
	pack       *Package
	root       string
	plan       *plan.Plan
	sources    []Source
	stats      []entry
}

// encoder collects the string table. Equal strings stand in it once.
type encoder struct {
	strings []byte
	known   map[string]uint32
}

func (e *encoder) reference(into []byte, text string) []byte {
	offset, ok := e.known[text]
	if !ok {
		offset = uint32(len(e.strings))
		e.known[text] = offset
		e.strings = append(e.strings, text...)
	}
	into = binary.LittleEndian.AppendUint32(into, offset)
	return binary.LittleEndian.AppendUint32(into, uint32(len(text)))
}

// encode gives the bytes of 9.2, or nothing where they would be more than a receipt may have.
func (s *sheet) encode() ([]byte, bool) {
	little := binary.LittleEndian
	e := &encoder{known: map[string]uint32{}}
	raw := make([]byte, atTables, 16<<10)
	copy(raw, mark)
	copy(raw[atBoot:], s.boot[:])
	little.PutUint64(raw[atCreated:], uint64(s.seconds))
	little.PutUint32(raw[atCreated+8:], s.nanosecond)
	flags := uint32(0)
	if s.plan.EachStart {
		flags |= flagEachStart
	}
	if s.byPath {
		flags |= flagByPath
	}
	little.PutUint32(raw[atFlags:], flags)
	little.PutUint64(raw[atExpiry:], uint64(s.expiry))
	putIdentity(raw[atPackage:], s.pack.Stat.Identity)
	copy(raw[atPath:], e.reference(nil, s.pack.Path))
	copy(raw[atRoot:], e.reference(nil, s.root))
	copy(raw[atWorkenv:], e.reference(nil, s.plan.Workenv))
	copy(raw[atName:], e.reference(nil, s.plan.Package))
	copy(raw[atTrailer:], s.pack.Trailer[:])

	argv, edits := 0, 0
	for n := range s.plan.Commands {
		argv += len(s.plan.Commands[n].Argv)
		edits += len(s.plan.Commands[n].Edits)
	}
	little.PutUint32(raw[atSources:], uint32(len(s.sources)))
	little.PutUint32(raw[atCommands:], uint32(len(s.plan.Commands)))
	little.PutUint32(raw[atDefault:], uint32(s.plan.Default))
	little.PutUint32(raw[atStats:], uint32(len(s.stats)))
	little.PutUint32(raw[atArgv:], uint32(argv))
	little.PutUint32(raw[atEdits:], uint32(edits))
	little.PutUint32(raw[atConditions:], uint32(len(s.plan.Conditions)))

	raw = s.tables(e, raw)
	little.PutUint32(raw[atStrings:], uint32(len(raw)))
	raw = append(raw, e.strings...)
	if len(raw) > MaxSize {
		return nil, false
	}
	little.PutUint32(raw[atLength:], uint32(len(raw)))
	little.PutUint64(raw[atChecksum:], record.Checksum(raw[16:]))
	return raw, true
}

// tables appends all tables in the order of 9.2.
func (s *sheet) tables(e *encoder, raw []byte) []byte {
	little := binary.LittleEndian
	for _, source := range s.sources {
		raw = e.reference(raw, source.Path)
		if source.Present {
			raw = appendIdentity(little.AppendUint32(raw, 1), source.Identity)
		} else {
			raw = append(raw, make([]byte, 4+identitySize)...)
		}
	}
	argv, edits := uint32(0), uint32(0)
	for n := range s.plan.Commands {
		command := &s.plan.Commands[n]
		raw = e.reference(raw, command.Name)
		if command.HasCwd {
			raw = e.reference(raw, command.Cwd)
		} else {
			raw = little.AppendUint32(little.AppendUint32(raw, 0), none)
		}
		for _, number := range []uint32{argv, uint32(len(command.Argv)), edits, uint32(len(command.Edits))} {
			raw = little.AppendUint32(raw, number)
		}
		argv += uint32(len(command.Argv))
		edits += uint32(len(command.Edits))
	}
	for n := range s.plan.Commands {
		for _, word := range s.plan.Commands[n].Argv {
			raw = e.reference(raw, word)
		}
	}
	for n := range s.plan.Commands {
		for _, edit := range s.plan.Commands[n].Edits {
			raw = little.AppendUint32(raw, uint32(edit.Operation))
			raw = e.reference(e.reference(raw, edit.Name), edit.Value)
		}
	}
	for _, stat := range s.stats {
		raw = appendIdentity(e.reference(raw, stat.path), stat.identity)
	}
	for _, condition := range s.plan.Conditions {
		raw = little.AppendUint32(raw, uint32(condition.Kind))
		raw = e.reference(e.reference(raw, condition.Name), condition.Value)
	}
	return raw
}

func appendIdentity(raw []byte, of folder.Identity) []byte {
	var bytes [identitySize]byte
	putIdentity(bytes[:], of)
	return append(raw, bytes[:]...)
}
