// Package plan holds what a start runs and how its slots take part: the words that the launcher, the store and the
// receipts share (LAUNCH.md 5 and 6, STORE.md 9.2 and 17.1).
//
// It is data only. Who makes a plan is internal/launch, who keeps one is internal/store; nothing here reads a file or a
// variable. Strings are bytes as the system has them, not necessarily UTF-8.
package plan

// Operation is one kind of environment edit, with the number that receipts hold (STORE.md 9.2).
type Operation uint32

// The edits of STORE.md 9.2.
const (
	Unset        Operation = 1 // remove Name
	Set          Operation = 2 // set Name to Value
	Prepend      Operation = 3 // put Value and a colon in front of Name
	SetPackage   Operation = 4 // set Name to the path of the package file
	SetTyped     Operation = 5 // set Name to argv[0] as it was given
	Protect      Operation = 6 // keep what the pattern Name covers from UnsetPattern, from here on
	UnsetPattern Operation = 7 // remove what the pattern Name covers and nothing protects
	Move         Operation = 8 // give the value of Name to Value and remove Name
)

// LastOperation is the highest number that an edit may have.
const LastOperation = Move

// SystemFolders stand behind what Prepend puts in front of a variable that is unset or empty.
const SystemFolders = "/usr/local/bin:/usr/bin:/bin"

// Edit is one change of the user's environment.
type Edit struct {
	Operation Operation
	Name      string
	Value     string
}

// Command is one command of a package with its placeholders replaced.
type Command struct {
	Name string
	// Cwd is the working folder; HasCwd says whether there is one.
	Cwd    string
	HasCwd bool
	Argv   []string
	Edits  []Edit
}

// ConditionKind says what a condition asks of a start (STORE.md 9.2).
type ConditionKind uint32

// The conditions of STORE.md 9.2.
const (
	NotSet    ConditionKind = 1 // the variable Name is not set
	SetTo     ConditionKind = 2 // the variable Name is set to Value
	Directory ConditionKind = 3 // Name is the path of a directory, links followed
)

// Condition is one thing that has to be as it was for a receipt to hold.
type Condition struct {
	Kind  ConditionKind
	Name  string
	Value string
}

// Plan is what a package can start from one work environment.
type Plan struct {
	Package  string
	Workenv  string
	Commands []Command
	// Default is the position of the command that runs unless another is asked for.
	Default    int
	Conditions []Condition
	// EachStart says that each start needs content of the package (LAUNCH.md 3.4).
	EachStart bool
}

// Part is how a slot takes part in a start (STORE.md 17.1).
type Part uint8

// The parts of STORE.md 17.1.
const (
	Shared  Part = iota // in the store, under its key
	Private             // unpacked into the work environment
	Setup               // there while the environment is composed
	Absent              // not unpacked
	Outside             // unpacked elsewhere: for one start, or as data of the user
)
