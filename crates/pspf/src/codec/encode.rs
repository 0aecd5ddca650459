//! Applying encodings. The bytes are a function of the content, the chain and the level: no names, no times, one
//! thread.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use liblzma::stream::{Check, Stream};
use liblzma::write::XzEncoder;
use zstd::stream::raw::CParameter;

use super::encodings;
use crate::layout::{GZIP_OS_UNKNOWN, limit};
use crate::operations::Operation;
use crate::{Error, ErrorCode, Result};

/// How hard an encoder tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// 3: while developing.
    Fast,
    /// 9: the default.
    Normal,
    /// 19: for releases.
    Smallest,
}

impl Level {
    /// The level that people call 3, 9 or 19.
    pub fn from_number(number: i32) -> Option<Self> {
        match number {
            3 => Some(Self::Fast),
            9 => Some(Self::Normal),
            19 => Some(Self::Smallest),
            _ => None,
        }
    }

    /// gzip's and bzip2's own number.
    const fn small(self) -> u32 {
        match self {
            Self::Fast => 3,
            Self::Normal | Self::Smallest => 9,
        }
    }

    /// xz's preset. None needs more than 33 MiB to be decoded; 9 would need 674 MiB to encode, more than a pack may take.
    const fn xz(self) -> u32 {
        match self {
            Self::Fast => 3,
            Self::Normal => 6,
            Self::Smallest => 8,
        }
    }

    /// What people call it, and zstd's own number.
    pub const fn number(self) -> i32 {
        match self {
            Self::Fast => 3,
            Self::Normal => 9,
            Self::Smallest => 19,
        }
    }
}

/// Applies the operations of a chain except a leading tar, in their order. [`Encoder::finish`] must be called.
pub struct Encoder<W: Write>(Layer<W>);

/// One encoding on top of those that are applied after it.
enum Layer<W: Write> {
    Out(W),
    Gzip(GzEncoder<Box<Layer<W>>>),
    Bzip2(bzip2::write::BzEncoder<Box<Layer<W>>>),
    Xz(XzEncoder<Box<Layer<W>>>),
    Zstd(Box<zstd::stream::write::Encoder<'static, Box<Layer<W>>>>),
}

impl<W: Write> Encoder<W> {
    /// An encoder that writes to `out` what the whole chain makes of its input.
    pub fn new(operations: &[Operation], out: W, level: Level) -> Result<Self> {
        let mut layer = Layer::Out(out);
        for operation in encodings(operations)?.iter().rev() {
            layer = Layer::on_top(layer, *operation, level).map_err(|error| {
                Error::rule(ErrorCode::PspfEncoding, format!("cannot begin {}: {error}", operation.name()))
            })?;
        }
        Ok(Self(layer))
    }

    /// Ends every stream of the chain and gives back what was written to.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> Layer<W> {
    fn on_top(inner: Self, operation: Operation, level: Level) -> io::Result<Self> {
        let inner = Box::new(inner);
        Ok(match operation {
            Operation::Tar => return Err(io::Error::other("tar is no encoding")),
            Operation::Gzip => Self::Gzip(
                flate2::GzBuilder::new()
                    .operating_system(GZIP_OS_UNKNOWN)
                    .write(inner, flate2::Compression::new(level.small())),
            ),
            Operation::Bzip2 => {
                Self::Bzip2(bzip2::write::BzEncoder::new(inner, bzip2::Compression::new(level.small())))
            }
            Operation::Xz => {
                Self::Xz(XzEncoder::new_stream(inner, Stream::new_easy_encoder(level.xz(), Check::Crc64)?))
            }
            Operation::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(inner, level.number())?;
                // No level that is offered has a larger one; this keeps it so.
                if level == Level::Smallest {
                    encoder.set_parameter(CParameter::WindowLog(limit::ZSTD_WINDOW_LOG))?;
                }
                Self::Zstd(Box::new(encoder))
            }
        })
    }

    fn finish(self) -> io::Result<W> {
        match self {
            Self::Out(out) => Ok(out),
            Self::Gzip(encoder) => encoder.finish()?.finish(),
            Self::Bzip2(encoder) => encoder.finish()?.finish(),
            Self::Xz(encoder) => encoder.finish()?.finish(),
            Self::Zstd(encoder) => encoder.finish()?.finish(),
        }
    }
}

impl<W: Write> Write for Layer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Out(out) => out.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Bzip2(encoder) => encoder.write(bytes),
            Self::Xz(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Out(out) => out.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Bzip2(encoder) => encoder.flush(),
            Self::Xz(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}
