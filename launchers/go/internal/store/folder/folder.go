// Package folder reaches files and folders relative to descriptors.
//
// Everything the store does below its root goes through a [Dir]: one name at a
// time, never through a link (STORE.md 3.3, 5.3). What a check was made on is
// therefore what is worked on, whatever is renamed in between. Removal goes by
// descriptors too and never follows a link (S15).
//
// Errors are those of the system, without a path: the caller knows what it
// asked for and says so. The package decides nothing about owners or modes,
// and it does not know what the store is.
package folder

import "errors"

// ErrNotHere is what every call answers on a system whose rules for stores are
// not written yet (STORE.md 12).
var ErrNotHere = errors.New("stores on this system are not there yet")

// Kind is what stands under a name.
type Kind uint8

// The kinds of things that the store tells apart.
const (
	Other Kind = iota // pipes, sockets, devices
	Regular
	Directory
	Link
)

// Identity says which file it is and which state it is in (STORE.md 9.2): the
// same identity at two times means the same bytes, on file systems whose change
// times can be relied on.
type Identity struct {
	Device, Inode, Size uint64
	MtimeSeconds        int64
	MtimeNanoseconds    uint32
	CtimeSeconds        int64
	CtimeNanoseconds    uint32
}

// Stat is what the store asks about a file.
type Stat struct {
	Identity
	Kind  Kind
	Mode  uint32 // permission bits, set-id and sticky bits: & 07777
	Links uint64
	Owner uint32
}

// WritableByOthers tells whether group or others may write.
func (s *Stat) WritableByOthers() bool { return s.Mode&0o022 != 0 }

// Sticky tells whether only owners may rename and remove what lies in it.
func (s *Stat) Sticky() bool { return s.Mode&0o1000 != 0 }

// FileSystem is what is known about the file system that a folder lies on.
type FileSystem struct {
	ReadOnly, NoExecute bool
	FreeBytes           uint64
	// FreeInodes is meant only where CountsInodes.
	FreeInodes   uint64
	CountsInodes bool
	// ReliableTimes: a change of a file always changes its change time
	// (STORE.md 9.5).
	ReliableTimes bool
}
