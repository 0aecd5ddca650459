//! Unpacking one slot for a person, into a folder of theirs (LAUNCH.md 8.4). The same rules as for the store hold, but nothing is
//! published, and the umask is the person's.

use std::os::fd::OwnedFd;
use std::path::Path;

use pspf::{ErrorCode, Package, ReadAt};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::error::{During as _, Error, Result};
use crate::names::Names;
use crate::removal::{names, remove_tree};
use crate::unpack::unpack_slot;

/// Unpacks `slot` into `folder`, which is made unless it is an empty one already; a link to one is none. What was unpacked is removed if something
/// fails, so that nobody takes half of it for the whole.
pub fn extract_slot<R: ReadAt + Sync>(package: &Package<R>, slot: usize, folder: &Path) -> Result<()> {
    let made = match rustix::fs::mkdir(folder, Mode::from_raw_mode(0o777)) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(error).during("create the folder", || folder),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let taken = |what: &str| {
        let message = format!("`{}` {what}; nothing is overwritten", folder.display());
        Error::refused(ErrorCode::StoreOutput, message)
    };
    let directory = match rustix::fs::open(folder, flags, Mode::empty()) {
        Err(Errno::NOTDIR | Errno::LOOP) => return Err(taken("is there already and is no folder")),
        opened => opened.during("open the folder", || folder)?,
    };
    let found = names(&directory).during("read the folder", || folder)?;
    if !found.is_empty() {
        return Err(taken("is not empty"));
    }
    let filled = unpack_slot(package, slot, &directory, probe(&directory));
    if filled.is_err() {
        empty(&directory);
        if made {
            let _ = rustix::fs::rmdir(folder);
        }
    }
    filled
}

/// How the folder compares names, by a folder of ours in it. Where none can be made, nothing can be unpacked either.
fn probe(directory: &OwnedFd) -> Names {
    const NAME: &str = "case";
    let _ = rustix::fs::mkdirat(directory, NAME, Mode::RWXU);
    let names = Names::probe(directory, NAME);
    let _ = rustix::fs::unlinkat(directory, NAME, AtFlags::REMOVEDIR);
    names
}

fn empty(directory: &OwnedFd) {
    for name in names(directory).unwrap_or_default() {
        let _ = remove_tree(directory, &name);
    }
}
