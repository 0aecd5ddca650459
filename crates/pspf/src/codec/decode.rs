//! Undoing encodings. One stage is a library decoder between two counters: what it was given and what it gave, so
//! that its ratio is bounded while it runs.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(feature = "all-codecs")]
use liblzma::stream::{CONCATENATED, Stream, TELL_UNSUPPORTED_CHECK};

use super::zstd_stream::ZstdStream;
use super::{Limits, encodings};
use crate::operations::Operation;
use crate::{Error, ErrorCode, Result};

/// Encoded bytes that a stage reads at once.
const BUFFER: usize = 64 * 1024;

/// Undoes the operations of a chain except a leading tar, streaming.
///
/// Errors while reading carry a [`crate::Error`]; [`error_of`] gives it back. A reader that has failed once fails
/// forever.
pub fn decoder<'a>(
    operations: &[Operation],
    stored: Box<dyn Read + Send + 'a>,
    limits: Limits,
) -> Result<Box<dyn Read + Send + 'a>> {
    let mut stream: Box<dyn Read + Send + 'a> = Box::new(Source { stored, failed: None });
    for operation in encodings(operations)?.iter().rev() {
        stream = Box::new(Stage::new(*operation, stream, limits)?);
    }
    Ok(stream)
}

/// The [`crate::Error`] inside an error that a [`decoder`] returned, or an `ERR_PSPF_IO` one.
pub fn error_of(error: io::Error) -> Error {
    error.downcast::<Error>().unwrap_or_else(|source| Error::Io { offset: 0, length: 0, source })
}

/// A failure that is reported again whenever somebody reads on: some decoders would report an end.
struct Failure(ErrorCode, String);

impl Failure {
    fn again(&self) -> io::Error {
        io::Error::other(Error::rule(self.0, self.1.clone()))
    }

    /// Keeps the words of `error` and hands it on.
    fn keep(place: &mut Option<Self>, error: Error) -> io::Error {
        *place = Some(Self(error.code(), error.to_string()));
        io::Error::other(error)
    }
}

/// The stored bytes. Whatever fails here is marked, so that no stage takes it for a fault of its encoding.
struct Source<R> {
    stored: R,
    failed: Option<Failure>,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(failure) = &self.failed {
            return Err(failure.again());
        }
        loop {
            match self.stored.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::keep(&mut self.failed, error_of(error))),
                read => return read,
            }
        }
    }
}

/// Counts what a stage was given.
struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// One encoding, undone.
struct Stage<'a> {
    name: &'static str,
    decoder: Box<dyn Read + Send + 'a>,
    given: Arc<AtomicU64>,
    content: u64,
    limits: Limits,
    failed: Option<Failure>,
}

impl<'a> Stage<'a> {
    fn new(operation: Operation, encoded: Box<dyn Read + Send + 'a>, limits: Limits) -> Result<Self> {
        let given = Arc::new(AtomicU64::new(0));
        let counted = Counted { inner: encoded, count: Arc::clone(&given) };
        let encoded = BufReader::with_capacity(BUFFER, counted);
        let name = operation.name();
        let decoder = library(operation, encoded, limits).map_err(|error| refuse(name, &error))?;
        Ok(Self { name, decoder, given, content: 0, limits, failed: None })
    }

    fn check_ratio(&self) -> Result<()> {
        let given = self.given.load(Ordering::Relaxed);
        if self.content >= self.limits.ratio_free_bytes && self.content / self.limits.ratio > given {
            return Err(Error::rule(
                ErrorCode::PspfLimit,
                format!(
                    "{given} bytes of {} hold {} bytes or more, beyond a ratio of {}",
                    self.name, self.content, self.limits.ratio
                ),
            ));
        }
        Ok(())
    }
}

impl Read for Stage<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(failure) = &self.failed {
            return Err(failure.again());
        }
        let read = match self.decoder.read(buffer) {
            Ok(read) => read,
            Err(error) => {
                let error = error.downcast::<Error>().unwrap_or_else(|error| refuse(self.name, &error));
                return Err(Failure::keep(&mut self.failed, error));
            }
        };
        self.content += read as u64;
        match self.check_ratio() {
            Ok(()) => Ok(read),
            Err(error) => Err(Failure::keep(&mut self.failed, error)),
        }
    }
}

/// The decoder of one encoding: every member, stream or frame to the end of the input, and nothing else.
fn library<'a, R: BufRead + Send + 'a>(
    operation: Operation,
    encoded: R,
    limits: Limits,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    Ok(match operation {
        Operation::Tar => return Err(io::Error::other("tar is no encoding")),
        Operation::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(encoded)),
        #[cfg(feature = "all-codecs")]
        Operation::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(encoded)),
        #[cfg(feature = "all-codecs")]
        Operation::Xz => {
            let stream = Stream::new_stream_decoder(limits.xz_memory, CONCATENATED | TELL_UNSUPPORTED_CHECK)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(encoded, stream))
        }
        Operation::Zstd => Box::new(ZstdStream::new(encoded, limits.zstd_window_log)?),
        #[cfg(not(feature = "all-codecs"))]
        Operation::Bzip2 | Operation::Xz => {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "this program cannot decode it"));
        }
    })
}

fn refuse(name: &str, error: &io::Error) -> Error {
    Error::rule(ErrorCode::PspfEncoding, format!("{name} stream cannot be decoded: {error}"))
}
