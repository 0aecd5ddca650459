//go:build unix

package folder

import (
	"golang.org/x/sys/unix"
)

// Dir is an open folder.
type Dir struct{ fd int }

// File is an open file.
type File struct{ fd int }

// Root opens `/`, where every walk begins.
func Root() (*Dir, error) { return open(unix.AT_FDCWD, "/", forWalk) }

// OpenPath opens a folder by its path, links followed. It is for folders that a
// person names on a command line; the store itself walks (STORE.md 3.2).
func OpenPath(path string) (*Dir, error) {
	return open(unix.AT_FDCWD, path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC)
}

func open(at int, name string, flags int) (*Dir, error) {
	for {
		fd, err := openat(at, name, flags, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &Dir{fd}, nil
	}
}

// Descriptor is the number that the system knows the folder by.
func (d *Dir) Descriptor() int { return d.fd }

// Close ends the use of the folder.
func (d *Dir) Close() {
	if d != nil {
		_ = shut(d.fd)
	}
}

// Pass opens a folder for passing through only: what lies in it can be reached,
// its names cannot be read. Needed for ancestors that may be searched but not
// read.
func (d *Dir) Pass(name string) (*Dir, error) { return open(d.fd, name, forWalk) }

// Open opens a folder that lies in this one. A link under that name is an error.
func (d *Dir) Open(name string) (*Dir, error) {
	return open(d.fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC)
}

// Again opens the same folder a second time, with a reading position of its own.
func (d *Dir) Again() (*Dir, error) {
	return open(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC)
}

// Make creates a folder.
func (d *Dir) Make(name string, mode uint32) error { return mkdirat(d.fd, name, mode) }

// Create creates a file that is not there yet and opens it for writing.
func (d *Dir) Create(name string, mode uint32) (*File, error) {
	return d.file(name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, mode)
}

// OpenOrCreate opens a file for reading and creates it, empty, where it is missing.
func (d *Dir) OpenOrCreate(name string, mode uint32) (*File, error) {
	return d.file(name, unix.O_RDONLY|unix.O_CREAT, mode)
}

// Read opens a file for reading. It never waits for the other end of a pipe.
func (d *Dir) Read(name string) (*File, error) {
	return d.file(name, unix.O_RDONLY|unix.O_NONBLOCK, 0)
}

func (d *Dir) file(name string, flags int, mode uint32) (*File, error) {
	for {
		fd, err := openat(d.fd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &File{fd}, nil
	}
}

// Stat tells what stands under a name, a link itself included.
func (d *Dir) Stat(name string) (Stat, error) {
	var raw unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &raw, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return Stat{}, err
	}
	return stat(&raw), nil
}

// Self tells about the folder itself.
func (d *Dir) Self() (Stat, error) { return statDescriptor(d.fd) }

// StatPath tells what a path leads to, links followed.
func StatPath(path string) (Stat, error) {
	var raw unix.Stat_t
	if err := unix.Stat(path, &raw); err != nil {
		return Stat{}, err
	}
	return stat(&raw), nil
}

// StatLink tells what stands at a path, the last component not followed.
func StatLink(path string) (Stat, error) {
	var raw unix.Stat_t
	if err := unix.Lstat(path, &raw); err != nil {
		return Stat{}, err
	}
	return stat(&raw), nil
}

// StatDescriptor tells about an open file by its number.
func StatDescriptor(fd int) (Stat, error) { return statDescriptor(fd) }

func statDescriptor(fd int) (Stat, error) {
	var raw unix.Stat_t
	if err := unix.Fstat(fd, &raw); err != nil {
		return Stat{}, err
	}
	return stat(&raw), nil
}

func stat(raw *unix.Stat_t) Stat {
	mtime, ctime := times(raw)
	kind := Other
	switch uint32(raw.Mode) & unix.S_IFMT {
	case unix.S_IFREG:
		kind = Regular
	case unix.S_IFDIR:
		kind = Directory
	case unix.S_IFLNK:
		kind = Link
	}
	return Stat{
		Identity: Identity{
			Device: uint64(raw.Dev), Inode: raw.Ino, Size: uint64(raw.Size),
			MtimeSeconds: int64(mtime.Sec), MtimeNanoseconds: uint32(mtime.Nsec),
			CtimeSeconds: int64(ctime.Sec), CtimeNanoseconds: uint32(ctime.Nsec),
		},
		Kind: kind, Mode: uint32(raw.Mode) & 0o7777, Links: uint64(raw.Nlink), Owner: raw.Uid,
	}
}

// ReadLink is the target of a link.
func (d *Dir) ReadLink(name string) (string, error) {
	for size := 256; ; size *= 2 {
		text := make([]byte, size)
		n, err := unix.Readlinkat(d.fd, name, text)
		if err != nil {
			return "", err
		}
		if n < size {
			return string(text[:n]), nil
		}
	}
}

// Symlink creates a link.
func (d *Dir) Symlink(target, name string) error { return unix.Symlinkat(target, d.fd, name) }

// Unlink removes a file or a link.
func (d *Dir) Unlink(name string) error { return unix.Unlinkat(d.fd, name, 0) }

// RemoveEmpty removes a folder that holds nothing.
func (d *Dir) RemoveEmpty(name string) error { return unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR) }

// Rename moves what stands under a name, in place of what stands there.
func (d *Dir) Rename(name string, to *Dir, newName string) error {
	return unix.Renameat(d.fd, name, to.fd, newName)
}

// Chmod sets the folder's own mode.
func (d *Dir) Chmod(mode uint32) error { return unix.Fchmod(d.fd, mode) }

// Sync writes everything of the folder's file system to the disk.
func (d *Dir) Sync() error { return syncFileSystem(d.fd) }

// Write writes all of the bytes.
func (f *File) Write(data []byte) (int, error) {
	written := 0
	for written < len(data) {
		n, err := write(f.fd, data[written:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return written, err
		}
		written += n
	}
	return written, nil
}

// Read reads on from where the last call ended; 0 bytes are the end.
func (f *File) Read(data []byte) (int, error) {
	for {
		n, err := unix.Read(f.fd, data)
		if err == unix.EINTR {
			continue
		}
		return max(n, 0), err
	}
}

// ReadAt reads at an offset, once: fewer bytes than asked for are what was there.
func (f *File) ReadAt(data []byte, offset int64) (int, error) {
	for {
		n, err := unix.Pread(f.fd, data, offset)
		if err == unix.EINTR {
			continue
		}
		return max(n, 0), err
	}
}

// Stat tells about the open file.
func (f *File) Stat() (Stat, error) { return statDescriptor(f.fd) }

// Chmod sets the file's mode.
func (f *File) Chmod(mode uint32) error { return unix.Fchmod(f.fd, mode) }

// Touch sets the file's times to the present.
func (f *File) Touch() error { return touch(f.fd) }

// Descriptor is the number that the system knows the file by.
func (f *File) Descriptor() int { return f.fd }

// Close ends the use of the file.
func (f *File) Close() error { return shut(f.fd) }

// DeniesWrite tells whether the system refuses this process to write what the
// path leads to (STORE.md 9.8 c). Any other failure is no such refusal.
func DeniesWrite(path string) bool {
	switch unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, 0) {
	case unix.EACCES, unix.EPERM, unix.EROFS:
		return true
	}
	return false
}

// EffectiveUser is the user that the process acts for.
func EffectiveUser() uint32 { return uint32(unix.Geteuid()) }
