//go:build unix

package process

import (
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// highestShared bounds the number of the one descriptor that a program inherits (LAUNCH.md 7.3).
const highestShared = 1024

// OccupyStandard keeps closed standard descriptors occupied while files are written, and out of the program: the runtime
// opened them on /dev/null, here they become close-on-exec (LAUNCH.md 1.3).
func OccupyStandard() {
	for descriptor := range 3 {
		if givenClosed&(1<<descriptor) != 0 {
			unix.CloseOnExec(descriptor)
		}
	}
}

// Exec replaces the launcher by a program. It returns only if that failed.
func Exec(path string, argv, environment []string) error {
	runtime.LockOSThread()
	OccupyStandard()
	ignoreGiven()
	restoreMask()
	// syscall.Exec gives the limit of open files back that the runtime raised.
	return syscall.Exec(path, argv, environment)
}

// Keep gives the program a copy of a descriptor at the highest free number below the limit of open files and 1024
// (STORE.md 13.4). If no number above 2 is free, nothing is kept.
func Keep(descriptor int) {
	limit := openFiles()
	for number := min(limit, highestShared) - 1; number > 2; number-- {
		got, err := unix.FcntlInt(uintptr(descriptor), unix.F_DUPFD, number)
		if err != nil {
			return
		}
		if got == number {
			return
		}
		_ = unix.Close(got)
	}
}

// openFiles is the soft limit of open files that the launcher was given.
func openFiles() int {
	if givenRecorded != 0 {
		return int(min(givenFiles[0], highestShared))
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(limit.Cur, highestShared))
}

// Umask sets the umask and returns the one before.
func Umask(mask int) int { return unix.Umask(mask) }
