package launch

import (
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/environment"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/words"
)

// Places is where the work environment and the slots lie at a start.
type Places struct {
	Workenv string
	// Slot gives the place of a shared slot, and of one that lies outside store and environment.
	Slot func(n int) string
}

// planner makes the exec plan of a package with commands (LAUNCH.md 5 and 6).
type planner struct {
	pkg   *pspf.Package
	roles *Roles
}

// formPlaces stand for places that are not known yet: the form of a plan does not depend on them.
func formPlaces() *Places {
	return &Places{Workenv: "/w", Slot: func(n int) string { return "/s/" + strconv.Itoa(n) }}
}

// check refuses what is not supported, before anything is unpacked (LAUNCH.md 4.5).
func (m *planner) check() error {
	metadata, flavor := m.pkg.Metadata(), m.pkg.Flavor()
	if err := environment.Check(&metadata.Runtime); err != nil {
		return err
	}
	if err := environment.CheckNames(metadata.Execution.Env); err != nil {
		return err
	}
	for n := range flavor.Commands {
		command := &flavor.Commands[n]
		if err := environment.CheckNames(command.Env); err != nil {
			return err
		}
		if err := checkProgram(command); err != nil {
			return err
		}
	}
	_, err := m.plan(formPlaces())
	return err
}

// checkProgram refuses programs that need not be the package's own (LAUNCH.md 5.3).
func checkProgram(command *pspf.Command) error {
	word := ""
	if len(command.Argv) > 0 {
		word = command.Argv[0]
	}
	rest, ours := strings.CutPrefix(word, "{workenv}/")
	if !ours {
		if after, slot := strings.CutPrefix(word, "{"+words.SlotPrefix); slot {
			number, behind, closed := strings.Cut(after, "}/")
			rest, ours = behind, closed && words.Number(number) >= 0
		}
	}
	if !ours || strings.Trim(rest, "/") == "" {
		return unsupported(command, "expected one that begins with `{workenv}/` or `{slot:N}/`")
	}
	for _, component := range strings.Split(rest, "/") {
		if component == ".." {
			return unsupported(command, "expected one without `..`")
		}
	}
	return nil
}

func unsupported(command *pspf.Command, what string) error {
	word := ""
	if len(command.Argv) > 0 {
		word = command.Argv[0]
	}
	return code.New(code.LaunchEnvironment, "the command `"+command.Name+"` starts a program that need not be the package's, "+what+": `"+word+"`")
}

// plan makes the whole plan. Commands that do not exist at this start are left out of it.
func (m *planner) plan(at *Places) (*plan.Plan, error) {
	flavor, metadata := m.pkg.Flavor(), m.pkg.Metadata()
	made := &plan.Plan{Package: metadata.Name, Workenv: at.Workenv, Default: -1, EachStart: m.roles.EachStart()}
	for n := range flavor.Commands {
		command, there, err := m.command(&flavor.Commands[n], at, -1)
		if err != nil {
			return nil, err
		}
		if !there {
			continue
		}
		if command.Name == flavor.Default {
			made.Default = len(made.Commands)
		}
		made.Commands = append(made.Commands, command)
	}
	if made.Default < 0 {
		return nil, code.New(code.LaunchLifecycle,
			"the default command `"+flavor.Default+"` names a slot that is not there at this start")
	}
	return made, nil
}

// command makes one command, and tells whether it exists at this start (LAUNCH.md 14.3). ended is the slot of the
// shutdown whose command it is, -1 while the program runs.
func (m *planner) command(from *pspf.Command, at *Places, ended int) (made plan.Command, there bool, err error) {
	leftOut := false
	text := func(source string) (string, error) {
		leftOut = false
		return words.Replace(source, func(name string) (string, bool, error) {
			if name == "workenv" {
				return at.Workenv, true, nil
			}
			number, isSlot := strings.CutPrefix(name, words.SlotPrefix)
			if !isSlot {
				return "", false, nil
			}
			n, err := m.named(number)
			if err != nil {
				return "", false, err
			}
			if m.roles.leftOut[n] && n != ended {
				leftOut = true
				return "", true, nil
			}
			return at.Slot(n), true, nil
		})
	}
	made = plan.Command{Name: from.Name, Argv: make([]string, len(from.Argv))}
	for n, word := range from.Argv {
		if made.Argv[n], err = text(word); err != nil || leftOut {
			return made, false, err
		}
	}
	if from.Cwd != nil {
		made.HasCwd = true
		if made.Cwd, err = text(*from.Cwd); err != nil || leftOut {
			return made, false, err
		}
	}
	set := func(pairs []pspf.Pair) error {
		for _, pair := range pairs {
			value, err := text(pair.Text)
			if err != nil {
				return err
			}
			if !leftOut {
				made.Edits = append(made.Edits, plan.Edit{Operation: plan.Set, Name: pair.Name, Value: value})
			}
		}
		return nil
	}
	metadata := m.pkg.Metadata()
	made.Edits = append(environment.Inherited(&metadata.Runtime), ownVariables(metadata, at.Workenv, from.Name)...)
	if folders := m.pkg.Flavor().Compose.Path; len(folders) > 0 {
		made.Edits = append(made.Edits, plan.Edit{Operation: plan.Prepend, Name: "PATH", Value: inFront(at.Workenv, folders)})
	}
	for _, pairs := range [][]pspf.Pair{metadata.Runtime.Set, metadata.Execution.Env, from.Env} {
		if err := set(pairs); err != nil {
			return made, false, err
		}
	}
	made.Edits = append(made.Edits, lastEdits()...)
	return made, true, nil
}

// named reads the number of a placeholder, and refuses slots that have no place (LAUNCH.md 14.3, STORE.md 8.4).
func (m *planner) named(number string) (int, error) {
	n := words.Number(number)
	slots := m.pkg.Slots()
	if n < 0 || n >= len(slots) {
		return 0, code.New(code.LaunchLifecycle, "the placeholder `{slot:"+number+"}` names no slot, there are "+strconv.Itoa(len(slots)))
	}
	switch {
	case m.roles.leftOut[n], m.roles.Parts[n] == plan.Shared, m.roles.Parts[n] == plan.Outside:
		return n, nil
	}
	return 0, code.New(code.StoreComposition,
		"the placeholder `{slot:"+number+"}` names a slot that has no place of its own: "+SlotTitle(n, &slots[n]))
}

// ownVariables are those of LAUNCH.md 6.1.2.
func ownVariables(metadata *pspf.Metadata, workenv, command string) []plan.Edit {
	return []plan.Edit{
		{Operation: plan.Set, Name: "FLAVOR_WORKENV", Value: workenv},
		{Operation: plan.SetPackage, Name: "FLAVOR_PACKAGE"},
		{Operation: plan.Set, Name: "FLAVOR_PACKAGE_NAME", Value: metadata.Name},
		{Operation: plan.Set, Name: "FLAVOR_VERSION", Value: metadata.Version},
		{Operation: plan.Set, Name: "FLAVOR_COMMAND_NAME", Value: command},
		{Operation: plan.SetTyped, Name: "FLAVOR_ORIGINAL_COMMAND"},
	}
}

// lastEdits are 6.1.5 and 6.1.6.
func lastEdits() []plan.Edit {
	made := []plan.Edit{
		{Operation: plan.Set, Name: "FLAVOR_OS", Value: OS},
		{Operation: plan.Set, Name: "FLAVOR_ARCH", Value: Arch},
		{Operation: plan.Set, Name: "FLAVOR_PLATFORM", Value: OS + "_" + Arch},
	}
	for _, name := range environment.Switches {
		made = append(made, plan.Edit{Operation: plan.Unset, Name: name})
	}
	return made
}

func inFront(workenv string, folders []string) string {
	var made strings.Builder
	for n, folder := range folders {
		if n > 0 {
			made.WriteByte(':')
		}
		made.WriteString(workenv)
		made.WriteByte('/')
		made.WriteString(folder)
	}
	return made.String()
}

// forReceipt is what a receipt may hold of a plan. Where each start makes its own plan from the metadata (LAUNCH.md 3.4),
// the receipt's commands are never run; they must not name what is gone after this start, as a receipt's words inside the
// store are looked at (STORE.md 9.4).
func (m *planner) forReceipt(made *plan.Plan) *plan.Plan {
	if !made.EachStart {
		return made
	}
	kept := *made
	kept.Commands = make([]plan.Command, len(made.Commands))
	for n := range kept.Commands {
		kept.Commands[n] = plan.Command{Name: made.Commands[n].Name, Argv: []string{made.Workenv}}
	}
	return &kept
}
