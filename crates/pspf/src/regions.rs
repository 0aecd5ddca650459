//! What the tables of a package may claim: frames that cover their slot (FORMAT.md §9), and the regions of foreign slots,
//! which no signature determines (FORMAT.md §12). Judged from numbers alone; no byte of a slot is read.

use crate::index_block::IndexBlock;
use crate::layout::{DESCRIPTOR_SIZE, TRAILER_SIZE, limit};
use crate::metadata::Metadata;
use crate::operations::OperationChain;
use crate::slot::SlotDescriptor;
use crate::{Error, ErrorCode, Result};

/// Slots lie behind table and metadata and before the trailer, in any order, and share no byte. Empty ones may claim any
/// place: the original's builders write 0.
pub(crate) fn check_foreign_regions(
    index: &IndexBlock,
    descriptors: &[SlotDescriptor],
) -> Result<(), (usize, String)> {
    let mut regions: Vec<(u64, u64, usize)> = Vec::new();
    let end = index.package_size - TRAILER_SIZE as u64;
    for (position, slot) in descriptors.iter().enumerate().filter(|(_, slot)| slot.size > 0) {
        let Some(slot_end) = slot.offset.checked_add(slot.size).filter(|slot_end| *slot_end <= end) else {
            let message =
                format!("slot {position} of {} bytes at byte {} leaves the file", slot.size, slot.offset);
            return Err((position, message));
        };
        regions.push((slot.offset, slot_end, position));
    }
    regions.sort_unstable();
    let table_end = index.slot_table_offset + (descriptors.len() * DESCRIPTOR_SIZE) as u64;
    let mut previous = (table_end, "the slot table".to_owned());
    for (offset, slot_end, position) in regions {
        if offset < previous.0 {
            let message = format!(
                "slot {position} at byte {offset} overlaps {}, which ends at {}",
                previous.1, previous.0
            );
            return Err((position, message));
        }
        previous = (slot_end, format!("slot {position}"));
    }
    Ok(())
}

/// Security rule S11: a frame table covers its slot exactly, and only slots whose chain ends with zstd have one.
pub(crate) fn check_frames(metadata: &Metadata, position: usize, chain: &OperationChain) -> Result<()> {
    let Some(flavor) = metadata.flavor() else { return Ok(()) };
    let (slot, frames) = (&metadata.slots[position], &flavor.slots[position].frames);
    let refuse =
        |message: String| Err(Error::rule(ErrorCode::PspfFrameTable, format!("slot {position}: {message}")));
    let has_frames = chain.ends_with_zstd();
    if has_frames == frames.is_empty() {
        return refuse(format!("{} frames for operations {:?}", frames.len(), slot.operations));
    }
    if !has_frames {
        return Ok(());
    }
    let mut stored = 0_u64;
    let mut content = 0_u64;
    for (number, frame) in frames.iter().enumerate() {
        if frame.stored == 0 {
            return refuse(format!("frame {number} is empty"));
        }
        if frame.stored > limit::FRAME_STORED || frame.content > limit::FRAME_CONTENT {
            return refuse(format!(
                "frame {number} has {} stored bytes and {} bytes of content, at most {} and {} are allowed",
                frame.stored,
                frame.content,
                limit::FRAME_STORED,
                limit::FRAME_CONTENT
            ));
        }
        stored = stored.saturating_add(frame.stored);
        content = content.saturating_add(frame.content);
    }
    if stored != slot.size {
        return refuse(format!("its frames have {stored} stored bytes, the slot has {}", slot.size));
    }
    // What stands between zstd and another encoding is bounded by nothing that is signed, except the ceiling.
    let bound = match (chain.is_tree(), chain.encodings().len()) {
        // Headers, padding and pax records of a member stay below 1 KiB plus twice the longest pax record.
        (true, 1) => {
            let unpacked = flavor.slots[position].unpacked;
            let overhead = unpacked.members.saturating_mul(2 * limit::PAX_BYTES).saturating_add(1024);
            unpacked.bytes.saturating_add(overhead)
        }
        (false, 1) => flavor.slots[position].unpacked.bytes,
        _ => limit::CONTENT_BYTES,
    };
    if content > bound {
        return refuse(format!(
            "its frames hold {content} bytes, at most {bound} fit what the slot unpacks to"
        ));
    }
    Ok(())
}
