//go:build unix && !linux

package process

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Start starts a child of the launcher in its own process group and session.
func Start(child *Child) (int, error) {
	files := []uintptr{0, 1, 2}
	if child.Input >= 0 {
		files[0] = uintptr(child.Input)
	}
	if child.Output >= 0 {
		files[1], files[2] = uintptr(child.Output), uintptr(child.Output)
	}
	if child.Umask >= 0 {
		before := unix.Umask(child.Umask)
		defer unix.Umask(before)
	}
	return syscall.ForkExec(child.Path, child.Argv, &syscall.ProcAttr{Dir: child.Folder, Env: child.Environment, Files: files})
}

// Parent is a launcher that waits: signals that reach it go to its child (LAUNCH.md 15.4).
type Parent struct {
	signals chan os.Signal
}

// BecomeParent catches every signal that can be caught. Who sent a signal is not known here, so those that terminals send
// to a whole process group are not handed on.
func BecomeParent() (*Parent, error) {
	runtime.LockOSThread()
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	return &Parent{signals: signals}, nil
}

// Wait waits for the end of a child, sends it the signals that reach the launcher, and stops when it stops.
func (p *Parent) Wait(pid int) (End, error) {
	stopped := false
	for {
		var status unix.WaitStatus
		got, err := unix.Wait4(pid, &status, unix.WNOHANG|unix.WUNTRACED, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return End{}, err
		case got == pid && status.Exited():
			return End{Code: status.ExitStatus()}, nil
		case got == pid && status.Signaled():
			return End{Signal: int(status.Signal())}, nil
		case got == pid && status.Stopped():
			stopped = true
			_ = unix.Kill(unix.Getpid(), unix.SIGSTOP)
			continue
		}
		caught, _ := (<-p.signals).(syscall.Signal)
		switch caught {
		case unix.SIGCHLD, unix.SIGURG, unix.SIGINT, unix.SIGQUIT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGHUP,
			unix.SIGWINCH:
		case unix.SIGCONT:
			if stopped {
				stopped = false
				_ = unix.Kill(pid, unix.SIGCONT)
			}
		default:
			_ = unix.Kill(pid, caught)
		}
	}
}

// Finish ends the launcher as its program ended: with its exit code, or by the same signal without a core of its own
// (LAUNCH.md 15.6).
func Finish(end End) {
	if end.Signal == 0 {
		os.Exit(end.Code)
	}
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	signal.Reset(unix.Signal(end.Signal))
	_ = unix.Kill(unix.Getpid(), unix.Signal(end.Signal))
	os.Exit(128 + end.Signal)
}
