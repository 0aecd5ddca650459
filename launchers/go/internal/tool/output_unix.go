//go:build unix

package tool

import (
	"syscall"

	"flavorpack-native/launchers/go/internal/code"
	"flavorpack-native/launchers/go/internal/process"
)

// write writes to standard output. A reader that went away ends the tool as it ends any program: the signal has its
// default effect.
func (s *session) write(text []byte) error {
	s.start.Teller.Quiet()
	for len(text) > 0 {
		count, err := syscall.Write(1, text)
		if err == syscall.EINTR {
			continue
		}
		if err == syscall.EPIPE {
			process.EndOfPipe()
		}
		if err != nil {
			return code.Wrap(code.StoreIO, "cannot write to standard output", err)
		}
		text = text[count:]
	}
	return nil
}
