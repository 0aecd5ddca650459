//! Running one setup command to its end (LAUNCH.md 16.7). The launcher has no other threads then, so a plain fork will do,
//! and the child inherits what a program of the package would: mask and dispositions of the launcher's own parent.
#![expect(unsafe_code, reason = "fork and its companions have no safe form")]

use std::ffi::{OsStr, OsString, c_int};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::process::{Pid, WaitOptions, WaitStatus, waitpid};

use crate::process::execute;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Code(c_int),
    Signal(c_int),
}

impl Ended {
    /// Why the command failed, in words; `None` if it did not.
    pub(crate) fn failure(self) -> Option<String> {
        match self {
            Self::Code(0) => None,
            Self::Code(code) => Some(format!("ended with exit code {code}")),
            Self::Signal(signal) => Some(format!("was ended by signal {signal}")),
        }
    }
}

/// Runs the program at `path`; it reads nothing, and `output` gets all that it prints. What cannot be a program is an
/// error; what turns out to be none once it is started says so in `output` and ends with 127.
pub(crate) fn run(
    path: &OsStr,
    argv: &[OsString],
    environment: &[(OsString, OsString)],
    output: &File,
) -> io::Result<Ended> {
    require_program(path)?;
    let null = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let (input, output) = (null.as_raw_fd(), output.as_raw_fd());
    with_waitable_children(|| {
        // SAFETY: there is one thread, so the child may do whatever the parent may.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                // SAFETY: all descriptors are open; the standard ones were occupied, so none is in its own way.
                unsafe {
                    libc::dup2(input, 0);
                    libc::dup2(output, 1);
                    libc::dup2(output, 2);
                }
                let error = execute(path, argv.iter(), environment);
                crate::output::to_stderr(&format!("cannot start `{}`: {error}\n", path.display()));
                // SAFETY: it ends the child without running anything of the parent's.
                unsafe { libc::_exit(127) }
            }
            child => wait(child),
        }
    })
}

/// Errors that say where to look on: a program that does not exist hides none further on.
fn require_program(path: &OsStr) -> io::Result<()> {
    let stat = rustix::fs::stat(path)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(rustix::fs::accessat(CWD, path, rustix::fs::Access::EXEC_OK, AtFlags::EACCESS)?)
}

fn wait(child: c_int) -> io::Result<Ended> {
    let child = Pid::from_raw(child).ok_or(io::ErrorKind::InvalidInput)?;
    loop {
        match waitpid(Some(child), WaitOptions::empty()) {
            Ok(Some((_, status))) => return Ok(ended(status)),
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn ended(status: WaitStatus) -> Ended {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Ended::Code(code),
        (None, signal) => Ended::Signal(signal.unwrap_or(0)),
    }
}

/// Where the parent handed on that SIGCHLD is ignored, the system would keep from us how a child ended; the program
/// inherits it again (LAUNCH.md 1.2).
fn with_waitable_children<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: the default action is no code of ours.
    let before = unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    let done = work();
    if before == libc::SIG_IGN {
        // SAFETY: ignoring is no code of ours either; a process that was just executed has no handlers.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    }
    done
}
