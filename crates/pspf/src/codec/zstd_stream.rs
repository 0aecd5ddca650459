//! A stream of zstd frames, decoded. libzstd takes a shortcut where it sees a whole frame at once and the caller has room
//! for its content: then it never looks at the window that the frame asks for. Here it sees the beginning of each frame
//! byte by byte, so every frame goes the long way and the limit holds for all (security rule S12).

use std::io::{self, BufRead, Read};

use zstd::stream::raw::{DParameter, Decoder, Operation as _};

/// The longest header of a frame.
const HEADER_MAX: usize = 18;

/// Frames to the end of the input, at least one, and nothing else.
pub(super) struct ZstdStream<R> {
    encoded: R,
    decoder: Decoder<'static>,
    /// Bytes of the current frame that the library has seen; none between two frames.
    seen: usize,
    /// Whether a frame has ended.
    any: bool,
}

impl<R: BufRead> ZstdStream<R> {
    /// Refuses frames that ask for a window of more than `2^window_log` bytes.
    pub(super) fn new(encoded: R, window_log: u32) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(window_log))?;
        Ok(Self { encoded, decoder, seen: 0, any: false })
    }
}

impl<R: BufRead> Read for ZstdStream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let available = self.encoded.fill_buf()?;
            let at_end = available.is_empty();
            if at_end && self.seen == 0 && self.any {
                return Ok(0);
            }
            let most = if self.seen < HEADER_MAX { 1 } else { available.len() };
            let part = &available[..most.min(available.len())];
            let status = self.decoder.run_on_buffers(part, buffer)?;
            self.encoded.consume(status.bytes_read);
            self.seen += status.bytes_read;
            if status.remaining == 0 {
                self.any |= self.seen > 0;
                self.seen = 0;
            }
            if status.bytes_written > 0 {
                return Ok(status.bytes_written);
            }
            if status.bytes_read == 0 {
                return Err(if at_end {
                    io::Error::new(io::ErrorKind::UnexpectedEof, "a frame is incomplete")
                } else {
                    io::Error::other("the decoder does not go on")
                });
            }
        }
    }
}
