#include "textflag.h"

// The kernel's numbers.
#define SYS_rt_sigaction 134
#define SYS_rt_sigprocmask 135
#define SYS_fcntl 25
#define SYS_prctl 167
#define SYS_prlimit64 261
#define F_GETFD 1
#define SIG_IGN 1
#define RLIMIT_NOFILE 7
#define PR_SET_TIMERSLACK 29
#define PR_GET_TIMERSLACK 30

// What the runtime finds in its environment (given_linux.go).
DATA runtimeProcessors<>+0(SB)/8, $"GOMAXPRO"
DATA runtimeProcessors<>+8(SB)/8, $"CS=1\x00\x00\x00\x00"
GLOBL runtimeProcessors<>(SB), NOPTR|RODATA, $16

// entry is where the kernel starts the process: it records what the runtime is about to change, and goes on to the
// runtime's own entry point, with a copy of what the kernel put on the stack in which the environment is another one.
TEXT ·entry(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVD	$64, R19
	MOVD	$0, R20
signals:
	LSL	$1, R20
	MOVD	R19, R0
	MOVD	$0, R1
	MOVD	$·givenScratch(SB), R2
	MOVD	$8, R3
	MOVD	$SYS_rt_sigaction, R8
	SVC
	CBNZ	R0, following
	MOVD	·givenScratch(SB), R4
	CMP	$SIG_IGN, R4
	BNE	following
	ORR	$1, R20
following:
	SUB	$1, R19
	CBNZ	R19, signals
	MOVD	R20, ·givenIgnored(SB)

	MOVD	$0, R0
	MOVD	$0, R1
	MOVD	$·givenBlocked(SB), R2
	MOVD	$8, R3
	MOVD	$SYS_rt_sigprocmask, R8
	SVC

	MOVD	$3, R19
	MOVD	$0, R20
descriptors:
	SUB	$1, R19
	LSL	$1, R20
	MOVD	R19, R0
	MOVD	$F_GETFD, R1
	MOVD	$0, R2
	MOVD	$SYS_fcntl, R8
	SVC
	CMP	$0, R0
	BGE	open
	ORR	$1, R20
open:
	CBNZ	R19, descriptors
	MOVD	R20, ·givenClosed(SB)

	MOVD	$0, R0
	MOVD	$RLIMIT_NOFILE, R1
	MOVD	$0, R2
	MOVD	$·givenFiles(SB), R3
	MOVD	$SYS_prlimit64, R8
	SVC

	// The runtime is kept from what it does at every start for nothing (given.go): it opens no file, ...
	MOVD	·givenFiles+8(SB), R4
	CMP	$64, R4
	BLS	slack
	MOVD	R4, ·givenScratch+8(SB)
	MOVD	$3, R4
	MOVD	R4, ·givenScratch(SB)
	MOVD	$0, R0
	MOVD	$RLIMIT_NOFILE, R1
	MOVD	$·givenScratch(SB), R2
	MOVD	$0, R3
	MOVD	$SYS_prlimit64, R8
	SVC

slack:
	// ... its watching thread wakes a thousand times a second instead of twenty thousand times, ...
	MOVD	$PR_GET_TIMERSLACK, R0
	MOVD	$0, R1
	MOVD	$0, R2
	MOVD	$0, R3
	MOVD	$0, R4
	MOVD	$SYS_prctl, R8
	SVC
	SUB	$1, R0, R5
	MOVD	$999999, R6
	CMP	R6, R5
	BHS	profile
	MOVD	R0, ·givenSlack(SB)
	MOVD	$PR_SET_TIMERSLACK, R0
	MOVD	$1000000, R1
	MOVD	$SYS_prctl, R8
	SVC

profile:
	// ... and it samples no memory.
	MOVD	·profileRate(SB), R4
	MOVD	$0, R5
	MOVD	R5, (R4)

	MOVD	$1, R4
	MOVD	R4, ·givenRecorded(SB)

	// R19: number of arguments, arguments, 0. R20: environment, 0. R21 to R22: auxiliary vector.
	MOVD	RSP, R19
	MOVD	(R19), R4
	ADD	R4<<3, R19, R20
	ADD	$16, R20
	MOVD	R20, ·givenEnvironment(SB)
	MOVD	R20, R21
variables:
	MOVD	(R21), R4
	ADD	$8, R21
	CBNZ	R4, variables
	MOVD	R21, R22
vector:
	MOVD	(R22), R4
	ADD	$16, R22
	CBNZ	R4, vector

	// R23: the copy, below the original; the stack pointer has to be a multiple of 16.
	SUB	$16, R19, R23
	ADD	R19, R23
	SUB	R20, R23
	ADD	R21, R23
	SUB	R22, R23
	AND	$~15, R23
	MOVD	R23, R5
copyArguments:
	MOVD	(R19), R4
	MOVD	R4, (R5)
	ADD	$8, R19
	ADD	$8, R5
	CMP	R20, R19
	BNE	copyArguments
	MOVD	$runtimeProcessors<>(SB), R4
	MOVD	R4, (R5)
	MOVD	$0, R4
	MOVD	R4, 8(R5)
	ADD	$16, R5
copyVector:
	MOVD	(R21), R4
	MOVD	R4, (R5)
	ADD	$8, R21
	ADD	$8, R5
	CMP	R22, R21
	BNE	copyVector
	MOVD	R23, RSP
	JMP	_rt0_arm64_linux(SB)
