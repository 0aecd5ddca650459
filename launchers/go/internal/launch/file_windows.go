package launch

import (
	"os"
	"path/filepath"

	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/tell"
)

// File is the package file, opened once: every byte of the package is read through this handle (LAUNCH.md 2.1).
type File struct {
	*os.File
	teller *tell.Teller
}

// Stat is not there yet on Windows (LAUNCH.md 12).
func (f *File) Stat() (folder.Stat, error) { return folder.Stat{}, folder.ErrNotHere }

// OnFileSystem is not there yet on Windows (LAUNCH.md 12).
func (f *File) OnFileSystem() (folder.FileSystem, error) {
	return folder.FileSystem{}, folder.ErrNotHere
}

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
	file, err := os.Open(path)
	return &File{File: file}, path, err
}
