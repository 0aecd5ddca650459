//! A home with one foreign package in it, started as `flavor run` does it: by a launcher without payload.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use crate::support::{Home, code, err, write_package};

/// A launcher without payload. Not a copy: one that was just written may still be open in a child of another test.
pub(crate) fn bare() -> PathBuf {
    let path = std::env::var_os("FLAVOR_TEST_LAUNCHER");
    path.unwrap_or_else(|| env!("CARGO_BIN_EXE_flavor-rs-launcher").into()).into()
}

/// Waits for the end of a start. A package that was just written may be busy for a moment, for the same reason.
pub(crate) fn start(command: &mut Command) -> Output {
    loop {
        match command.output() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(5));
            }
            output => return output.expect("start"),
        }
    }
}

/// A home with one package in it.
pub(crate) struct Place {
    pub(crate) home: Home,
    pub(crate) package: PathBuf,
}

impl Place {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let home = Home::new();
        let package = home.0.path().join("app.psp");
        write_package(&package, bytes);
        Self { home, package }
    }

    /// Old enough for a receipt (STORE.md 9.5).
    pub(crate) fn settled(bytes: &[u8]) -> Self {
        let place = Self::new(bytes);
        std::thread::sleep(Duration::from_millis(2100));
        place
    }

    /// What `flavor run` does.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.home.command(bare());
        command.env("FLAVOR_LAUNCHER_CLI", "1").env("PATH", "/usr/bin:/bin").arg("run").arg(&self.package);
        command.args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        start(&mut self.command(arguments))
    }

    /// The start's log at `debug`.
    pub(crate) fn log(&self) -> String {
        err(&start(self.command(&[]).env("FLAVOR_LOG_LEVEL", "debug")))
    }

    pub(crate) fn environments(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.home.store().join("v1/envs")) else { return Vec::new() };
        let paths = entries.map(|entry| entry.expect("entry").path());
        paths.filter(|path| path.is_dir()).collect()
    }

    pub(crate) fn environment(&self) -> PathBuf {
        let mut all = self.environments();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    pub(crate) fn read(&self, path: &str) -> String {
        let path = self.environment().join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(crate) fn mode(&self, path: &str) -> u32 {
        self.environment().join(path).metadata().expect(path).permissions().mode() & 0o7777
    }
}

pub(crate) fn refused(output: &Output, exit: i32, name: &str) {
    assert_eq!(code(output), Some(exit), "{}", err(output));
    assert!(err(output).contains(&format!("[{name}]")), "{}", err(output));
}
