//! The file of a package while it is read: opened once, a regular file, and the same one before and after (security
//! rule S10).

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// An open package file and what it was like then.
pub(crate) struct PackageFile {
    path: PathBuf,
    file: File,
    before: Metadata,
}

impl PackageFile {
    /// Opens it. Only regular files can be read at offsets; a folder or a pipe is refused before that.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(Error::io("open the package", path))?;
        if !metadata.is_file() {
            let reason = "it is no regular file";
            return Err(Error::package(path)(pspf::Error::NotAPackage { length: 0, reason }));
        }
        let file = File::open(path).map_err(Error::io("open the package", path))?;
        let before = file.metadata().map_err(Error::io("look at the package", path))?;
        Ok(Self { path: path.to_path_buf(), file, before })
    }

    /// What is read.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Fails when somebody changed the file since it was opened.
    pub(crate) fn must_be_unchanged(&self) -> Result<()> {
        let after = self.file.metadata().map_err(Error::io("look at the package", &self.path))?;
        if identity(&self.before) == identity(&after) {
            return Ok(());
        }
        let changed = std::io::Error::other("the file was changed while it was read");
        Err(Error::io("read the package", &self.path)(changed))
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, i64, i64, i64, i64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.len(), metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(metadata: &Metadata) -> (u64, Option<std::time::SystemTime>) {
    (metadata.len(), metadata.modified().ok())
}
