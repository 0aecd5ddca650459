//! Reading the store's own small files (STORE.md 3.4): regular, one link, the user's own, not writable by others,
//! reached relative to a checked descriptor. Anything else counts as absent.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, Stat};

use crate::identity::mode_bits;

/// Such a file, read.
pub(crate) struct PrivateFile {
    pub(crate) bytes: Vec<u8>,
    pub(crate) file: OwnedFd,
    pub(crate) stat: Stat,
}

/// The file `name` of at most `limit` bytes.
pub(crate) fn read(directory: impl AsFd, name: &str, limit: usize) -> Option<PrivateFile> {
    // NONBLOCK: a FIFO of that name must not block the start.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = rustix::fs::openat(directory, name, flags, Mode::empty()).ok()?;
    let stat = rustix::fs::fstat(&file).ok()?;
    let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if !regular || stat.st_nlink != 1 || !is_own(&stat) {
        return None;
    }
    let size = usize::try_from(stat.st_size).ok().filter(|size| *size <= limit)?;
    let mut bytes = vec![0; size];
    let read = rustix::io::pread(&file, bytes.as_mut_slice(), 0).ok()?;
    (read == size).then_some(PrivateFile { bytes, file, stat })
}

/// Whether the effective user owns it and neither group nor others may write it.
pub(crate) fn is_own(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw() && mode_bits(stat) & 0o022 == 0
}
