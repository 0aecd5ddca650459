package launch

import (
	"time"

	"flavorpack-native/launchers/go/internal/code"
)

// Instead is the start of another file: it behaves as if that file had been started (LAUNCH.md 8.2). No byte of it is
// executed.
func (s *Start) Instead(name string, arguments []string) (*Start, error) {
	other := &Start{
		Begun: s.Begun, Opened: time.Now(), Variables: s.Variables, Typed: name, Arguments: arguments, Teller: s.Teller,
	}
	var err error
	if other.File, other.Path, err = OpenPackage(name); err != nil {
		return nil, code.Wrap(code.LaunchOpen, "cannot open `"+name+"`", err)
	}
	other.Teller.Rename(BaseName(other.Path))
	if err := other.Read(); err != nil {
		return nil, err
	}
	return other, nil
}
