//! Changes of a finished package, as whoever has no key would make them: bytes are altered, then every checksum that
//! needs no key is put right (security rule P1), and what is left of the difference is written down as edits.

use std::collections::HashMap;

use pspf::index_block;
use pspf::layout::{INDEX_SIZE, MARKER_SIZE, TRAILER_SIZE, index};
use sha2::{Digest, Sha256};

/// `remove` bytes at `at` of the original give way to `insert`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) at: usize,
    pub(crate) remove: usize,
    pub(crate) insert: Vec<u8>,
}

/// A changed copy with every unkeyed checksum repaired.
pub(crate) fn altered(original: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = original.to_vec();
    change(&mut bytes);
    repair(&mut bytes);
    bytes
}

/// A changed copy in which nothing is repaired.
pub(crate) fn broken(original: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = original.to_vec();
    change(&mut bytes);
    bytes
}

/// A copy whose index block has one other field; only the Adler-32 is repaired.
pub(crate) fn with_field(original: &[u8], field: usize, value: &[u8]) -> Vec<u8> {
    broken(original, |bytes| {
        let base = index_base(bytes);
        bytes[base + field..][..value.len()].copy_from_slice(value);
        repair_index(bytes);
    })
}

/// Where the index block begins.
pub(crate) fn index_base(bytes: &[u8]) -> usize {
    bytes.len() - TRAILER_SIZE + MARKER_SIZE
}

/// A number of the index block.
pub(crate) fn index_number(bytes: &[u8], field: usize) -> usize {
    let base = index_base(bytes) + field;
    let number = u64::from_le_bytes(bytes[base..base + 8].try_into().expect("eight bytes"));
    usize::try_from(number).expect("a small package")
}

/// Puts package size, metadata digest and Adler-32 right.
fn repair(bytes: &mut [u8]) {
    let base = index_base(bytes);
    let length = (bytes.len() as u64).to_le_bytes();
    bytes[base + index::PACKAGE_SIZE..][..8].copy_from_slice(&length);
    let start = index_number(bytes, index::METADATA_OFFSET);
    let size = index_number(bytes, index::METADATA_SIZE);
    let digest = Sha256::digest(&bytes[start..start + size]);
    bytes[base + index::METADATA_CHECKSUM..][..32].copy_from_slice(&digest);
    repair_index(bytes);
}

/// Puts the Adler-32 of the index block right.
pub(crate) fn repair_index(bytes: &mut [u8]) {
    let base = index_base(bytes);
    let block: [u8; INDEX_SIZE] = bytes[base..base + INDEX_SIZE].try_into().expect("an index block");
    let sum = index_block::checksum(&block).to_le_bytes();
    bytes[base + index::CHECKSUM..][..4].copy_from_slice(&sum);
}

/// Shortest piece that counts as unchanged.
const ANCHOR: usize = 16;

/// The edits that lead from one file to the other: pieces of at least 16 bytes that both have stay, and where several
/// places of the original fit, the one that keeps the distance.
pub(crate) fn difference(from: &[u8], to: &[u8]) -> Vec<Edit> {
    let mut places: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (position, piece) in from.windows(ANCHOR).enumerate() {
        places.entry(piece).or_default().push(position);
    }
    let mut edits = Vec::new();
    let (mut old, mut new) = (0, 0);
    loop {
        let same = from[old..].iter().zip(&to[new..]).take_while(|(left, right)| left == right).count();
        (old, new) = (old + same, new + same);
        if (old, new) == (from.len(), to.len()) {
            return edits;
        }
        let (next_old, next_new) = (new..to.len())
            .find_map(|next| {
                let fitting = places.get(to.get(next..next + ANCHOR)?)?.iter().filter(|place| **place >= old);
                let wanted = old + next - new;
                fitting.min_by_key(|place| place.abs_diff(wanted)).map(|place| (*place, next))
            })
            .unwrap_or((from.len(), to.len()));
        edits.push(Edit { at: old, remove: next_old - old, insert: to[new..next_new].to_vec() });
        (old, new) = (next_old, next_new);
    }
}
