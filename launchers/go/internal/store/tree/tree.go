// Package tree turns the members of slots into files and folders, and compares files and folders with members.
//
// It guarantees that nothing is created but below the folder it was given, relative to descriptors and never through a
// link (STORE.md 5.3, S14), that links are created last and only after the finished member list was judged (5.4, 5.5),
// and that writing stops as soon as a slot holds more than it announced (5.6). It deliberately knows no package: what
// decodes a slot hands it members, by as many workers as it likes. It changes no mode afterwards and syncs nothing;
// the umask is the business of the process.
package tree

import (
	"strconv"
	"strings"
	"sync/atomic"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/pspf"
)

// Modes of the profile `unix-1` (4.2).
const (
	FolderMode = 0o755
	plainMode  = 0o644
	executable = 0o755
)

// Totals are bytes of regular files, and members of any kind.
type Totals struct{ Bytes, Members int64 }

// Rules say how one slot's members become files.
type Rules struct {
	// Totals are what the slot announces; it MUST hold exactly that (5.6).
	Totals Totals
	// Open: the totals are limits for what all slots of a package hold together, not what this one announces (8.9).
	Open bool
	// Implied: folders that the archive only implies are made, and are folders for 5.5 (5.8).
	Implied bool
	// Conflict is the code of what stands in the way of a member: ERR_STORE_LINK unless several slots share a folder.
	Conflict code.Code
	// File is path and mode of the one file of a slot without tar (5.9).
	File     string
	FileMode uint32
	// Archived: modes are those of the archive, not of the profile (8.8).
	Archived bool
	// Names is the system by whose rules names are judged, as pspf.JudgeNames has it: that of the target, and `darwin` for
	// any other one where case is ignored; "" where each spelling is a name of its own (5.11).
	Names string
	// Overlay knows what earlier slots put into the same folder, where they may meet (8.9); Slot is this one's number.
	Overlay *Overlay
	Slot    int
}

// mode is that of a file or folder.
func (r *Rules) mode(member *pspf.Member) uint32 {
	switch {
	case member.Path == "":
		return r.FileMode
	case r.Archived && member.Kind == pspf.FolderMember:
		return member.Mode&0o777 | 0o700
	case r.Archived:
		return member.Mode & 0o777
	case member.Kind == pspf.FolderMember:
		return FolderMode
	case member.Executable:
		return executable
	}
	return plainMode
}

func (r *Rules) path(member *pspf.Member) string {
	if member.Path == "" {
		return r.File
	}
	return member.Path
}

func (r *Rules) conflict(path, reason string) error {
	c := r.Conflict
	if c == "" {
		c = code.StoreLink
	}
	return code.New(c, "the member "+quoted(path)+" "+reason)
}

func quoted(path string) string { return strconv.Quote(path) }

// Item is one member of a finished list.
type Item struct {
	Path, Target string
	Kind         pspf.MemberKind
}

// count adds up what workers met, and tells when it is too much.
type count struct {
	bytes, members atomic.Int64
}

func (c *count) member(r *Rules) error {
	if n := c.members.Add(1); n > r.Totals.Members {
		return exceeded(r, "members", n, r.Totals.Members)
	}
	return nil
}

func (c *count) data(r *Rules, length int) error {
	if n := c.bytes.Add(int64(length)); n > r.Totals.Bytes {
		return exceeded(r, "bytes", n, r.Totals.Bytes)
	}
	return nil
}

func exceeded(r *Rules, what string, got, limit int64) error {
	if r.Open {
		return code.New(code.PspfLimit, "the package unpacks to more "+what+" than a package may: more than "+strconv.FormatInt(limit, 10))
	}
	return code.New(code.StoreUnpacked, "a slot unpacks to more "+what+" than it announces (got "+strconv.FormatInt(got, 10)+
		" or more, expected "+strconv.FormatInt(limit, 10)+")")
}

// finished compares the totals of a whole slot (5.6).
func (c *count) finished(r *Rules) error {
	bytes, members := c.bytes.Load(), c.members.Load()
	if r.Open || (bytes == r.Totals.Bytes && members == r.Totals.Members) {
		return nil
	}
	return code.New(code.StoreUnpacked, "a slot does not unpack to what it announces (got "+strconv.FormatInt(bytes, 10)+
		" bytes in "+strconv.FormatInt(members, 10)+" members, expected "+strconv.FormatInt(r.Totals.Bytes, 10)+" in "+
		strconv.FormatInt(r.Totals.Members, 10)+")")
}

// split takes a path apart into its folder, "" at the root, and its last component.
func split(path string) (folder, name string) {
	slash := strings.LastIndexByte(path, '/')
	if slash < 0 {
		return "", path
	}
	return path[:slash], path[slash+1:]
}
