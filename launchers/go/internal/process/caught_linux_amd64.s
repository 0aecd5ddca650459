#include "textflag.h"

#define SYS_write 1
#define SYS_rt_sigreturn 15

// caught is the handler of every signal of a waiting parent: it writes what the kernel says about the signal, 24 bytes of
// siginfo (number, errno, code, padding, sender), to the pipe of wait_linux.go. A full pipe loses the signal.
TEXT ·caught(SB),NOSPLIT|NOFRAME,$0
	MOVQ	·caughtPipe(SB), DI
	MOVQ	$24, DX
	MOVQ	$SYS_write, AX
	SYSCALL
	RET

// restorer ends a handler.
TEXT ·restorer(SB),NOSPLIT|NOFRAME,$0
	MOVQ	$SYS_rt_sigreturn, AX
	SYSCALL
	INT	$3

// func handler() (caught, restorer uintptr)
TEXT ·handler(SB),NOSPLIT,$0-16
	LEAQ	·caught(SB), AX
	MOVQ	AX, caught+0(FP)
	LEAQ	·restorer(SB), AX
	MOVQ	AX, restorer+8(FP)
	RET
