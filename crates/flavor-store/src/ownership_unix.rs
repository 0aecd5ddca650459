//! Unix: the walk goes by descriptors, one component at a time, and follows links only after judging who made them.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Component, Path, PathBuf};

use super::{Owners, Stop, Walked};
use crate::system::{Errno, FileKind, Folder, Status};

/// Links followed before the walk is given up.
const MAX_LINKS: usize = 40;

impl Owners {
    fn include(self, status: &Status) -> bool {
        status.owner() == 0 || self == Self::UserOrRoot && status.owner() == user()
    }

    /// Whether a file is believed: it belongs to one of these owners, and nobody else may write it.
    pub(crate) fn require(self, _file: &File, status: &Status) -> Result<(), String> {
        if self.include(status) && status.mode() & 0o022 == 0 {
            return Ok(());
        }
        let owner = match self {
            Self::Root => "root",
            Self::UserOrRoot => "you or root",
        };
        Err(format!("it must belong to {owner} and be writable by nobody else ({})", describe(status)))
    }
}

/// Whether the effective user owns it and neither group nor others may write it.
pub(crate) fn is_own(_file: &File, status: &Status) -> bool {
    is_owned(status)
}

fn is_owned(status: &Status) -> bool {
    status.owner() == user() && status.mode() & 0o022 == 0
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
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
pub(crate) fn walk_to_file(path: &Path, owners: Owners) -> Result<File, Stop> {
    let mut walk = Walk::new(path, owners)?;
    while let Some(name) = walk.pending.pop_front() {
        if !walk.pending.is_empty() || name == ".." {
            walk.enter(name, false)?;
            continue;
        }
        walk.judge_parent()?;
        match walk.parent().open_file(&name) {
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
    root: Folder,
    stack: Vec<(OsString, Folder)>,
    links: usize,
}

impl Walk {
    fn new(path: &Path, owners: Owners) -> Result<Self, Stop> {
        let root = Folder::search_at(Path::new("/")).map_err(|error| refused("/", error))?;
        Ok(Self { owners, pending: components(path), root, stack: Vec::new(), links: 0 })
    }

    fn parent(&self) -> &Folder {
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
        let opened = match parent.search(&name) {
            Err(Errno::NOENT) if create => {
                match parent.create_folder(&name, 0o700) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(refused(&joined(&self.stack, &name), error)),
                }
                parent.search(&name)
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
        let status = self
            .parent()
            .status()
            .map_err(|error| refused(&path_of(&self.stack).display().to_string(), error))?;
        let mode = status.mode();
        if self.owners.include(&status) && (mode & 0o022 == 0 || mode & 0o1000 != 0) {
            return Ok(());
        }
        Err(Stop::Refused(format!(
            "others could replace what is in `{}` ({})",
            path_of(&self.stack).display(),
            describe(&status)
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
        let status = parent.find(name).map_err(|error| refused(&path(), error))?;
        if status.kind() != FileKind::Link {
            return Err(Stop::Refused(format!("`{}` is not a directory", path())));
        }
        if !self.owners.include(&status) {
            return Err(Stop::Refused(format!("the link `{}` belongs to user {}", path(), status.owner())));
        }
        if self.links > MAX_LINKS {
            return Err(Stop::Refused(format!("more than {MAX_LINKS} links on the way, at `{}`", path())));
        }
        parent.read_link(name).map(PathBuf::from).map_err(|error| refused(&path(), error))
    }
}

/// A directory of the store: real, the effective user's, not writable by group or others.
pub(crate) fn judge_own(directory: &Folder, path: &Path) -> Result<(), Stop> {
    let status = directory.status().map_err(|error| refused(&path.display().to_string(), error))?;
    if is_owned(&status) {
        return Ok(());
    }
    Err(Stop::Refused(format!(
        "`{}` must belong to user {} and be writable by nobody else ({})",
        path.display(),
        user(),
        describe(&status)
    )))
}

fn describe(status: &Status) -> String {
    format!("owner {}, mode {:04o}", status.owner(), status.mode() & 0o7777)
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

fn path_of(stack: &[(OsString, Folder)]) -> PathBuf {
    let mut path = PathBuf::from("/");
    path.extend(stack.iter().map(|(name, _)| name));
    path
}

fn joined(stack: &[(OsString, Folder)], name: &OsStr) -> String {
    path_of(stack).join(name).display().to_string()
}

fn refused(path: &str, error: Errno) -> Stop {
    Stop::Refused(format!("`{path}`: {}", std::io::Error::from(error)))
}
