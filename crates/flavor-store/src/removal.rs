//! Removing a tree below a descriptor without following a link (S15). The tree may hold what a program wrote into its
//! work environment.

use std::ffi::OsStr;

use crate::system::{Errno, Folder};

/// Removes `name` below `parent`, whatever it is. Absence is success.
pub(crate) fn remove_tree(parent: &Folder, name: impl AsRef<OsStr>) -> Result<(), Errno> {
    remove(parent, name.as_ref())
}

fn remove(parent: &Folder, name: &OsStr) -> Result<(), Errno> {
    // Directories answer EISDIR on Linux and EPERM elsewhere.
    match parent.remove_file(name) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error),
    }
    let directory = match parent.open_folder(name) {
        // A program took its own permission away. That it is a directory was just seen, in a folder of the user's own.
        Err(Errno::ACCESS) => {
            parent.allow_owner_at(name)?;
            parent.open_folder(name)?
        }
        opened => opened?,
    };
    for child in directory.names()? {
        match remove(&directory, &child) {
            Err(Errno::ACCESS) => {
                directory.set_mode(0o700)?;
                remove(&directory, &child)?;
            }
            removed => removed?,
        }
    }
    parent.remove_folder(name)
}
