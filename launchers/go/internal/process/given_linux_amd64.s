#include "textflag.h"

// The kernel's numbers.
#define SYS_rt_sigaction 13
#define SYS_rt_sigprocmask 14
#define SYS_fcntl 72
#define SYS_prctl 157
#define SYS_prlimit64 302
#define F_GETFD 1
#define SIG_IGN 1
#define RLIMIT_NOFILE 7
#define PR_SET_TIMERSLACK 29
#define PR_GET_TIMERSLACK 30

// What the runtime finds in its environment (given_linux.go).
DATA runtimeProcessors<>+0(SB)/8, $"GOMAXPRO"
DATA runtimeProcessors<>+8(SB)/8, $"CS=1\x00\x00\x00\x00"
GLOBL runtimeProcessors<>(SB), NOPTR|RODATA, $16
DATA runtimeDebug<>+0(SB)/8, $"GODEBUG="
DATA runtimeDebug<>+8(SB)/8, $"cpu.sse4"
DATA runtimeDebug<>+16(SB)/8, $"2=off\x00\x00\x00"
GLOBL runtimeDebug<>(SB), NOPTR|RODATA, $24

// entry is where the kernel starts the process: it records what the runtime is about to change, and goes on to the
// runtime's own entry point, with a copy of what the kernel put on the stack in which the environment is another one.
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

	// The runtime is kept from what it does at every start for nothing (given.go): it opens no file, ...
	MOVQ	·givenFiles+8(SB), AX
	CMPQ	AX, $64
	JLS	slack
	MOVQ	AX, ·givenScratch+8(SB)
	MOVQ	$3, ·givenScratch(SB)
	XORQ	DI, DI
	MOVQ	$RLIMIT_NOFILE, SI
	LEAQ	·givenScratch(SB), DX
	XORQ	R10, R10
	MOVQ	$SYS_prlimit64, AX
	SYSCALL

slack:
	// ... its watching thread wakes a thousand times a second instead of twenty thousand times, ...
	MOVQ	$PR_GET_TIMERSLACK, DI
	XORQ	SI, SI
	XORQ	DX, DX
	XORQ	R10, R10
	XORQ	R8, R8
	MOVQ	$SYS_prctl, AX
	SYSCALL
	LEAQ	-1(AX), CX
	CMPQ	CX, $999999
	JCC	profile
	MOVQ	AX, ·givenSlack(SB)
	MOVQ	$PR_SET_TIMERSLACK, DI
	MOVQ	$1000000, SI
	MOVQ	$SYS_prctl, AX
	SYSCALL

profile:
	// ... and it samples no memory.
	MOVQ	·profileRate(SB), AX
	MOVQ	$0, (AX)

	MOVQ	$1, ·givenRecorded(SB)

	// R12: number of arguments, arguments, 0. R14: environment, 0. R15 to BX: auxiliary vector.
	MOVQ	SP, R12
	MOVQ	(R12), AX
	LEAQ	16(R12)(AX*8), R14
	MOVQ	R14, ·givenEnvironment(SB)
	MOVQ	R14, R15
variables:
	MOVQ	(R15), AX
	ADDQ	$8, R15
	TESTQ	AX, AX
	JNE	variables
	MOVQ	R15, BX
vector:
	MOVQ	(BX), AX
	ADDQ	$16, BX
	TESTQ	AX, AX
	JNE	vector

	// R9: the copy, below the original.
	LEAQ	-24(R12), R9
	ADDQ	R12, R9
	SUBQ	R14, R9
	ADDQ	R15, R9
	SUBQ	BX, R9
	ANDQ	$~15, R9
	MOVQ	R9, DI
copyArguments:
	MOVQ	(R12), AX
	MOVQ	AX, (DI)
	ADDQ	$8, R12
	ADDQ	$8, DI
	CMPQ	R12, R14
	JNE	copyArguments
	LEAQ	runtimeProcessors<>(SB), AX
	MOVQ	AX, (DI)
	LEAQ	runtimeDebug<>(SB), AX
	MOVQ	AX, 8(DI)
	MOVQ	$0, 16(DI)
	ADDQ	$24, DI
copyVector:
	MOVQ	(R15), AX
	MOVQ	AX, (DI)
	ADDQ	$8, R15
	ADDQ	$8, DI
	CMPQ	R15, BX
	JNE	copyVector
	MOVQ	R9, SP
	JMP	_rt0_amd64_linux(SB)
