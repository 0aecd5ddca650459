package record

import (
	"encoding/binary"

	"flavorpack-native/launchers/go/internal/store/folder"
)

const (
	aboutMark    = "FLVENV01"
	aboutHeader  = 32
	maxAbout     = 256 << 10
	aboutPrivate = 1
)

// About says what a work environment is and what it refers to (13.5).
type About struct {
	Name, Version string
	// Slots are the keys of all shared slots of the package, those that are not unpacked yet included.
	Slots [][32]byte
	// Private environments refer to no slot and may hold files of the user (8.7).
	Private bool
}

// Encode gives the bytes of 13.5, or nothing where they would be too many.
func (a *About) Encode() ([]byte, bool) {
	size := aboutHeader + 32*len(a.Slots) + len(a.Name) + len(a.Version)
	if size > maxAbout {
		return nil, false
	}
	raw := make([]byte, aboutHeader, size)
	copy(raw, aboutMark)
	little := binary.LittleEndian
	little.PutUint32(raw[16:], uint32(len(a.Name)))
	little.PutUint32(raw[20:], uint32(len(a.Version)))
	little.PutUint32(raw[24:], uint32(len(a.Slots)))
	if a.Private {
		little.PutUint32(raw[28:], aboutPrivate)
	}
	for _, key := range a.Slots {
		raw = append(raw, key[:]...)
	}
	raw = append(raw, a.Name...)
	raw = append(raw, a.Version...)
	little.PutUint64(raw[8:], Checksum(raw[16:]))
	return raw, true
}

// DecodeAbout reads the bytes of 13.5.
func DecodeAbout(raw []byte) (About, bool) {
	little := binary.LittleEndian
	if len(raw) < aboutHeader || len(raw) > maxAbout || string(raw[:8]) != aboutMark ||
		little.Uint64(raw[8:]) != Checksum(raw[16:]) {
		return About{}, false
	}
	name, version := uint64(little.Uint32(raw[16:])), uint64(little.Uint32(raw[20:]))
	slots, flags := uint64(little.Uint32(raw[24:])), little.Uint32(raw[28:])
	// The sum cannot overflow: three numbers of 32 bits, one of them times 32.
	if flags&^aboutPrivate != 0 || aboutHeader+32*slots+name+version != uint64(len(raw)) {
		return About{}, false
	}
	about := About{Private: flags == aboutPrivate, Slots: make([][32]byte, slots)}
	rest := raw[aboutHeader:]
	for at := range about.Slots {
		about.Slots[at], rest = [32]byte(rest), rest[32:]
	}
	about.Name, about.Version = string(rest[:name]), string(rest[name:])
	return about, true
}

// ReadAbout reads the description of an environment, `<name>.about`.
func ReadAbout(envs *folder.Dir, name string) (About, bool) {
	raw, ok := rawAbout(envs, name)
	if !ok {
		return About{}, false
	}
	return DecodeAbout(raw)
}

func rawAbout(envs *folder.Dir, name string) ([]byte, bool) {
	stat, err := envs.Stat(name + ".about")
	if err != nil || stat.Size > maxAbout {
		return nil, false
	}
	raw := make([]byte, stat.Size+1)
	n, _, ok := small(envs, name+".about", raw)
	return raw[:n], ok
}

// SameAbout tells whether the description that is there has exactly these bytes.
func SameAbout(envs *folder.Dir, name string, want []byte) bool {
	raw, ok := rawAbout(envs, name)
	return ok && string(raw) == string(want)
}
