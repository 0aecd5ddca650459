//! Unpacking one slot for a person, into a folder of theirs (LAUNCH.md 8.4). The same rules as for the store hold, but nothing is
//! published, and the umask is the person's.

use std::path::Path;

use pspf::{ErrorCode, Package, ReadAt};

use crate::error::{During as _, Error, Result};
use crate::names::Names;
use crate::removal::remove_tree;
use crate::system::{Errno, Folder};
use crate::unpack::unpack_slot;

/// Unpacks `slot` into `folder`, which is made unless it is an empty one already; a link to one is none. What was unpacked is removed if something
/// fails, so that nobody takes half of it for the whole.
pub fn extract_slot<R: ReadAt + Sync>(package: &Package<R>, slot: usize, folder: &Path) -> Result<()> {
    let made = match std::fs::create_dir(folder) {
        Ok(()) => true,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(error).during("create the folder", || folder),
    };
    let taken = |what: &str| {
        let message = format!("`{}` {what}; nothing is overwritten", folder.display());
        Error::refused(ErrorCode::StoreOutput, message)
    };
    let directory = match Folder::open(folder) {
        Err(Errno::NOTDIR | Errno::LOOP) => return Err(taken("is there already and is no folder")),
        opened => opened.during("open the folder", || folder)?,
    };
    let found = directory.names().during("read the folder", || folder)?;
    if !found.is_empty() {
        return Err(taken("is not empty"));
    }
    let filled = unpack_slot(package, slot, &directory, probe(&directory));
    if filled.is_err() {
        empty(&directory);
        if made {
            let _ = std::fs::remove_dir(folder);
        }
    }
    filled
}

/// How the folder compares names, by a folder of ours in it. Where none can be made, nothing can be unpacked either.
fn probe(directory: &Folder) -> Names {
    const NAME: &str = "case";
    let _ = directory.create_folder(NAME, 0o700);
    let names = Names::probe(directory, NAME);
    let _ = directory.remove_folder(NAME);
    names
}

fn empty(directory: &Folder) {
    for name in directory.names().unwrap_or_default() {
        let _ = remove_tree(directory, &name);
    }
}
