package launch

import (
	"strings"
	"syscall"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/environment"
	"flavorpack-native/launchers/go/internal/plan"
	"flavorpack-native/launchers/go/internal/process"
	"flavorpack-native/launchers/go/internal/store/use"
)

// program is what is executed: a command with the environment made for it and the user's arguments behind its own.
type program struct {
	path        string
	argv        []string
	environment []string
	folder      string
}

// make edits a copy of the user's environment and finds the program (LAUNCH.md 5.2, 6, 16.4).
func (s *Start) make(command *plan.Command, workenv string, arguments []string) (*program, error) {
	variables := s.Variables.Copy()
	editor := environment.Edit(variables, environment.Start{Package: s.Path, Typed: s.Typed})
	for _, edit := range command.Edits {
		editor.Apply(edit)
	}
	path, err := find(command.Argv[0], variables.Value("PATH"))
	if err != nil {
		return nil, err
	}
	made := &program{path: path, environment: variables.Entries()}
	made.argv = append(append(make([]string, 0, len(command.Argv)+len(arguments)), command.Argv...), arguments...)
	if command.HasCwd {
		made.folder = command.Cwd
	}
	return made, nil
}

// find gives the path of a program, which is absolute or a name (LAUNCH.md 16.4). Those of packages with commands are
// absolute.
func find(word, folders string) (string, error) {
	if strings.HasPrefix(word, "/") {
		return word, nil
	}
	for _, folder := range strings.Split(folders, ":") {
		if !strings.HasPrefix(folder, "/") || word == "" {
			continue
		}
		if path := strings.TrimRight(folder, "/") + "/" + word; executable(path) {
			return path, nil
		}
	}
	return "", code.New(code.LaunchExecute, "the program `"+word+"` is not found, neither in the package nor on PATH")
}

// replace replaces the launcher by the program (LAUNCH.md 7). It returns only if that failed.
func (p *program) replace(hold *use.Hold) error {
	if p.folder != "" {
		if err := syscall.Chdir(p.folder); err != nil {
			return notStarted("cannot enter the working folder `"+p.folder+"`", err)
		}
	}
	var passOn func(limit uint64)
	if hold != nil {
		passOn = func(limit uint64) { hold.PassOn(limit) }
	}
	return notStarted("cannot start `"+p.path+"`", process.Exec(p.path, p.argv, p.environment, passOn))
}

// child is the program as a child of the launcher.
func (p *program) child() *process.Child {
	return &process.Child{Path: p.path, Argv: p.argv, Environment: p.environment, Folder: p.folder, Input: -1, Output: -1, Umask: -1}
}

// notStarted tells the system's reason in the system's words: Go writes them with a small letter.
func notStarted(what string, err error) error {
	reason := err.Error()
	if reason != "" {
		reason = strings.ToUpper(reason[:1]) + reason[1:]
	}
	return code.New(code.LaunchExecute, what+": "+reason)
}
