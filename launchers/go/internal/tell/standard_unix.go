//go:build unix

package tell

import "syscall"

// toStandardError writes in one piece where the system allows it. A descriptor that cannot be written is no reason to
// stop.
func toStandardError(text []byte) { writeAll(2, text) }

func writeAll(descriptor int, text []byte) {
	for len(text) > 0 {
		count, err := syscall.Write(descriptor, text)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || count <= 0 {
			return
		}
		text = text[count:]
	}
}
