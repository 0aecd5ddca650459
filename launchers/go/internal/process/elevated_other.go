//go:build unix && !linux

package process

import "golang.org/x/sys/unix"

// Elevated says whether the start has more rights than whoever asked for it (LAUNCH.md 1.1, S4).
func Elevated() bool {
	return unix.Getuid() != unix.Geteuid() || unix.Getgid() != unix.Getegid()
}
