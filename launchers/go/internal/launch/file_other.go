//go:build unix && !linux

package launch

import (
	"os"
	"path/filepath"
)

// OpenSelf opens the launcher's own file, which lies at path, and tells where that is without links.
func OpenSelf(path string) (*File, string, error) { return OpenPackage(path) }

// SelfPath is where the launcher's own file lies.
func SelfPath() string {
	path, _ := os.Executable()
	return path
}

// OpenPackage opens a file that was named, and tells where it lies with all links resolved.
func OpenPackage(name string) (*File, string, error) {
	path, err := filepath.EvalSymlinks(name)
	if err != nil {
		return nil, name, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, name, err
	}
	file, err := open(path)
	return file, path, err
}
