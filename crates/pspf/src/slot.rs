//! Slot descriptors: 64 bytes a slot, addressed by position. What a descriptor says is never trusted on its own:
//! in packages of ours the table is rendered again from the signed metadata and compared.

use sha2::{Digest, Sha256};

use crate::bytes::{get_u64, put};
use crate::layout::{DESCRIPTOR_SIZE, descriptor};

/// The fields that a reader acts upon, and those that rendering needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotDescriptor {
    /// See [`descriptor_id`].
    pub id: u64,
    /// First eight bytes of SHA-256 of the slot's id.
    pub name_hash: u64,
    /// Absolute offset of the stored bytes.
    pub offset: u64,
    /// Number of stored bytes.
    pub size: u64,
    /// Number of bytes before compression.
    pub original_size: u64,
    /// Packed operation chain.
    pub operations: u64,
    /// First eight bytes of SHA-256 of the stored bytes.
    pub checksum: u64,
    /// Purpose byte.
    pub purpose: u8,
    /// Lifecycle byte.
    pub lifecycle: u8,
    /// Unix mode of a single-file slot.
    pub permissions: u16,
}

/// The first eight bytes of a digest as the number that stands in a descriptor.
pub fn short_digest(digest: &[u8; 32]) -> u64 {
    get_u64(digest, 0)
}

/// The descriptor's `name_hash` for a slot's id.
pub fn name_hash(id: &str) -> u64 {
    short_digest(&Sha256::digest(id.as_bytes()).into())
}

/// The descriptor's `id` for a slot's position. It is the position, except where its first bytes would look like
/// JSON (`{`) or gzip to the original's Rust launcher, which refuses such a descriptor; no reader uses the value.
pub const fn descriptor_id(position: u64) -> u64 {
    const MARK: u64 = 1 << 32 | 0x80;
    if position & 0xff == 0x7b || position & 0xffff == 0x8b1f { position ^ MARK } else { position }
}

/// Byte for a purpose of the metadata; unknown words are data, as in the original.
pub fn purpose_byte(purpose: &str) -> u8 {
    match purpose {
        "code" => 1,
        "config" => 2,
        "media" => 3,
        _ => 0,
    }
}

/// Byte for a lifecycle of the metadata; unknown words are `runtime`, as in the original.
pub fn lifecycle_byte(lifecycle: &str) -> u8 {
    match lifecycle {
        "init" => 0,
        "startup" => 1,
        "shutdown" => 3,
        "cache" | "cached" => 4,
        "temporary" | "temp" | "volatile" => 5,
        "lazy" => 6,
        "eager" => 7,
        "dev" => 8,
        "config" => 9,
        "platform" => 10,
        "attestation" => 11,
        _ => 2,
    }
}

impl SlotDescriptor {
    /// Decodes one descriptor.
    pub fn decode(bytes: &[u8; DESCRIPTOR_SIZE]) -> Self {
        Self {
            id: get_u64(bytes, descriptor::ID),
            name_hash: get_u64(bytes, descriptor::NAME_HASH),
            offset: get_u64(bytes, descriptor::OFFSET),
            size: get_u64(bytes, descriptor::SIZE),
            original_size: get_u64(bytes, descriptor::ORIGINAL_SIZE),
            operations: get_u64(bytes, descriptor::OPERATIONS),
            checksum: get_u64(bytes, descriptor::CHECKSUM),
            purpose: bytes[descriptor::PURPOSE],
            lifecycle: bytes[descriptor::LIFECYCLE],
            permissions: u16::from_le_bytes([
                bytes[descriptor::PERMISSIONS],
                bytes[descriptor::PERMISSIONS + 1],
            ]),
        }
    }

    /// Renders the descriptor as packages of ours have it.
    pub fn encode(&self) -> [u8; DESCRIPTOR_SIZE] {
        let mut bytes = [0; DESCRIPTOR_SIZE];
        put(&mut bytes, descriptor::ID, &self.id.to_le_bytes());
        put(&mut bytes, descriptor::NAME_HASH, &self.name_hash.to_le_bytes());
        put(&mut bytes, descriptor::OFFSET, &self.offset.to_le_bytes());
        put(&mut bytes, descriptor::SIZE, &self.size.to_le_bytes());
        put(&mut bytes, descriptor::ORIGINAL_SIZE, &self.original_size.to_le_bytes());
        put(&mut bytes, descriptor::OPERATIONS, &self.operations.to_le_bytes());
        put(&mut bytes, descriptor::CHECKSUM, &self.checksum.to_le_bytes());
        bytes[descriptor::PURPOSE] = self.purpose;
        bytes[descriptor::LIFECYCLE] = self.lifecycle;
        bytes[descriptor::PRIORITY] = 1;
        put(&mut bytes, descriptor::PERMISSIONS, &self.permissions.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_reads_back_as_it_was_written() {
        let slot = SlotDescriptor {
            id: 1,
            name_hash: name_hash("payload"),
            offset: 456,
            size: 39,
            original_size: 40,
            operations: 0x1b01,
            checksum: 7,
            purpose: 1,
            lifecycle: 4,
            permissions: 0o755,
        };
        assert_eq!(SlotDescriptor::decode(&slot.encode()), slot);
        assert_eq!(slot.name_hash.to_le_bytes(), [0x23, 0x9f, 0x59, 0xed, 0x55, 0xe7, 0x37, 0xc7]);
    }

    #[test]
    fn no_descriptor_id_begins_like_json_or_gzip() {
        for position in 0..200_000 {
            let bytes = descriptor_id(position).to_le_bytes();
            assert!(bytes[0] != b'{' && bytes[..2] != [0x1f, 0x8b], "{position}");
        }
    }
}
