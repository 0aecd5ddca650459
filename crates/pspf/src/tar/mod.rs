//! The tar profile of packages (FORMAT.md §10): what a member is, which names are portable, and the
//! header as bytes. [`Decoder`] reads archives of ours and, with another [`Profile`], those of other programs; `header`
//! (feature `write`) renders ours. Nothing here touches the file system.

mod decoder;
#[cfg(feature = "write")]
mod encoder;
mod header;
mod records;
#[cfg(all(test, feature = "write"))]
mod split_tests;
#[cfg(all(test, feature = "write"))]
mod tests;
#[cfg(all(test, feature = "write"))]
mod tolerant_tests;

pub use decoder::{Decoder, MemberSink};
#[cfg(feature = "write")]
pub use encoder::{DEFAULT_MTIME, END_OF_ARCHIVE, header, padding};

use crate::layout::limit;
use crate::{Error, ErrorCode, Result};

/// Size of a tar block.
pub const BLOCK: usize = 512;

/// Offsets and lengths of the header fields that the profile uses.
pub(crate) mod field {
    pub(crate) const NAME: (usize, usize) = (0, 100);
    pub(crate) const MODE: (usize, usize) = (100, 8);
    #[cfg(feature = "write")]
    pub(crate) const UID: (usize, usize) = (108, 8);
    #[cfg(feature = "write")]
    pub(crate) const GID: (usize, usize) = (116, 8);
    pub(crate) const SIZE: (usize, usize) = (124, 12);
    #[cfg(feature = "write")]
    pub(crate) const MTIME: (usize, usize) = (136, 12);
    pub(crate) const CHECKSUM: (usize, usize) = (148, 8);
    pub(crate) const KIND: usize = 156;
    pub(crate) const LINK: (usize, usize) = (157, 100);
    pub(crate) const MAGIC: (usize, usize) = (257, 8);
    pub(crate) const PREFIX: (usize, usize) = (345, 155);
}

/// `ustar`, NUL, `00`.
pub(crate) const MAGIC: [u8; 8] = *b"ustar\x0000";

/// The same field in archives of GNU tar.
pub(crate) const GNU_MAGIC: [u8; 8] = *b"ustar  \0";

/// What a decoder takes for an archive. Either refuses hard links, devices, pipes and sparse files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Exactly the form that our writer renders: what a slot of frames holds.
    Strict,
    /// Whatever a tar program may write: other chains, and packages of other builders.
    Tolerant,
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file of `size` bytes.
    File {
        /// Length in bytes.
        size: u64,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A directory.
    Directory,
    /// A symbolic link; where it leads is judged by whoever creates it (security rule S14).
    Symlink {
        /// Relative target as it stands in the archive.
        target: String,
    },
}

/// One member of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Relative path with `/`, without trailing slash.
    pub path: String,
    /// What it is.
    pub kind: Kind,
}

pub(crate) fn refuse(what: &str) -> Error {
    Error::rule(ErrorCode::PspfTar, format!("tar stream: {what}"))
}

/// Whether bytes that begin like these are a tar archive: the original's Python builder labels single files as tar.
/// Give it the first [`BLOCK`] bytes, or all if there are fewer.
pub fn begins_archive(first: &[u8]) -> bool {
    let (start, _) = field::MAGIC;
    first
        .get(..BLOCK)
        .is_some_and(|block| block[start..].starts_with(b"ustar") || block.iter().all(|byte| *byte == 0))
}

/// Sum of a header's bytes with the checksum field as blanks.
pub(crate) fn header_checksum(header: &[u8; BLOCK]) -> u64 {
    let (start, length) = field::CHECKSUM;
    let blanks = length as u64 * u64::from(b' ');
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    sum(&header[..start]) + blanks + sum(&header[start + length..])
}

/// Checks a member's name against security rule S13 as it holds on every platform: relative, no empty, `.` or
/// `..` component, no NUL, no drive letter, at most 1024 bytes and 64 components.
pub fn check_path(path: &str) -> Result<()> {
    path_fault(path).map_or(Ok(()), |fault| {
        Err(Error::rule(ErrorCode::PspfMemberName, format!("member name {path:?} {fault}")))
    })
}

/// What is wrong with a path by the rules for member names.
pub(crate) fn path_fault(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("is empty");
    }
    if path.len() > limit::PATH_BYTES {
        return Some("is longer than 1024 bytes");
    }
    if path.contains('\0') {
        return Some("contains NUL");
    }
    if has_drive_letter(path) {
        return Some("begins with a drive letter");
    }
    let mut depth = 0;
    for component in path.split('/') {
        depth += 1;
        match component {
            "" => return Some("is absolute or has an empty component"),
            "." | ".." => return Some("has a component `.` or `..`"),
            name if name.len() > limit::NAME_BYTES => return Some("has a component of more than 255 bytes"),
            _ => {}
        }
    }
    (depth > limit::PATH_DEPTH).then_some("has more than 64 components")
}

fn has_drive_letter(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':'
}

/// Checks what can be said about a link target without knowing the other members.
pub fn check_target(path: &str, target: &str) -> Result<()> {
    let refuse = |what: &str| {
        Err(Error::rule(
            ErrorCode::PspfMemberName,
            format!("link {path:?} leads to {target:?}, which {what}"),
        ))
    };
    if target.is_empty() || target.contains('\0') {
        return refuse("is empty or contains NUL");
    }
    if target.len() > limit::PATH_BYTES {
        return refuse("is longer than 1024 bytes");
    }
    if target.starts_with(['/', '\\']) || has_drive_letter(target) {
        return refuse("is absolute");
    }
    Ok(())
}
