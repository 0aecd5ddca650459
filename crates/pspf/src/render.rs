//! Canonical rendering (security rule S6): in a package of ours everything outside launcher, metadata JSON and
//! slots is a function of the JSON, the public key and the signature. The writer emits what this file renders;
//! every reader renders it again and compares, so the one signature covers every byte of the file.

use crate::index_block::IndexBlock;
use crate::layout::{self, DESCRIPTOR_SIZE, END_MARKER, START_MARKER, TRAILER_SIZE, limit};
use crate::metadata::{Flavor, Metadata, Slot};
use crate::operations::OperationChain;
use crate::slot::{self, SlotDescriptor};
use crate::{Error, ErrorCode, Result, stored_gzip};
use sha2::{Digest, Sha256};

/// The determined parts of a file and where they lie. What is between two parts is zero.
#[derive(Debug, Clone)]
pub struct Rendering {
    /// The stored metadata; it follows the launcher directly.
    pub metadata: Vec<u8>,
    /// Where the stored metadata begins: the launcher's length.
    pub metadata_offset: u64,
    /// The slot table.
    pub table: Vec<u8>,
    /// Where the slot table begins; 0 when there are no slots.
    pub table_offset: u64,
    /// Where each slot begins.
    pub slot_offsets: Vec<u64>,
    /// Where the trailer begins.
    pub trailer_offset: u64,
    /// Marker, index block, marker.
    pub trailer: Vec<u8>,
}

impl Rendering {
    /// Length of the whole file in bytes.
    pub fn package_size(&self) -> u64 {
        self.trailer_offset + TRAILER_SIZE as u64
    }
}

/// Renders a package of ours. `json` must be the text that `metadata` was decoded from.
pub fn render(
    json: &[u8],
    metadata: &Metadata,
    public_key: [u8; 32],
    signature: [u8; 64],
) -> Result<Rendering> {
    let flavor = metadata
        .flavor()
        .ok_or_else(|| Error::rule(ErrorCode::PspfForeign, "the metadata has no `x-flavor` block"))?;
    let stored = stored_gzip::render(json);
    let metadata_offset = flavor.launcher.size;
    let mut end = add(metadata_offset, stored.len() as u64)?;
    let mut table_offset = 0;
    if !metadata.slots.is_empty() {
        table_offset = align(end, layout::ALIGNMENT)?;
        end = add(table_offset, (metadata.slots.len() * DESCRIPTOR_SIZE) as u64)?;
    }
    let mut table = Vec::with_capacity(metadata.slots.len() * DESCRIPTOR_SIZE);
    let mut slot_offsets = Vec::with_capacity(metadata.slots.len());
    for position in 0..metadata.slots.len() {
        let offset = align(end, flavor.slot_alignment())?;
        let descriptor = descriptor(metadata, flavor, position, offset)?;
        end = add(offset, descriptor.size)?;
        table.extend_from_slice(&descriptor.encode());
        slot_offsets.push(offset);
    }
    let index = IndexBlock {
        package_size: add(end, TRAILER_SIZE as u64)?,
        launcher_size: flavor.launcher.size,
        metadata_offset,
        metadata_size: stored.len() as u64,
        slot_table_offset: table_offset,
        // At most 4096, checked when the metadata was decoded.
        slot_count: u32::try_from(metadata.slots.len()).unwrap_or(u32::MAX),
        public_key,
        metadata_checksum: Sha256::digest(&stored).into(),
        signature,
        page_aligned: flavor.alignment.is_some(),
    };
    let trailer = [&START_MARKER[..], &index.encode(), &END_MARKER].concat();
    Ok(Rendering {
        metadata: stored,
        metadata_offset,
        table,
        table_offset,
        slot_offsets,
        trailer_offset: end,
        trailer,
    })
}

fn descriptor(metadata: &Metadata, flavor: &Flavor, position: usize, offset: u64) -> Result<SlotDescriptor> {
    let slot = &metadata.slots[position];
    let chain = OperationChain::parse(&slot.operations)?;
    let frames = &flavor.slots[position].frames;
    let digest = slot.digest().ok_or_else(|| {
        Error::rule(ErrorCode::PspfMetadataModel, format!("slot {position} has no full SHA-256"))
    })?;
    let original_size = if frames.is_empty() {
        slot.size
    } else {
        frames.iter().try_fold(0, |sum, frame| add(sum, frame.content))?
    };
    Ok(SlotDescriptor {
        id: slot::descriptor_id(position as u64),
        name_hash: slot::name_hash(&slot.id),
        offset,
        size: slot.size,
        original_size,
        operations: chain.pack(),
        checksum: slot::short_digest(&digest),
        purpose: slot::purpose_byte(&slot.purpose),
        lifecycle: slot::lifecycle_byte(&slot.lifecycle),
        permissions: permissions(slot)?,
    })
}

/// Mode of a single-file slot: octal digits, 0644 when absent, nothing above 0777.
fn permissions(slot: &Slot) -> Result<u16> {
    let Some(text) = &slot.permissions else {
        return Ok(0o644);
    };
    let digits = text.strip_prefix("0o").unwrap_or(text);
    u16::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o777 && !digits.starts_with('+')).ok_or_else(
        || {
            Error::rule(
                ErrorCode::PspfMetadataModel,
                format!("slot {:?} has permissions {text:?}, expected octal digits up to 0777", slot.id),
            )
        },
    )
}

fn add(left: u64, right: u64) -> Result<u64> {
    left.checked_add(right).filter(|sum| *sum <= limit::JSON_INTEGER).ok_or_else(too_large)
}

fn align(offset: u64, alignment: u64) -> Result<u64> {
    layout::align(offset, alignment).ok_or_else(too_large)
}

fn too_large() -> Error {
    Error::rule(ErrorCode::PspfLimit, "the sizes in the metadata add up to more than 2^53 - 1 bytes")
}
