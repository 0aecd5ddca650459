//! Reading a file that only its owners can have arranged, such as a trust file (LAUNCH.md 13.3): the way to it is
//! walked by descriptors and judged (S17), so is the file, and what was read is what lies there. Absent is only what the
//! system says is not there; everything else that keeps the file from being believed is a refusal.

use std::path::Path;

use rustix::fs::FileType;
use rustix::io::Errno;

use crate::has_reliable_change_time;
use crate::identity::{Identity, mode_bits};
use crate::ownership::{Owners, Stop, describe, walk_to_file};
use crate::receipt::{is_settled, now};

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
    match rustix::fs::lstat(path) {
        Ok(_) => Ok(false),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(true),
        Err(error) => Err(error),
    }
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
    let stat = rustix::fs::fstat(&file).map_err(text)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err("it is not a regular file".into());
    }
    if !owners.include(&stat) || mode_bits(&stat) & 0o022 != 0 {
        let owner = match owners {
            Owners::Root => "root",
            Owners::UserOrRoot => "you or root",
        };
        return Err(format!(
            "it must belong to {owner} and be writable by nobody else ({})",
            describe(&stat)
        ));
    }
    let size = usize::try_from(stat.st_size).ok().filter(|size| *size <= limit);
    let size = size.ok_or_else(|| format!("{} bytes, at most {limit} are allowed", stat.st_size))?;
    let mut bytes = vec![0; size];
    let mut filled = 0;
    while filled < size {
        match rustix::io::pread(&file, &mut bytes[filled..], filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(Errno::INTR) => {}
            Err(error) => return Err(text(error)),
        }
    }
    let identity = Identity::of(&stat);
    let after = rustix::fs::fstat(&file).map_err(text)?;
    if filled != size || Identity::of(&after) != identity {
        return Err("it changed while it was being read".into());
    }
    let is_settled = is_settled(&identity, opened) && has_reliable_change_time(&file);
    Ok(Some(GuardedFile { bytes, identity, is_settled }))
}

fn text(error: Errno) -> String {
    std::io::Error::from(error).to_string()
}
