//! Every magic, offset, size and limit of PSPF/2025 as a named constant: the only place of this crate where a
//! number of the format appears. FORMAT.md has the same tables with prose.
//!
//! Sizes and offsets are bytes; integers in the file are little-endian.

/// Value of `format_version` in the index block.
pub const FORMAT_VERSION: u32 = 0x2025_0001;
/// Value of `format` in the metadata.
pub const FORMAT_NAME: &str = "PSPF/2025";
/// Value of `format_version` in the metadata.
pub const METADATA_VERSION: &str = "1.0.0";

/// First four bytes of the trailer: U+1F4E6.
pub const START_MARKER: [u8; 4] = [0xF0, 0x9F, 0x93, 0xA6];
/// Last four bytes of the trailer, and so of the file: U+1FA84.
pub const END_MARKER: [u8; 4] = [0xF0, 0x9F, 0xAA, 0x84];
/// Length of a marker.
pub const MARKER_SIZE: usize = 4;
/// Length of the index block.
pub const INDEX_SIZE: usize = 8192;
/// Length of the trailer: marker, index block, marker.
pub const TRAILER_SIZE: usize = INDEX_SIZE + 2 * MARKER_SIZE;
/// Length of one slot descriptor.
pub const DESCRIPTOR_SIZE: usize = 64;
/// The slot table, and every slot unless the package asks for more, begin at a multiple of this.
pub const ALIGNMENT: u64 = 8;
/// What a package may ask for instead: slots begin at page boundaries of common systems.
pub const PAGE_ALIGNMENTS: [u64; 2] = [4096, 16384];

/// Offsets of the fields of the index block, from its first byte.
pub mod index {
    /// `u32`, always [`super::FORMAT_VERSION`].
    pub const FORMAT_VERSION: usize = 0;
    /// `u32`, Adler-32 over the block with this field zeroed.
    pub const CHECKSUM: usize = 4;
    /// `u64`, length of the file.
    pub const PACKAGE_SIZE: usize = 8;
    /// `u64`, length of the launcher.
    pub const LAUNCHER_SIZE: usize = 16;
    /// `u64`, where the stored metadata begins.
    pub const METADATA_OFFSET: usize = 24;
    /// `u64`, length of the stored metadata.
    pub const METADATA_SIZE: usize = 32;
    /// `u64`, where the slot table begins.
    pub const SLOT_TABLE_OFFSET: usize = 40;
    /// `u64`, length of the slot table.
    pub const SLOT_TABLE_SIZE: usize = 48;
    /// `u32`, number of slots.
    pub const SLOT_COUNT: usize = 56;
    /// 32 bytes, raw Ed25519 public key.
    pub const PUBLIC_KEY: usize = 64;
    /// 32 bytes, SHA-256 of the stored metadata.
    pub const METADATA_CHECKSUM: usize = 96;
    /// 64 bytes, Ed25519 signature over the metadata JSON; 448 zero bytes follow.
    pub const SIGNATURE: usize = 128;
    /// `u8`, 2.
    pub const ACCESS_MODE: usize = 640;
    /// `u8`, 1.
    pub const CACHE_STRATEGY: usize = 641;
    /// `u32`, 4096.
    pub const PAGE_SIZE: usize = 644;
    /// `u64`, 128 MiB.
    pub const MAX_MEMORY: usize = 648;
    /// `u64`, 8 MiB.
    pub const MIN_MEMORY: usize = 656;
    /// `u32`, 65536.
    pub const STREAM_CHUNK_SIZE: usize = 688;
    /// `u64`, capability bits.
    pub const CAPABILITIES: usize = 832;
    /// `u32`, always [`super::FORMAT_VERSION`].
    pub const COMPATIBILITY: usize = 856;
    /// `u32`, 1.
    pub const PROTOCOL_VERSION: usize = 860;
    /// 64 bytes, ASCII hex SHA-256 of the public key.
    pub const ATTESTATION_KEY: usize = 1376;
}

/// Values that our writer puts into the descriptive fields of the index block.
pub mod index_value {
    /// Access mode.
    pub const ACCESS_MODE: u8 = 2;
    /// Cache strategy.
    pub const CACHE_STRATEGY: u8 = 1;
    /// Page size in bytes.
    pub const PAGE_SIZE: u32 = 4096;
    /// Bytes.
    pub const MAX_MEMORY: u64 = 128 * 1024 * 1024;
    /// Bytes.
    pub const MIN_MEMORY: u64 = 8 * 1024 * 1024;
    /// Bytes.
    pub const STREAM_CHUNK_SIZE: u32 = 64 * 1024;
    /// Bit 0 (memory mapping possible) and bit 7 (signed).
    pub const CAPABILITIES: u64 = 0x81;
    /// Bit 1, set where slots begin at page boundaries.
    pub const PAGE_ALIGNED: u64 = 0x02;
    /// Protocol version.
    pub const PROTOCOL_VERSION: u32 = 1;
}

/// Offsets of the fields of a slot descriptor, from its first byte.
pub mod descriptor {
    /// `u64`, see [`crate::slot::descriptor_id`].
    pub const ID: usize = 0;
    /// `u64`, first eight bytes of SHA-256 of the slot's id.
    pub const NAME_HASH: usize = 8;
    /// `u64`, where the stored bytes begin in the file.
    pub const OFFSET: usize = 16;
    /// `u64`, number of stored bytes.
    pub const SIZE: usize = 24;
    /// `u64`, number of bytes before compression.
    pub const ORIGINAL_SIZE: usize = 32;
    /// `u64`, packed operation chain.
    pub const OPERATIONS: usize = 40;
    /// `u64`, first eight bytes of SHA-256 of the stored bytes.
    pub const CHECKSUM: usize = 48;
    /// `u8`.
    pub const PURPOSE: usize = 56;
    /// `u8`.
    pub const LIFECYCLE: usize = 57;
    /// `u8`, 1.
    pub const PRIORITY: usize = 58;
    /// `u16`, Unix mode.
    pub const PERMISSIONS: usize = 62;
}

/// Framing of the stored metadata: gzip header that our writer emits (no flags, no time, unknown system).
pub const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, GZIP_OS_UNKNOWN];
/// gzip's number for an unknown system, the last byte of its header.
pub const GZIP_OS_UNKNOWN: u8 = 0xff;
/// Longest stored deflate block.
pub const STORED_BLOCK_MAX: usize = 65_535;

/// Limits of security rule S12 and of the strict JSON profile (S9).
pub mod limit {
    /// Longest metadata JSON, in bytes.
    pub const METADATA_BYTES: u64 = 8 * 1024 * 1024;
    /// Deepest nesting of the metadata JSON.
    pub const JSON_DEPTH: usize = 32;
    /// Largest integer in the metadata: 2^53 - 1.
    pub const JSON_INTEGER: u64 = (1 << 53) - 1;
    /// Most slots in a package.
    pub const SLOTS: usize = 4096;
    /// Most content bytes that a package may unpack to.
    pub const CONTENT_BYTES: u64 = 64 * 1024 * 1024 * 1024;
    /// Most members that a package may unpack to.
    pub const MEMBERS: u64 = 2_000_000;
    /// Longest member path, in bytes.
    pub const PATH_BYTES: usize = 1024;
    /// Most components of a member path.
    pub const PATH_DEPTH: usize = 64;
    /// Longest component of such a path, in bytes: what every file system in use can store.
    pub const NAME_BYTES: usize = 255;
    /// Most content bytes of a frame. Split members never need more than half of it.
    pub const FRAME_CONTENT: u64 = 32 * 1024 * 1024;
    /// Most stored bytes of a frame: what a worker may have to hold.
    pub const FRAME_STORED: u64 = 33 * 1024 * 1024;
    /// Longest pax or long-name record, in bytes.
    pub const PAX_BYTES: u64 = 64 * 1024;
    /// Largest zstd window, as a power of two: 8 MiB.
    pub const ZSTD_WINDOW_LOG: u32 = 23;
    /// Largest zstd window of packages of other builders, as a power of two: 128 MiB.
    pub const ZSTD_WINDOW_LOG_FOREIGN: u32 = 27;
    /// Most memory that an xz decoder may take, in bytes.
    pub const XZ_MEMORY: u64 = 128 * 1024 * 1024;
    /// Most operations of a chain.
    pub const OPERATIONS: usize = 8;
    /// Highest ratio of content to stored bytes for content of [`RATIO_FREE_BYTES`] or more.
    pub const RATIO: u64 = 1000;
    /// Below this many content bytes the ratio is not looked at.
    pub const RATIO_FREE_BYTES: u64 = 1024 * 1024 * 1024;
}

/// Content bytes after which a frame is closed, below level 19.
pub const FRAME_CONTENT: u64 = 4 * 1024 * 1024;
/// Content bytes after which a frame is closed at level 19.
pub const FRAME_CONTENT_SMALLEST: u64 = 8 * 1024 * 1024;
/// Content bytes after which the last frames of a tree are closed.
pub const FRAME_CONTENT_LEAST: u64 = 1024 * 1024;

/// Bytes of a file after which a tar member is split into frames that hold nothing else.
pub const SPLIT_CONTENT: u64 = 16 * 1024 * 1024;

/// Rounds up to the next multiple of `alignment`, a power of two; `None` when that does not fit.
pub const fn align(offset: u64, alignment: u64) -> Option<u64> {
    match offset.checked_add(alignment - 1) {
        Some(sum) => Some(sum & !(alignment - 1)),
        None => None,
    }
}
