//go:build unix

package tell

import "golang.org/x/sys/unix"

// openLog opens the log file as LAUNCH.md 10.4 says: created with mode 0600, never through a link, and only if it is a
// regular file with one name that the effective user owns.
func openLog(path string) (descriptor int, ok bool) {
	// A pipe without a reader must not keep the start waiting.
	const flags = unix.O_WRONLY | unix.O_APPEND | unix.O_CREAT | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	file, err := unix.Open(path, flags, 0o600)
	if err != nil {
		return -1, false
	}
	var about unix.Stat_t
	if err := unix.Fstat(file, &about); err != nil || about.Mode&unix.S_IFMT != unix.S_IFREG || about.Nlink != 1 ||
		int(about.Uid) != unix.Geteuid() {
		_ = unix.Close(file)
		return -1, false
	}
	return file, true
}

func writeLog(descriptor int, text []byte) { writeAll(descriptor, text) }
