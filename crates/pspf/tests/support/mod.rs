//! The vectors of `__test__/vectors` as Rust values, and the question that every test here asks: what does the
//! reader say about these bytes?
#![allow(dead_code, reason = "each test binary uses a part of it")]

mod judge;

use std::path::{Path, PathBuf};

use pspf::layout::{INDEX_SIZE, MARKER_SIZE, TRAILER_SIZE, index};
use pspf::{ErrorCode, index_block};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

pub(crate) use judge::{Layer, Refusal, judge};

/// One line of the outcome table with its bytes.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// `None`: every reader accepts it.
    pub(crate) refusal: Option<Refusal>,
}

/// Where the vectors are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/vectors")
}

/// All of them.
pub(crate) fn vectors() -> Vec<Vector> {
    let text = std::fs::read(folder().join("vectors.json")).expect("read vectors.json");
    let table: Vec<Value> = serde_json::from_slice(&text).expect("vectors.json");
    table.iter().map(vector).collect()
}

/// The bytes of one.
pub(crate) fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(format!("packages/{name}.pspf"))).expect(name)
}

fn vector(entry: &Value) -> Vector {
    let text = |key: &str| entry[key].as_str().unwrap_or_else(|| panic!("{entry} has no {key}")).to_owned();
    let mut bytes = std::fs::read(folder().join(text("file"))).expect("read a package");
    if let Some(edits) = entry["edits"].as_array() {
        for edit in edits.iter().rev() {
            let number = |key: &str| usize::try_from(edit[key].as_u64().expect(key)).expect(key);
            let insert = hex(edit["insert"].as_str().expect("insert"));
            bytes.splice(number("at")..number("at") + number("remove"), insert);
        }
        let digest = pspf::hex::encode(&Sha256::digest(&bytes));
        assert_eq!(digest, text("sha256"), "{}: the edits lead elsewhere", text("name"));
    }
    let refusal = (text("outcome") != "ok").then(|| Refusal {
        code: code(&text("outcome")),
        layer: judge::Layer::named(&text("layer")),
        step: text("step"),
    });
    Vector { name: text("name"), bytes, refusal }
}

fn code(name: &str) -> ErrorCode {
    *ErrorCode::ALL.iter().find(|code| code.as_str() == name).unwrap_or_else(|| panic!("no code {name}"))
}

fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex")).collect()
}

/// Repairs every checksum that needs no key, as whoever alters a file would (security rule P1): CRC-32 and length of
/// the stored metadata, its digest, the length of the file, checksums of the slot table, Adler-32.
pub(crate) fn repair(bytes: &mut [u8]) {
    let Some(base) = bytes.len().checked_sub(TRAILER_SIZE).map(|trailer| trailer + MARKER_SIZE) else { return };
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
    use pspf::layout::{DESCRIPTOR_SIZE, descriptor};
    let table = number(bytes, base + index::SLOT_TABLE_OFFSET);
    let count = number(bytes, base + index::SLOT_TABLE_SIZE) / DESCRIPTOR_SIZE;
    for position in 0..count.min(4096) {
        let Some(at) = table.checked_add(position * DESCRIPTOR_SIZE).filter(|at| at + DESCRIPTOR_SIZE <= base)
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
