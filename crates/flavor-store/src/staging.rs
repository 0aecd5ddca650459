//! The private folder in which one start works (STORE.md 10): everything is made here and renamed into place. A start
//! that died leaves its folder; the kernel released its lock, so the next start can tell and remove it.

use std::cell::Cell;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{During as _, Error, Result};
use crate::names::Names;
use crate::removal::{names, remove_tree};
use crate::root::Root;

/// Folders younger than this are left alone: their start may be about to take the lock.
const GRACE: Duration = Duration::from_mins(10);
const LOCK: &str = "lock";

/// The folder; removed when it is dropped.
#[derive(Debug)]
pub struct Staging<'root> {
    root: &'root Root,
    name: CString,
    pub(crate) directory: OwnedFd,
    /// How the file system of the store compares names.
    pub(crate) names: Names,
    /// Held while the folder is in use.
    _lock: OwnedFd,
    count: Cell<u32>,
}

impl<'root> Staging<'root> {
    /// Creates a folder of its own below `tmp`.
    pub fn create(root: &'root Root) -> Result<Self> {
        let path = || root.path().join("v1/tmp");
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        let mut number = 0_u32;
        let name = loop {
            let name = format!("{}-{time:x}-{number}", std::process::id());
            let name = CString::new(name).expect("internal error: a generated name has no NUL");
            match rustix::fs::mkdirat(&root.tmp, &name, Mode::RWXU) {
                Ok(()) => break name,
                Err(Errno::EXIST) => number += 1,
                Err(error) => return Err(error).during("create a folder in", path),
            }
        };
        let prepare = || -> rustix::io::Result<(OwnedFd, OwnedFd)> {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let directory = rustix::fs::openat(&root.tmp, &name, flags, Mode::empty())?;
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let lock = rustix::fs::openat(&directory, LOCK, flags, Mode::RUSR | Mode::WUSR)?;
            rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
            Ok((directory, lock))
        };
        match prepare() {
            Ok((directory, lock)) => {
                let names = Names::probe(&directory, LOCK);
                Ok(Self { root, name, directory, names, _lock: lock, count: Cell::new(0) })
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
        self.count.set(self.count.get() + 1);
        format!("{what}-{}", self.count.get())
    }

    /// A new empty folder with mode 0755, as published trees have.
    pub(crate) fn create_tree(&self, what: &str) -> Result<(String, OwnedFd)> {
        let name = self.fresh_name(what);
        let path = || self.path(&name);
        rustix::fs::mkdirat(&self.directory, &name, Mode::from_raw_mode(0o755)).during("create", path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory =
            rustix::fs::openat(&self.directory, &name, flags, Mode::empty()).during("open", path)?;
        Ok((name, directory))
    }

    /// Opens a tree of this folder by the path that it was given out with.
    pub(crate) fn open_tree(&self, path: &std::path::Path) -> Result<OwnedFd> {
        let name = path.file_name().unwrap_or_default();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.directory, name, flags, Mode::empty()).during("open", || path)
    }

    /// An empty file of this start, for what nobody needs afterwards.
    pub fn scratch_file(&self) -> Result<std::fs::File> {
        let name = self.fresh_name("scratch");
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.directory, &name, flags, Mode::RUSR | Mode::WUSR);
        file.map(std::fs::File::from).during("create", || self.path(&name))
    }

    /// Writes a small file and renames it to `name` in `directory`.
    pub(crate) fn publish_file(&self, bytes: &[u8], directory: impl AsFd, name: &str) -> Result<()> {
        let staged = self.fresh_name("file");
        let path = || self.path(&staged);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::openat(&self.directory, &staged, flags, mode).during("create", path)?;
        let mut file = std::fs::File::from(file);
        std::io::Write::write_all(&mut file, bytes).during("write", path)?;
        rustix::fs::renameat(&self.directory, &staged, directory, name).during("publish", path)
    }

    /// Moves what stands at `name` in `directory` here, where it is removed with the folder.
    pub(crate) fn move_aside(&self, directory: impl AsFd, name: &str) -> Result<()> {
        let aside = self.fresh_name("aside");
        match rustix::fs::renameat(directory, name, &self.directory, &aside) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error).during("move aside", || PathBuf::from(name)),
        }
    }

    /// Path of something in the folder, for messages.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("v1/tmp").join(self.name.to_string_lossy().as_ref()).join(name)
    }

    /// Ends the use of a staged tree whose making failed, so that a later place has room.
    pub(crate) fn discard(&self, name: &str) {
        if let Ok(name) = CString::new(name) {
            let _ = remove_tree(&self.directory, &name);
        }
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        let _ = remove_tree(&self.root.tmp, &self.name);
    }
}

/// The folders of dead starts. A living one's lock is held, its own maker's included.
pub(crate) fn dead(root: &Root) -> Vec<CString> {
    let entries = names(&root.tmp).unwrap_or_default();
    entries.into_iter().filter(|entry| is_dead(&root.tmp, entry)).collect()
}

fn is_dead(tmp: &OwnedFd, entry: &CString) -> bool {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(directory) = rustix::fs::openat(tmp, entry, flags, Mode::empty()) else {
        return false;
    };
    let Ok(stat) = rustix::fs::fstat(&directory) else { return false };
    let age = u64::try_from(stat.st_mtime).ok().and_then(|seconds| {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).ok()
    });
    if age.is_none_or(|age| age < GRACE) {
        return false;
    }
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match rustix::fs::openat(&directory, LOCK, flags, Mode::empty()) {
        Ok(lock) => rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok(),
        Err(error) => error == Errno::NOENT,
    }
}

/// Waits for the exclusive lock `name`, which ends with the descriptor.
pub(crate) fn lock(root: &Root, name: &str) -> Result<OwnedFd, Error> {
    let path = || root.path().join("v1/locks").join(name);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&root.locks, name, flags, Mode::RUSR | Mode::WUSR)
        .during("open the lock", path)?;
    loop {
        match rustix::fs::flock(&file, FlockOperation::LockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error).during("lock", path),
        }
    }
}
