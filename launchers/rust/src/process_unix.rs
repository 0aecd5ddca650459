//! The border to the C library: the entry point and `execve`. The language's own entry point would ignore SIGPIPE and
//! its own exec would reset the signal mask; the program must inherit both as the parent gave them (LAUNCH.md 1.2).
#![expect(unsafe_code, reason = "the C entry point and execve have no safe form")]

use std::ffi::{CStr, CString, OsStr, OsString, c_char, c_int};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, IntoRawFd as _, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
pub(crate) use std::os::unix::fs::symlink as link;
use std::path::{Path, PathBuf};

use flavor_store::usage::Hold;
use rustix::fs::{Mode, OFlags};

/// Called by the C library's start-up code.
#[cfg(not(test))]
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    // SAFETY: the start-up code passes `count` pointers to strings that live as long as the process.
    let arguments = unsafe { collect(count, arguments) };
    crate::run(arguments)
}

/// # Safety
///
/// `arguments` must point to `count` pointers to NUL-ended strings.
#[cfg_attr(test, expect(dead_code, reason = "tests have another entry point"))]
unsafe fn collect(count: c_int, arguments: *const *const c_char) -> Vec<OsString> {
    let count = usize::try_from(count).unwrap_or(0);
    (0..count)
        .map(|position| {
            // SAFETY: position is below the count that the caller vouches for.
            let argument = unsafe { CStr::from_ptr(*arguments.add(position)) };
            OsString::from_vec(argument.to_bytes().to_vec())
        })
        .collect()
}

/// Whether the kernel marked this start as elevated (S4).
pub(crate) fn is_elevated() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    is_marked_secure() || getuid() != geteuid() || getgid() != getegid()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_marked_secure() -> bool {
    // SAFETY: getauxval reads the process's own auxiliary vector.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

#[cfg(target_os = "macos")]
fn is_marked_secure() -> bool {
    // SAFETY: it has no arguments and cannot fail.
    unsafe { libc::issetugid() != 0 }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "macos")))]
fn is_marked_secure() -> bool {
    false
}

/// Whether standard error is a terminal that this process may write to without disturbing another job.
pub(crate) fn is_in_foreground() -> bool {
    // SAFETY: plain calls; without a terminal the first one fails.
    unsafe { libc::tcgetpgrp(2) == libc::getpgrp() }
}

/// Puts `/dev/null` where a standard descriptor is closed, so that no file of the store can take its number. They are
/// close-on-exec: the program finds them closed, as the parent left them.
pub(crate) fn occupy_standard_descriptors() {
    while let Ok(null) = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
        if null.as_raw_fd() > 2 {
            break;
        }
        let _ = null.into_raw_fd();
    }
}

/// What the file that this process runs is called before its path is known.
pub(crate) const OWN_FILE: &str = "/proc/self/exe";

/// The file that this process runs, opened for reading, and its path.
pub(crate) fn own_file() -> io::Result<(File, PathBuf)> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let file = File::open("/proc/self/exe")?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let file = std::env::current_exe().and_then(File::open)?;
    Ok((file, std::env::current_exe()?))
}

/// An absolute path without links.
pub(crate) fn resolved(path: &Path) -> io::Result<PathBuf> {
    std::fs::canonicalize(path)
}

/// What of a program's file name can be the name of a command.
pub(crate) fn command_name(file_name: &OsStr) -> &OsStr {
    file_name
}

/// The working folder that this process was given.
pub(crate) struct CallersFolder(rustix::io::Result<OwnedFd>);

impl CallersFolder {
    /// Notes it.
    pub(crate) fn note() -> Self {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Self(rustix::fs::open(".", flags, Mode::empty()))
    }

    /// Goes back there, if that can be done.
    pub(crate) fn enter(self) {
        if let Ok(folder) = self.0 {
            let _ = rustix::process::fchdir(folder);
        }
    }
}

/// A program with its arguments and environment, ready to be started without any further allocation.
pub(crate) struct Image {
    program: CString,
    // The pointers lead into the texts beside them, whose bytes do not move.
    _texts: Vec<CString>,
    argv: Vec<*const c_char>,
    environment: Vec<*const c_char>,
}

impl Image {
    /// Fails on texts with a NUL inside.
    pub(crate) fn new<'a>(
        program: &OsStr,
        argv: impl Iterator<Item = &'a OsString>,
        environment: &[(OsString, OsString)],
    ) -> io::Result<Self> {
        let text =
            |bytes: &[u8]| CString::new(bytes).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
        let argv = argv.map(|argument| text(argument.as_bytes())).collect::<io::Result<Vec<_>>>()?;
        let variables = environment.iter();
        let variables =
            variables.map(|(name, value)| text(&[name.as_bytes(), b"=", value.as_bytes()].concat()));
        let variables = variables.collect::<io::Result<Vec<_>>>()?;
        let (argv_pointers, variable_pointers) = (pointers(&argv), pointers(&variables));
        let texts = argv.into_iter().chain(variables).collect();
        let program = text(program.as_bytes())?;
        Ok(Self { program, _texts: texts, argv: argv_pointers, environment: variable_pointers })
    }

    /// Replaces this process; returns only with the reason why it could not.
    pub(crate) fn execute(&self) -> io::Error {
        // SAFETY: both arrays end with a null pointer and point to NUL-ended strings that live as long as `self`.
        unsafe { libc::execve(self.program.as_ptr(), self.argv.as_ptr(), self.environment.as_ptr()) };
        io::Error::last_os_error()
    }
}

/// Descriptors of programs begin at the other end, and `select` cannot watch numbers above this one.
const TOP: RawFd = 1023;

/// Leaves the lock on the work environment to the program that is started next (LAUNCH.md 7.3): a duplicate at the
/// highest free number, not close-on-exec. Without a free number the program runs without.
pub(crate) fn leave_to_program(hold: Hold) {
    let Some(lock) = hold.into_file().map(OwnedFd::from) else { return };
    highest(&lock);
    // It is close-on-exec: closing it here would be one more system call for nothing.
    let _ = lock.into_raw_fd();
}

fn highest(lock: &OwnedFd) -> Option<RawFd> {
    // Nearly always free and allowed, so that the limit need not be asked for.
    duplicate_at(lock, TOP).or_else(|| {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let limit = limit.and_then(|limit| RawFd::try_from(limit).ok()).unwrap_or(TOP).min(TOP);
        (3..limit).rev().find_map(|number| duplicate_at(lock, number))
    })
}

/// A duplicate with exactly this number, if it is free.
fn duplicate_at(lock: &OwnedFd, number: RawFd) -> Option<RawFd> {
    // SAFETY: `lock` is open, and duplicating touches no memory.
    let duplicate = unsafe { libc::fcntl(lock.as_raw_fd(), libc::F_DUPFD, number) };
    if duplicate > number {
        // SAFETY: it was made just now and is known to nobody else.
        unsafe { libc::close(duplicate) };
    }
    (duplicate == number).then_some(duplicate)
}

/// Replaces this process by `program`; returns only with the reason why it could not.
pub(crate) fn execute<'a>(
    program: &OsStr,
    argv: impl Iterator<Item = &'a OsString>,
    environment: &[(OsString, OsString)],
) -> io::Error {
    match Image::new(program, argv, environment) {
        Ok(image) => image.execute(),
        Err(error) => error,
    }
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_goes_to_the_highest_free_number_and_to_the_next_one_if_that_is_taken() {
        let folder = tempfile::tempdir().expect("folder");
        let lock = OwnedFd::from(std::fs::File::create(folder.path().join("lock")).expect("lock"));
        let first = highest(&lock).expect("first");
        let second = highest(&lock).expect("second");
        assert!((3..=TOP).contains(&first));
        assert_eq!(second, first - 1);
    }
}
