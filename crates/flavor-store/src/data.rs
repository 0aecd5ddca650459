//! Folders of the user's own data (STORE.md 18, S23): what a package brings is copied there once, and never touched again.
//! They lie outside the store, so that nothing that empties a cache takes them away.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use pspf::{ErrorCode, Package, ReadAt, hex};

use crate::error::{During as _, Error, Result};
use crate::location::{self, UserFolder};
use crate::names::Names;
use crate::ownership::{Stop, walk};
use crate::removal::remove_tree;
use crate::system::{self, Errno, FileKind, Folder, Lock, find, find_link, may_create_in};
use crate::unpack::unpack_slot;

const LOCK: &str = ".lock";
const STAGED: &str = ".new";

/// Which of the user's folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Data that a program keeps.
    Data,
    /// Files that the user edits.
    Config,
}

/// The user's folder of a kind, and the variables that its place depends on.
pub fn user_folder(
    kind: Kind,
    variable: impl Fn(&str) -> Option<OsString>,
) -> (Option<PathBuf>, Vec<&'static str>) {
    let folder = match kind {
        Kind::Data => UserFolder::Data,
        Kind::Config => UserFolder::Config,
    };
    location::user_folder(folder, variable)
}

/// Where the data of a slot lies. `id` must be [a usable name](is_folder_name).
pub fn data_path<R: ReadAt>(base: &Path, package: &Package<R>, id: &str) -> PathBuf {
    let key = hex::encode(&package.fingerprint());
    base.join("flavor").join(&package.metadata().package.name).join(&key[..16]).join(id)
}

/// Whether a slot's id can be the name of a folder.
pub fn is_folder_name(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && !id.starts_with('.')
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Copies a slot to `path` unless something is there already; whether it was copied. Every byte of the slot was read and
/// compared if it was. The process's umask must be 0.
pub fn copy_once<R: ReadAt + Sync>(path: &Path, package: &Package<R>, slot: usize) -> Result<bool> {
    if is_there(path)? {
        return Ok(false);
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(refuse(path, "it has no parent"));
    };
    let walked = walk(parent, true).map_err(|stop| match stop {
        Stop::Missing => refuse(parent, "it vanished while it was opened"),
        Stop::Refused(reason) => refuse(parent, &reason),
    })?;
    // Opened for reading: walking needs less.
    let folder = walked.directory.reopen().during("open", || parent)?;
    let _lock = lock(&folder, parent)?;
    if is_there(path)? {
        return Ok(false);
    }
    remove_staged(&folder);
    folder.create_folder(STAGED, 0o755).during("create a folder in", || parent)?;
    let tree = folder.open_folder(STAGED).during("open", || parent)?;
    let filled = unpack_slot(package, slot, &tree, Names::probe(&folder, STAGED));
    // Nothing compares these files later, so they are on the disk before they get their name.
    let synced = filled.and_then(|()| system::sync(&[&tree]).during("sync", || parent));
    drop(tree);
    let placed = synced.and_then(|()| folder.rename(STAGED, &folder, name).during("publish", || path));
    if placed.is_err() {
        remove_staged(&folder);
    }
    placed.map(|()| true)
}

/// Whether the data is there already; why it cannot be, if it is not and no start could copy it.
pub fn examine(path: &Path) -> Result<bool> {
    if is_there(path)? {
        return Ok(true);
    }
    let parent = path.parent().unwrap_or(path);
    match walk(parent, false) {
        Ok(_) | Err(Stop::Missing) => {}
        Err(Stop::Refused(reason)) => return Err(refuse(parent, &reason)),
    }
    let nearest = parent.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(parent);
    may_create_in(nearest).map_err(|error| refuse(nearest, &std::io::Error::from(error).to_string()))?;
    Ok(false)
}

/// Removes the data at `path`; whether there was any. A link in its place goes itself, and what it leads to stays (S15).
pub fn remove(path: &Path, dry_run: bool) -> Result<bool> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(refuse(path, "it has no parent"));
    };
    let walked = match walk(parent, false) {
        Ok(walked) => walked,
        Err(Stop::Missing) => return Ok(false),
        Err(Stop::Refused(reason)) => return Err(refuse(parent, &reason)),
    };
    let folder = walked.directory.reopen().during("open", || parent)?;
    let is_there = folder.find(name).is_ok();
    if dry_run || !is_there {
        return Ok(is_there);
    }
    let _lock = lock(&folder, parent)?;
    remove_staged(&folder);
    remove_tree(&folder, name).during("remove", || path)?;
    // Folders of the name and the key go when nothing else is in them.
    if folder.names().is_ok_and(|left| left.iter().all(|name| name == LOCK)) {
        let _ = folder.remove_file(LOCK);
        for folder in walked.path.ancestors().take(2) {
            let _ = std::fs::remove_dir(folder);
        }
    }
    Ok(true)
}

/// Links count: people keep their configuration elsewhere and link to it.
fn is_there(path: &Path) -> Result<bool> {
    match find(path) {
        Ok(status) if status.kind() == FileKind::Folder => Ok(true),
        Ok(_) => Err(refuse(path, "it is not a folder")),
        Err(Errno::NOENT) if find_link(path).is_ok() => Err(refuse(path, "it is a link that leads nowhere")),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error).during("look at", || path),
    }
}

fn lock(folder: &Folder, path: &Path) -> Result<File> {
    let file = folder.open_or_create(LOCK).during("open the lock in", || path)?;
    system::lock(&file, Lock::Exclusive).during("lock", || path).map(|()| file)
}

/// What a start left that was killed in the middle; the lock is held.
fn remove_staged(folder: &Folder) {
    let found = folder.names().unwrap_or_default();
    if found.iter().any(|name| name == STAGED) {
        let _ = remove_tree(folder, STAGED);
    }
}

fn refuse(path: &Path, reason: &str) -> Error {
    let message = format!("the folder `{}` for data of the package cannot be used: {reason}", path.display());
    Error::refused(ErrorCode::StoreData, message)
}
