//! Packages around the built launcher, and homes to start them in, as users have them.

#[allow(dead_code, reason = "shared with the tests of the store, which use more of it")]
#[path = "../../../../../crates/flavor-store/src/test_package.rs"]
pub(crate) mod test_package;

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use test_package::{Builder, directory, executable, file};

/// Prints what the program was given, one item a line; each behaviour has a switch.
pub(crate) const PROGRAM: &str = r#"#!/bin/sh
case "$1" in
exit) exit "$2" ;;
env) exec /usr/bin/env ;;
signals) exec /bin/grep -E '^Sig(Blk|Ign)' /proc/self/status ;;
umask) umask ;;
descriptors) exec /bin/ls /proc/self/fd ;;
kill) kill -TERM $$ ;;
read) exec /bin/cat ;;
start) shift; exec "$@" ;;
touch) : > "$2" ;;
pwd) pwd ;;
sh) eval "$2" ;;
*) printf '%s|' "$0" "$@" ;;
esac
"#;

/// The built launcher; `FLAVOR_TEST_LAUNCHER` names another one, such as the binary that ships.
pub(crate) fn launcher() -> Vec<u8> {
    let path = std::env::var_os("FLAVOR_TEST_LAUNCHER");
    std::fs::read(path.unwrap_or_else(|| env!("CARGO_BIN_EXE_flavor-rs-launcher").into())).expect("launcher")
}

pub(crate) fn demo() -> Builder {
    let architecture = |document: &mut Value| {
        let arch = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
        let flavor = &mut document["extensions"]["x-flavor"];
        flavor["target"] = json!({"os": "linux", "arch": arch, "libc": "gnu"});
        flavor["commands"] = json!({
            "demo": {"argv": ["{workenv}/bin/run"], "env": {"FROM_COMMAND": "{slot:0}/bin"}},
            "demo-admin": {"argv": ["{workenv}/bin/run", "admin"], "cwd": "{workenv}"},
        });
        document["runtime"] =
            json!({"env": {"unset": ["PYTHONPATH"], "set": {"FROM_RUNTIME": "1", "BOTH": "runtime"}}});
        document["execution"]["env"] = json!({"FROM_EXECUTION": "2", "BOTH": "execution"});
    };
    Builder::new()
        .slot(true, &[directory("bin"), executable("bin/tool", b"#!/bin/sh\n", true)])
        .slot(false, &[directory("data"), file("data/big", &vec![7; 8 << 20]), file("data/small", b"x")])
        .workenv(&json!({
            "unpack": [{"slot": 1, "into": "share"}],
            "links": [{"path": "bin/tool", "slot": 0, "to": "bin/tool", "kind": "symlink"}],
            "files": [{"path": "bin/run", "content": PROGRAM, "mode": "0755"}],
            "path": ["scripts", "more"],
        }))
        .launcher(&launcher())
        .edit(architecture)
}

/// Writes through a process of its own: a descriptor that this process held open for writing could be inherited for a
/// moment by a start that another test forks, and the system refuses to execute a file that somebody has open for writing.
pub(crate) fn write_package(path: &Path, bytes: &[u8]) {
    let mut writer = Command::new("/bin/sh")
        .args(["-c", r#"cat > "$0""#])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("start the writer");
    writer.stdin.take().expect("pipe").write_all(bytes).expect("write");
    assert!(writer.wait().expect("wait").success());
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("mode");
}

/// A package of its own, old enough to get a receipt (STORE.md 9.5).
pub(crate) struct Settled {
    _folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

impl Settled {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("mode");
        let path = folder.path().join("demo.psp");
        write_package(&path, bytes);
        std::thread::sleep(Duration::from_millis(2100));
        Self { _folder: folder, path }
    }
}

/// One package for all tests.
pub(crate) fn package() -> &'static Path {
    static PACKAGE: OnceLock<Settled> = OnceLock::new();
    &PACKAGE.get_or_init(|| Settled::new(&demo().bytes())).path
}

/// A home of its own for each test, and nothing else in the environment.
pub(crate) struct Home(pub(crate) tempfile::TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("folder"))
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.0.path().join(".cache/flavor")
    }

    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.0.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(package()).args(arguments).output().expect("start")
    }

    pub(crate) fn tool(&self, arguments: &[&str]) -> Output {
        self.command(package()).env("FLAVOR_LAUNCHER_CLI", "1").args(arguments).output().expect("start")
    }
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

/// Everything in a folder, links not followed, by path.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("entry").path();
        if path.symlink_metadata().expect("metadata").is_dir() {
            found.extend(entries(&path));
        }
        found.push(path);
    }
    found.sort_unstable();
    found
}

/// Waits until something is so; fails the test if that takes more than ten seconds.
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(std::time::Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
