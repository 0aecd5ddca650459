#include "textflag.h"

// The kernel's numbers.
#define SYS_rt_sigaction 13
#define SYS_rt_sigprocmask 14
#define SYS_fcntl 72
#define SYS_prlimit64 302
#define F_GETFD 1
#define SIG_IGN 1
#define RLIMIT_NOFILE 7

// entry is where the kernel starts the process: it records what the runtime is about to change, and goes on to the
// runtime's own entry point. Nothing lies on the stack but what the kernel put there, so SP stays as it is.
TEXT ·entry(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ	$64, R12
	XORQ	R13, R13
signals:
	SHLQ	$1, R13
	MOVQ	R12, DI
	XORQ	SI, SI
	LEAQ	·givenScratch(SB), DX
	MOVQ	$8, R10
	MOVQ	$SYS_rt_sigaction, AX
	SYSCALL
	TESTQ	AX, AX
	JNE	following
	MOVQ	·givenScratch(SB), AX
	CMPQ	AX, $SIG_IGN
	JNE	following
	ORQ	$1, R13
following:
	DECQ	R12
	JNZ	signals
	MOVQ	R13, ·givenIgnored(SB)

	XORQ	DI, DI
	XORQ	SI, SI
	LEAQ	·givenBlocked(SB), DX
	MOVQ	$8, R10
	MOVQ	$SYS_rt_sigprocmask, AX
	SYSCALL

	MOVQ	$2, R12
	XORQ	R13, R13
descriptors:
	SHLQ	$1, R13
	MOVQ	R12, DI
	MOVQ	$F_GETFD, SI
	XORQ	DX, DX
	MOVQ	$SYS_fcntl, AX
	SYSCALL
	TESTQ	AX, AX
	JGE	open
	ORQ	$1, R13
open:
	DECQ	R12
	JGE	descriptors
	MOVQ	R13, ·givenClosed(SB)

	XORQ	DI, DI
	MOVQ	$RLIMIT_NOFILE, SI
	XORQ	DX, DX
	LEAQ	·givenFiles(SB), R10
	MOVQ	$SYS_prlimit64, AX
	SYSCALL

	MOVQ	$1, ·givenRecorded(SB)
	JMP	_rt0_amd64_linux(SB)
