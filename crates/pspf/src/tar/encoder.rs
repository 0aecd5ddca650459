//! Rendering of member headers: ustar, owner 0, modes 0644 and 0755, one modification time for all, a pax record
//! only where a name, a link target or a size does not fit the plain header.

use super::{BLOCK, Kind, MAGIC, Member, check_path, check_target, field, header_checksum};
use crate::Result;

/// Modification time of every member unless `SOURCE_DATE_EPOCH` says otherwise: 1980-01-02T00:00:00Z, late
/// enough for ZIP files that a program makes of package files.
pub const DEFAULT_MTIME: u64 = 315_619_200;

/// Two zero blocks end an archive.
pub const END_OF_ARCHIVE: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Largest size that the plain header holds: eleven octal digits.
const PLAIN_SIZE_MAX: u64 = 0o777_7777_7777;

/// The blocks that stand in front of a member's data.
pub fn header(member: &Member, mtime: u64) -> Result<Vec<u8>> {
    check_path(&member.path)?;
    let (kind, mode, size, target) = match &member.kind {
        Kind::File { size, executable } => (b'0', if *executable { 0o755 } else { 0o644 }, *size, ""),
        Kind::Directory => (b'5', 0o755, 0, ""),
        Kind::Symlink { target } => {
            check_target(&member.path, target)?;
            // A link inherits nothing; the original's Rust launcher gives this mode to what the link leads to.
            (b'2', 0o755, 0, target.as_str())
        }
    };
    let mut name = member.path.clone();
    if member.kind == Kind::Directory {
        name.push('/');
    }

    let mut records = Vec::new();
    let split = split(&name);
    if split.is_none() {
        record(&mut records, "path", &name);
    }
    if target.len() > field::LINK.1 {
        record(&mut records, "linkpath", target);
    }
    if size > PLAIN_SIZE_MAX {
        record(&mut records, "size", &size.to_string());
    }

    let mut blocks = Vec::with_capacity(BLOCK);
    if !records.is_empty() {
        let length = records.len() as u64;
        blocks.extend_from_slice(&plain(b'x', ("", "@PaxHeader"), "", 0o644, length, mtime));
        blocks.extend_from_slice(&records);
        blocks.resize(blocks.len() + padding(length), 0);
    }
    let names = split.unwrap_or(("", truncated(&name, field::NAME.1)));
    let size = if size > PLAIN_SIZE_MAX { 0 } else { size };
    blocks.extend_from_slice(&plain(kind, names, truncated(target, field::LINK.1), mode, size, mtime));
    Ok(blocks)
}

/// Number of zero bytes behind `length` bytes of data.
pub fn padding(length: u64) -> usize {
    // Below 512, so it fits.
    let over = usize::try_from(length % BLOCK as u64).unwrap_or(0);
    if over == 0 { 0 } else { BLOCK - over }
}

/// Prefix and name of the plain header, split at the last slash that makes both fit; `None` when none does.
fn split(name: &str) -> Option<(&str, &str)> {
    if name.len() <= field::NAME.1 {
        return Some(("", name));
    }
    let body = name.strip_suffix('/').unwrap_or(name);
    body.rmatch_indices('/')
        .map(|(slash, _)| (&name[..slash], &name[slash + 1..]))
        .find(|(prefix, rest)| prefix.len() <= field::PREFIX.1 && rest.len() <= field::NAME.1)
}

fn truncated(text: &str, length: usize) -> &str {
    let mut end = text.len().min(length);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// One pax record: its own length in decimal, a blank, key, `=`, value, newline.
fn record(records: &mut Vec<u8>, key: &str, value: &str) {
    let body = key.len() + value.len() + 3;
    let mut length = body;
    while length.to_string().len() + body != length {
        length = length.to_string().len() + body;
    }
    records.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
}

fn plain(
    kind: u8,
    (prefix, name): (&str, &str),
    target: &str,
    mode: u32,
    size: u64,
    mtime: u64,
) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut text = |(start, _): (usize, usize), value: &[u8]| {
        header[start..start + value.len()].copy_from_slice(value);
    };
    text(field::NAME, name.as_bytes());
    text(field::MODE, format!("{mode:07o}").as_bytes());
    text(field::UID, b"0000000");
    text(field::GID, b"0000000");
    text(field::SIZE, format!("{size:011o}").as_bytes());
    text(field::MTIME, format!("{mtime:011o}").as_bytes());
    text(field::LINK, target.as_bytes());
    text(field::MAGIC, &MAGIC);
    text(field::PREFIX, prefix.as_bytes());
    header[field::KIND] = kind;
    let sum = header_checksum(&header);
    let (start, _) = field::CHECKSUM;
    header[start..start + 8].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}
