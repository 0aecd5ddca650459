//go:build unix

package launch

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// executable says whether a path leads to a file that the user may execute.
func executable(path string) bool {
	var about syscall.Stat_t
	return syscall.Stat(path, &about) == nil && about.Mode&syscall.S_IFMT == syscall.S_IFREG &&
		unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS) == nil
}
