package process

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// restoreMask gives the calling thread the mask that the launcher was given. The runtime unblocks some signals.
func restoreMask() {
	if givenRecorded != 0 {
		setBlocked(&givenBlocked)
	}
}

// duplicate makes a descriptor another name of an open file, close-on-exec.
func duplicate(from, to int) error { return unix.Dup3(from, to, unix.O_CLOEXEC) }

// OwnDescriptors gives the calling thread, which is locked from here on, descriptors of its own before it replaces the
// process: where threads share them, the kernel waits for all processors before it lets a high number be used (expand_files
// calls synchronize_rcu), which takes longer than everything else of a warm start.
func OwnDescriptors() {
	runtime.LockOSThread()
	_ = unix.Unshare(unix.CLONE_FILES)
}
