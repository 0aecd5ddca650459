#include "textflag.h"

#define SYS_write 64

// caught is the handler of every signal of a waiting parent: it writes what the kernel says about the signal, 24 bytes of
// siginfo (number, errno, code, padding, sender), to the pipe of wait_linux.go. A full pipe loses the signal. It returns
// to the kernel's own trampoline.
TEXT ·caught(SB),NOSPLIT|NOFRAME,$0
	MOVD	·caughtPipe(SB), R0
	MOVD	$24, R2
	MOVD	$SYS_write, R8
	SVC
	RET

// func handler() (caught, restorer uintptr)
TEXT ·handler(SB),NOSPLIT,$0-16
	MOVD	$·caught(SB), R0
	MOVD	R0, caught+0(FP)
	MOVD	ZR, restorer+8(FP)
	RET
