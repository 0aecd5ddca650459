//! Reading the store's own small files (STORE.md 3.4): regular, one link, the user's own, not writable by others,
//! reached relative to a checked descriptor. Anything else counts as absent.

use std::fs::File;

use crate::ownership::is_own;
use crate::system::{FileKind, Folder, Status, read_at, status_of};

/// Such a file, read.
pub(crate) struct PrivateFile {
    pub(crate) bytes: Vec<u8>,
    pub(crate) file: File,
    pub(crate) status: Status,
}

/// The file `name` of at most `limit` bytes.
pub(crate) fn read(directory: &Folder, name: &str, limit: usize) -> Option<PrivateFile> {
    let file = directory.open_file(name).ok()?;
    let status = status_of(&file).ok()?;
    if status.kind() != FileKind::File || status.names() != 1 || !is_own(&file, &status) {
        return None;
    }
    let size = usize::try_from(status.identity().size).ok().filter(|size| *size <= limit)?;
    let mut bytes = vec![0; size];
    let read = read_at(&file, &mut bytes, 0).ok()?;
    (read == size).then_some(PrivateFile { bytes, file, status })
}
