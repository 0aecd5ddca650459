use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::Owners;
use crate::guarded_file::{GuardedFile, read};

struct Case {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("trust.json");
        std::fs::write(&path, b"{}").expect("write");
        mode(&path, 0o600);
        Self { folder, path }
    }

    fn read(&self) -> Result<Option<GuardedFile>, String> {
        read(&self.path, Owners::UserOrRoot, 100)
    }

    fn refused(&self, expected: &str) {
        let reason = self.read().expect_err(expected);
        assert!(reason.contains(expected), "{reason:?} should contain {expected:?}");
    }
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("mode");
}

#[test]
fn a_guarded_file_is_read_where_it_lies_and_through_links_of_the_user() {
    let case = Case::new();
    let file = case.read().expect("read").expect("there");
    assert_eq!(file.bytes, b"{}");
    // It was written just now: a second change could leave the identity as it is.
    assert!(!file.is_settled);
    let folder = case.folder.path().join("real");
    std::fs::create_dir(&folder).expect("folder");
    std::fs::rename(&case.path, folder.join("elsewhere")).expect("rename");
    symlink("linked/elsewhere", &case.path).expect("link");
    symlink("real", case.folder.path().join("linked")).expect("link");
    assert_eq!(case.read().expect("read").expect("there").bytes, b"{}");
}

#[test]
fn a_file_that_the_system_says_is_not_there_is_absent_whatever_its_folders() {
    let case = Case::new();
    std::fs::remove_file(&case.path).expect("remove");
    mode(case.folder.path(), 0o777);
    assert!(case.read().expect("read").is_none());
    let below_a_file = case.folder.path().join("file");
    std::fs::write(&below_a_file, b"").expect("write");
    for path in [below_a_file.join("trust.json"), case.folder.path().join("no/where")] {
        assert!(read(&path, Owners::UserOrRoot, 100).expect("read").is_none());
    }
}

#[test]
fn s17_what_others_could_have_arranged_is_refused() {
    let case = Case::new();
    for bits in [0o620, 0o602, 0o666] {
        mode(&case.path, bits);
        case.refused("writable by nobody else");
    }
    mode(&case.path, 0o644);
    for bits in [0o770, 0o707] {
        mode(case.folder.path(), bits);
        case.refused("others could replace");
    }
    mode(case.folder.path(), 0o1777);
    assert!(case.read().is_ok());
    mode(case.folder.path(), 0o700);
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&case.path, Some(12345), None).expect("chown");
        case.refused("owner 12345");
    }
    let reason = read(&case.path, Owners::Root, 100).expect_err("not root's");
    assert!(reason.contains("root") || reason.contains("others could replace"), "{reason}");
}

#[test]
fn what_is_no_regular_file_of_the_allowed_size_is_refused() {
    let case = Case::new();
    std::fs::write(&case.path, vec![b' '; 101]).expect("write");
    case.refused("101 bytes");
    std::fs::remove_file(&case.path).expect("remove");
    symlink("nowhere", &case.path).expect("link");
    case.refused("leads nowhere");
    std::fs::remove_file(&case.path).expect("remove");
    symlink(&case.path, &case.path).expect("link");
    case.refused("links on the way");
    std::fs::remove_file(&case.path).expect("remove");
    rustix::fs::mknodat(rustix::fs::CWD, &case.path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .expect("fifo");
    case.refused("not a regular file");
    std::fs::remove_file(&case.path).expect("remove");
    std::fs::create_dir(&case.path).expect("folder");
    case.refused("not a regular file");
}
