//go:build unix

package tell

import "golang.org/x/sys/unix"

// inForeground says whether standard error is a terminal whose foreground group is the launcher's.
func inForeground() bool {
	group, err := unix.IoctlGetInt(2, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
