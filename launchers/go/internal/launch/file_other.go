//go:build unix && !linux

package launch

import (
	"os"
	"path/filepath"
)

// OpenSelf opens the launcher's own file, and tells where it lies.
func OpenSelf() (*File, string, error) { return OpenPackage(SelfPath()) }

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
