// Package launch is all that happens between opening a package and its program: warm and cold starts, commands, the
// environment, lifecycles, the waiting parent, and packages that are started as their `execution` says (LAUNCH.md).
//
// It guarantees the order of LAUNCH.md 3, 4 and 16.1: nothing of a package runs before all of it was verified, and a
// warm start reads the trailer and the receipt and nothing else. It deliberately does not know how a store keeps what it
// keeps (internal/store), whose packages may start (internal/trust), or what the tools print (internal/tool).
package launch

import (
	"strings"
	"time"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/environment"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/store/place"
	"flavorpack-native/launchers/go/internal/store/receipt"
	"flavorpack-native/launchers/go/internal/tell"
	"flavorpack-native/launchers/go/internal/validation"
)

// Start is one start of a package file, from its first descriptor on.
type Start struct {
	Begun time.Time
	// Opened is the clock before the package file was opened.
	Opened    time.Time
	Variables *environment.Variables
	// Typed is argv[0] as it was given; Arguments are those of the program.
	Typed     string
	Arguments []string
	Teller    *tell.Teller
	Level     validation.Level

	File *File
	// Path leads to the file without links (LAUNCH.md 2.1).
	Path    string
	Stat    folder.Stat
	Trailer pspf.Trailer
}

// Log is where the start tells what it does.
func (s *Start) Log() *tell.Log { return s.Teller.Log() }

// Lookup gives variables of the user.
func (s *Start) Lookup() place.Lookup { return s.Variables.Get }

// Read looks at the file: its identity and its last 8200 bytes (LAUNCH.md 2.2, 2.3). The error is
// ERR_PSPF_NOT_A_PACKAGE for a file that has no trailer.
func (s *Start) Read() error {
	var err error
	if s.Stat, err = s.File.Stat(); err != nil {
		return code.Wrap(code.PspfIO, "cannot read `"+s.Path+"`", err)
	}
	return pspf.ReadTrailer(s.File, int64(s.Stat.Size), &s.Trailer)
}

// asPackage is the package file in the store's words.
func (s *Start) asPackage() *receipt.Package {
	return &receipt.Package{Path: s.Path, Stat: s.Stat, Trailer: (*[len(s.Trailer)]byte)(&s.Trailer)}
}

// ReadLevel reads FLAVOR_VALIDATION, before a file is opened (LAUNCH.md 9.1).
func (s *Start) ReadLevel() error {
	level, known := validation.Parse(s.Variables.Value("FLAVOR_VALIDATION"))
	if !known {
		// The value is not shown (LAUNCH.md 6.3).
		return code.New(code.LaunchValidation,
			"FLAVOR_VALIDATION has a value that is not known, expected full, strict, standard, relaxed, minimal or none")
	}
	s.Level = level
	return nil
}

// Run starts the program. It returns only if that failed, with the error that is to be told.
func (s *Start) Run() error {
	doubted := false
	if s.Level == validation.Strict {
		answer, root := s.FindReceipt()
		if answer.Receipt != nil {
			return s.warm(answer.Receipt, root)
		}
		doubted = answer.Doubted
	}
	return s.cold(doubted)
}

// baseName is what stands behind the last slash of a path.
func baseName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// BaseName is the name that is told under until the signature held (LAUNCH.md 10.1).
func BaseName(path string) string { return baseName(path) }
