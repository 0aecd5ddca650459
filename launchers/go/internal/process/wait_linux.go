package process

import (
	"encoding/binary"
	"runtime"

	"golang.org/x/sys/unix"
)

// caughtPipe is where the handler writes, and caughtBytes how much it writes for one signal.
var caughtPipe int64

var _ = &caughtPipe // only assembly reads it

const caughtBytes = 24

// The kernel's flags of rt_sigaction, and how it marks signals that it sent itself.
const (
	withInfo      = 0x00000004
	onStack       = 0x08000000
	restart       = 0x10000000
	withRestorer  = 0x04000000
	sentByKernel  = 0x80
	siginfoCode   = 8
	siginfoSender = 16
)

// handler gives the addresses of the signal handler and of what ends it.
func handler() (caught, restorer uintptr)

// Parent is a launcher that waits: signals that reach it go to its child (LAUNCH.md 15.4).
//
// The os/signal package cannot be used: it does not say who sent a signal, and what the terminal sent has reached the
// child already.
type Parent struct {
	read int
}

// BecomeParent catches every signal that can be caught, those of faults of the launcher's own left out, on the calling
// thread, which is locked from here on. It is called once, before the child is started: a signal that comes in between
// waits in the pipe.
func BecomeParent() (*Parent, error) {
	runtime.LockOSThread()
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(ends[1], true); err != nil {
		return nil, err
	}
	caughtPipe = int64(ends[1])
	caught, restorer := handler()
	action := sigaction{handler: caught, restorer: restorer, flags: withInfo | onStack | restart, mask: 1<<64 - 1}
	if restorer != 0 {
		action.flags |= withRestorer
	}
	for signal := uintptr(1); signal <= 64; signal++ {
		if !ownFault(unix.Signal(signal)) {
			setAction(signal, &action)
		}
	}
	var nothing uint64
	setBlocked(&nothing)
	return &Parent{read: ends[0]}, nil
}

func ownFault(signal unix.Signal) bool {
	switch signal {
	case unix.SIGKILL, unix.SIGSTOP, unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL, unix.SIGTRAP, unix.SIGSYS:
		return true
	}
	return false
}

// fromTerminal says whether the kernel sends a signal to the whole process group when a terminal asks for it.
func fromTerminal(signal unix.Signal) bool {
	switch signal {
	case unix.SIGINT, unix.SIGQUIT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGHUP, unix.SIGCONT, unix.SIGWINCH:
		return true
	}
	return false
}

// Wait waits for the end of a child, sends it the signals that reach the launcher, and stops when it stops.
func (p *Parent) Wait(pid int) (End, error) {
	stopped := false
	own := uint32(unix.Getpid())
	// Starting the child gave the thread the runtime's mask back.
	var nothing uint64
	setBlocked(&nothing)
	for {
		var status unix.WaitStatus
		// What happened before the signal of it was caught is seen here.
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
			_ = unix.Kill(int(own), unix.SIGSTOP)
			continue
		}
		var record [caughtBytes]byte
		count, err := unix.Read(p.read, record[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || count != len(record) {
			return End{}, unix.EPIPE
		}
		signal := unix.Signal(binary.LittleEndian.Uint32(record[:]))
		code := int32(binary.LittleEndian.Uint32(record[siginfoCode:]))
		sender := binary.LittleEndian.Uint32(record[siginfoSender:])
		switch {
		case signal == unix.SIGCHLD:
		case signal == unix.SIGCONT && stopped:
			stopped = false
			_ = unix.Kill(pid, unix.SIGCONT)
		case code == sentByKernel && fromTerminal(signal):
		case code <= 0 && sender == own:
			// The runtime's own signals to its threads.
		default:
			_ = unix.Kill(pid, signal)
		}
	}
}

// Finish ends the launcher as its program ended: with its exit code, or by the same signal without a core of its own
// (LAUNCH.md 15.6).
func Finish(end End) {
	if end.Signal == 0 {
		unix.Exit(end.Code)
	}
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	action := sigaction{handler: signalDefault}
	setAction(uintptr(end.Signal), &action)
	var nothing uint64
	setBlocked(&nothing)
	_ = unix.Kill(unix.Getpid(), unix.Signal(end.Signal))
	// A signal whose default is not to end a process: none ends a child either.
	unix.Exit(128 + end.Signal)
}
