//! Folders of the user's own data (STORE.md 18, S23): what a package brings is copied there once, and never touched again.
//! They lie outside the store, so that nothing that empties a cache takes them away.

use std::ffi::{CString, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use pspf::{ErrorCode, Package, ReadAt, hex};
use rustix::fs::{Access, AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{During as _, Error, Result};
use crate::location::{folder_of, trusted_home};
use crate::names::Names;
use crate::ownership::{Stop, walk};
use crate::platform::{DEFAULT_CONFIG, DEFAULT_DATA, sync_file_system};
use crate::removal::{names, remove_tree};
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

impl Kind {
    fn variable(self) -> &'static str {
        match self {
            Self::Data => "XDG_DATA_HOME",
            Self::Config => "XDG_CONFIG_HOME",
        }
    }

    fn default(self) -> &'static str {
        match self {
            Self::Data => DEFAULT_DATA,
            Self::Config => DEFAULT_CONFIG,
        }
    }
}

/// The user's folder of a kind, and the variables that its place depends on.
pub fn user_folder(
    kind: Kind,
    variable: impl Fn(&str) -> Option<OsString>,
) -> (Option<PathBuf>, Vec<&'static str>) {
    let user = rustix::process::geteuid().as_raw();
    let own = folder_of(kind.variable(), &variable)
        .filter(|path| user != 0 || crate::location::belongs_to_root(path));
    if own.is_some() {
        return (own, vec![kind.variable()]);
    }
    let home = folder_of("HOME", &variable).map(|home| trusted_home(home, user));
    (home.map(|home| home.join(kind.default())), vec![kind.variable(), "HOME"])
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
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder =
        rustix::fs::openat(&walked.directory, ".", flags, Mode::empty()).during("open", || parent)?;
    let _lock = lock(&folder, parent)?;
    if is_there(path)? {
        return Ok(false);
    }
    remove_staged(&folder);
    rustix::fs::mkdirat(&folder, STAGED, Mode::from_raw_mode(0o755))
        .during("create a folder in", || parent)?;
    let tree = rustix::fs::openat(&folder, STAGED, flags, Mode::empty()).during("open", || parent)?;
    let filled = unpack_slot(package, slot, &tree, Names::probe(&folder, STAGED));
    // Nothing compares these files later, so they are on the disk before they get their name.
    let synced = filled.and_then(|()| sync_file_system(&tree).during("sync", || parent));
    let placed =
        synced.and_then(|()| rustix::fs::renameat(&folder, STAGED, &folder, name).during("publish", || path));
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
    rustix::fs::access(nearest, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| refuse(nearest, &std::io::Error::from(error).to_string()))?;
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
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder =
        rustix::fs::openat(&walked.directory, ".", flags, Mode::empty()).during("open", || parent)?;
    let is_there = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
    if dry_run || !is_there {
        return Ok(is_there);
    }
    let _lock = lock(&folder, parent)?;
    remove_staged(&folder);
    let name = CString::new(name.as_bytes()).map_err(|_| refuse(path, "its name holds a NUL"))?;
    remove_tree(&folder, &name).during("remove", || path)?;
    // Folders of the name and the key go when nothing else is in them.
    if names(&folder).is_ok_and(|left| left.iter().all(|name| name.to_bytes() == LOCK.as_bytes())) {
        let _ = rustix::fs::unlinkat(&folder, LOCK, AtFlags::empty());
        for folder in walked.path.ancestors().take(2) {
            let _ = rustix::fs::rmdir(folder);
        }
    }
    Ok(true)
}

/// Links count: people keep their configuration elsewhere and link to it.
fn is_there(path: &Path) -> Result<bool> {
    match rustix::fs::stat(path) {
        Ok(stat) if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir() => Ok(true),
        Ok(_) => Err(refuse(path, "it is not a folder")),
        Err(Errno::NOENT) if rustix::fs::lstat(path).is_ok() => {
            Err(refuse(path, "it is a link that leads nowhere"))
        }
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error).during("look at", || path),
    }
}

fn lock(folder: &OwnedFd, path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, LOCK, flags, Mode::RUSR | Mode::WUSR)
        .during("open the lock in", || path)?;
    loop {
        match rustix::fs::flock(&file, FlockOperation::LockExclusive) {
            Err(Errno::INTR) => {}
            other => return other.during("lock", || path).map(|()| file),
        }
    }
}

/// What a start left that was killed in the middle; the lock is held.
fn remove_staged(folder: &OwnedFd) {
    let found = names(folder).unwrap_or_default();
    if let Some(name) = found.iter().find(|name| name.to_bytes() == STAGED.as_bytes()) {
        let _ = remove_tree(folder, name);
    }
}

fn refuse(path: &Path, reason: &str) -> Error {
    let message = format!("the folder `{}` for data of the package cannot be used: {reason}", path.display());
    Error::refused(ErrorCode::StoreData, message)
}
