package launch

import (
	"strings"

	"flavorpack-native/launchers/go/internal/code"
)

// chooser is what decides which command runs (LAUNCH.md 5.1).
type chooser struct {
	asked string // FLAVOR_COMMAND
	typed string // base name of argv[0]; empty where it does not count
}

func (s *Start) chooser() chooser {
	typed := baseName(s.Typed)
	if typed == baseName(s.Path) {
		typed = ""
	}
	return chooser{asked: s.Variables.Value("FLAVOR_COMMAND"), typed: typed}
}

// choose gives the position of the command that runs. Names are asked one by one: a warm start makes no list of them.
func (c chooser) choose(count int, name func(n int) string, byDefault int) (int, error) {
	wanted := c.asked
	if wanted == "" {
		wanted = c.typed
	}
	if wanted != "" {
		for n := range count {
			if name(n) == wanted {
				return n, nil
			}
		}
	}
	if c.asked == "" {
		return byDefault, nil
	}
	known := make([]string, count)
	for n := range known {
		known[n] = name(n)
	}
	// The value of the variable is not shown (LAUNCH.md 6.3).
	return 0, code.New(code.LaunchCommand, "the package has no command of the name that FLAVOR_COMMAND holds, known are: "+strings.Join(known, ", "))
}
