//! The checksums that need no key, put right as whoever alters a file would (security rule P1).

use pspf::index_block;
use pspf::layout::{DESCRIPTOR_SIZE, INDEX_SIZE, MARKER_SIZE, TRAILER_SIZE, descriptor, index};
use sha2::{Digest as _, Sha256};

/// Repairs CRC-32 and length of
/// the stored metadata, its digest, the length of the file, checksums of the slot table, Adler-32.
pub(crate) fn repair(bytes: &mut [u8]) {
    let Some(base) = bytes.len().checked_sub(TRAILER_SIZE).map(|trailer| trailer + MARKER_SIZE) else {
        return;
    };
    let length = bytes.len();
    put(bytes, base + index::PACKAGE_SIZE, &(length as u64).to_le_bytes());
    let (start, size) =
        (number(bytes, base + index::METADATA_OFFSET), number(bytes, base + index::METADATA_SIZE));
    if let Some(end) = start.checked_add(size).filter(|end| *end <= length && size >= 18) {
        if let Some(content) = stored_content(&bytes[start + 10..end - 8]) {
            put(bytes, end - 8, &crc32fast::hash(&content).to_le_bytes());
            put(bytes, end - 4, &u32::try_from(content.len()).unwrap_or(0).to_le_bytes());
        }
        let digest = Sha256::digest(&bytes[start..end]);
        put(bytes, base + index::METADATA_CHECKSUM, &digest);
    }
    repair_table(bytes, base);
    let block: [u8; INDEX_SIZE] = bytes[base..base + INDEX_SIZE].try_into().expect("an index block");
    put(bytes, base + index::CHECKSUM, &index_block::checksum(&block).to_le_bytes());
}

fn repair_table(bytes: &mut [u8], base: usize) {
    let table = number(bytes, base + index::SLOT_TABLE_OFFSET);
    let count = number(bytes, base + index::SLOT_TABLE_SIZE) / DESCRIPTOR_SIZE;
    for position in 0..count.min(4096) {
        let Some(at) = table
            .checked_add(position * DESCRIPTOR_SIZE)
            .filter(|at| at.checked_add(DESCRIPTOR_SIZE).is_some_and(|end| end <= base))
        else {
            return;
        };
        let (offset, size) = (number(bytes, at + descriptor::OFFSET), number(bytes, at + descriptor::SIZE));
        if let Some(stored) = offset.checked_add(size).and_then(|end| bytes.get(offset..end)) {
            let digest = Sha256::digest(stored);
            put(bytes, at + descriptor::CHECKSUM, &digest[..8]);
        }
    }
}

/// Content of stored deflate blocks, if the bytes still look like them.
fn stored_content(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    while !rest.is_empty() {
        let length = usize::from(u16::from_le_bytes([*rest.get(1)?, *rest.get(2)?]));
        content.extend_from_slice(rest.get(5..5 + length)?);
        rest = &rest[5 + length..];
    }
    Some(content)
}

fn number(bytes: &[u8], at: usize) -> usize {
    let field: [u8; 8] = bytes[at..at + 8].try_into().expect("eight bytes");
    usize::try_from(u64::from_le_bytes(field)).unwrap_or(usize::MAX)
}

fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    bytes[at..at + field.len()].copy_from_slice(field);
}
