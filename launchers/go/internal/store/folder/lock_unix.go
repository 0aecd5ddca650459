//go:build unix

package folder

import "golang.org/x/sys/unix"

// Lock takes flock(2) on the file, waiting; it lasts until the file and all its
// duplicates are closed.
func (f *File) Lock(exclusive bool) error {
	return flock(f.fd, how(exclusive))
}

// TryLock takes the lock if nobody holds one that forbids it.
func (f *File) TryLock(exclusive bool) (bool, error) {
	err := flock(f.fd, how(exclusive)|unix.LOCK_NB)
	if err == unix.EWOULDBLOCK {
		return false, nil
	}
	return err == nil, err
}

func how(exclusive bool) int {
	if exclusive {
		return unix.LOCK_EX
	}
	return unix.LOCK_SH
}

func flock(fd, how int) error {
	for {
		err := unix.Flock(fd, how)
		if err != unix.EINTR {
			return err
		}
	}
}

// CannotLock tells whether an error of [File.Lock] says that the file system
// knows no locks at all (STORE.md 13.2).
func CannotLock(err error) bool {
	return err == unix.ENOLCK || err == unix.ENOTSUP || err == unix.EOPNOTSUPP || err == unix.ENOSYS
}

// PassOn duplicates the descriptor to the highest free number below limit,
// without close-on-exec, so that the next program holds it too (STORE.md 13.4).
// It tells whether a number above 2 was free. It never blocks, and the goroutine
// stays on its thread meanwhile.
func (f *File) PassOn(limit int) bool {
	for want := limit - 1; want > 2; want-- {
		got, ok := duplicateFrom(f.fd, want)
		if !ok {
			continue
		}
		if got == want {
			return true
		}
		_ = shut(got)
	}
	return false
}
