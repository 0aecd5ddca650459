//! The fields of the index block as they stand in the file (FORMAT.md §2), also those that no reader acts upon.

use pspf::hex;
use pspf::layout::{INDEX_SIZE, MARKER_SIZE, index};

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexField {
    /// Its name in FORMAT.md.
    pub name: &'static str,
    /// Absolute offset in the file.
    pub offset: u64,
    /// Numbers in decimal, marks and bit sets as `0x…`, bytes in lower hex; nothing for bytes that are all zero.
    pub value: String,
}

enum Form {
    Number(usize),
    Mark(usize),
    Bytes(usize),
    Text(usize),
}

use Form::{Bytes, Mark, Number, Text};

/// The fields that §2 names, in their order.
const FIELDS: [(&str, usize, Form); 26] = [
    ("format_version", index::FORMAT_VERSION, Mark(4)),
    ("index_checksum", index::CHECKSUM, Mark(4)),
    ("package_size", index::PACKAGE_SIZE, Number(8)),
    ("launcher_size", index::LAUNCHER_SIZE, Number(8)),
    ("metadata_offset", index::METADATA_OFFSET, Number(8)),
    ("metadata_size", index::METADATA_SIZE, Number(8)),
    ("slot_table_offset", index::SLOT_TABLE_OFFSET, Number(8)),
    ("slot_table_size", index::SLOT_TABLE_SIZE, Number(8)),
    ("slot_count", index::SLOT_COUNT, Number(4)),
    ("flags", index::SLOT_COUNT + 4, Mark(4)),
    ("public_key", index::PUBLIC_KEY, Bytes(32)),
    ("metadata_checksum", index::METADATA_CHECKSUM, Bytes(32)),
    ("signature", index::SIGNATURE, Bytes(64)),
    ("access_mode", index::ACCESS_MODE, Number(1)),
    ("cache_strategy", index::CACHE_STRATEGY, Number(1)),
    ("page_size", index::PAGE_SIZE, Number(4)),
    ("max_memory", index::MAX_MEMORY, Number(8)),
    ("min_memory", index::MIN_MEMORY, Number(8)),
    ("stream_chunk_size", index::STREAM_CHUNK_SIZE, Number(4)),
    ("capabilities", index::CAPABILITIES, Mark(8)),
    ("requirements", index::CAPABILITIES + 8, Mark(8)),
    ("compatibility", index::COMPATIBILITY, Mark(4)),
    ("protocol_version", index::PROTOCOL_VERSION, Number(4)),
    ("attestation_key_fp", index::ATTESTATION_KEY, Text(64)),
    ("attestation_sbom_digest", index::ATTESTATION_KEY + 64, Text(64)),
    ("attestation_policy_hash", index::ATTESTATION_KEY + 128, Text(64)),
];

/// The fields of a trailer that begins at byte `trailer_offset` of the file.
pub(super) fn of(trailer: &[u8], trailer_offset: u64) -> Vec<IndexField> {
    // The trailer has the length that the reader gave it: marker, block, marker.
    let block = &trailer[MARKER_SIZE..MARKER_SIZE + INDEX_SIZE];
    let base = trailer_offset + MARKER_SIZE as u64;
    let fields = FIELDS.iter().map(|(name, offset, form)| IndexField {
        name,
        offset: base + *offset as u64,
        value: match form {
            Number(length) => number(&block[*offset..offset + length]).to_string(),
            Mark(length) => {
                let digits = 2 + 2 * length;
                format!("{:#0digits$x}", number(&block[*offset..offset + length]))
            }
            Bytes(length) => bytes(&block[*offset..offset + length]),
            Text(length) => text(&block[*offset..offset + length]),
        },
    });
    fields.collect()
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn bytes(bytes: &[u8]) -> String {
    if bytes.iter().all(|byte| *byte == 0) { String::new() } else { hex::encode(bytes) }
}

/// ASCII, or hex where it is something else.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let is_text = field[..end].iter().all(u8::is_ascii_graphic) && field[end..].iter().all(|byte| *byte == 0);
    if is_text { field[..end].iter().copied().map(char::from).collect() } else { bytes(field) }
}
