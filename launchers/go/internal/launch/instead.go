package launch

import (
	"time"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/store/folder"
)

// Instead is the start of another file: it behaves as if that file had been started (LAUNCH.md 8.2). No byte of it is
// executed.
func (s *Start) Instead(name string, arguments []string) (*Start, error) {
	other := &Start{
		Begun: s.Begun, Opened: time.Now(), Variables: s.Variables, Typed: name, Arguments: arguments, Teller: s.Teller,
		Level: s.Level,
	}
	var err error
	if other.File, other.Path, err = OpenPackage(name); err != nil {
		return nil, code.Wrap(code.LaunchOpen, "cannot open `"+name+"`", err)
	}
	other.Teller.Rename(BaseName(other.Path))
	if stat, err := other.File.Stat(); err == nil && stat.Kind != folder.Regular {
		return nil, code.New(code.LaunchOpen, "`"+name+"` is no regular file")
	}
	if err := other.Read(); err != nil {
		return nil, err
	}
	return other, nil
}
