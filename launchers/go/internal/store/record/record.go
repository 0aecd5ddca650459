// Package record reads and writes the small files beside slots and work environments: records (STORE.md 7), which say
// that a folder is whole, and descriptions (13.5), which say what an environment refers to.
//
// It guarantees that both are taken only as regular files of one link that nobody else may write (3.4), and only if
// every byte of them fits. The checksum is against faults, not against people (9.3): whoever can write the store can
// write a record. It deliberately does not judge the folder that a record is about.
package record

import (
	"encoding/binary"
	"encoding/hex"

	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
)

// Size is the length of a record (7.1).
const Size = 128

const mark = "FLVREC01"

// Record says that a folder was put into the store whole (7.1).
type Record struct {
	Boot    Boot
	Device  uint64
	Inode   uint64
	Bytes   uint64
	Members uint64
	// About is what the folder is: the slot's key, or what 7.1 and 8.7 say of an environment.
	About [32]byte
}

// Checksum is that of 9.3. Any change within eight aligned bytes changes it.
func Checksum(data []byte) uint64 {
	sum := uint64(0xcbf29ce484222325)
	for len(data) > 0 {
		var word uint64
		if len(data) >= 8 {
			word, data = binary.LittleEndian.Uint64(data), data[8:]
		} else {
			var last [8]byte
			copy(last[:], data)
			word, data = binary.LittleEndian.Uint64(last[:]), nil
		}
		sum = (sum ^ word) * 0x100000001b3
		sum ^= sum >> 32
	}
	return sum
}

// Encode gives the bytes of 7.1.
func (r *Record) Encode() [Size]byte {
	var raw [Size]byte
	copy(raw[:], mark)
	copy(raw[16:], r.Boot[:])
	little := binary.LittleEndian
	little.PutUint64(raw[32:], r.Device)
	little.PutUint64(raw[40:], r.Inode)
	little.PutUint64(raw[48:], r.Bytes)
	little.PutUint64(raw[56:], r.Members)
	copy(raw[64:], r.About[:])
	little.PutUint64(raw[8:], Checksum(raw[16:]))
	return raw
}

// Decode reads the bytes of 7.1; it does not know what the record should be about.
func Decode(raw []byte) (Record, bool) {
	little := binary.LittleEndian
	if len(raw) != Size || string(raw[:8]) != mark || little.Uint64(raw[8:]) != Checksum(raw[16:]) {
		return Record{}, false
	}
	if [32]byte(raw[96:128]) != [32]byte{} {
		return Record{}, false
	}
	return Record{
		Boot:   Boot(raw[16:32]),
		Device: little.Uint64(raw[32:]), Inode: little.Uint64(raw[40:]),
		Bytes: little.Uint64(raw[48:]), Members: little.Uint64(raw[56:]),
		About: [32]byte(raw[64:96]),
	}, true
}

// Read reads the record of the folder name in a folder of the store, `<name>.record`. It is there only if it is valid
// (7.2): about what was asked for, and of the very directory that lies beside it.
func Read(in *folder.Dir, name string, about [32]byte) (Record, bool) {
	found, ok := Peek(in, name)
	if !ok || found.About != about {
		return Record{}, false
	}
	stat, err := in.Stat(name)
	if err != nil || stat.Kind != folder.Directory || stat.Device != found.Device || stat.Inode != found.Inode {
		return Record{}, false
	}
	return found, true
}

// Peek reads a record without looking at what it is about and at the folder beside it.
func Peek(in *folder.Dir, name string) (Record, bool) {
	var raw [Size + 1]byte
	n, _, ok := small(in, name+".record", raw[:])
	if !ok {
		return Record{}, false
	}
	return Decode(raw[:n])
}

// Write puts the record of the folder name in place: into staging, then renamed (6.1). Device and inode are those of
// the folder as it lies there.
func Write(staging *place.Staging, in *folder.Dir, name string, r Record) error {
	stat, err := in.Stat(name)
	if err != nil {
		return place.Fault("cannot look at `"+name+"`", err)
	}
	r.Device, r.Inode = stat.Device, stat.Inode
	raw := r.Encode()
	return Publish(staging, in, name+".record", raw[:])
}

// Publish writes a file into staging and renames it to its name, so that nobody ever sees a part of it.
func Publish(staging *place.Staging, in *folder.Dir, name string, data []byte) error {
	temporary := staging.Name("file")
	file, err := staging.Dir.Create(temporary, 0o600)
	if err == nil {
		_, err = file.Write(data)
		if failed := file.Close(); err == nil {
			err = failed
		}
	}
	if err == nil {
		err = staging.Dir.Rename(temporary, in, name)
	}
	if err != nil {
		_ = staging.Dir.Unlink(temporary)
		return place.Fault("cannot write `"+name+"`", err)
	}
	return nil
}

// small reads a file that 3.4 allows into a buffer, with one call. A file that fills the buffer is too long.
func small(in *folder.Dir, name string, into []byte) (int, folder.Stat, bool) {
	file, err := in.Read(name)
	if err != nil {
		return 0, folder.Stat{}, false
	}
	defer func() { _ = file.Close() }()
	stat, err := file.Stat()
	if err != nil || !Trusted(&stat) {
		return 0, stat, false
	}
	n, err := file.ReadAt(into, 0)
	return n, stat, err == nil && n < len(into)
}

// Trusted tells whether 3.4 lets a file of the store count.
func Trusted(stat *folder.Stat) bool {
	return stat.Kind == folder.Regular && stat.Links == 1 && stat.Owner == folder.EffectiveUser() && !stat.WritableByOthers()
}

// Hex gives lower-case digits.
func Hex(data []byte) string { return hex.EncodeToString(data) }
