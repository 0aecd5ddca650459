package launch

import (
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/store"
	"flavorpack-native/launchers/go/internal/words"
)

// setup is the setup commands of a package (LAUNCH.md 16.7). Everything of them that can be judged without the
// environment is judged before anything is unpacked.
type setup struct {
	of    *foreigner
	steps []setupStep
}

type setupStep struct {
	number int
	kind   setupKind
	// words are those of a command, placeholders not replaced yet.
	words []string
	// path and content are texts, placeholders not replaced yet. A path is absent where it is not needed. A pattern has
	// no placeholders (LAUNCH.md 16.2).
	path, pattern, content string
	hasPath                bool
	mode                   uint32
}

type setupKind uint8

const (
	runsCommand setupKind = iota
	runsForFiles
	writesFile
	changesMode
)

// The modes of files that say none.
const (
	writtenMode = 0o644
	changedMode = 0o700
)

func (f *foreigner) setup() (*setup, error) {
	commands := f.says.SetupCommands
	made := &setup{of: f, steps: make([]setupStep, len(commands))}
	for n := range commands {
		step, err := readStep(n, &commands[n])
		if err != nil {
			return nil, err
		}
		made.steps[n] = step
	}
	return made, nil
}

func readStep(n int, from *pspf.SetupCommand) (step setupStep, err error) {
	step.number = n
	need := func(what string, text *string) string {
		if text == nil {
			err = foreignError("setup command " + strconv.Itoa(n) + " has no `" + what + "`")
			return ""
		}
		return *text
	}
	command := func() {
		text := need("command", from.Command)
		if err != nil {
			return
		}
		if step.words, err = words.Split(text); err != nil {
			err = code.Wrap(code.LaunchForeign, "setup command "+strconv.Itoa(n)+" cannot be split into words", err)
		}
	}
	switch from.Type {
	case "", "execute":
		command()
	case "enumerate_and_execute":
		step.kind = runsForFiles
		command()
		if err == nil {
			err = step.readEnumeration(from)
		}
	case "write_file":
		step.kind, step.hasPath = writesFile, true
		step.path, step.content = need("path", from.Path), need("content", from.Content)
		step.mode = modeOr(from.Mode, writtenMode)
	case "chmod":
		step.kind, step.hasPath = changesMode, true
		step.path = need("path", from.Path)
		step.mode = modeOr(from.Mode, changedMode)
	default:
		err = foreignError("setup command " + strconv.Itoa(n) + " is of a kind that is not known: `" + from.Type + "`")
	}
	return step, err
}

// readEnumeration reads which files a command runs for: those of a folder, whose names fit the last component of a
// pattern.
func (s *setupStep) readEnumeration(from *pspf.SetupCommand) error {
	s.hasPath = true
	pattern := from.Pattern
	if from.Enumerate != nil {
		s.path, s.pattern = from.Enumerate.Path, "*"
		if from.Enumerate.Pattern != nil {
			pattern = from.Enumerate.Pattern
		}
		if pattern != nil {
			s.pattern = (*pattern)[strings.LastIndexByte(*pattern, '/')+1:]
		}
		return nil
	}
	if pattern == nil {
		return foreignError("setup command " + strconv.Itoa(s.number) + " has neither `enumerate` nor `pattern`")
	}
	slash := strings.LastIndexByte(*pattern, '/')
	s.path, s.pattern = (*pattern)[:slash+1], (*pattern)[slash+1:]
	return nil
}

// modeOr gives the mode that is used where a command says none.
func modeOr(mode *uint32, absent uint32) uint32 {
	if mode == nil {
		return absent
	}
	return *mode
}

// check judges what the texts alone show, so that none is found wrong after something was unpacked.
func (s *setup) check(workenv string) error {
	for n := range s.steps {
		step := &s.steps[n]
		for at, word := range step.words {
			replaced, err := s.of.replace(word, workenv, true)
			if err == nil && at == 0 {
				_, err = programWord(replaced, workenv)
			}
			if err != nil {
				return err
			}
		}
		if _, err := s.of.replace(step.content, workenv, true); err != nil {
			return err
		}
		path, err := s.of.replace(step.path, workenv, true)
		if err == nil && step.hasPath {
			_, err = store.Inside(path, workenv)
		}
		if err != nil {
			return err
		}
	}
	_, err := s.of.edits(workenv, true)
	return err
}
