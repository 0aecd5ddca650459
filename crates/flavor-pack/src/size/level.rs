//! Which level a slot was compressed with. No file says so, but a frame that is compressed again tells: of the three
//! levels that there are it is the one that comes nearest to the stored length, exactly if the compressor is the same.

use std::io::{self, Write as _};

use pspf::codec::Level;
use pspf::{ReadAt, frame};

use crate::decode::Slot;
use crate::frames::encoder;
use crate::{Error, Result};

/// In the order in which they are likely.
const LEVELS: [i32; 3] = [Level::Normal.number(), Level::Fast.number(), Level::Smallest.number()];
/// A frame with less content tells levels apart badly.
const CONTENT_LEAST: u64 = 128 * 1024;

/// The level of a slot; nothing where it has no frames.
pub(super) fn of_slot<R: ReadAt + Sync>(slot: &Slot<'_, R>) -> Result<Option<i32>> {
    let frames = slot.package.frames(slot.position);
    let numbers = || (0..frames.len()).filter(|number| frames[*number].content > 0);
    // The smallest one that will do, else the largest one.
    let telling = numbers().filter(|number| frames[*number].content >= CONTENT_LEAST);
    let number = telling
        .min_by_key(|number| frames[*number].content)
        .or_else(|| numbers().max_by_key(|number| frames[*number].content));
    let Some(number) = number else { return Ok(None) };
    let mut stored = Vec::new();
    slot.package.read_frame(slot.position, number, &mut stored)?;
    let mut content = Vec::new();
    frame::decode_into::<Error>(&stored, frames[number].content, |piece| {
        content.extend_from_slice(piece);
        Ok(())
    })?;
    let mut nearest = (u64::MAX, LEVELS[0]);
    for level in LEVELS {
        let distance = compressed(&content, level)?.abs_diff(frames[number].stored);
        if distance < nearest.0 {
            nearest = (distance, level);
        }
        if distance == 0 {
            break;
        }
    }
    Ok(Some(nearest.1))
}

/// Length of a frame with this content.
fn compressed(content: &[u8], level: i32) -> Result<u64> {
    let frame = || {
        let mut encoder = encoder(Vec::new(), content.len() as u64, level)?;
        encoder.write_all(content)?;
        encoder.finish()
    };
    let frame = frame()
        .map_err(|error: io::Error| Error::Internal { message: format!("compressing a frame: {error}") })?;
    Ok(frame.len() as u64)
}
