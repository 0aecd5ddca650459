package folder

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// O_PATH needs no right to read the folder, as walking through one needs none.
const forWalk = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

func times(raw *unix.Stat_t) (mtime, ctime unix.Timespec) { return raw.Mtim, raw.Ctim }

// utimensat(2) without a path is futimens(3).
func touch(fd int) error {
	if _, _, failed := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, 0, 0, 0, 0); failed != 0 {
		return failed
	}
	return nil
}

func itoa(n int) string {
	var digits [20]byte
	at := len(digits)
	for {
		at--
		digits[at] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return string(digits[at:])
		}
	}
}

// The next four are called for every member of a slot, and the runtime is not told
// of them. It takes a call of more than twenty microseconds for one that blocks,
// and lets another thread have the processor: with a worker on each processor that
// only wakes threads which find nothing to do, thousands of times in a first start.
// These calls end by themselves.

func openat(at int, name string, flags int, mode uint32) (int, error) {
	path, err := unix.BytePtrFromString(name)
	if err != nil {
		return -1, err
	}
	fd, _, failed := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(at), uintptr(unsafe.Pointer(path)),
		uintptr(flags|unix.O_LARGEFILE), uintptr(mode), 0, 0)
	if failed != 0 {
		return -1, failed
	}
	return int(fd), nil
}

func mkdirat(at int, name string, mode uint32) error {
	path, err := unix.BytePtrFromString(name)
	if err != nil {
		return err
	}
	if _, _, failed := unix.RawSyscall(unix.SYS_MKDIRAT, uintptr(at), uintptr(unsafe.Pointer(path)), uintptr(mode)); failed != 0 {
		return failed
	}
	return nil
}

func write(fd int, data []byte) (int, error) {
	n, _, failed := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)))
	if failed != 0 {
		return 0, failed
	}
	return int(n), nil
}

func shut(fd int) error {
	if _, _, failed := unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0); failed != 0 {
		return failed
	}
	return nil
}

// duplicateFrom gives a descriptor another number, the lowest free one from least
// on.
func duplicateFrom(fd, least int) (int, bool) {
	got, _, failed := unix.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_DUPFD, uintptr(least))
	return int(got), failed == 0
}

func syncFileSystem(fd int) error { return unix.Syncfs(fd) }

// fchmodat(2) follows links and knows no flag against it, so the descriptor is
// reached as a path, which needs no right to read.
func chmodNoFollow(at int, name string, mode uint32) error {
	fd, err := unix.Openat(at, name, forWalk, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Chmod("/proc/self/fd/"+itoa(fd), mode)
}

// Magic numbers of linux/magic.h and of file systems outside the kernel's tree.
const (
	magicF2fs     = 0xf2f52010
	magicBcachefs = 0xca451a4e
	magicZfs      = 0x2fc12fc1
)

// OnFileSystem tells about the file system that the folder lies on.
func (d *Dir) OnFileSystem() (FileSystem, error) { return fileSystem(d.fd) }

// OnFileSystem tells about the file system that the file lies on.
func (f *File) OnFileSystem() (FileSystem, error) { return fileSystem(f.fd) }

// OnFileSystem tells about the file system of an open file, by its number.
func OnFileSystem(fd int) (FileSystem, error) { return fileSystem(fd) }

func fileSystem(fd int) (FileSystem, error) {
	var raw unix.Statfs_t
	for {
		err := unix.Fstatfs(fd, &raw)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return FileSystem{}, err
		}
		break
	}
	reliable := false
	switch uint32(raw.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, magicF2fs, magicBcachefs, magicZfs,
		unix.OVERLAYFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		reliable = true
	}
	return FileSystem{
		ReadOnly:      raw.Flags&unix.ST_RDONLY != 0,
		NoExecute:     raw.Flags&unix.ST_NOEXEC != 0,
		FreeBytes:     raw.Bavail * uint64(raw.Frsize),
		FreeInodes:    raw.Ffree,
		CountsInodes:  raw.Files != 0,
		ReliableTimes: reliable,
	}, nil
}
