//! The private folder in which one start works (STORE.md 10): everything is made here and renamed into place. A start
//! that died leaves its folder; the kernel released its lock, so the next start can tell and remove it.

use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use crate::error::{During as _, Error, Result};
use crate::names::Names;
use crate::removal::remove_tree;
use crate::root::Root;
use crate::system::{self, Errno, Folder, Lock};

/// Folders younger than this are left alone: their start may be about to take the lock.
const GRACE: Duration = Duration::from_mins(10);
const LOCK: &str = "lock";

/// The folder; removed when it is dropped.
#[derive(Debug)]
pub struct Staging<'root> {
    root: &'root Root,
    name: String,
    pub(crate) directory: Folder,
    /// How the file system of the store compares names.
    pub(crate) names: Names,
    /// Held while the folder is in use.
    lock: Option<File>,
    count: AtomicU32,
}

impl<'root> Staging<'root> {
    /// Creates a folder of its own below `tmp`.
    pub fn create(root: &'root Root) -> Result<Self> {
        let path = || root.below("v1/tmp");
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        let mut number = 0_u32;
        let name = loop {
            let name = format!("{}-{time:x}-{number}", std::process::id());
            match root.tmp.create_folder(&name, 0o700) {
                Ok(()) => break name,
                Err(Errno::EXIST) => number += 1,
                Err(error) => return Err(error).during("create a folder in", path),
            }
        };
        let prepare = || -> std::result::Result<(Folder, File), Errno> {
            let directory = root.tmp.open_folder(&name)?;
            let lock = directory.create_scratch(LOCK)?;
            system::lock(&lock, Lock::TryExclusive)?;
            Ok((directory, lock))
        };
        match prepare() {
            Ok((directory, lock)) => {
                let names = Names::probe(&directory, LOCK);
                Ok(Self { root, name, directory, names, lock: Some(lock), count: AtomicU32::new(0) })
            }
            Err(error) => {
                let _ = remove_tree(&root.tmp, &name);
                Err(error).during("create a file in", path)
            }
        }
    }

    /// Removes the folders of dead starts. Failures are ignored: the next start tries again.
    pub fn remove_dead(&self) {
        for entry in dead(self.root) {
            let _ = remove_tree(&self.root.tmp, &entry);
        }
    }

    /// A name that is not used in the folder yet.
    pub(crate) fn fresh_name(&self, what: &str) -> String {
        format!("{what}-{}", self.count.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// A new empty folder with mode 0755, as published trees have.
    pub(crate) fn create_tree(&self, what: &str) -> Result<(String, Folder)> {
        let name = self.fresh_name(what);
        let path = || self.path(&name);
        self.directory.create_folder(&name, 0o755).during("create", path)?;
        let directory = self.directory.open_folder(&name).during("open", path)?;
        Ok((name, directory))
    }

    /// Opens a tree of this folder by the path that it was given out with.
    pub(crate) fn open_tree(&self, path: &std::path::Path) -> Result<Folder> {
        self.directory.open_folder(path.file_name().unwrap_or_default()).during("open", || path)
    }

    /// An empty file of this start, for what nobody needs afterwards.
    pub fn scratch_file(&self) -> Result<File> {
        let name = self.fresh_name("scratch");
        self.directory.create_scratch(&name).during("create", || self.path(&name))
    }

    /// Writes a small file and renames it to `name` in `directory`.
    pub(crate) fn publish_file(&self, bytes: &[u8], directory: &Folder, name: &str) -> Result<()> {
        let staged = self.fresh_name("file");
        let path = || self.path(&staged);
        let mut file = self.directory.create_file(&staged, 0o600).during("create", path)?;
        std::io::Write::write_all(&mut file, bytes).during("write", path)?;
        drop(file);
        self.directory.rename(&staged, directory, name).during("publish", path)
    }

    /// Moves what stands at `name` in `directory` here, where it is removed with the folder.
    pub(crate) fn move_aside(&self, directory: &Folder, name: &str) -> Result<()> {
        let aside = self.fresh_name("aside");
        match directory.rename(name, &self.directory, &aside) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error).during("move aside", || PathBuf::from(name)),
        }
    }

    /// Path of something in the folder, for messages.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.below("v1/tmp").join(&self.name).join(name)
    }

    /// Ends the use of a staged tree whose making failed, so that a later place has room.
    pub(crate) fn discard(&self, name: &str) {
        let _ = remove_tree(&self.directory, name);
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        // First, as not every system can remove a folder with a file in it that is open.
        drop(self.lock.take());
        let _ = remove_tree(&self.root.tmp, &self.name);
    }
}

/// The folders of dead starts. A living one's lock is held, its own maker's included.
pub(crate) fn dead(root: &Root) -> Vec<OsString> {
    let entries = root.tmp.names().unwrap_or_default();
    entries.into_iter().filter(|entry| is_dead(&root.tmp, entry)).collect()
}

fn is_dead(tmp: &Folder, entry: &OsString) -> bool {
    let Ok(directory) = tmp.open_folder(entry) else {
        return false;
    };
    let Ok(status) = directory.status() else { return false };
    let age = u64::try_from(status.identity().modified.0).ok().and_then(|seconds| {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).ok()
    });
    if age.is_none_or(|age| age < GRACE) {
        return false;
    }
    match directory.open_writable(LOCK) {
        Ok(lock) => system::lock(&lock, Lock::TryExclusive).is_ok(),
        Err(error) => error == Errno::NOENT,
    }
}

/// Waits for the exclusive lock `name`, which ends with the descriptor.
pub(crate) fn lock(root: &Root, name: &str) -> Result<File, Error> {
    let path = || root.below("v1/locks").join(name);
    let file = root.locks.open_or_create(name).during("open the lock", path)?;
    system::lock(&file, Lock::Exclusive).during("lock", path).map(|()| file)
}
