//! The file of the log (LAUNCH.md 10.4) on Unix.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};

/// Opens the log for appending. It is the user's own regular file with one name: a log that somebody else placed, or that
/// leads elsewhere, is not written to.
pub(crate) fn open(path: &Path) -> Result<File, String> {
    let refused = |reason: &str| format!("the log `{}` {reason}", path.display());
    let flags = OFlags::WRONLY
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::NOCTTY
        | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)
        .map_err(|error| refused(&format!("cannot be opened: {}", std::io::Error::from(error))))?;
    let stat = rustix::fs::fstat(file.as_fd()).map_err(|error| refused(&error.to_string()))?;
    let own = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
        && stat.st_nlink == 1
        && stat.st_uid == rustix::process::geteuid().as_raw();
    if own { Ok(File::from(file)) } else { Err(refused("is not a regular file of your own with one name")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_leads_elsewhere_is_not_written_to() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("log");
        assert!(open(&path).is_ok());
        let linked = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &linked).expect("link");
        assert!(open(&linked).is_err());
        std::fs::hard_link(&path, folder.path().join("second")).expect("link");
        assert!(open(&path).is_err());
        assert!(open(folder.path()).is_err());
        assert!(open(Path::new("/dev/null")).is_err());
    }
}
