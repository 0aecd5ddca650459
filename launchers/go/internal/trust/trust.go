// Package trust reads trust files and decides whether the signer of a package may start it (LAUNCH.md 13).
//
// It guarantees that the strictest of all sources wins (S2), that a trust file which exists but cannot be read, believed
// or parsed whole refuses every package, and that a decision names every source it consulted, absent ones too, so that
// a receipt can tell when it no longer holds (S20). It deliberately knows no variable that would leave the decision out,
// writes nothing, and stops no file that is started directly: a hostile file brings its own launcher (S1).
package trust

import (
	"time"

	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/receipt"
)

// systemPath is compiled in: no variable moves the file that binds all users (S2).
const systemPath = "/etc/flavor/trust.json"

// Mode is what the trust files ask for.
type Mode uint8

// The modes from the mildest to the strictest (13.6).
const (
	Integrity Mode = iota
	Require
)

// String is the word of the trust files.
func (m Mode) String() string {
	if m == Require {
		return "require"
	}
	return "integrity"
}

// Paths lists the sources that a start names, in their order (13.2). A warm start compares its receipt with them.
func Paths(lookup place.Lookup) []string { return paths(systemPath, lookup) }

func paths(system string, lookup place.Lookup) []string {
	user := ""
	if path, ok := lookup.Absolute("FLAVOR_CONFIG_DIR"); ok {
		user = place.Below(path, "trust.json")
	} else if path, ok := place.UserFolder(lookup, "XDG_CONFIG_HOME"); ok {
		user = place.Below(path, "flavor/trust.json")
	} else if path, ok := place.Home(lookup); ok {
		user = place.Below(path, ".config/flavor/trust.json")
	}
	if user == "" || user == system {
		return []string{system}
	}
	return []string{system, user}
}

// Files are the trust files of a start, read and believed.
type Files struct {
	sources []source
}

type source struct {
	receipt.Source
	system   bool
	document document
}

// Read reads the sources of 13.2. Whatever is there and cannot be believed is ERR_TRUST_FILE.
func Read(lookup place.Lookup, now time.Time) (*Files, error) { return read(systemPath, lookup, now) }

func read(system string, lookup place.Lookup, now time.Time) (*Files, error) {
	files := &Files{}
	for _, path := range paths(system, lookup) {
		s := source{Source: receipt.Source{Path: path}, system: path == system}
		owner := place.OwnerOrRoot()
		if s.system {
			owner = func(user uint32) bool { return user == 0 }
		}
		if err := s.read(owner, now); err != nil {
			return nil, err
		}
		files.sources = append(files.sources, s)
	}
	return files, nil
}

// Sources are what a receipt holds of the decision (13.10).
func (f *Files) Sources() []receipt.Source {
	sources := make([]receipt.Source, 0, len(f.sources))
	for at := range f.sources {
		sources = append(sources, f.sources[at].Source)
	}
	return sources
}

// Mode is the strictest of all sources, integrity without any (13.6).
func (f *Files) Mode() Mode {
	mode := Integrity
	for at := range f.sources {
		mode = max(mode, f.sources[at].document.mode)
	}
	return mode
}

func (s *source) read(owner func(uint32) bool, now time.Time) error {
	if _, err := folder.StatLink(s.Path); place.Missing(err) {
		return nil
	} else if err != nil {
		return s.refuse("it cannot be looked at", err)
	}
	end, err := place.Way{Owner: owner}.Walk(s.Path)
	if err != nil {
		return s.refuse("the way to it cannot be believed", err)
	}
	defer end.Close()
	file, err := end.Dir.Read(end.Name)
	if err != nil {
		return s.refuse("it cannot be opened", err)
	}
	defer func() { _ = file.Close() }()
	text, stat, reason := believed(file, owner)
	if reason != "" {
		return s.refuse(reason, nil)
	}
	disk, err := file.OnFileSystem()
	s.Present, s.Identity = true, stat.Identity
	s.Unsettled = err != nil || !disk.ReliableTimes || receipt.IsUnsettled(&stat, now)
	return s.parse(text)
}

// maxFile is the length of the longest trust file (13.3).
const maxFile = 1 << 20

// believed reads a file and says why it is not to be believed (13.3), or "".
func believed(file *folder.File, owner func(uint32) bool) ([]byte, folder.Stat, string) {
	stat, err := file.Stat()
	switch {
	case err != nil:
		return nil, stat, "it cannot be looked at"
	case stat.Kind != folder.Regular:
		return nil, stat, "it is no regular file"
	case !owner(stat.Owner):
		return nil, stat, "it belongs to somebody else"
	case stat.WritableByOthers():
		return nil, stat, "others may write it"
	case stat.Size > maxFile:
		return nil, stat, "it is longer than 1 MiB"
	}
	text := make([]byte, stat.Size+1)
	length := 0
	for length < len(text) {
		n, err := file.Read(text[length:])
		if err != nil {
			return nil, stat, "it cannot be read"
		}
		if n == 0 {
			break
		}
		length += n
	}
	after, err := file.Stat()
	if err != nil || after.Identity != stat.Identity || uint64(length) != stat.Size {
		return nil, stat, "it was changed while it was read"
	}
	return text[:length], stat, ""
}
