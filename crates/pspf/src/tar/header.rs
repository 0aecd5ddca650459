//! One header block: fields, checksum, and what member it stands for.

use super::records::Pending;
use super::{
    BLOCK, GNU_MAGIC, Kind, MAGIC, Member, Profile, check_path, check_target, field, header_checksum, refuse,
};
use crate::Result;

/// What a header block says.
pub(super) struct Header {
    pub(super) kind: u8,
    pub(super) size: u64,
    mode: u64,
    name: String,
    target: String,
}

impl Header {
    /// Reads a block that is not all zeros.
    pub(super) fn parse(block: &[u8; BLOCK], profile: Profile) -> Result<Self> {
        let (start, length) = field::MAGIC;
        let magic = &block[start..start + length];
        // POSIX leaves the version to the writer; GNU uses the prefix field for other things.
        let has_prefix = match profile {
            Profile::Strict if magic == MAGIC => true,
            Profile::Tolerant if magic.starts_with(&MAGIC[..6]) => true,
            Profile::Tolerant if magic == GNU_MAGIC => false,
            _ => return Err(refuse("a header without the ustar magic")),
        };
        let stored = number(block, field::CHECKSUM, profile)?;
        let computed = header_checksum(block);
        if stored != computed {
            return Err(refuse(&format!("header checksum {computed}, expected {stored}")));
        }
        let prefix = if has_prefix { text(block, field::PREFIX)? } else { String::new() };
        let name = text(block, field::NAME)?;
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        Ok(Self {
            kind: block[field::KIND],
            mode: number(block, field::MODE, profile)?,
            size: number(block, field::SIZE, profile)?,
            name,
            target: text(block, field::LINK)?,
        })
    }

    /// The permission bits: setuid, setgid and sticky never leave an archive.
    pub(super) fn permissions(&self) -> u32 {
        u32::try_from(self.mode & 0o777).unwrap_or(0)
    }

    /// The member that this header and the records before it stand for; none where it names the root of the slot.
    pub(super) fn member(self, pending: &Pending, profile: Profile) -> Result<Option<Member>> {
        let tolerant = profile == Profile::Tolerant;
        let name = pending.path().unwrap_or(self.name);
        let size = pending.size.unwrap_or(self.size);
        let executable = self.mode & 0o100 != 0;
        let kind = match self.kind {
            b'0' => Kind::File { size, executable },
            // Before POSIX: NUL is a file, or a directory if the name says so; 7 is a file laid out in one piece.
            0 if tolerant && name.ends_with('/') => Kind::Directory,
            0 | b'7' if tolerant => Kind::File { size, executable },
            b'5' => Kind::Directory,
            b'2' => Kind::Symlink { target: pending.target().unwrap_or(self.target) },
            other => {
                return Err(refuse(&format!(
                    "member {name:?} is of kind {:?}; files, directories and symbolic links are allowed",
                    char::from(other)
                )));
            }
        };
        // Some programs note a size where no data can follow.
        if size != 0 && !tolerant && !matches!(kind, Kind::File { .. }) {
            return Err(refuse(&format!("member {name:?} is no file but has {size} bytes")));
        }
        let directory = kind == Kind::Directory;
        let path = match (directory, tolerant) {
            (true, false) => name.strip_suffix('/').unwrap_or(&name).to_owned(),
            (true, true) => without_dots(&name),
            // A file whose name ends with a slash keeps it and is refused for it.
            (false, true) if !name.ends_with('/') => without_dots(&name),
            (false, _) => name,
        };
        if tolerant && directory && path.is_empty() {
            return Ok(None);
        }
        check_path(&path)?;
        if let Kind::Symlink { target } = &kind {
            check_target(&path, target)?;
        }
        Ok(Some(Member { path, kind }))
    }
}

/// Takes away what `tar -C folder .` puts into names: `./`, and slashes that mean nothing. An absolute name stays one.
fn without_dots(name: &str) -> String {
    if name.starts_with('/') {
        return name.to_owned();
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    parts.join("/")
}

fn text(block: &[u8; BLOCK], (start, length): (usize, usize)) -> Result<String> {
    let bytes = &block[start..start + length];
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(length);
    String::from_utf8(bytes[..end].to_vec()).map_err(|_| refuse("a name that is not UTF-8"))
}

/// A number: octal digits up to a blank or NUL; in the tolerant profile also with blanks before them, none at all for
/// zero, and in base 256.
fn number(block: &[u8; BLOCK], (start, length): (usize, usize), profile: Profile) -> Result<u64> {
    let mut digits = &block[start..start + length];
    if profile == Profile::Tolerant {
        if digits[0] & 0x80 != 0 {
            return base_256(digits).ok_or_else(|| refuse("a number that is negative or beyond 2^63"));
        }
        digits = digits.trim_ascii_start();
    }
    let end = digits.iter().position(|byte| matches!(byte, 0 | b' ')).unwrap_or(digits.len());
    if end == 0 && profile == Profile::Tolerant {
        return Ok(0);
    }
    std::str::from_utf8(&digits[..end])
        .ok()
        .filter(|digits| digits.bytes().all(|digit| matches!(digit, b'0'..=b'7')))
        .and_then(|digits| u64::from_str_radix(digits, 8).ok())
        .ok_or_else(|| refuse("a number that is not octal"))
}

/// GNU's form for numbers that octal digits cannot hold: a set bit, then the number, big-endian.
fn base_256(field: &[u8]) -> Option<u64> {
    let (first, rest) = field.split_first()?;
    if first & 0x7f != 0 {
        return None;
    }
    let (high, low) = rest.split_at(rest.len().saturating_sub(8));
    if high.iter().any(|byte| *byte != 0) {
        return None;
    }
    let number = low.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    (number >> 63 == 0).then_some(number)
}
