package process

import "golang.org/x/sys/unix"

// restoreMask gives the calling thread the mask that the launcher was given. The runtime unblocks some signals.
func restoreMask() {
	if givenRecorded != 0 {
		setBlocked(&givenBlocked)
	}
}

// duplicate makes a descriptor another name of an open file, close-on-exec.
func duplicate(from, to int) error { return unix.Dup3(from, to, unix.O_CLOEXEC) }
