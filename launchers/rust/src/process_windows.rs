//! Windows: what this process was given, and how it gives itself up to the program. There is no `exec`: the launcher stays until
//! the program has ended, and ends with its exit code (LAUNCH.md 7.4).

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
pub(crate) use std::os::windows::fs::symlink_file as link;
use std::path::{Path, PathBuf};

use flavor_store::usage::Hold;

use crate::supervise;

/// Others may read the package while it is open here, and rename or remove it, but not write it.
const READ_AND_DELETE: u32 = 0x1 | 0x4;

/// There are no set-id programs. A user who raised their own rights is the user.
pub(crate) fn is_elevated() -> bool {
    false
}

/// There are no jobs that share a console in turns.
pub(crate) fn is_in_foreground() -> bool {
    true
}

/// Handles have no small numbers, so no file can be taken for a standard stream that is closed.
pub(crate) fn occupy_standard_descriptors() {}

/// Keeps the lock on the work environment: this process lives as long as the program.
pub(crate) fn leave_to_program(hold: Hold) {
    std::mem::forget(hold);
}

/// What the file that this process runs is called before its path is known.
pub(crate) const OWN_FILE: &str = "the running program";

/// The file that this process runs, opened for reading, and its path.
pub(crate) fn own_file() -> io::Result<(File, PathBuf)> {
    let path = resolved(&std::env::current_exe()?)?;
    let file = OpenOptions::new().read(true).share_mode(READ_AND_DELETE).open(&path)?;
    Ok((file, path))
}

/// An absolute path without links, in the form that people write where that is possible.
pub(crate) fn resolved(path: &Path) -> io::Result<PathBuf> {
    let resolved = std::fs::canonicalize(path)?;
    let plain = resolved.to_str().and_then(|path| path.strip_prefix(r"\\?\"));
    let plain = plain.filter(|path| path.as_bytes().get(1) == Some(&b':') && path.len() < 240);
    Ok(plain.map_or_else(|| resolved.clone(), PathBuf::from))
}

/// What of a program's file name can be the name of a command.
pub(crate) fn command_name(file_name: &OsStr) -> &OsStr {
    let path = Path::new(file_name);
    let is_program = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("exe"));
    path.file_stem().filter(|_| is_program).unwrap_or(file_name)
}

/// The working folder that this process was given.
pub(crate) struct CallersFolder(io::Result<PathBuf>);

impl CallersFolder {
    /// Notes it.
    pub(crate) fn note() -> Self {
        Self(std::env::current_dir())
    }

    /// Goes back there, if that can be done.
    pub(crate) fn enter(self) {
        if let Ok(folder) = self.0 {
            let _ = std::env::set_current_dir(folder);
        }
    }
}

/// Runs `program` and ends as it does; returns only with the reason why it could not be started.
pub(crate) fn execute<'a>(
    program: &OsStr,
    argv: impl Iterator<Item = &'a OsString>,
    environment: &[(OsString, OsString)],
) -> io::Error {
    let argv: Vec<&OsString> = argv.collect();
    match supervise::run(program, &argv, environment, true) {
        Ok(ending) => std::process::exit(supervise::end_as(ending)),
        Err(error) => error,
    }
}
