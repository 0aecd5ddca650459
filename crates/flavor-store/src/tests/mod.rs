//! Behaviour of the store as a whole, over packages made in memory.

mod collecting;
mod collecting_in_use;
mod environments;
mod guarded_files;
mod hostile;
mod kinds;
mod locations;
mod publishing;
mod receipts;
mod repairing;
mod same_names;
mod split;
mod vectors;

use std::path::{Path, PathBuf};
use std::sync::Once;

use pspf::Package;

use crate::location::Place;
use crate::root::{Root, Space};
use crate::test_package::{Builder, directory, executable, file, link};

/// A store in a folder of its own.
struct Store {
    folder: tempfile::TempDir,
    root: Root,
}

impl Store {
    fn new() -> Self {
        static UMASK: Once = Once::new();
        // The umask belongs to the process, so it is set once for all tests; this one takes nothing from the profile.
        UMASK.call_once(|| {
            rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        });
        // The umask is the process's, and a repair in another test sets it to 0 for a while.
        let owners = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        let folder = tempfile::Builder::new().permissions(owners).tempdir().expect("folder");
        let root = take(&folder.path().join("store")).expect("root");
        Self { folder, root }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store")
    }
}

fn take(path: &Path) -> crate::Result<Root> {
    Root::take(&[Place { path: path.to_path_buf(), origin: "FLAVOR_CACHE" }], |_| Space::default())
}

/// Two shared slots and a private one, composed like a small Python package.
fn demo() -> Builder {
    Builder::new()
        .slot(
            true,
            &[
                directory("bin"),
                executable("bin/python3", b"#!interpreter", true),
                link("bin/python", "python3"),
                directory("lib"),
                directory("lib/deep"),
                file("lib/deep/os.py", &vec![b'x'; 300_000]),
            ],
        )
        .slot(true, &[directory("click"), file("click/__init__.py", b"click")])
        .slot(false, &[directory("app"), file("app/main.py", b"app"), link("app/alias.py", "main.py")])
        .workenv(&serde_json::json!({
            "unpack": [{"slot": 2, "into": "lib/site-packages"}],
            "links": [
                {"path": "bin/python", "slot": 0, "to": "bin/python3", "kind": "symlink"},
                {"path": "bin/copy", "slot": 0, "to": "bin/python3", "kind": "copy"},
                {"path": "deps", "slot": 1, "to": "", "kind": "symlink"},
            ],
            "files": [
                {"path": "pyvenv.cfg", "content": "home = {slot:0}/bin\nenv = {workenv}\n", "mode": "0644"},
                {"path": "bin/run", "content": "#!/bin/sh\n", "mode": "0755"},
            ],
            "path": ["scripts"],
        }))
}

fn open(builder: Builder) -> Package<Vec<u8>> {
    builder.open()
}

/// Every path below `folder` with kind, permissions and content, sorted.
fn tree(folder: &Path) -> Vec<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut found = Vec::new();
    let mut pending = vec![folder.to_path_buf()];
    while let Some(path) = pending.pop() {
        for entry in std::fs::read_dir(&path).expect("read") {
            let path = entry.expect("entry").path();
            let metadata = path.symlink_metadata().expect("metadata");
            let name = path.strip_prefix(folder).expect("below").display().to_string();
            let mode = metadata.permissions().mode() & 0o7777;
            if metadata.is_symlink() {
                found.push(format!("{name} -> {}", std::fs::read_link(&path).expect("link").display()));
            } else if metadata.is_dir() {
                found.push(format!("{name}/ {mode:o}"));
                pending.push(path);
            } else {
                found.push(format!("{name} {mode:o} {}", std::fs::read(&path).expect("file").len()));
            }
        }
    }
    found.sort();
    found
}

/// Names below a folder of the store.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("read")
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Makes records look as if they were written in another boot.
fn forget_boot(folder: &Path) {
    for name in names(folder).iter().filter(|name| name.ends_with(".record")) {
        let path = folder.join(name);
        let mut bytes = std::fs::read(&path).expect("record");
        bytes[16..32].fill(0x77);
        let sum = crate::checksum::checksum(&bytes[16..]);
        bytes[8..16].copy_from_slice(&sum.to_le_bytes());
        std::fs::write(&path, bytes).expect("write");
    }
}

/// What an ordinary start wants.
fn wanted<R: pspf::ReadAt>(package: &pspf::Package<R>) -> crate::environment::Wanted {
    let records = crate::publish::Records::Believed;
    crate::environment::Wanted::by_lifecycles(package, false, records).expect("a package with commands")
}
