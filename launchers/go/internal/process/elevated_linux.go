package process

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// atSecure is the key of the auxiliary vector that the kernel sets for setuid, setgid and file capabilities.
const atSecure = 23

// Elevated says whether the start has more rights than whoever asked for it (LAUNCH.md 1.1, S4). A vector that cannot be
// read counts as elevated.
func Elevated() bool {
	if syscall.Getuid() != syscall.Geteuid() || syscall.Getgid() != syscall.Getegid() {
		return true
	}
	vector, err := unix.Auxv()
	if err != nil {
		return true
	}
	for _, entry := range vector {
		if entry[0] == atSecure {
			return entry[1] != 0
		}
	}
	return false
}
