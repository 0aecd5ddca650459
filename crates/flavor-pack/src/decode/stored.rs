//! The stored bytes of one slot, read once, in order, and hashed while they are handed out.

use std::io;

use pspf::ReadAt;
use sha2::{Digest as _, Sha256};

use super::Slot;
use crate::frames::Meter;
use crate::{Error, Result};

/// Bytes read at once.
const PIECE: u64 = 1024 * 1024;

/// A reader over the stored bytes of a slot. Its own failures are kept, because [`io::Error`] cannot carry them
/// through a decoder: ask [`Stored::failure`] first when one fails.
pub(super) struct Stored<'a, R> {
    slot: &'a Slot<'a, R>,
    meter: &'a Meter<'a>,
    hasher: Sha256,
    /// Where the next piece begins, and how much is left, in the file.
    offset: u64,
    left: u64,
    piece: Vec<u8>,
    /// What of the piece was handed out by `read`.
    taken: usize,
    failure: Option<Error>,
}

impl<'a, R: ReadAt + Sync> Stored<'a, R> {
    pub(super) fn new(slot: &'a Slot<'a, R>, meter: &'a Meter<'a>) -> Self {
        // That the region lies inside the file was checked when the package was opened.
        let descriptor = &slot.package.descriptors()[slot.position];
        Self {
            slot,
            meter,
            hasher: Sha256::new(),
            offset: descriptor.offset,
            left: descriptor.size,
            piece: Vec::new(),
            taken: 0,
            failure: None,
        }
    }

    /// The next piece; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>> {
        if self.left == 0 {
            return Ok(None);
        }
        let length = self.left.min(PIECE);
        self.piece.resize(usize::try_from(length).unwrap_or(0), 0);
        let offset = self.offset;
        self.slot
            .package
            .source()
            .read_exact_at(&mut self.piece, offset)
            .map_err(|source| pspf::Error::Io { offset, length, source })?;
        self.hasher.update(&self.piece);
        self.offset += length;
        self.left -= length;
        self.meter.advance(self.piece.len())?;
        Ok(Some(&self.piece))
    }

    /// The failure of this reader, if it was the reason why a decoder failed.
    pub(super) fn failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// Reads what is left and compares the digest.
    pub(super) fn finish(mut self) -> Result<()> {
        while self.next()?.is_some() {}
        self.slot.compare(self.hasher.finalize().into())
    }
}

impl<R: ReadAt + Sync> io::Read for Stored<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.piece.len() {
            self.taken = 0;
            match self.next() {
                Ok(Some(_)) => {}
                Ok(None) => {
                    self.piece.clear();
                    return Ok(0);
                }
                Err(error) => {
                    self.piece.clear();
                    self.failure = Some(error);
                    return Err(io::Error::other("the stored bytes cannot be read"));
                }
            }
        }
        let length = buffer.len().min(self.piece.len() - self.taken);
        buffer[..length].copy_from_slice(&self.piece[self.taken..][..length]);
        self.taken += length;
        Ok(length)
    }
}
