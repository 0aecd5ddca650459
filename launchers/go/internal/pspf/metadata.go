package pspf

// Pair is a name and its text: a variable, or a rule about one. Lists of pairs are sorted by name.
type Pair struct{ Name, Text string }

// Metadata is the signed document (FORMAT.md §5), as far as its keys have a meaning.
type Metadata struct {
	FormatVersion string
	Name          string
	Version       string
	Description   string
	Slots         []SlotEntry
	Execution     Execution
	Runtime       RuntimeEnv

	private privateParts
}

// SlotEntry is one element of `slots`. What is absent is "" or 0, except where a pointer says it.
type SlotEntry struct {
	Slot        int64
	ID          string
	Source      string
	Target      string
	Size        int64
	Checksum    string
	Operations  string
	Purpose     string
	Lifecycle   string
	Platform    string
	Permissions *string
	SelfRef     bool
}

// Execution is what launchers of other projects start; PrimarySlot is 0 where it is absent.
type Execution struct {
	Command     string
	PrimarySlot int64
	Env         []Pair
	Environment []Pair
}

// RuntimeEnv is `runtime.env`: edits of the inherited environment.
type RuntimeEnv struct {
	Pass  []string
	Unset []string
	Map   []Pair
	Set   []Pair
}

// Flavor is the x-flavor block (FORMAT.md §6) of a package of ours.
type Flavor struct {
	Target    Target
	Launcher  Launcher
	Alignment int64 // 8, 4096 or 16384
	Slots     []FlavorSlot
	Compose   Composition
	Commands  []Command // sorted by name; nil in a plain package
	Default   string
	Signer    Signer
}

// IsPlain reports whether the package is started as its execution says (LAUNCH.md 16).
func (f *Flavor) IsPlain() bool { return f.Commands == nil }

// Command is the command of that name, or nil.
func (f *Flavor) Command(name string) *Command {
	for i := range f.Commands {
		if f.Commands[i].Name == name {
			return &f.Commands[i]
		}
	}
	return nil
}

// Target is the platform that the content is for.
type Target struct {
	OS, Arch, Libc string
	Floor          []Pair
}

// Launcher is what stands at the head of the file.
type Launcher struct {
	Kind, Version string
	Size          int64
	SHA256        [32]byte
}

// FlavorSlot says of a slot what the original's entry cannot.
type FlavorSlot struct {
	Role    string
	Share   bool
	Bytes   int64
	Members int64
	// Frames is nil where the key is absent.
	Frames []Frame
}

// Frame is one entry of a frame table (FORMAT.md §9).
type Frame struct {
	Stored, Content int64
	SHA256          [32]byte
}

// Composition is x-flavor's `workenv`: how the work environment is composed. It obeys rules 1 to 5 of FORMAT.md §6.
type Composition struct {
	Unpack []Unpack
	Links  []Link
	Files  []File
	Path   []string
}

// Unpack puts a private slot into a folder of the work environment; Into is "" for the environment itself.
type Unpack struct {
	Slot int
	Into string
}

// Link leads from the work environment to a member of a shared slot; To is "" for its root.
type Link struct {
	Path string
	Slot int
	To   string
	Copy bool
}

// File is a generated text file; Mode is 0644 or 0755.
type File struct {
	Path, Content string
	Mode          uint32
}

// Command is an argument vector, never split, never given to a shell.
type Command struct {
	Name string
	Argv []string
	Env  []Pair
	Cwd  *string
}

// Signer says which key signs. Claims are never trusted, only shown.
type Signer struct {
	Key    [32]byte
	Claims string
	Serial *int64
}
