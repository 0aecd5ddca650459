//go:build unix

package folder

import "golang.org/x/sys/unix"

// Names lists what lies in the folder, in the system's order.
func (d *Dir) Names() ([]string, error) {
	again, err := d.Again()
	if err != nil {
		return nil, err
	}
	defer again.Close()
	var names []string
	buffer := make([]byte, 32<<10)
	for {
		n, err := unix.ReadDirent(again.fd, buffer)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n <= 0 {
			return names, nil
		}
		_, _, names = unix.ParseDirent(buffer[:n], -1, names)
	}
}

// RemoveAll removes what stands under a name, whole trees included. It goes by
// descriptors and follows no link. Folders whose owner took rights from himself
// get them back, as they could not be emptied otherwise. Nothing there is no
// error; the first other failure is told, after everything else was removed.
func (d *Dir) RemoveAll(name string) error {
	err := d.Unlink(name)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	inside, failed := d.Open(name)
	if failed == unix.EACCES && chmodNoFollow(d.fd, name, 0o700) == nil {
		inside, failed = d.Open(name)
	}
	if failed != nil {
		// Not a folder: what the first call said is the reason.
		return err
	}
	defer inside.Close()
	first := inside.empty()
	if err := d.RemoveEmpty(name); err != nil && err != unix.ENOENT && first == nil {
		first = err
	}
	return first
}

// Clear removes all that lies in the folder, as far as it can be removed.
func (d *Dir) Clear() { _ = d.empty() }

func (d *Dir) empty() error {
	var first error
	names, err := d.Names()
	if err != nil {
		return err
	}
	widened := false
	for _, name := range names {
		err := d.RemoveAll(name)
		if err == unix.EACCES && !widened {
			widened = true
			if d.Chmod(0o700) == nil {
				err = d.RemoveAll(name)
			}
		}
		if err != nil && first == nil {
			first = err
		}
	}
	return first
}
