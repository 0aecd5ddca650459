package receipt

import (
	"strings"

	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/record"
)

// Note is what a receipt says to those who do not start its package: whose it is and which environment it names
// (14, 15).
type Note struct {
	// File is its name in `receipts`.
	File string
	// Environment is the name of its work environment.
	Environment string
	PackagePath string
	Trailer     *[layout.TrailerSize]byte
	// Slots are the keys of the shared slots whose roots stand in its stat list, as hexadecimal digits.
	Slots []string
	// Stamp is when the package was last started, in seconds since 1970 (13.6).
	Stamp int64
}

// Notes reads all receipts of a store. Those that are malformed or of another root path are not among them.
func Notes(root *place.Root) ([]Note, error) {
	names, err := root.Receipts.Names()
	if err != nil {
		return nil, place.Fault("cannot read `"+root.Path+"/v1/receipts`", err)
	}
	var notes []Note
	for _, name := range names {
		if note, ok := readNote(root, name); ok {
			notes = append(notes, note)
		}
	}
	return notes, nil
}

func readNote(root *place.Root, name string) (Note, bool) {
	file, err := root.Receipts.Read(name)
	if err != nil {
		return Note{}, false
	}
	defer func() { _ = file.Close() }()
	stat, err := file.Stat()
	if err != nil || !record.Trusted(&stat) || stat.Size > MaxSize {
		return Note{}, false
	}
	raw := make([]byte, stat.Size+1)
	n, err := file.ReadAt(raw, 0)
	if err != nil {
		return Note{}, false
	}
	c, ok := decode(raw[:n])
	if !ok || c.text(c.raw[atRoot:]) != root.Path {
		return Note{}, false
	}
	environment, ok := within(root, c.text(c.raw[atWorkenv:]))
	if !ok {
		return Note{}, false
	}
	var slots []string
	for n := range c.stats.len() {
		if key, ok := strings.CutPrefix(c.text(c.stats.entry(n)), root.Path+"/v1/slots/"); ok {
			key, _, _ = strings.Cut(key, "/")
			slots = append(slots, key)
		}
	}
	return Note{
		File: name, Environment: environment, PackagePath: c.text(c.raw[atPath:]),
		Trailer: c.trailer(), Slots: slots, Stamp: stat.MtimeSeconds,
	}, true
}

// PackageIsThere tells whether the package of a receipt still lies where it lay: a regular file that ends with the
// receipt's trailer (14.3 b).
func (n *Note) PackageIsThere() bool {
	path := n.PackagePath
	end := len(path)
	for end > 0 && path[end-1] != '/' {
		end--
	}
	if end == 0 {
		return false
	}
	dir, err := folder.OpenPath(path[:end])
	if err != nil {
		return false
	}
	defer dir.Close()
	file, err := dir.Read(path[end:])
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	stat, err := file.Stat()
	if err != nil || stat.Kind != folder.Regular || stat.Size < layout.TrailerSize {
		return false
	}
	var trailer [layout.TrailerSize]byte
	length, err := file.ReadAt(trailer[:], int64(stat.Size-layout.TrailerSize))
	return err == nil && length == len(trailer) && trailer == *n.Trailer
}
