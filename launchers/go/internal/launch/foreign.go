package launch

import (
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/environment"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store"
	"flavorpack-native/launchers/go/internal/words"
)

// foreigner plans packages that are started as their `execution` says: those of other builders and plain ones of ours
// (LAUNCH.md 16).
type foreigner struct {
	pkg *pspf.Package
	// says is what the metadata has for such packages alone.
	says *pspf.Private
	// words are those of the command, placeholders not replaced yet.
	words []string
}

// attestation is the slot that is never unpacked (STORE.md 8.8).
const attestation = "_attestation"

func newForeigner(p *pspf.Package) (*foreigner, error) {
	says, err := p.Metadata().Private()
	if err != nil {
		return nil, err
	}
	split, err := words.Split(p.Metadata().Execution.Command)
	if err != nil {
		return nil, code.Wrap(code.LaunchForeign, "the command of the package cannot be split into words", err)
	}
	return &foreigner{pkg: p, says: says, words: split}, nil
}

// form stands for the environment's path, which is not known before a place was taken. No text of a package can lead to
// it but by the placeholder: `{workenv}` in a text is replaced.
const form = "/{workenv}"

// check refuses what cannot be carried out, before anything is unpacked (LAUNCH.md 16.1): what no placeholder replaces
// rightly, and paths that leave the environment by their words alone (STORE.md 8.11).
func (f *foreigner) check() error {
	metadata := f.pkg.Metadata()
	if err := environment.Check(&metadata.Runtime); err != nil {
		return err
	}
	for _, pairs := range f.tables() {
		if err := environment.CheckNames(pairs); err != nil {
			return err
		}
	}
	if _, err := f.plan(form); err != nil {
		return err
	}
	directories, err := f.directories(form)
	if err != nil {
		return err
	}
	for n := range directories {
		if _, err := store.Inside(directories[n].Path, form); err != nil {
			return err
		}
	}
	setup, err := f.setup()
	if err != nil {
		return err
	}
	if err := setup.check(form); err != nil {
		return err
	}
	path, _, err := f.validation(form)
	if err == nil {
		_, err = store.Inside(path, form)
	}
	return err
}

// tables are the package's variables whose placeholders are replaced, in their order (LAUNCH.md 16.6).
func (f *foreigner) tables() [][]pspf.Pair {
	execution := &f.pkg.Metadata().Execution
	return [][]pspf.Pair{f.says.Workenv.Env, execution.Environment, execution.Env}
}

// plan makes the plan of the one command (LAUNCH.md 16.5).
func (f *foreigner) plan(workenv string) (*plan.Plan, error) {
	argv := make([]string, len(f.words))
	for n, word := range f.words {
		var err error
		if argv[n], err = f.replace(word, workenv, false); err != nil {
			return nil, err
		}
	}
	var err error
	if argv[0], err = programWord(argv[0], workenv); err != nil {
		return nil, err
	}
	edits, err := f.edits(workenv, false)
	if err != nil {
		return nil, err
	}
	name := f.pkg.Metadata().Name
	return &plan.Plan{
		Package: name, Workenv: workenv,
		Commands: []plan.Command{{Name: name, Argv: argv, Edits: edits}},
	}, nil
}

// edits are those of LAUNCH.md 16.6. What the launcher says comes last, so the package cannot take its variables.
func (f *foreigner) edits(workenv string, setup bool) ([]plan.Edit, error) {
	metadata := f.pkg.Metadata()
	made := environment.Inherited(&metadata.Runtime)
	for _, pair := range metadata.Runtime.Set {
		made = append(made, plan.Edit{Operation: plan.Set, Name: pair.Name, Value: pair.Text})
	}
	for _, pairs := range f.tables() {
		for _, pair := range pairs {
			value, err := f.replace(pair.Text, workenv, setup)
			if err != nil {
				return nil, err
			}
			made = append(made, plan.Edit{Operation: plan.Set, Name: pair.Name, Value: value})
		}
	}
	made = append(made, ownVariables(metadata, workenv, metadata.Name)...)
	made = append(made, plan.Edit{Operation: plan.Prepend, Name: "PATH", Value: workenv + "/bin"})
	return append(made, lastEdits()...), nil
}

// replace replaces the placeholders of LAUNCH.md 16.2.
func (f *foreigner) replace(text, workenv string, setup bool) (string, error) {
	metadata := f.pkg.Metadata()
	return words.Replace(text, func(name string) (string, bool, error) {
		switch name {
		case "workenv":
			return workenv, true, nil
		case "package_name":
			return metadata.Name, true, nil
		case "version":
			return metadata.Version, true, nil
		case "os":
			return OS, true, nil
		case "arch":
			return Arch, true, nil
		case "platform":
			return OS + "_" + Arch, true, nil
		case "primary":
			path, err := f.slotPath(metadata.Execution.PrimarySlot, name, workenv, setup)
			return path, true, err
		}
		digits, isSlot := strings.CutPrefix(name, words.SlotPrefix)
		if !isSlot {
			return "", false, nil
		}
		if !allDigits(digits) {
			return "", true, foreignError("the placeholder `{" + name + "}` has no number of a slot")
		}
		number, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			number = -1
		}
		path, err := f.slotPath(number, name, workenv, setup)
		return path, true, err
	})
}

func allDigits(text string) bool {
	for at := range len(text) {
		if text[at] < '0' || text[at] > '9' {
			return false
		}
	}
	return text != ""
}

// slotPath is the environment's path and the target of a slot.
func (f *foreigner) slotPath(number int64, name, workenv string, setup bool) (string, error) {
	slots := f.pkg.Slots()
	if number < 0 || number >= int64(len(slots)) {
		return "", foreignError("the placeholder `{" + name + "}` names no slot, there are " + strconv.Itoa(len(slots)))
	}
	slot := &slots[number]
	switch {
	case slot.Entry.ID == attestation, slot.Entry.SelfRef:
		return "", foreignError("the placeholder `{" + name + "}` names a slot that is not unpacked: " + SlotTitle(int(number), slot))
	case slot.Entry.Lifecycle == "init" && !setup:
		return "", foreignError("the placeholder `{" + name + "}` names a slot that is there during setup only: " + SlotTitle(int(number), slot))
	}
	if target := cleanTarget(slot.Entry.Target); target != "" {
		return workenv + "/" + target, nil
	}
	return workenv, nil
}

// cleanTarget takes `{workenv}`, empty and `.` components out of a target (STORE.md 8.8). What leaves the environment is
// the store's error.
func cleanTarget(target string) string {
	if rest, found := strings.CutPrefix(target, "{workenv}"); found && (rest == "" || rest[0] == '/') {
		target = rest
	}
	var kept []string
	for _, component := range strings.Split(target, "/") {
		if component != "" && component != "." {
			kept = append(kept, component)
		}
	}
	return strings.Join(kept, "/")
}

// programWord gives the first word of a command as it is started (LAUNCH.md 16.4): one that holds a slash and is not
// absolute lies below the environment and stands for its absolute path there, as argv[0] and in the receipt too, which
// other launchers read. Only a name without a slash is looked for on PATH.
func programWord(word, workenv string) (string, error) {
	switch {
	case word == "":
		return "", foreignError("the program of a command has no name")
	case strings.HasPrefix(word, workenv+"/"):
		_, err := store.Inside(word, workenv)
		return word, err
	case word[0] == '/' || !strings.Contains(word, "/"):
		return word, nil
	}
	inside, err := store.Inside(word, workenv)
	return workenv + "/" + inside, err
}

func foreignError(what string) error { return code.New(code.LaunchForeign, what) }
