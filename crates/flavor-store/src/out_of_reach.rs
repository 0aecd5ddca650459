//! Whether a package file is out of the user's reach (STORE.md 9.8, S20): nobody but root can have changed it or put another
//! in its place, so its path says as much about it as its times do elsewhere, and goes on saying it when a system image is
//! unpacked again. Any doubt means that it is not.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

use rustix::fs::{Access, AtFlags, FileType, Stat};
use rustix::io::Errno;

use crate::identity::mode_bits;
use crate::ownership::open_directory;

/// Whether the open `file`, which lies at `path`, is.
pub fn is_out_of_reach(path: &Path, file: impl AsFd) -> bool {
    // Nearly every package is somebody's own, and is told by this.
    let Ok(open) = rustix::fs::fstat(file) else { return false };
    is_roots(&open) && lies_there(path, &open) == Some(true)
}

fn lies_there(path: &Path, open: &Stat) -> Option<bool> {
    let mut folder = None;
    let mut components = path.components();
    if components.next() != Some(Component::RootDir) {
        return None;
    }
    let name = components.next_back()?;
    for component in std::iter::once(Component::RootDir).chain(components) {
        let entered = open_directory(folder.as_ref(), component.as_os_str()).ok()?;
        if !is_roots(&rustix::fs::fstat(&entered).ok()?) {
            return None;
        }
        folder = Some(entered);
    }
    let (folder, name) = (folder?, name.as_os_str());
    let found = rustix::fs::statat(&folder, name.as_bytes(), AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let same = (found.st_dev, found.st_ino) == (open.st_dev, open.st_ino);
    let regular = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
    let denied = is_denied(&folder, name) && is_denied(&folder, OsStr::new("."));
    Some(same && regular && is_roots(&found) && denied)
}

/// Root's, and not writable by group or others. An access list can give no more than the group's bits say.
fn is_roots(stat: &Stat) -> bool {
    stat.st_uid == 0 && mode_bits(stat) & 0o022 == 0
}

/// Whether the system would not let this process write. Real and effective user are one (S4), so this asks about both.
fn is_denied(folder: &OwnedFd, name: &OsStr) -> bool {
    let answer = rustix::fs::accessat(folder, name.as_bytes(), Access::WRITE_OK, AtFlags::empty());
    matches!(answer, Err(Errno::ACCESS | Errno::PERM | Errno::ROFS))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    #[test]
    fn s20_what_its_owner_or_everybody_can_exchange_is_within_reach() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("package");
        std::fs::write(&path, b"bytes").expect("write");
        let is_out = || is_out_of_reach(&path, std::fs::File::open(&path).expect("open"));
        assert!(!is_out());
        // Root can write what is root's; and the temporary folder on the way is sticky.
        if chown(&path, Some(0), None).is_ok() {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).expect("mode");
            assert!(!is_out());
        }
        let root = std::fs::File::open("/").expect("open");
        assert!(!is_out_of_reach(Path::new("/"), &root) && !is_out_of_reach(Path::new("etc/passwd"), &root));
    }
}
