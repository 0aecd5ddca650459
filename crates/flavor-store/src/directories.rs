//! Opening the directories of a tree relative to its root, one component at a time and never through a link. The way
//! to the last directory is kept open: archives are sorted, so the next member is nearly always close by.

use std::fs::File;
use std::path::PathBuf;

use crate::error::{During as _, Result};
use crate::system::{Errno, FileKind, Folder, Status, status_of};

/// A cursor over the directories of one tree.
pub(crate) struct Directories<'tree> {
    root: &'tree Folder,
    create: bool,
    open: Vec<(String, Folder)>,
}

impl<'tree> Directories<'tree> {
    /// With `create`, missing directories are made with mode 0755.
    pub(crate) fn new(root: &'tree Folder, create: bool) -> Self {
        Self { root, create, open: Vec::new() }
    }

    /// The directory that holds `path`, and the last component of it.
    pub(crate) fn parent_of<'path>(&mut self, path: &'path str) -> Result<(&Folder, &'path str)> {
        match path.rsplit_once('/') {
            Some((parent, name)) => Ok((self.directory(parent)?, name)),
            None => Ok((self.root, path)),
        }
    }

    /// The directory at `path`; the tree's root for an empty path.
    pub(crate) fn directory(&mut self, path: &str) -> Result<&Folder> {
        let wanted: Vec<&str> = path.split('/').filter(|component| !component.is_empty()).collect();
        let common = self.open.iter().zip(&wanted).take_while(|((open, _), wanted)| open == *wanted).count();
        self.open.truncate(common);
        for name in &wanted[common..] {
            let opened = self.child(name).during("open the directory", || PathBuf::from(path))?;
            self.open.push(((*name).to_owned(), opened));
        }
        Ok(self.open.last().map_or(self.root, |(_, directory)| directory))
    }

    fn child(&self, name: &str) -> std::result::Result<Folder, Errno> {
        let parent = self.open.last().map_or(self.root, |(_, directory)| directory);
        match parent.search(name) {
            Err(Errno::NOENT) if self.create => match parent.create_folder(name, 0o755) {
                Ok(()) | Err(Errno::EXIST) => parent.search(name),
                Err(error) => Err(error),
            },
            other => other,
        }
    }
}

/// Opens a regular file below `parent` for reading; `None` if it is anything else.
pub(crate) fn open_file(parent: &Folder, name: &str) -> Option<(File, Status)> {
    let file = parent.open_file(name).ok()?;
    let status = status_of(&file).ok()?;
    (status.kind() == FileKind::File).then_some((file, status))
}
