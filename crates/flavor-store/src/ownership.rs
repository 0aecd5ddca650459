//! The walk from `/` to a folder that only the effective user (or root) can have arranged (STORE.md 3.2, S17). It goes
//! by descriptors, one component at a time, and follows links only after judging who made them.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::identity::mode_bits;
use crate::platform::SEARCH;
use crate::private_file::is_own;

/// Links followed before the walk is given up.
const MAX_LINKS: usize = 40;

/// A folder whose way from `/` was judged.
#[derive(Debug)]
pub(crate) struct Walked {
    /// The folder, opened for walking only.
    pub(crate) directory: OwnedFd,
    /// Its path without links.
    pub(crate) path: PathBuf,
}

/// Why a walk ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A component does not exist.
    Missing,
    /// A rule is broken, or the system refused.
    Refused(String),
}

/// Whose folders and links are believed on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owners {
    /// The effective user's and root's.
    UserOrRoot,
    /// Root's only.
    Root,
}

impl Owners {
    pub(crate) fn include(self, stat: &Stat) -> bool {
        stat.st_uid == 0 || self == Self::UserOrRoot && stat.st_uid == rustix::process::geteuid().as_raw()
    }
}

/// Walks to the folder `path`, which must be absolute. With `create`, missing components are made with mode 0700.
pub(crate) fn walk(path: &Path, create: bool) -> Result<Walked, Stop> {
    let mut walk = Walk::new(path, Owners::UserOrRoot)?;
    while let Some(name) = walk.pending.pop_front() {
        walk.enter(name, create)?;
    }
    let path = path_of(&walk.stack);
    let directory = walk.stack.pop().map_or(walk.root, |(_, directory)| directory);
    judge_own(&directory, &path)?;
    Ok(Walked { directory, path })
}

/// Walks to the file `path`, which must be absolute, and opens it for reading. What it is and whose is not judged.
pub(crate) fn walk_to_file(path: &Path, owners: Owners) -> Result<OwnedFd, Stop> {
    let mut walk = Walk::new(path, owners)?;
    while let Some(name) = walk.pending.pop_front() {
        if !walk.pending.is_empty() || name == ".." {
            walk.enter(name, false)?;
            continue;
        }
        walk.judge_parent()?;
        // NONBLOCK: a FIFO of that name must not block the start.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match rustix::fs::openat(walk.parent(), name.as_bytes(), flags, Mode::empty()) {
            Ok(file) => return Ok(file),
            Err(Errno::LOOP | Errno::MLINK) => walk.follow(&name)?,
            Err(Errno::NOENT) => return Err(Stop::Missing),
            Err(error) => return Err(refused(&joined(&walk.stack, &name), error)),
        }
    }
    Err(Stop::Refused(format!("`{}` is not a file", path.display())))
}

struct Walk {
    owners: Owners,
    pending: VecDeque<OsString>,
    root: OwnedFd,
    stack: Vec<(OsString, OwnedFd)>,
    links: usize,
}

impl Walk {
    fn new(path: &Path, owners: Owners) -> Result<Self, Stop> {
        let root = open_directory(None, OsStr::new("/")).map_err(|error| refused("/", error))?;
        Ok(Self { owners, pending: components(path), root, stack: Vec::new(), links: 0 })
    }

    fn parent(&self) -> &OwnedFd {
        self.stack.last().map_or(&self.root, |(_, directory)| directory)
    }

    /// One component on: into a directory, to where a link leads, or up.
    fn enter(&mut self, name: OsString, create: bool) -> Result<(), Stop> {
        if name == ".." {
            self.stack.pop();
            return Ok(());
        }
        self.judge_parent()?;
        let parent = self.parent();
        let opened = match open_directory(Some(parent), &name) {
            Err(Errno::NOENT) if create => {
                match rustix::fs::mkdirat(parent, &*name, Mode::RWXU) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(refused(&joined(&self.stack, &name), error)),
                }
                open_directory(Some(parent), &name)
            }
            other => other,
        };
        match opened {
            Ok(directory) => self.stack.push((name, directory)),
            Err(Errno::NOENT) => return Err(Stop::Missing),
            // What is no directory may be a link to one.
            Err(Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => self.follow(&name)?,
            Err(error) => return Err(refused(&joined(&self.stack, &name), error)),
        }
        Ok(())
    }

    /// Nobody but the owners can exchange what is in the folder that the walk has reached.
    fn judge_parent(&self) -> Result<(), Stop> {
        let stat = rustix::fs::fstat(self.parent())
            .map_err(|error| refused(&path_of(&self.stack).display().to_string(), error))?;
        let mode = mode_bits(&stat);
        if self.owners.include(&stat) && (mode & 0o022 == 0 || mode & 0o1000 != 0) {
            return Ok(());
        }
        Err(Stop::Refused(format!(
            "others could replace what is in `{}` ({})",
            path_of(&self.stack).display(),
            describe(&stat)
        )))
    }

    fn follow(&mut self, name: &OsStr) -> Result<(), Stop> {
        self.links += 1;
        let target = self.read_link(name)?;
        if target.is_absolute() {
            self.stack.clear();
        }
        for component in components(&target).into_iter().rev() {
            self.pending.push_front(component);
        }
        Ok(())
    }

    /// The target of a link made by one of the owners. Its folder was judged, so nobody else can have exchanged it
    /// between the calls.
    fn read_link(&self, name: &OsStr) -> Result<PathBuf, Stop> {
        let path = || joined(&self.stack, name);
        let parent = self.parent();
        let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| refused(&path(), error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            return Err(Stop::Refused(format!("`{}` is not a directory", path())));
        }
        if !self.owners.include(&stat) {
            return Err(Stop::Refused(format!("the link `{}` belongs to user {}", path(), stat.st_uid)));
        }
        if self.links > MAX_LINKS {
            return Err(Stop::Refused(format!("more than {MAX_LINKS} links on the way, at `{}`", path())));
        }
        let target =
            rustix::fs::readlinkat(parent, name, Vec::new()).map_err(|error| refused(&path(), error))?;
        Ok(PathBuf::from(OsString::from_vec(target.into_bytes())))
    }
}

/// A directory of the store: real, the effective user's, not writable by group or others.
pub(crate) fn judge_own(directory: &OwnedFd, path: &Path) -> Result<(), Stop> {
    let stat = rustix::fs::fstat(directory).map_err(|error| refused(&path.display().to_string(), error))?;
    if is_own(&stat) {
        return Ok(());
    }
    Err(Stop::Refused(format!(
        "`{}` must belong to user {} and be writable by nobody else ({})",
        path.display(),
        rustix::process::geteuid().as_raw(),
        describe(&stat)
    )))
}

pub(crate) fn describe(stat: &Stat) -> String {
    format!("owner {}, mode {:04o}", stat.st_uid, mode_bits(stat) & 0o7777)
}

pub(crate) fn open_directory(parent: Option<&OwnedFd>, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    let flags = SEARCH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match parent {
        Some(parent) => rustix::fs::openat(parent, name.as_bytes(), flags, Mode::empty()),
        None => rustix::fs::open(name.as_bytes(), flags, Mode::empty()),
    }
}

fn components(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

fn path_of(stack: &[(OsString, OwnedFd)]) -> PathBuf {
    let mut path = PathBuf::from("/");
    path.extend(stack.iter().map(|(name, _)| name));
    path
}

fn joined(stack: &[(OsString, OwnedFd)], name: &OsStr) -> String {
    path_of(stack).join(name).display().to_string()
}

fn refused(path: &str, error: Errno) -> Stop {
    Stop::Refused(format!("`{path}`: {}", std::io::Error::from(error)))
}
