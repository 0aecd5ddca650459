//go:build unix

package process

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// givenIgnored says which signals were ignored: bit n-1 for signal n.
var givenIgnored uint64

// OccupyStandard keeps closed standard descriptors occupied while files are written, and out of the program: the runtime
// opened them on /dev/null, here they become close-on-exec (LAUNCH.md 1.3).
func OccupyStandard() {
	for descriptor := range 3 {
		if givenClosed&(1<<descriptor) != 0 {
			unix.CloseOnExec(descriptor)
		}
	}
}

// Exec replaces the launcher by a program. It returns only if that failed. Just before, passOn leaves a descriptor to the
// program, where there is one; it is called with the soft limit of open files and with descriptors that only the calling
// thread has, and may not block.
func Exec(path string, argv, environment []string, passOn func(limit uint64)) error {
	OccupyStandard()
	limit := RestoreFiles()
	stay()
	defer leave()
	if passOn != nil {
		ownDescriptors()
		passOn(limit)
	}
	ignoreGiven()
	restoreMask()
	restoreSlack()
	return syscall.Exec(path, argv, environment)
}

func softFiles() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return uint64(limit.Cur)
}

// Umask sets the umask and returns the one before.
func Umask(mask int) int { return unix.Umask(mask) }

// ReleaseStandard lets go of standard input and output: whoever reads the program's output sees its end (LAUNCH.md 15.3).
// The descriptors stay occupied, so that no file is taken for them.
func ReleaseStandard() {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	for descriptor := range 2 {
		_ = duplicate(null, descriptor)
	}
	_ = unix.Close(null)
}

// EndOfPipe ends the launcher as a reader that went away ends any program, unless it was started with SIGPIPE ignored:
// the runtime does so only for writes of its own os package.
func EndOfPipe() {
	if givenIgnored&(1<<(unix.SIGPIPE-1)) == 0 {
		Finish(End{Signal: int(unix.SIGPIPE)})
	}
}
