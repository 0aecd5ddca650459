//! Opening the directories of a tree relative to its root, one component at a time and never through a link. The way
//! to the last directory is kept open: archives are sorted, so the next member is nearly always close by.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::error::{During as _, Result};
use crate::ownership::open_directory;

/// A cursor over the directories of one tree.
pub(crate) struct Directories<'tree> {
    root: &'tree OwnedFd,
    create: bool,
    open: Vec<(String, OwnedFd)>,
}

impl<'tree> Directories<'tree> {
    /// With `create`, missing directories are made with mode 0755.
    pub(crate) fn new(root: &'tree OwnedFd, create: bool) -> Self {
        Self { root, create, open: Vec::new() }
    }

    /// The directory that holds `path`, and the last component of it.
    pub(crate) fn parent_of<'path>(&mut self, path: &'path str) -> Result<(&OwnedFd, &'path str)> {
        match path.rsplit_once('/') {
            Some((parent, name)) => Ok((self.directory(parent)?, name)),
            None => Ok((self.root, path)),
        }
    }

    /// The directory at `path`; the tree's root for an empty path.
    pub(crate) fn directory(&mut self, path: &str) -> Result<&OwnedFd> {
        let wanted: Vec<&str> = path.split('/').filter(|component| !component.is_empty()).collect();
        let common = self.open.iter().zip(&wanted).take_while(|((open, _), wanted)| open == *wanted).count();
        self.open.truncate(common);
        for name in &wanted[common..] {
            let opened = self.child(name).during("open the directory", || PathBuf::from(path))?;
            self.open.push(((*name).to_owned(), opened));
        }
        Ok(self.open.last().map_or(self.root, |(_, directory)| directory))
    }

    fn child(&self, name: &str) -> rustix::io::Result<OwnedFd> {
        let parent = self.open.last().map_or(self.root, |(_, directory)| directory);
        match open_directory(Some(parent), name.as_ref()) {
            Err(Errno::NOENT) if self.create => {
                match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(0o755)) {
                    Ok(()) | Err(Errno::EXIST) => open_directory(Some(parent), name.as_ref()),
                    Err(error) => Err(error),
                }
            }
            other => other,
        }
    }
}

/// Opens a regular file below `parent` for reading; `None` if it is anything else.
pub(crate) fn open_file(parent: &OwnedFd, name: &str) -> Option<(OwnedFd, rustix::fs::Stat)> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = rustix::fs::openat(parent, name, flags, Mode::empty()).ok()?;
    let stat = rustix::fs::fstat(&file).ok()?;
    let regular = rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::RegularFile;
    regular.then_some((file, stat))
}
