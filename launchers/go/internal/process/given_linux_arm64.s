#include "textflag.h"

// The kernel's numbers.
#define SYS_rt_sigaction 134
#define SYS_rt_sigprocmask 135
#define SYS_fcntl 25
#define SYS_prlimit64 261
#define F_GETFD 1
#define SIG_IGN 1
#define RLIMIT_NOFILE 7

// entry is where the kernel starts the process: it records what the runtime is about to change, and goes on to the
// runtime's own entry point. Nothing lies on the stack but what the kernel put there, so RSP stays as it is.
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

	MOVD	$1, R4
	MOVD	R4, ·givenRecorded(SB)
	JMP	_rt0_arm64_linux(SB)
