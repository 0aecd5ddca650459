//! The index block: 8192 bytes between the markers at the end of the file. Decoding checks the block on its own
//! (checksum, version, lengths); whether its regions fit together is the reader's business, and that every byte
//! of it is the one that the signature determines is `render`'s.

use crate::bytes::{get, get_u32, get_u64, put};
use crate::layout::{self, index, index_value};
use crate::{Error, ErrorCode, Result, hex, keys};

/// The fields that a reader acts upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexBlock {
    /// Length of the file in bytes.
    pub package_size: u64,
    /// Length of the launcher in bytes.
    pub launcher_size: u64,
    /// Where the stored metadata begins.
    pub metadata_offset: u64,
    /// Length of the stored metadata in bytes.
    pub metadata_size: u64,
    /// Where the slot table begins; 0 when there are no slots.
    pub slot_table_offset: u64,
    /// Number of slots.
    pub slot_count: u32,
    /// Raw Ed25519 public key.
    pub public_key: [u8; 32],
    /// SHA-256 of the stored metadata.
    pub metadata_checksum: [u8; 32],
    /// Ed25519 signature over the metadata JSON.
    pub signature: [u8; 64],
    /// Whether the capabilities say that slots begin at page boundaries.
    pub page_aligned: bool,
}

/// Adler-32 over an index block with its checksum field zeroed.
pub fn checksum(block: &[u8; layout::INDEX_SIZE]) -> u32 {
    let mut adler = adler2::Adler32::new();
    adler.write_slice(&block[..index::CHECKSUM]);
    adler.write_slice(&[0; 4]);
    adler.write_slice(&block[index::CHECKSUM + 4..]);
    adler.checksum()
}

/// Whether `stored` is what the original's Go builder writes for files of 4 GiB and more: it zeroes the upper half of the
/// file's length instead of the checksum, which is still zero. Smaller files have a right one. In packages of ours the
/// rendering refuses it.
fn is_go_checksum(block: &[u8; layout::INDEX_SIZE], stored: u32) -> bool {
    let upper_half = index::PACKAGE_SIZE + 4;
    let mut zeroed = *block;
    zeroed[upper_half..upper_half + 4].fill(0);
    get_u32(block, upper_half) != 0 && checksum(&zeroed) == stored
}

impl IndexBlock {
    /// Decodes the block that begins at absolute offset `base` of a file of `length` bytes.
    pub fn decode(block: &[u8; layout::INDEX_SIZE], base: u64, length: u64) -> Result<Self> {
        let field = |offset: usize| base + offset as u64;
        let stored = get_u32(block, index::CHECKSUM);
        let computed = checksum(block);
        if stored != computed && !is_go_checksum(block, stored) {
            return Err(Error::at(
                ErrorCode::PspfIndexChecksum,
                field(index::CHECKSUM),
                format!("index block checksum does not match (got {computed:08x}, expected {stored:08x})"),
            ));
        }
        let version = get_u32(block, index::FORMAT_VERSION);
        if version != layout::FORMAT_VERSION {
            return Err(Error::at(
                ErrorCode::PspfFormatVersion,
                field(index::FORMAT_VERSION),
                format!("format version {version:#010x}, expected {:#010x}", layout::FORMAT_VERSION),
            ));
        }
        let package_size = get_u64(block, index::PACKAGE_SIZE);
        if package_size != length {
            return Err(Error::at(
                ErrorCode::PspfPackageSize,
                field(index::PACKAGE_SIZE),
                format!("the file has {length} bytes, its index block says {package_size}"),
            ));
        }
        let slot_count = get_u32(block, index::SLOT_COUNT);
        if slot_count as usize > layout::limit::SLOTS {
            return Err(Error::at(
                ErrorCode::PspfLimit,
                field(index::SLOT_COUNT),
                format!("{slot_count} slots, at most {} are allowed", layout::limit::SLOTS),
            ));
        }
        let table_size = get_u64(block, index::SLOT_TABLE_SIZE);
        let expected = u64::from(slot_count) * layout::DESCRIPTOR_SIZE as u64;
        if table_size != expected {
            return Err(Error::at(
                ErrorCode::PspfIndex,
                field(index::SLOT_TABLE_SIZE),
                format!("slot table of {table_size} bytes for {slot_count} slots, expected {expected}"),
            ));
        }
        let padding = &block[index::SIGNATURE + 64..index::ACCESS_MODE];
        if let Some(position) = padding.iter().position(|byte| *byte != 0) {
            return Err(Error::at(
                ErrorCode::PspfIndex,
                field(index::SIGNATURE + 64 + position),
                "a byte behind the signature is not zero",
            ));
        }
        Ok(Self {
            package_size,
            launcher_size: get_u64(block, index::LAUNCHER_SIZE),
            metadata_offset: get_u64(block, index::METADATA_OFFSET),
            metadata_size: get_u64(block, index::METADATA_SIZE),
            slot_table_offset: get_u64(block, index::SLOT_TABLE_OFFSET),
            slot_count,
            public_key: get(block, index::PUBLIC_KEY),
            metadata_checksum: get(block, index::METADATA_CHECKSUM),
            signature: get(block, index::SIGNATURE),
            page_aligned: get_u64(block, index::CAPABILITIES) & index_value::PAGE_ALIGNED != 0,
        })
    }

    /// Renders the one block that stands for these fields in packages of ours.
    pub fn encode(&self) -> [u8; layout::INDEX_SIZE] {
        let mut block = [0; layout::INDEX_SIZE];
        let table_size = u64::from(self.slot_count) * layout::DESCRIPTOR_SIZE as u64;
        put(&mut block, index::FORMAT_VERSION, &layout::FORMAT_VERSION.to_le_bytes());
        put(&mut block, index::PACKAGE_SIZE, &self.package_size.to_le_bytes());
        put(&mut block, index::LAUNCHER_SIZE, &self.launcher_size.to_le_bytes());
        put(&mut block, index::METADATA_OFFSET, &self.metadata_offset.to_le_bytes());
        put(&mut block, index::METADATA_SIZE, &self.metadata_size.to_le_bytes());
        put(&mut block, index::SLOT_TABLE_OFFSET, &self.slot_table_offset.to_le_bytes());
        put(&mut block, index::SLOT_TABLE_SIZE, &table_size.to_le_bytes());
        put(&mut block, index::SLOT_COUNT, &self.slot_count.to_le_bytes());
        put(&mut block, index::PUBLIC_KEY, &self.public_key);
        put(&mut block, index::METADATA_CHECKSUM, &self.metadata_checksum);
        put(&mut block, index::SIGNATURE, &self.signature);
        block[index::ACCESS_MODE] = index_value::ACCESS_MODE;
        block[index::CACHE_STRATEGY] = index_value::CACHE_STRATEGY;
        put(&mut block, index::PAGE_SIZE, &index_value::PAGE_SIZE.to_le_bytes());
        put(&mut block, index::MAX_MEMORY, &index_value::MAX_MEMORY.to_le_bytes());
        put(&mut block, index::MIN_MEMORY, &index_value::MIN_MEMORY.to_le_bytes());
        put(&mut block, index::STREAM_CHUNK_SIZE, &index_value::STREAM_CHUNK_SIZE.to_le_bytes());
        let page_aligned = if self.page_aligned { index_value::PAGE_ALIGNED } else { 0 };
        let capabilities = index_value::CAPABILITIES | page_aligned;
        put(&mut block, index::CAPABILITIES, &capabilities.to_le_bytes());
        put(&mut block, index::COMPATIBILITY, &layout::FORMAT_VERSION.to_le_bytes());
        put(&mut block, index::PROTOCOL_VERSION, &index_value::PROTOCOL_VERSION.to_le_bytes());
        let fingerprint = hex::encode(&keys::fingerprint(&self.public_key));
        put(&mut block, index::ATTESTATION_KEY, fingerprint.as_bytes());
        let adler = checksum(&block);
        put(&mut block, index::CHECKSUM, &adler.to_le_bytes());
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(package_size: u64) -> [u8; layout::INDEX_SIZE] {
        let fields = IndexBlock {
            package_size,
            launcher_size: 100,
            metadata_offset: 100,
            metadata_size: 10,
            slot_table_offset: 0,
            slot_count: 0,
            public_key: [1; 32],
            metadata_checksum: [2; 32],
            signature: [3; 64],
            page_aligned: false,
        };
        fields.encode()
    }

    /// The block as the original's Go builder would sum it up.
    fn with_go_checksum(mut block: [u8; layout::INDEX_SIZE]) -> [u8; layout::INDEX_SIZE] {
        let mut zeroed = block;
        zeroed[12..16].fill(0);
        put(&mut block, index::CHECKSUM, &checksum(&zeroed).to_le_bytes());
        block
    }

    #[test]
    fn a_block_reads_back_as_it_was_written() {
        let decoded = IndexBlock::decode(&block(9000), 808, 9000).expect("decode");
        assert_eq!(decoded.encode(), block(9000));
    }

    #[test]
    fn the_checksum_that_the_go_builder_writes_for_four_gibibytes_and_more_is_accepted() {
        let length = 5 << 30;
        let right = block(length);
        let go = with_go_checksum(right);
        assert_ne!(right, go);
        assert!(IndexBlock::decode(&right, 0, length).is_ok());
        assert!(IndexBlock::decode(&go, 0, length).is_ok());
        assert_eq!(block(9000), with_go_checksum(block(9000)));
    }

    #[test]
    fn any_other_checksum_is_refused_also_zero() {
        for length in [9000, 5 << 30] {
            for wrong in [0, 1, checksum(&block(length)) ^ 1] {
                let mut block = block(length);
                put(&mut block, index::CHECKSUM, &wrong.to_le_bytes());
                let error = IndexBlock::decode(&block, 0, length).expect_err("must be refused");
                assert_eq!(error.code(), ErrorCode::PspfIndexChecksum);
            }
        }
    }
}
