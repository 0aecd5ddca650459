//! Windows: running one setup command to its end (LAUNCH.md 16.7).

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::process::Stdio;

use crate::supervise::command;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Code(i32),
}

/// Runs the program at `path`; it reads nothing, and `output` gets all that it prints.
pub(crate) fn run(
    path: &OsStr,
    argv: &[OsString],
    environment: &[(OsString, OsString)],
    output: &File,
) -> io::Result<Ended> {
    let mut command = command(path, argv.iter(), environment)?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output.try_clone()?);
    Ok(Ended::Code(command.status()?.code().unwrap_or(0)))
}

impl Ended {
    /// Why the command failed, in words; `None` if it did not.
    pub(crate) fn failure(self) -> Option<String> {
        let Self::Code(code) = self;
        (code != 0).then(|| format!("ended with exit code {code}"))
    }
}
