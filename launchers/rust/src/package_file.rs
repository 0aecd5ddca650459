//! The package file, opened once (LAUNCH.md 2): every byte is read through this descriptor, and its identity before
//! and after must agree.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flavor_store::identity::Identity;
use pspf::layout::{START_MARKER, TRAILER_SIZE};
use pspf::{ErrorCode, ReadAt};

use crate::failure::{Failure, Result};
use crate::process;

/// An opened package file.
#[derive(Debug)]
pub(crate) struct PackageFile {
    pub(crate) file: File,
    /// Absolute path without links.
    pub(crate) path: PathBuf,
    /// The clock before it was opened.
    pub(crate) opened: (i64, u32),
    pub(crate) identity: Identity,
    /// Bytes read so far, for people who wait.
    pub(crate) read: Arc<AtomicU64>,
}

impl ReadAt for PackageFile {
    fn len(&self) -> io::Result<u64> {
        ReadAt::len(&self.file)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        ReadAt::read_exact_at(&self.file, buffer, offset)
    }
}

impl PackageFile {
    /// The file that this process runs.
    pub(crate) fn of_this_process() -> Result<Self> {
        let opened = flavor_store::receipt::now();
        let (file, path) =
            process::own_file().map_err(|error| cannot_open(Path::new(process::OWN_FILE), &error))?;
        Self::new(file, path, opened)
    }

    /// A package given to a launcher without payload.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        let opened = flavor_store::receipt::now();
        let absolute = process::resolved(path).map_err(|error| cannot_open(path, &error))?;
        let file = File::open(&absolute).map_err(|error| cannot_open(path, &error))?;
        if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            let reason = io::Error::new(io::ErrorKind::InvalidInput, "not a regular file");
            return Err(cannot_open(path, &reason));
        }
        Self::new(file, absolute, opened)
    }

    fn new(file: File, path: PathBuf, opened: (i64, u32)) -> Result<Self> {
        let identity = Identity::of_file(&file).map_err(|error| cannot_open(&path, &error))?;
        Ok(Self { file, path, opened, identity, read: Arc::default() })
    }

    /// Base name of the path, for messages and command names.
    pub(crate) fn base_name(&self) -> &OsStr {
        self.path.file_name().unwrap_or(self.path.as_os_str())
    }

    /// The path, if the file is known by it because it is out of the user's reach (STORE.md 9.8).
    pub(crate) fn fixed(&self) -> Option<&Path> {
        flavor_store::is_out_of_reach(&self.path, &self.file).then_some(&self.path)
    }

    /// The last 8200 bytes, if they may be a trailer.
    pub(crate) fn trailer(&self) -> Option<Box<[u8; TRAILER_SIZE]>> {
        let offset = self.identity.size.checked_sub(TRAILER_SIZE as u64)?;
        let mut trailer = Box::new([0; TRAILER_SIZE]);
        ReadAt::read_exact_at(&self.file, trailer.as_mut_slice(), offset).ok()?;
        trailer.starts_with(&START_MARKER).then_some(trailer)
    }

    /// Refuses a file that changed since it was opened (S10).
    pub(crate) fn require_unchanged(&self) -> Result<()> {
        if Identity::of_file(&self.file).is_ok_and(|identity| identity == self.identity) {
            return Ok(());
        }
        Err(self.changed())
    }

    /// The failure of a file that is not what it was a moment ago.
    pub(crate) fn changed(&self) -> Failure {
        let message = format!("`{}` changed while it was being read", self.path.display());
        Failure::new(ErrorCode::LaunchChanged, message)
    }
}

fn cannot_open(path: &Path, error: &io::Error) -> Failure {
    Failure::new(ErrorCode::LaunchOpen, format!("cannot open `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s10_a_file_that_changes_while_it_is_read_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("package");
        std::fs::write(&path, b"one").expect("write");
        let package = PackageFile::at(&path).expect("open");
        assert!(package.require_unchanged().is_ok());
        std::fs::write(&path, b"two!").expect("write");
        let failure = package.require_unchanged().expect_err("changed");
        assert_eq!(failure.code, ErrorCode::LaunchChanged);
    }

    #[test]
    fn what_is_too_short_or_has_no_marker_has_no_trailer() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("package");
        for content in [vec![], vec![1; TRAILER_SIZE - 1], vec![1; TRAILER_SIZE]] {
            std::fs::write(&path, content).expect("write");
            assert!(PackageFile::at(&path).expect("open").trailer().is_none());
        }
    }
}
