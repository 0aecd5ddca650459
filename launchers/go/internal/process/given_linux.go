package process

import (
	"runtime"
	"syscall"
	"unsafe"
)

// What the entry point recorded, besides what other files have.
var (
	givenRecorded uint64 // 1 if the entry point ran
	givenBlocked  uint64 // bit n-1: signal n was blocked
	givenFiles    [2]uint64
	givenSlack    uint64 // timer slack in nanoseconds; 0 if it was left as it was
)

// givenScratch is where the entry point lets the kernel write one struct sigaction.
var givenScratch [4]uint64

// profileRate is a variable of the runtime, which assembly cannot name.
var profileRate = &runtime.MemProfileRate

// Only assembly names them.
var _, _ = &givenScratch, &profileRate

const (
	signalIgnored = 1
	signalDefault = 0
	maskBytes     = 8
	setMask       = 2
)

// sigaction is the kernel's struct for rt_sigaction on amd64; on arm64 the third field has no meaning.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

//go:nosplit
func setAction(signal uintptr, action *sigaction) {
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, signal, uintptr(unsafe.Pointer(action)), 0, maskBytes, 0, 0)
}

//go:nosplit
func setBlocked(mask *uint64) {
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(mask)), 0, maskBytes, 0, 0)
}

// UseAllProcessors lets goroutines run on all processors that the launcher may use. Until then they run on one.
func UseAllProcessors() {
	if givenRecorded != 0 {
		runtime.GOMAXPROCS(runtime.NumCPU())
	}
}

// ignoreGiven ignores what was ignored when the launcher was started. Handlers are reset by execve, ignored signals stay
// ignored, so this is all that dispositions need.
//
//go:nosplit
func ignoreGiven() {
	action := sigaction{handler: signalIgnored}
	for signal := uintptr(1); signal <= 64; signal++ {
		if givenIgnored&(1<<(signal-1)) != 0 {
			setAction(signal, &action)
		}
	}
}
