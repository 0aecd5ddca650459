//! Packages and stores that the user cannot write (STORE.md 9.8, 9.9, S20): a package of root's in folders of root's, started
//! by somebody else. What is on the way to a package counts, and temporary folders are everybody's, so the folder lies
//! under a name of root's in a mount namespace of the test.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{Home, code, demo, err, out, write_package};

const USER: u32 = 12345;

/// A folder of root's that is mounted over `/mnt`, the package in it, and a home of the user's.
struct Machine {
    apps: tempfile::TempDir,
    home: Home,
}

impl Machine {
    /// `None` where no mount namespace can be made.
    fn new() -> Option<Self> {
        let probe = Command::new("unshare")
            .args(["-m", "setpriv", "--reuid=12345", "--clear-groups", "true"])
            .output();
        if !rustix::process::geteuid().is_root() || !probe.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: no mount namespace can be made here");
            return None;
        }
        let machine = Self { apps: tempfile::tempdir().expect("folder"), home: Home::new() };
        chmod(machine.apps.path(), 0o755);
        chmod(machine.home.0.path(), 0o700);
        chown(machine.home.0.path(), Some(USER), Some(USER)).expect("chown");
        // As in every unpacked image: nothing waits until the file has settled.
        write_package(&machine.package(), &demo().bytes());
        Some(machine)
    }

    fn package(&self) -> PathBuf {
        self.apps.path().join("demo.psp")
    }

    /// Starts it as the user, after `prepare` on the machine.
    fn start_after(&self, prepare: &str, arguments: &[&str]) -> Output {
        let script = format!(
            r#"mount --bind "$0" /mnt && {prepare} exec setpriv --reuid={USER} --regid={USER} --clear-groups /mnt/demo.psp "$@""#
        );
        let mut command = self.home.command("/usr/bin/env");
        command.args(["unshare", "-m", "/bin/sh", "-c", &script]).arg(self.apps.path()).args(arguments);
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("FLAVOR_LOG_LEVEL", "debug");
        command.env("STORE", self.home.store()).current_dir("/");
        let output = command.output().expect("start");
        assert_eq!(code(&output), Some(3), "{output:?}");
        output
    }

    fn is_warm(&self) -> bool {
        self.is_warm_after("")
    }

    fn is_warm_after(&self, prepare: &str) -> bool {
        let output = self.start_after(prepare, &["exit", "3"]);
        let told = err(&output);
        assert_ne!(told.contains("warm start"), told.contains("cold start"), "{told}{}", out(&output));
        told.contains("warm start")
    }

    /// The same bytes with another inode and other times.
    fn restore(&self, from: &Path) {
        write_package(&self.apps.path().join("new"), &std::fs::read(from).expect("read"));
        std::fs::rename(self.apps.path().join("new"), self.package()).expect("rename");
    }

    fn receipts(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.home.store().join("v1/receipts")).expect("receipts");
        entries.map(|entry| entry.expect("entry").file_name().into_string().expect("text")).collect()
    }
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("mode");
}

#[test]
fn s20_a_package_of_roots_stays_warm_when_it_is_restored_and_only_while_it_is_out_of_reach() {
    let Some(machine) = Machine::new() else { return };
    assert!(!machine.is_warm() && machine.is_warm());
    let receipts = machine.receipts();
    assert!(matches!(receipts.as_slice(), [name] if name.contains("-path-")), "{receipts:?}");
    machine.restore(&machine.package());
    assert!(machine.is_warm(), "the same bytes, size and trailer at the same path");

    // Whatever lets somebody else write takes the receipt's word away at once.
    let package = machine.package();
    let folder = machine.apps.path().to_path_buf();
    for (path, mode) in [(&package, 0o775), (&package, 0o757), (&folder, 0o775), (&folder, 0o1777)] {
        let before = path.metadata().expect("metadata").permissions().mode() & 0o7777;
        chmod(path, mode);
        assert!(!machine.is_warm(), "{} {mode:o}", path.display());
        chmod(path, before);
        assert!(machine.is_warm(), "{} {before:o}", path.display());
    }
    for path in [&package, &folder] {
        for owner in [USER, 54321] {
            chown(path, Some(owner), None).expect("chown");
            assert!(!machine.is_warm(), "{} of {owner}", path.display());
            chown(path, Some(0), None).expect("chown");
            assert!(machine.is_warm());
        }
    }
    // Another package at the same path, and back.
    let bytes = std::fs::read(&package).expect("read");
    let other = machine.apps.path().join("other");
    write_package(&other, &demo().edit(|document| document["package"]["version"] = "2.0".into()).bytes());
    machine.restore(&other);
    assert!(!machine.is_warm() && machine.is_warm());
    write_package(&other, &bytes);
    machine.restore(&other);
    assert!(machine.is_warm(), "its receipt is named by path and trailer");
}

#[test]
fn s20_a_store_that_is_mounted_read_only_is_known_by_sizes_and_one_that_can_be_written_never() {
    let Some(machine) = Machine::new() else { return };
    assert!(!machine.is_warm());
    // As in an image: the same store, unpacked again with other inodes and times.
    let store = machine.home.store();
    let image = machine.home.0.path().join("image");
    let unpacked = Command::new("cp").arg("-a").args([&store, &image]).status().expect("cp").success();
    assert!(unpacked);
    std::fs::remove_dir_all(&store).expect("remove");
    std::fs::rename(&image, &store).expect("rename");
    let read_only = r#"mount --bind "$STORE" "$STORE" && mount -o remount,bind,ro "$STORE" &&"#;
    assert!(machine.is_warm_after(read_only));
    let program = |found: &mut Vec<PathBuf>| {
        let envs = std::fs::read_dir(store.join("v1/envs")).expect("envs");
        found.extend(
            envs.map(|entry| entry.expect("entry").path().join("bin/run")).filter(|path| path.exists()),
        );
    };
    let mut found = Vec::new();
    program(&mut found);
    let program = found.pop().expect("the program");
    let bytes = std::fs::read(&program).expect("read");
    write_package(&program, &[bytes.as_slice(), b"\n"].concat());
    // Nothing can be unpacked there, so what cannot be believed goes elsewhere, and runs.
    let told = err(&machine.start_after(
        &format!("{read_only} export XDG_CACHE_HOME=/nowhere TMPDIR=\"$HOME\" &&"),
        &["exit", "3"],
    ));
    assert!(told.contains("a file that it names was changed") && told.contains("cold start"), "{told}");
    write_package(&program, &bytes);
    assert!(machine.is_warm_after(read_only));
    // Where the user can write it, times count as ever.
    assert!(!machine.is_warm());
}
