//go:build unix

package launch

import (
	"io"

	"flavorpack-native/launchers/go/internal/store/folder"
	"flavorpack-native/launchers/go/internal/tell"

	"golang.org/x/sys/unix"
)

// File is the package file, opened once: every byte of the package is read through this descriptor (LAUNCH.md 2.1).
type File struct {
	descriptor int
	// teller counts what is read, once a start may take long.
	teller *tell.Teller
}

// ReadAt reads at an offset, without the position that a descriptor has.
func (f *File) ReadAt(into []byte, offset int64) (int, error) {
	done := 0
	for done < len(into) {
		count, err := unix.Pread(f.descriptor, into[done:], offset+int64(done))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return done, err
		case count == 0:
			return done, io.EOF
		}
		done += count
	}
	if f.teller != nil {
		f.teller.Advance(uint64(done))
	}
	return done, nil
}

// Stat tells which file it is, and in which state.
func (f *File) Stat() (folder.Stat, error) { return folder.StatDescriptor(f.descriptor) }

// OnFileSystem tells about the file system that the file lies on.
func (f *File) OnFileSystem() (folder.FileSystem, error) { return folder.OnFileSystem(f.descriptor) }

func open(path string) (*File, error) {
	for {
		// A pipe without a writer must not keep the start waiting.
		descriptor, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &File{descriptor: descriptor}, nil
	}
}
