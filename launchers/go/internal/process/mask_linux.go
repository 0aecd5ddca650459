package process

import (
	"syscall"
	_ "unsafe" // for go:linkname

	"golang.org/x/sys/unix"
)

// restoreMask gives the calling thread the mask that the launcher was given. The runtime unblocks some signals.
func restoreMask() {
	if givenRecorded != 0 {
		setBlocked(&givenBlocked)
	}
}

// restoreSlack gives the calling thread, and those that it makes, the timer slack that the launcher was given. Raw, because
// the runtime ends the process if a call of a goroutine that is stayed with lasts (see stay).
func restoreSlack() {
	if givenSlack != 0 {
		_, _, _ = unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, uintptr(givenSlack), 0, 0, 0, 0)
	}
}

// RestoreFiles gives the process the limit of open files that the launcher was given, and says what the soft one is. The
// runtime raised it, and takes for given what the entry point left.
func RestoreFiles() uint64 {
	if givenRecorded == 0 {
		return softFiles()
	}
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: givenFiles[0], Max: givenFiles[1]})
	return givenFiles[0]
}

// duplicate makes a descriptor another name of an open file, close-on-exec.
func duplicate(from, to int) error { return unix.Dup3(from, to, unix.O_CLOEXEC) }

// stay keeps the goroutine on its thread until leave, with nothing but raw system calls in between: after any other one the
// runtime may find that its processor was given away meanwhile, and then ends the process. runtime.LockOSThread
// would do as well, but starts a thread for those that need one made by a thread that is not locked, and execve then waits
// for the end of that.
//
//go:linkname stay runtime.procPin
func stay() int

//go:linkname leave runtime.procUnpin
func leave()

// ownDescriptors gives the calling thread, which is stayed on, descriptors of its own: where threads share them, the kernel
// waits for all processors before it lets a high number be used (expand_files calls synchronize_rcu), which takes longer
// than everything else of a warm start.
func ownDescriptors() {
	_, _, _ = unix.RawSyscall(unix.SYS_UNSHARE, unix.CLONE_FILES, 0, 0)
}
