package launch

import (
	"strconv"

	"golang.org/x/sys/unix"
)

const self = "/proc/self/exe"

// OpenSelf opens the launcher's own file, which lies at path, and tells where that is without links.
func OpenSelf(path string) (*File, string, error) {
	file, err := open(self)
	return file, path, err
}

// SelfPath is where the launcher's own file lies, without links.
func SelfPath() string { return readLink(self) }

// OpenPackage opens a file that was named, and tells where it lies with all links resolved.
func OpenPackage(name string) (*File, string, error) {
	file, err := open(name)
	if err != nil {
		return nil, name, err
	}
	if path := readLink("/proc/self/fd/" + strconv.Itoa(file.descriptor)); path != "" {
		return file, path, nil
	}
	return file, name, nil
}

func readLink(path string) string {
	into := make([]byte, unix.PathMax)
	count, err := unix.Readlink(path, into)
	if err != nil {
		return ""
	}
	return string(into[:count])
}
