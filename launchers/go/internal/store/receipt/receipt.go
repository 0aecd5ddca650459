// Package receipt reads, judges and writes receipts: what lets a start skip the payload of a package (STORE.md 9).
//
// It guarantees that a receipt is taken only if it fits this copy of the package, this store, this boot, this time and
// the trust files as they are, byte by byte (9.4), and that the work environment is held before the last look at it
// (13.2). A receipt vouches for the exec plan and for nothing else (9.7). The package deliberately decodes no metadata,
// hashes nothing and creates nothing when it is asked by a warm start.
package receipt

import (
	"flavorpack-native/launchers/go/internal/layout"
	"flavorpack-native/launchers/go/internal/store/folder"
)

// MaxSize is the length of the longest receipt (9.1).
const MaxSize = 64 << 10

const mark = "FLVRCP02"

// Offsets of the fixed part (9.2).
const (
	atChecksum    = 8
	atLength      = 16
	atStrings     = 20
	atBoot        = 24
	atCreated     = 40
	atFlags       = 52
	atExpiry      = 56
	atPackage     = 64
	atPath        = 112
	atRoot        = 120
	atWorkenv     = 128
	atName        = 136
	atSources     = 144
	atCommands    = 148
	atDefault     = 152
	atStats       = 156
	atArgv        = 160
	atEdits       = 164
	atConditions  = 168
	atZero        = 172
	atTrailer     = 176
	atTables      = atTrailer + layout.TrailerSize
	packageSize   = 48
	identitySize  = 52
	sourceSize    = 64
	commandSize   = 32
	argvSize      = 8
	editSize      = 20
	statSize      = 60
	conditionSize = 20
)

// Flags (9.2).
const (
	flagEachStart = 1
	flagByPath    = 2
)

// none is the length of a string that is not there.
const none = 1<<32 - 1

// Source is a trust file that was consulted (LAUNCH.md 13.2), present or absent.
type Source struct {
	Path     string
	Present  bool
	Identity folder.Identity
	// Unsettled says that a change of the file might leave its identity as it is: it was younger than two seconds or
	// from the future when it was read, or its file system's change times cannot be relied on (9.5).
	Unsettled bool
}

// Package is the package file of a start, as it was when it was opened.
type Package struct {
	// Path is where it lies, links resolved (LAUNCH.md 2.1).
	Path string
	// Stat is what fstat of the open descriptor said.
	Stat folder.Stat
	// Trailer are the last 8200 bytes.
	Trailer *[layout.TrailerSize]byte
}

const digits = "0123456789abcdef"

// prefix is the part of a receipt's name that all copies of a package share: 16 digits of the signature (2.2).
func prefix(into []byte, trailer *[layout.TrailerSize]byte) []byte {
	for _, b := range trailer[layout.MarkerSize+layout.IndexSignature:][:8] {
		into = append(into, digits[b>>4], digits[b&15])
	}
	return append(into, '-')
}
