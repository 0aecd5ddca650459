package process

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

//go:linkname afterForkInChild syscall.runtime_AfterForkInChild
func afterForkInChild()

// prepared is a child in the form that the kernel takes: nothing is allocated between fork and exec.
type prepared struct {
	path        *byte
	argv        **byte
	environment **byte
	folder      *byte
	input       int
	output      int
	umask       int
	parent      uintptr
	report      int
}

// Start starts a child of the launcher in its own process group and session. The child gets what the launcher was given:
// signal mask, ignored signals, closed descriptors, limits, timer slack (LAUNCH.md 15.2). It is killed if the calling thread ends, so
// the caller has locked its thread. An error is the system's reason for which the program could not be started.
//
// syscall.ForkExec would reset ignored signals: it knows only what the runtime left of them.
func Start(child *Child) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	made, err := prepare(child)
	if err != nil {
		return 0, err
	}
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return 0, err
	}
	defer unix.Close(ends[0])
	made.report = ends[1]
	OccupyStandard()
	restoreSlack()
	syscall.ForkLock.Lock()
	pid, failure := fork(made)
	syscall.ForkLock.Unlock()
	_ = unix.Close(ends[1])
	if failure != 0 {
		return 0, failure
	}
	var reason [8]byte
	for {
		count, err := unix.Read(ends[0], reason[:])
		if err == unix.EINTR {
			continue
		}
		if count != len(reason) {
			return pid, nil
		}
		break
	}
	for {
		if _, err := unix.Wait4(pid, nil, 0, nil); err != unix.EINTR {
			break
		}
	}
	return 0, syscall.Errno(*(*uintptr)(unsafe.Pointer(&reason)))
}

func prepare(child *Child) (*prepared, error) {
	made := &prepared{input: child.Input, output: child.Output, umask: child.Umask, parent: uintptr(syscall.Getpid())}
	var err error
	if made.path, err = syscall.BytePtrFromString(child.Path); err != nil {
		return nil, err
	}
	argv, err := syscall.SlicePtrFromStrings(child.Argv)
	if err != nil {
		return nil, err
	}
	environment, err := syscall.SlicePtrFromStrings(child.Environment)
	if err != nil {
		return nil, err
	}
	made.argv, made.environment = &argv[0], &environment[0]
	if child.Folder != "" {
		if made.folder, err = syscall.BytePtrFromString(child.Folder); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// fork must not grow its stack between beforeFork and execve: whatever it calls is nosplit.
//
//go:noinline
//go:norace
func fork(made *prepared) (int, syscall.Errno) {
	action := sigaction{handler: signalIgnored}
	beforeFork()
	pid, _, failure := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if failure != 0 || pid != 0 {
		afterFork()
		return int(pid), failure
	}

	// The child, alone, with a copy of everything.
	afterForkInChild()
	var parent, limit uintptr
	if _, _, failure = syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0); failure != 0 {
		goto failed
	}
	if parent, _, _ = syscall.RawSyscall(unix.SYS_GETPPID, 0, 0, 0); parent != made.parent {
		// The parent was killed before the line above.
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 1, 0, 0)
	}
	for signal := uintptr(1); signal <= 64; signal++ {
		if givenIgnored&(1<<(signal-1)) != 0 {
			setAction(signal, &action)
		}
	}
	if givenRecorded != 0 {
		limit = uintptr(unsafe.Pointer(&givenFiles))
		syscall.RawSyscall6(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, limit, 0, 0, 0)
	}
	if made.umask >= 0 {
		syscall.RawSyscall(unix.SYS_UMASK, uintptr(made.umask), 0, 0)
	}
	if made.folder != nil {
		if _, _, failure = syscall.RawSyscall(unix.SYS_CHDIR, uintptr(unsafe.Pointer(made.folder)), 0, 0); failure != 0 {
			goto failed
		}
	}
	if made.input >= 0 {
		if _, _, failure = syscall.RawSyscall(unix.SYS_DUP3, uintptr(made.input), 0, 0); failure != 0 {
			goto failed
		}
	}
	if made.output >= 0 {
		if _, _, failure = syscall.RawSyscall(unix.SYS_DUP3, uintptr(made.output), 1, 0); failure != 0 {
			goto failed
		}
		if _, _, failure = syscall.RawSyscall(unix.SYS_DUP3, uintptr(made.output), 2, 0); failure != 0 {
			goto failed
		}
	}
	if givenRecorded != 0 {
		setBlocked(&givenBlocked)
	}
	_, _, failure = syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(made.path)),
		uintptr(unsafe.Pointer(made.argv)), uintptr(unsafe.Pointer(made.environment)))
failed:
	syscall.RawSyscall(unix.SYS_WRITE, uintptr(made.report), uintptr(unsafe.Pointer(&failure)), unsafe.Sizeof(failure))
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 1, 0, 0)
	}
}
