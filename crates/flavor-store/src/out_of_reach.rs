//! Whether a package file is out of the user's reach (STORE.md 9.8, S20): nobody but root can have changed it or put another
//! in its place, so its path says as much about it as its times do elsewhere, and goes on saying it when a system image is
//! unpacked again. Any doubt means that it is not.

use std::fs::File;
use std::path::{Component, Path};

use crate::system::{FileKind, Folder, Status, status_of};

/// Whether the open `file`, which lies at `path`, is.
pub fn is_out_of_reach(path: &Path, file: &File) -> bool {
    // Nearly every package is somebody's own, and is told by this.
    let Ok(open) = status_of(file) else { return false };
    is_roots(&open) && lies_there(path, &open) == Some(true)
}

fn lies_there(path: &Path, open: &Status) -> Option<bool> {
    let mut components = path.components();
    if components.next() != Some(Component::RootDir) {
        return None;
    }
    let name = components.next_back()?.as_os_str();
    let mut folder = of_root(Folder::search_at(Path::new("/")).ok()?)?;
    for component in components {
        folder = of_root(folder.search(component).ok()?)?;
    }
    let found = folder.find(name).ok()?;
    let same = place(&found) == place(open);
    let regular = found.kind() == FileKind::File;
    let denied = folder.is_denied(name) && folder.is_denied(".");
    Some(same && regular && is_roots(&found) && denied)
}

/// Root's, and not writable by group or others. An access list can give no more than the group's bits say.
fn is_roots(status: &Status) -> bool {
    status.owner() == 0 && status.mode() & 0o022 == 0
}

fn of_root(folder: Folder) -> Option<Folder> {
    is_roots(&folder.status().ok()?).then_some(folder)
}

fn place(status: &Status) -> (u64, u64) {
    let identity = status.identity();
    (identity.device, identity.inode)
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
        let is_out = || is_out_of_reach(&path, &File::open(&path).expect("open"));
        assert!(!is_out());
        // Root can write what is root's; and the temporary folder on the way is sticky.
        if chown(&path, Some(0), None).is_ok() {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).expect("mode");
            assert!(!is_out());
        }
        let root = File::open("/").expect("open");
        assert!(!is_out_of_reach(Path::new("/"), &root) && !is_out_of_reach(Path::new("etc/passwd"), &root));
    }
}
