package tool

import (
	"os"

	"flavorpack-native/launchers/go/internal/code"
)

// write writes to standard output.
func (s *session) write(text []byte) error {
	s.start.Teller.Quiet()
	if _, err := os.Stdout.Write(text); err != nil {
		return code.Wrap(code.StoreIO, "cannot write to standard output", err)
	}
	return nil
}
