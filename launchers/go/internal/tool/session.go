package tool

import (
	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/launch"
	"flavorpack-native/launchers/go/internal/process"
	"flavorpack-native/launchers/go/internal/pspf"
)

// session is one tool at work.
type session struct {
	start *launch.Start
	arguments
	// pkg is there once it was opened.
	pkg *pspf.Package
}

func (s *session) json() bool { return s.switches["--json"] }

// Run runs the tool that the first argument names, on the package that was started (LAUNCH.md 8.1). readable is what
// reading the trailer said.
func Run(start *launch.Start, readable error) error {
	if len(start.Arguments) == 0 {
		return wrong("no tool is named, known are: " + names())
	}
	name := start.Arguments[0]
	if name == runName {
		return runs(start, readable)
	}
	chosen := named(name)
	if chosen == nil {
		return wrong("there is no tool `" + name + "`, known are: " + names())
	}
	read, err := chosen.parse(start.Arguments[1:])
	if err != nil {
		return err
	}
	s := &session{start: start, arguments: *read}
	if readable != nil && chosen.name != "help" && chosen.name != "verify" && chosen.name != "doctor" {
		return readable
	}
	process.UseAllProcessors()
	return chosen.run(s)
}

// runs starts the program as if the switch were unset. A launcher without payload takes the package from its arguments
// (LAUNCH.md 8.2): it executes no byte of the file.
func runs(start *launch.Start, readable error) error {
	if readable == nil {
		start.Arguments = start.Arguments[1:]
		return start.Run()
	}
	if len(start.Arguments) < 2 {
		return wrong("`run` needs the path of a package")
	}
	other, err := start.Instead(start.Arguments[1], start.Arguments[2:])
	if err != nil {
		return err
	}
	return other.Run()
}

// open opens the package fully and strictly, and tells under its name from here on.
func (s *session) open() error {
	opened, err := pspf.Open(s.start.File, int64(s.start.Stat.Size))
	if err != nil {
		return err
	}
	s.took(opened)
	return nil
}

func (s *session) took(opened *pspf.Package) {
	s.pkg = opened
	s.start.Teller.Rename(opened.Metadata().Name)
}

// openOurs is open for tools that need commands or slots of ours.
func (s *session) openOurs() error {
	if err := s.open(); err != nil {
		return err
	}
	if s.pkg.Flavor() == nil {
		return code.New(code.PspfForeign, "the package was made by another builder, and this tool does not know its kind")
	}
	return nil
}

// isForeign says whether the package is one of another builder.
func (s *session) isForeign() bool { return s.pkg.Flavor() == nil }

// hasCommands says whether the package is started by commands, not as its `execution` says.
func (s *session) hasCommands() bool { return s.pkg.Flavor() != nil && !s.pkg.Flavor().IsPlain() }
