package launch

import (
	"slices"
	"strconv"
	"strings"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/pspf"
	"flavorpack-native/launchers/go/internal/strictjson"
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
	// path, pattern and content are texts, placeholders not replaced yet. A path is absent where it is not needed.
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
	modeBits    = 0o777
)

func (f *foreigner) setup() (*setup, error) {
	commands := f.pkg.Metadata().SetupCommands
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
		if err == nil {
			step.mode, err = readMode(n, from.Mode, writtenMode)
		}
	case "chmod":
		step.kind, step.hasPath = changesMode, true
		step.path = need("path", from.Path)
		if err == nil {
			step.mode, err = readMode(n, from.Mode, changedMode)
		}
	default:
		err = foreignError("setup command " + strconv.Itoa(n) + " is of a kind that is not known: `" + from.Type + "`")
	}
	return step, err
}

// readEnumeration reads which files a command runs for.
func (s *setupStep) readEnumeration(from *pspf.SetupCommand) error {
	s.pattern, s.hasPath = "*", true
	if from.Enumerate != nil {
		if from.Enumerate.Path == nil {
			return foreignError("setup command " + strconv.Itoa(s.number) + " enumerates without `path`")
		}
		s.path = *from.Enumerate.Path
		if from.Enumerate.Pattern != nil {
			s.pattern = *from.Enumerate.Pattern
		}
		return nil
	}
	if from.Pattern == nil {
		return foreignError("setup command " + strconv.Itoa(s.number) + " has neither `enumerate` nor `pattern`")
	}
	if slash := strings.LastIndexByte(*from.Pattern, '/'); slash >= 0 {
		s.path, s.pattern = (*from.Pattern)[:slash], (*from.Pattern)[slash+1:]
	} else {
		s.pattern = *from.Pattern
	}
	return nil
}

// readMode reads octal text or a number, cut to permissions (S21).
func readMode(n int, value *strictjson.Value, absent uint32) (uint32, error) {
	if value == nil {
		return absent, nil
	}
	if value.Kind() == strictjson.Number {
		return uint32(value.Number()) & modeBits, nil
	}
	mode, err := strconv.ParseUint(strings.TrimPrefix(value.Text(), "0o"), 8, 32)
	if err != nil {
		return 0, foreignError("setup command " + strconv.Itoa(n) + " has a mode that is not octal: `" + value.Text() + "`")
	}
	return uint32(mode) & modeBits, nil
}

// check replaces every placeholder once, so that none is found wrong after something was unpacked.
func (s *setup) check(workenv string) error {
	for n := range s.steps {
		step := &s.steps[n]
		texts := append(slices.Clone(step.words), step.path, step.pattern, step.content)
		for _, text := range texts {
			if _, err := s.of.replace(text, workenv, true); err != nil {
				return err
			}
		}
	}
	_, err := s.of.edits(workenv, true)
	return err
}
