//! Frames: a `tar.zst` slot of ours is a sequence of independent zstd frames whose lengths and digests are
//! signed (security rule S11). Decoding streams; who decodes many frames may hold one of ordinary length at a time,
//! which saves the copy out of the decoder's window.

use std::ops::Range;

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation as _, OutBuffer};
use zstd::zstd_safe::{self, DCtx};

use crate::layout::{FRAME_CONTENT_SMALLEST, SPLIT_CONTENT, limit};
use crate::metadata::Frame;
use crate::{Error, ErrorCode, Result};

/// Longest piece of content that a sink is given at once, in bytes.
pub const PIECE: usize = 128 * 1024;

/// The runs of a `tar.zst` slot (FORMAT.md §9): frames that one parser reads one after another, because a file may be
/// cut between them. Every run begins at a member boundary. They cover `frames` in order.
///
/// A frame belongs to the run of the frame before it exactly when that one may end inside a file: it holds more than
/// [`SPLIT_CONTENT`] bytes, or just as many without being the first of its run.
pub fn runs(frames: &[Frame]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut open = false;
    for (number, frame) in frames.iter().enumerate() {
        if let Some(run) = runs.last_mut().filter(|_| open) {
            run.end = number + 1;
            open = frame.content >= SPLIT_CONTENT;
        } else {
            runs.push(number..number + 1);
            open = frame.content > SPLIT_CONTENT;
        }
    }
    runs
}

/// Decodes one stored frame whose digest has been checked, in pieces of at most [`PIECE`] bytes.
///
/// The stored bytes must be exactly one non-skippable zstd frame that decodes to exactly `content` bytes with a
/// window of at most 8 MiB; anything else is refused, whatever was already given to the sink.
pub fn decode_into<E: From<Error>>(
    stored: &[u8],
    content: u64,
    mut sink: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut decoder = FrameDecoder::new(stored, content)?;
    let mut piece = vec![0; PIECE];
    loop {
        match decoder.read(stored, &mut piece)? {
            0 => return Ok(()),
            produced => sink(&piece[..produced])?,
        }
    }
}

/// The same for many frames, one after another: memory is taken once, and is at most that of the longest frame that
/// writers of ours make where they need not split a file.
pub struct FrameBuffer {
    context: DCtx<'static>,
    decoded: Vec<u8>,
}

impl Default for FrameBuffer {
    fn default() -> Self {
        Self { context: DCtx::create(), decoded: Vec::new() }
    }
}

impl FrameBuffer {
    /// What [`decode_into`] does, with the same refusals; longer frames are given in pieces.
    pub fn decode<E: From<Error>>(
        &mut self,
        stored: &[u8],
        content: u64,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(length) = usize::try_from(content).ok().filter(|_| content <= FRAME_CONTENT_SMALLEST) else {
            return decode_into(stored, content, sink);
        };
        check_head(stored, content)?;
        // The library would go on with what stands behind the first frame.
        let end = zstd_safe::find_frame_compressed_size(stored).map_err(zstd_refused)?;
        if end != stored.len() {
            return Err(
                refuse(&format!("{} bytes follow the frame", stored.len().saturating_sub(end))).into()
            );
        }
        self.decoded.clear();
        self.decoded.reserve_exact(length);
        let written = self.context.decompress(&mut self.decoded, stored).map_err(zstd_refused)?;
        if written != length {
            return Err(refuse(&format!("decodes to {written} bytes, expected {content}")).into());
        }
        sink(&self.decoded)
    }
}

/// The same for callers that ask for the content piece by piece. They keep the stored bytes.
pub(crate) struct FrameDecoder {
    decoder: Decoder<'static>,
    position: usize,
    content: u64,
    written: u64,
    complete: bool,
}

impl FrameDecoder {
    /// A decoder at the beginning of `stored`.
    pub(crate) fn new(stored: &[u8], content: u64) -> Result<Self> {
        check_head(stored, content)?;
        let mut decoder = Decoder::new().map_err(|error| zstd_error(&error))?;
        decoder
            .set_parameter(DParameter::WindowLogMax(limit::ZSTD_WINDOW_LOG))
            .map_err(|error| zstd_error(&error))?;
        Ok(Self { decoder, position: 0, content, written: 0, complete: false })
    }

    /// Fills the beginning of `piece`, which must not be empty; 0 means that the frame is complete and right.
    pub(crate) fn read(&mut self, stored: &[u8], piece: &mut [u8]) -> Result<usize> {
        while !self.complete {
            let mut input = InBuffer::around(&stored[self.position..]);
            let mut output = OutBuffer::around(&mut *piece);
            let hint = self.decoder.run(&mut input, &mut output).map_err(|error| zstd_error(&error))?;
            let (taken, produced) = (input.pos(), output.pos());
            self.position += taken;
            self.written += produced as u64;
            if self.written > self.content {
                return Err(refuse(&format!("decodes to more than {} bytes", self.content)));
            }
            if hint == 0 {
                self.complete = true;
                self.check_end(stored)?;
            } else if produced == 0 && taken == 0 {
                return Err(refuse("ends in the middle"));
            }
            if produced > 0 {
                return Ok(produced);
            }
        }
        Ok(0)
    }

    fn check_end(&self, stored: &[u8]) -> Result<()> {
        let rest = stored.len() - self.position;
        if rest != 0 {
            return Err(refuse(&format!("{rest} bytes follow the frame")));
        }
        if self.written != self.content {
            return Err(refuse(&format!("decodes to {} bytes, expected {}", self.written, self.content)));
        }
        Ok(())
    }
}

/// What can be said before anything is decoded.
fn check_head(stored: &[u8], content: u64) -> Result<()> {
    if !stored.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Err(refuse("does not begin with the magic of a zstd frame"));
    }
    if content >= limit::RATIO_FREE_BYTES && content / limit::RATIO > stored.len() as u64 {
        return Err(Error::rule(
            ErrorCode::PspfLimit,
            format!("frame of {} stored bytes claims {content} bytes of content", stored.len()),
        ));
    }
    if window(stored).is_some_and(|window| window > 1 << limit::ZSTD_WINDOW_LOG) {
        return Err(refuse("asks for a window of more than 8 MiB"));
    }
    Ok(())
}

/// The window that a frame's header asks for (RFC 8878, 3.1.1.1), as far as the header is there. The library looks at it
/// only where it needs one, which depends on how long the content and the buffers are; a rule may not.
fn window(stored: &[u8]) -> Option<u64> {
    let descriptor = *stored.get(4)?;
    if descriptor & 0x20 == 0 {
        let byte = *stored.get(5)?;
        let base = 1_u64 << (10 + (byte >> 3));
        return Some(base + base / 8 * u64::from(byte & 7));
    }
    // A single segment: the window is the content, whose length follows the dictionary's number.
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let length = [1, 2, 4, 8][usize::from(descriptor >> 6)];
    let digits = stored.get(5 + dictionary..5 + dictionary + length)?;
    let number = digits.iter().rev().fold(0, |number, digit| number << 8 | u64::from(*digit));
    Some(if length == 2 { number + 256 } else { number })
}

fn refuse(what: &str) -> Error {
    Error::rule(ErrorCode::PspfFrame, format!("frame {what}"))
}

fn zstd_refused(code: usize) -> Error {
    refuse(&format!("cannot be decoded: {}", zstd_safe::get_error_name(code)))
}

fn zstd_error(error: &std::io::Error) -> Error {
    refuse(&format!("cannot be decoded: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(stored: &[u8], content: u64) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        decode_into::<Error>(stored, content, |piece| {
            all.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(all)
    }

    fn compressed(content: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(content, 3).expect("compress")
    }

    #[test]
    fn a_frame_decodes_to_what_was_compressed() {
        let content: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        assert_eq!(decode(&compressed(&content), content.len() as u64).expect("decode"), content);
        assert_eq!(decode(&compressed(b""), 0).expect("decode"), b"");
    }

    #[test]
    fn s11_a_frame_of_any_other_shape_is_refused() {
        let frame = compressed(b"hello hello hello");
        let twice = [frame.as_slice(), &frame].concat();
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9], frame.as_slice()].concat();
        let cases: Vec<(&[u8], u64)> = vec![
            (&frame, 16),
            (&frame, 18),
            (&twice, 17),
            (&twice, 34),
            (&skippable, 17),
            (&frame[..frame.len() - 1], 17),
            (b"", 0),
            (b"\x28\xb5\x2f\xfd", 0),
        ];
        let mut buffer = FrameBuffer::default();
        for (stored, content) in cases {
            assert!(decode(stored, content).is_err(), "{} bytes for {content}", stored.len());
            let whole = buffer.decode::<Error>(stored, content, |_| Ok(()));
            assert!(whole.is_err(), "{} bytes for {content}", stored.len());
        }
        buffer
            .decode::<Error>(&frame, 17, |content| {
                assert_eq!(content, b"hello hello hello");
                Ok(())
            })
            .expect("a frame behind others that were refused");
    }

    #[test]
    fn s11_a_run_ends_with_the_frame_behind_which_no_file_can_be_cut() {
        const S: u64 = SPLIT_CONTENT;
        let cut = |contents: &[u64]| {
            let frame = |content: &u64| Frame {
                stored: 1,
                content: *content,
                sha256: crate::metadata::Digest([0; 32]),
            };
            runs(&contents.iter().map(frame).collect::<Vec<_>>())
        };
        assert_eq!(cut(&[]), []);
        assert_eq!(cut(&[9, S, 9]), [0..1, 1..2, 2..3]);
        assert_eq!(cut(&[9, S + 512, S, S, 100, 9]), [0..1, 1..5, 5..6]);
        // A file of two times S: what follows it is read by the same worker.
        assert_eq!(cut(&[S + 512, S, 9, 9]), [0..3, 3..4]);
        assert_eq!(cut(&[S + 512, S, S + 512, S, 7, 9]), [0..5, 5..6]);
        assert_eq!(cut(&[S + 512, S + 512, 7, 9]), [0..3, 3..4]);
        assert_eq!(cut(&[9, S + 512]), [0..1, 1..2]);
    }

    #[test]
    fn s12_a_window_over_eight_mebibytes_is_refused() {
        use zstd::stream::raw::CParameter;
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 3).expect("encoder");
        encoder.set_parameter(CParameter::WindowLog(24)).expect("window");
        encoder.include_contentsize(false).expect("content size");
        std::io::copy(&mut std::io::repeat(7).take(20 << 20), &mut encoder).expect("compress");
        let stored = encoder.finish().expect("finish");
        assert!(decode(&stored, 20 << 20).is_err());
    }

    use std::io::Read as _;
}
