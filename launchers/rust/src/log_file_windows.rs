//! The file of the log (LAUNCH.md 10.4) on Windows.

use std::fs::{File, OpenOptions};
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::Path;

use flavor_store::guarded_file::is_own;

/// A link is opened itself, and then refused.
const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
/// `FILE_APPEND_DATA`, `FILE_READ_ATTRIBUTES`, `READ_CONTROL` and `SYNCHRONIZE`: appending alone may not ask whose the file is.
const APPEND_AND_ASK: u32 = 0x0004 | 0x0080 | 0x0002_0000 | 0x0010_0000;

/// Opens the log for appending. It is the user's own regular file with one name, which nobody else may change: a log that somebody
/// else placed, or that leads elsewhere, is not written to.
pub(crate) fn open(path: &Path) -> Result<File, String> {
    let refused = |reason: &str| format!("the log `{}` {reason}", path.display());
    let mut options = OpenOptions::new();
    options.append(true).create(true).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
    options.access_mode(APPEND_AND_ASK);
    let file = options.open(path).map_err(|error| refused(&format!("cannot be opened: {error}")))?;
    if is_own(&file) { Ok(file) } else { Err(refused("is not a regular file of your own with one name")) }
}
