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

/// Walks to `path`, which must be absolute. With `create`, missing components are made with mode 0700.
pub(crate) fn walk(path: &Path, create: bool) -> Result<Walked, Stop> {
    let mut pending = components(path);
    let mut stack: Vec<(OsString, OwnedFd)> = Vec::new();
    let root = open_directory(None, OsStr::new("/")).map_err(|error| refused("/", error))?;
    let mut links = 0;
    while let Some(name) = pending.pop_front() {
        if name == ".." {
            stack.pop();
            continue;
        }
        let parent = stack.last().map_or(&root, |(_, directory)| directory);
        judge_ancestor(parent, &stack)?;
        let opened = match open_directory(Some(parent), &name) {
            Err(Errno::NOENT) if create => {
                match rustix::fs::mkdirat(parent, &*name, Mode::RWXU) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(refused(&joined(&stack, &name), error)),
                }
                open_directory(Some(parent), &name)
            }
            other => other,
        };
        match opened {
            Ok(directory) => stack.push((name, directory)),
            Err(Errno::NOENT) => return Err(Stop::Missing),
            // What is no directory may be a link to one.
            Err(Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => {
                links += 1;
                let target = read_link(parent, &name, &stack, links)?;
                if target.is_absolute() {
                    stack.clear();
                }
                for component in components(&target).into_iter().rev() {
                    pending.push_front(component);
                }
            }
            Err(error) => return Err(refused(&joined(&stack, &name), error)),
        }
    }
    let path = path_of(&stack);
    let directory = stack.pop().map_or(root, |(_, directory)| directory);
    judge_own(&directory, &path)?;
    Ok(Walked { directory, path })
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

fn judge_ancestor(directory: &OwnedFd, stack: &[(OsString, OwnedFd)]) -> Result<(), Stop> {
    let stat = rustix::fs::fstat(directory)
        .map_err(|error| refused(&path_of(stack).display().to_string(), error))?;
    let mode = mode_bits(&stat);
    if is_trusted_owner(&stat) && (mode & 0o022 == 0 || mode & 0o1000 != 0) {
        return Ok(());
    }
    Err(Stop::Refused(format!(
        "others could replace what is in `{}` ({})",
        path_of(stack).display(),
        describe(&stat)
    )))
}

fn is_trusted_owner(stat: &Stat) -> bool {
    stat.st_uid == 0 || stat.st_uid == rustix::process::geteuid().as_raw()
}

fn describe(stat: &Stat) -> String {
    format!("owner {}, mode {:04o}", stat.st_uid, mode_bits(stat) & 0o7777)
}

/// The target of a link made by the effective user or root. Its folder was judged, so nobody else can have
/// exchanged it between the calls.
fn read_link(
    parent: &OwnedFd,
    name: &OsStr,
    stack: &[(OsString, OwnedFd)],
    links: usize,
) -> Result<PathBuf, Stop> {
    let path = || joined(stack, name);
    let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|error| refused(&path(), error))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
        return Err(Stop::Refused(format!("`{}` is not a directory", path())));
    }
    if !is_trusted_owner(&stat) {
        return Err(Stop::Refused(format!("the link `{}` belongs to user {}", path(), stat.st_uid)));
    }
    if links > MAX_LINKS {
        return Err(Stop::Refused(format!("more than {MAX_LINKS} links on the way, at `{}`", path())));
    }
    let target = rustix::fs::readlinkat(parent, name, Vec::new()).map_err(|error| refused(&path(), error))?;
    Ok(PathBuf::from(OsString::from_vec(target.into_bytes())))
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
