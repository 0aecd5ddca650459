//! Filling the tree of a work environment with what its composition says, and comparing one that is there (STORE.md 8).

use std::io::Write as _;
use std::path::PathBuf;

use pspf::metadata::LinkKind;
use pspf::{Package, ReadAt};

use crate::compare::{Extra, matches_slot};
use crate::composition::{Composition, PlannedFile, PlannedLink, refuse};
use crate::directories::{Directories, open_file};
use crate::error::{During as _, Error, Result};
use crate::frames::verify_slot_bytes;
use crate::names::Names;
use crate::system::{FileKind, Folder};
use crate::unpack::{Ground, create_links, file_mode, unpack_files};

/// One composition and where its parts come from.
pub(crate) struct Composer<'a, R> {
    pub(crate) package: &'a Package<R>,
    /// The root of a slot that links lead into, if it is there.
    pub(crate) open_slot: &'a dyn Fn(usize) -> Result<Option<Folder>>,
    pub(crate) composition: &'a Composition<'a>,
    /// How the file system that it is composed on compares names.
    pub(crate) names: Names,
}

impl<R: ReadAt + Sync> Composer<'_, R> {
    /// Fills an empty tree.
    pub(crate) fn compose(&self, tree: &Folder) -> Result<()> {
        let names = self.names.of(self.package);
        let mut private = Vec::new();
        for (slot, into) in &self.composition.unpack {
            // What stands in the way of the first slot is its own; behind it, it may be of another.
            let ground = Ground { names, is_shared: !private.is_empty() };
            let folder = into_folder(tree, into, true).map_err(|error| ground.clash(into, error))?;
            private.push(unpack_files(self.package, *slot, &folder, ground)?);
        }
        let entries = self.composition.judge(&private, names)?;
        for link in &self.composition.links {
            self.require_member(link)?;
        }
        for ((_, into), members) in self.composition.unpack.iter().zip(&private) {
            create_links(&into_folder(tree, into, false)?, members, names)?;
        }
        let mut directories = Directories::new(tree, true);
        for file in &self.composition.files {
            write_file(&mut directories, &file.path, &file.content, file.executable)?;
        }
        for link in &self.composition.links {
            match link.kind {
                LinkKind::Symlink => {
                    let (parent, name) = directories.parent_of(&link.path)?;
                    parent.create_link(&link.target, name).during("create the link", || &link.path)?;
                }
                LinkKind::Copy => {
                    let (content, executable) = self.read_member(link)?;
                    write_file(&mut directories, &link.path, &content, executable)?;
                }
            }
        }
        names.require_entries(tree, entries)
    }

    /// Whether the environment still is what the composition says; what programs added is ignored.
    pub(crate) fn matches(&self, tree: &Folder) -> Result<bool> {
        let mut same = true;
        for (slot, into) in &self.composition.unpack {
            // Verified in any case: the caller counts on every byte having been read.
            same &= if let Ok(folder) = into_folder(tree, into, false) {
                matches_slot(self.package, *slot, &folder, Extra::Ignored)?
            } else {
                verify_slot_bytes(self.package, *slot)?;
                false
            };
        }
        let mut directories = Directories::new(tree, false);
        same &= self.composition.files.iter().all(|file| file_is(&mut directories, file));
        for link in &self.composition.links {
            same &= match link.kind {
                LinkKind::Symlink => directories
                    .parent_of(&link.path)
                    .is_ok_and(|(parent, name)| parent.is_link_to(name, link.target.as_os_str())),
                LinkKind::Copy => {
                    let (content, executable) = self.read_member(link)?;
                    file_is(&mut directories, &PlannedFile { path: link.path.clone(), content, executable })
                }
            };
        }
        Ok(same)
    }

    fn slot_directory(&self, link: &PlannedLink) -> Result<Folder> {
        (self.open_slot)(link.slot)?.ok_or_else(|| {
            refuse(&format!("slot {} of the link {:?} is not in the store", link.slot, link.path))
        })
    }

    /// `to` must exist, pass through no link, and be a file where it is copied (S15).
    fn require_member(&self, link: &PlannedLink) -> Result<()> {
        if link.to.is_empty() {
            return if link.kind == LinkKind::Symlink { Ok(()) } else { Err(no_member(link)) };
        }
        let slot = self.slot_directory(link)?;
        let mut directories = Directories::new(&slot, false);
        let (parent, name) = directories.parent_of(&link.to).map_err(|_| no_member(link))?;
        let file = parent.find(name).map_err(|_| no_member(link))?.kind() == FileKind::File;
        if file || link.kind == LinkKind::Symlink { Ok(()) } else { Err(no_member(link)) }
    }

    fn read_member(&self, link: &PlannedLink) -> Result<(Vec<u8>, bool)> {
        let slot = self.slot_directory(link)?;
        let mut directories = Directories::new(&slot, false);
        let (parent, name) = directories.parent_of(&link.to).map_err(|_| no_member(link))?;
        let (mut file, status) = open_file(parent, name).ok_or_else(|| no_member(link))?;
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut content).during("read", || &link.target)?;
        Ok((content, status.is_executable()))
    }
}

fn no_member(link: &PlannedLink) -> Error {
    refuse(&format!(
        "the link {:?} leads to {:?}, which is no member of slot {}, is reached through a link, or is no file to be copied",
        link.path, link.to, link.slot
    ))
}

fn into_folder(tree: &Folder, into: &str, create: bool) -> Result<Folder> {
    let mut directories = Directories::new(tree, create);
    let folder = directories.directory(into)?;
    folder.try_clone().during("open", || into)
}

fn write_file(directories: &mut Directories, path: &str, content: &[u8], executable: bool) -> Result<()> {
    let (parent, name) = directories.parent_of(path)?;
    let mut file =
        parent.create_file(name, file_mode(executable)).during("create", || PathBuf::from(path))?;
    file.write_all(content).during("write", || PathBuf::from(path))
}

fn file_is(directories: &mut Directories, file: &PlannedFile) -> bool {
    let Ok((parent, name)) = directories.parent_of(&file.path) else { return false };
    let Some((mut opened, status)) = open_file(parent, name) else { return false };
    let size = status.identity().size;
    if size != file.content.len() as u64 || !status.has_mode(file_mode(file.executable)) {
        return false;
    }
    let mut content = Vec::new();
    std::io::Read::read_to_end(&mut opened, &mut content).is_ok() && content == file.content
}
