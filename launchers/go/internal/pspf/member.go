package pspf

// MemberKind is what a member of a tree is.
type MemberKind uint8

// The kinds of members.
const (
	RegularFile MemberKind = iota
	FolderMember
	LinkMember
)

// Member is one member of a slot. Its path and link target obey the rules for names (FORMAT.md §10); where links may
// lead, and whether paths occur twice, shows only when the list is complete.
type Member struct {
	Kind MemberKind
	// Path is relative, without a slash at its end. It is "" for the one file of a slot that holds no tree: where that
	// lies is the store's business (STORE.md 5.9, 8.8).
	Path string
	// Target is that of a link.
	Target string
	// Size is the length of a regular file; -1 where it shows only at the end (a slot that holds no tree).
	Size int64
	// Executable: its owner may execute it. Of a slot that holds no tree the mode is not here but in its entry.
	Executable bool
	// Mode is that of the archive, & 0777; environments of packages of other builders keep it (STORE.md 8.8).
	Mode uint32
}

// TarSink takes the members of one worker, one after another: Begin, the file's content in any number of pieces, End.
// Data is valid only during the call. An error ends the decoding and is handed back as it is.
type TarSink interface {
	Begin(member *Member) error
	Data(piece []byte) error
	End() error
}
