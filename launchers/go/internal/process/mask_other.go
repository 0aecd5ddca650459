//go:build unix && !linux

package process

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// restoreMask has nothing to restore: only Linux records what was given.
func restoreMask() {}

func restoreSlack() {}

// RestoreFiles says what the soft limit of open files is. It leaves it to syscall.Exec to give back the one that the
// runtime raised.
func RestoreFiles() uint64 { return softFiles() }

// duplicate makes a descriptor another name of an open file, close-on-exec.
func duplicate(from, to int) error {
	if err := unix.Dup2(from, to); err != nil {
		return err
	}
	unix.CloseOnExec(to)
	return nil
}

// stay keeps the goroutine on its thread until leave.
func stay() { runtime.LockOSThread() }

func leave() { runtime.UnlockOSThread() }

// ownDescriptors has nothing to do.
func ownDescriptors() {}
