//! Running a program as a child where something has to be done after it (LAUNCH.md 15): the parent waits, hands on the
//! signals that reach it, and stops, continues and dies as the child does. Only starts that must clean up come here; all
//! others are replaced by their program.
#![expect(unsafe_code, reason = "fork, signal masks and waiting have no safe form")]

use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::ptr;
use std::sync::OnceLock;

use libc::{c_int, pid_t, sigset_t};
use rustix::fs::{Mode, OFlags};

use crate::process::Image;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It exited with this code.
    Code(u8),
    /// A signal killed it.
    Signal(c_int),
}

impl Ending {
    /// For messages.
    pub(crate) fn words(self) -> String {
        match self {
            Self::Code(code) => format!("exit code {code}"),
            Self::Signal(signal) => format!("signal {signal}"),
        }
    }
}

/// Signals that the terminal sends to every process of the foreground group: the child has them already.
const FROM_TERMINAL: [c_int; 8] = [
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGHUP,
    libc::SIGCONT,
    libc::SIGWINCH,
];
/// Signals about the process that causes them; blocking them would hide its own faults.
const OF_ITS_OWN: [c_int; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGSYS];

/// What this process was given before it began to wait for programs; each of them gets it (LAUNCH.md 15.2).
static GIVEN: OnceLock<Signals> = OnceLock::new();

struct Signals {
    mask: sigset_t,
    children: libc::sigaction,
}

/// Runs `program` to its end. Signals stay blocked in this process afterwards, so that cleaning up is not cut short. With
/// `release` this process lets go of standard input and output while it waits, so that whoever reads or writes at the other
/// end deals with the program alone.
pub(crate) fn run(
    program: &OsStr,
    argv: &[&OsString],
    environment: &[(OsString, OsString)],
    release: bool,
) -> io::Result<Ending> {
    // Everything that allocates happens before the fork.
    let image = Image::new(program, argv.iter().copied(), environment)?;
    let (failed, report) = pipe()?;
    // Blocked before there is a child, so that no end of one goes by unseen: a blocked SIGCHLD is kept, also where its
    // disposition is to be ignored.
    let given = GIVEN.get_or_init(|| Signals { mask: block_signals(), children: default_child_signal() });
    let parent = process_id();
    // SAFETY: no other thread is running; the child only makes system calls until it is another program.
    let child = unsafe { libc::fork() };
    match child {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            die_with(parent);
            restore(given);
            let error = image.execute();
            let number = error.raw_os_error().unwrap_or(libc::EIO).to_ne_bytes();
            // SAFETY: the descriptor is open and the buffer valid; _exit runs nothing of the parent's.
            unsafe {
                libc::write(report.as_raw_fd(), number.as_ptr().cast(), number.len());
                libc::_exit(127)
            }
        }
        child => {
            drop(report);
            let mut number = [0; 4];
            if let Ok(4) = read(&failed, &mut number) {
                wait_for_end(child);
                return Err(io::Error::from_raw_os_error(c_int::from_ne_bytes(number)));
            }
            if release {
                release_standard_streams();
            }
            Ok(watch(child))
        }
    }
}

/// Ends this process as the program ended.
pub(crate) fn end_as(ending: Ending) -> i32 {
    let signal = match ending {
        Ending::Code(code) => return i32::from(code),
        Ending::Signal(signal) => signal,
    };
    // The program's own core dump is the one that says something.
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    // SAFETY: plain calls on a local set; the default disposition of a fatal signal ends the process.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut set = empty_set();
        libc::sigaddset(&raw mut set, signal);
        libc::kill(process_id(), signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut());
    }
    // A signal that does not kill after all.
    128 + signal
}

/// Handles what reaches this process until the child is gone.
fn watch(child: pid_t) -> Ending {
    let all = all_signals();
    loop {
        let (signal, from_terminal) = next_signal(&all);
        if signal == libc::SIGCHLD {
            if let Some(ending) = child_changed(child) {
                return ending;
            }
        } else if signal > 0 && !(from_terminal && FROM_TERMINAL.contains(&signal)) {
            send(child, signal);
        }
    }
}

fn release_standard_streams() {
    if let Ok(null) = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
        for stream in [0, 1] {
            // SAFETY: nothing of this process uses them from here on.
            unsafe { libc::dup2(null.as_raw_fd(), stream) };
        }
    }
}

/// What became of the child; stops this process if the child was stopped.
fn child_changed(child: pid_t) -> Option<Ending> {
    let mut stopped = false;
    loop {
        let mut status = 0;
        let flags = libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED;
        // SAFETY: the status is a valid place.
        let found = unsafe { libc::waitpid(child, &raw mut status, flags) };
        if found == child {
            if let Some(ending) = ending_of(status) {
                return Some(ending);
            }
            stopped = libc::WIFSTOPPED(status);
            continue;
        }
        if found == -1 {
            let error = io::Error::last_os_error();
            if error.kind() == io::ErrorKind::Interrupted {
                continue;
            }
            // Somebody else took the status; there is nothing left to wait for.
            return Some(Ending::Code(0));
        }
        break;
    }
    if stopped {
        // SIGSTOP, whatever stopped the child: it cannot be blocked, and shells treat all four alike.
        send(process_id(), libc::SIGSTOP);
        // Continued by now. Whoever continued only this process meant the program.
        send(child, libc::SIGCONT);
    }
    None
}

fn ending_of(status: c_int) -> Option<Ending> {
    if libc::WIFEXITED(status) {
        return Some(Ending::Code(u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(u8::MAX)));
    }
    libc::WIFSIGNALED(status).then(|| Ending::Signal(libc::WTERMSIG(status)))
}

fn wait_for_end(child: pid_t) {
    let mut status = 0;
    // SAFETY: the status is a valid place.
    while unsafe { libc::waitpid(child, &raw mut status, 0) } == -1
        && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
    {}
}

fn send(process: pid_t, signal: c_int) {
    // SAFETY: plain call; a process that is gone already makes it fail, which is no matter.
    unsafe { libc::kill(process, signal) };
}

fn process_id() -> pid_t {
    // SAFETY: it cannot fail.
    unsafe { libc::getpid() }
}

fn empty_set() -> sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset fills the whole set.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

fn all_signals() -> sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigfillset fills the whole set.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        for signal in OF_ITS_OWN {
            libc::sigdelset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

/// Blocks every signal that is handed on; the mask before.
fn block_signals() -> sigset_t {
    let all = all_signals();
    let mut before = empty_set();
    // SAFETY: both sets are valid, and there is one thread.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const all, &raw mut before) };
    before
}

/// Children that are not waited for, if the parent asked for that, would vanish without a status; the disposition before.
fn default_child_signal() -> libc::sigaction {
    let mut before = MaybeUninit::<libc::sigaction>::zeroed();
    let mut plain = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: zero is the default disposition with no flags and an empty mask; the call fills `before`.
    unsafe {
        (*plain.as_mut_ptr()).sa_sigaction = libc::SIG_DFL;
        libc::sigaction(libc::SIGCHLD, plain.as_ptr(), before.as_mut_ptr());
        before.assume_init()
    }
}

fn restore(given: &Signals) {
    // SAFETY: both were filled by the system.
    unsafe {
        libc::sigaction(libc::SIGCHLD, &raw const given.children, ptr::null_mut());
        libc::sigprocmask(libc::SIG_SETMASK, &raw const given.mask, ptr::null_mut());
    }
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: the array has room for both descriptors, which nobody else owns.
    unsafe {
        if libc::pipe(ends.as_mut_ptr()) == -1 {
            return Err(io::Error::last_os_error());
        }
        for end in ends {
            libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC);
        }
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

fn read(from: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match rustix::io::read(from, &mut *buffer) {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}

/// Waits for a blocked signal: its number, and whether the terminal sent it.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn next_signal(all: &sigset_t) -> (c_int, bool) {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: set and place are valid; every siginfo has the code field.
    unsafe {
        let signal = libc::sigwaitinfo(all, info.as_mut_ptr());
        (signal, (*info.as_ptr()).si_code == libc::SI_KERNEL)
    }
}

/// Waits for a blocked signal. Who sent it is not told here; what a terminal can send comes from it as long as this process is
/// in its foreground group.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn next_signal(all: &sigset_t) -> (c_int, bool) {
    let mut signal = 0;
    // SAFETY: set and place are valid.
    unsafe {
        libc::sigwait(all, &raw mut signal);
        (signal, libc::tcgetpgrp(2) == libc::getpgrp())
    }
}

/// A parent that is killed takes the program along, as if the program had been killed.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn die_with(parent: pid_t) {
    // SAFETY: plain calls; the parent may have died before the first of them.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::getppid() != parent {
            libc::_exit(127);
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn die_with(_parent: pid_t) {}
