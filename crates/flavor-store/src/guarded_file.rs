//! Reading a file that only its owners can have arranged, such as a trust file (LAUNCH.md 13.3): the way to it is
//! walked by descriptors and judged (S17), so is the file, and what was read is what lies there. Absent is only what the
//! system says is not there; everything else that keeps the file from being believed is a refusal.

use std::fs::File;
use std::path::Path;

use crate::has_reliable_change_time;
use crate::identity::Identity;
use crate::ownership::{self, Owners, Stop, walk_to_file};
use crate::receipt::{is_settled, now};
use crate::system::{Errno, FileKind, find_link, read_at, status_of};

/// A file as it was read.
#[derive(Debug)]
pub struct GuardedFile {
    /// Its content.
    pub bytes: Vec<u8>,
    /// The same before and after it was read.
    pub identity: Identity,
    /// Whether any later change will alter the identity (S20): it lies on a file system with reliable change times,
    /// and its last change is two seconds old.
    pub is_settled: bool,
}

/// Whether the system says that nothing stands at `path`. A link that leads nowhere is something.
pub fn is_absent(path: &Path) -> Result<bool, Errno> {
    match find_link(path) {
        Ok(_) => Ok(false),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether an open file is a regular one of the user's own, with one name, that nobody else may write.
pub fn is_own(file: &File) -> bool {
    status_of(file).is_ok_and(|status| {
        status.kind() == FileKind::File && status.names() == 1 && ownership::is_own(file, &status)
    })
}

/// Reads the file at the absolute `path`, of at most `limit` bytes; `None` where there is none, else the reason why it
/// is not believed.
pub fn read(path: &Path, owners: Owners, limit: usize) -> Result<Option<GuardedFile>, String> {
    if is_absent(path).map_err(text)? {
        return Ok(None);
    }
    let opened = now();
    let file = walk_to_file(path, owners).map_err(|stop| match stop {
        Stop::Missing => "it is a link that leads nowhere".into(),
        Stop::Refused(reason) => reason,
    })?;
    let status = status_of(&file).map_err(text)?;
    if status.kind() != FileKind::File {
        return Err("it is not a regular file".into());
    }
    owners.require(&file, &status)?;
    let identity = status.identity();
    let size = usize::try_from(identity.size).ok().filter(|size| *size <= limit);
    let size = size.ok_or_else(|| format!("{} bytes, at most {limit} are allowed", identity.size))?;
    let mut bytes = vec![0; size];
    let mut filled = 0;
    while filled < size {
        match read_at(&file, &mut bytes[filled..], filled as u64).map_err(text)? {
            0 => break,
            read => filled += read,
        }
    }
    let after = status_of(&file).map_err(text)?;
    if filled != size || after.identity() != identity {
        return Err("it changed while it was being read".into());
    }
    let is_settled = is_settled(&identity, opened) && has_reliable_change_time(&file);
    Ok(Some(GuardedFile { bytes, identity, is_settled }))
}

fn text(error: Errno) -> String {
    std::io::Error::from(error).to_string()
}
