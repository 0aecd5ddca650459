//! zstd frames written by hand from RFC 8878: raw and run-length blocks only, so that they are the same for every
//! version of every library, and so that wrong ones can be made.

/// Longest block.
const BLOCK: usize = 128 * 1024;
/// Repetitions from which a run-length block pays.
const RUN: usize = 16;

/// One frame with its content size and a window of 128 KiB.
pub(crate) fn frame(content: &[u8]) -> Vec<u8> {
    frame_with_window(content, 17)
}

/// One frame that asks for a window of `2^log` bytes.
pub(crate) fn frame_with_window(content: &[u8], log: u8) -> Vec<u8> {
    // Content size in four bytes, no single segment, no checksum, no dictionary.
    let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0x80, (log - 10) << 3];
    bytes.extend_from_slice(&u32::try_from(content.len()).expect("a small frame").to_le_bytes());
    let mut pieces = pieces(content).peekable();
    if pieces.peek().is_none() {
        block(&mut bytes, true, 0, 0);
    }
    while let Some((start, end)) = pieces.next() {
        let piece = &content[start..end];
        let last = pieces.peek().is_none();
        if piece.len() >= RUN && piece.iter().all(|byte| *byte == piece[0]) {
            block(&mut bytes, last, 1, piece.len());
            bytes.push(piece[0]);
        } else {
            block(&mut bytes, last, 0, piece.len());
            bytes.extend_from_slice(piece);
        }
    }
    bytes
}

/// A frame of so many blocks of 128 KiB of zeros, four bytes each.
pub(crate) fn zeros(blocks: usize) -> Vec<u8> {
    let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0x80, (17 - 10) << 3];
    bytes.extend_from_slice(&u32::try_from(blocks * BLOCK).expect("below 4 GiB").to_le_bytes());
    for number in 1..=blocks {
        block(&mut bytes, number == blocks, 1, BLOCK);
        bytes.push(0);
    }
    bytes
}

/// A skippable frame of `content`.
pub(crate) fn skippable(content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x50, 0x2a, 0x4d, 0x18];
    bytes.extend_from_slice(&u32::try_from(content.len()).expect("small").to_le_bytes());
    bytes.extend_from_slice(content);
    bytes
}

fn block(bytes: &mut Vec<u8>, last: bool, kind: u32, size: usize) {
    let header = u32::from(last) | kind << 1 | u32::try_from(size).expect("at most 128 KiB") << 3;
    bytes.extend_from_slice(&header.to_le_bytes()[..3]);
}

/// Cuts content into runs of one byte and what stands between them.
fn pieces(content: &[u8]) -> impl Iterator<Item = (usize, usize)> + '_ {
    let run = |start: usize| {
        let limit = content.len().min(start + BLOCK);
        let length = content[start..limit].iter().take_while(|byte| **byte == content[start]).count();
        start + length
    };
    let mut position = 0;
    std::iter::from_fn(move || {
        if position >= content.len() {
            return None;
        }
        let start = position;
        let mut end = run(start);
        if end - start < RUN {
            while end < content.len() && end - start < BLOCK {
                let next = run(end);
                if next - end >= RUN || next - start > BLOCK {
                    break;
                }
                end = next;
            }
        }
        position = end;
        Some((start, end))
    })
}
