package folder

import "golang.org/x/sys/unix"

// O_SEARCH of sys/fcntl.h (O_EXEC | O_DIRECTORY): no right to read is needed.
const forWalk = 0x40000000 | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

func times(raw *unix.Stat_t) (mtime, ctime unix.Timespec) { return raw.Mtim, raw.Ctim }

func touch(fd int) error { return unix.Futimes(fd, nil) }

func openat(at int, name string, flags int, mode uint32) (int, error) {
	return unix.Openat(at, name, flags, mode)
}

func mkdirat(at int, name string, mode uint32) error { return unix.Mkdirat(at, name, mode) }

func write(fd int, data []byte) (int, error) { return unix.Write(fd, data) }

func shut(fd int) error { return unix.Close(fd) }

// duplicateFrom gives a descriptor another number, the lowest free one from least
// on.
func duplicateFrom(fd, least int) (int, bool) {
	got, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD, least)
	return got, err == nil
}

// There is no syncfs(2): everything is written.
func syncFileSystem(int) error { return unix.Sync() }

func chmodNoFollow(at int, name string, mode uint32) error {
	return unix.Fchmodat(at, name, mode, unix.AT_SYMLINK_NOFOLLOW)
}

// OnFileSystem tells about the file system that the folder lies on.
func (d *Dir) OnFileSystem() (FileSystem, error) { return fileSystem(d.fd) }

// OnFileSystem tells about the file system that the file lies on.
func (f *File) OnFileSystem() (FileSystem, error) { return fileSystem(f.fd) }

// OnFileSystem tells about the file system of an open file, by its number.
func OnFileSystem(fd int) (FileSystem, error) { return fileSystem(fd) }

func fileSystem(fd int) (FileSystem, error) {
	var raw unix.Statfs_t
	if err := unix.Fstatfs(fd, &raw); err != nil {
		return FileSystem{}, err
	}
	name := unix.ByteSliceToString(raw.Fstypename[:])
	return FileSystem{
		ReadOnly:      raw.Flags&unix.MNT_RDONLY != 0,
		NoExecute:     raw.Flags&unix.MNT_NOEXEC != 0,
		FreeBytes:     raw.Bavail * uint64(raw.Bsize),
		FreeInodes:    raw.Ffree,
		CountsInodes:  raw.Files != 0,
		ReliableTimes: name == "apfs" || name == "hfs",
	}, nil
}
