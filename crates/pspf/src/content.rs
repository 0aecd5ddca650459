//! A slot as a stream. Its stored bytes are read once and hashed while they are read, whoever asks for them; whether
//! they are the signed ones is settled at the end, so nothing that was made of them may become visible before
//! [`SlotDigest::settle`] has returned `Ok`. Frames are compared with their digests before they are decoded.
//!
//! A tar stream is handed out as it is; members are `tar`'s business.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

#[cfg(feature = "codecs")]
use crate::codec::{self, Limits};
use crate::reader::{mismatch, read};
use crate::{Error, ErrorCode, Package, ReadAt, Result};

/// Bytes read at once where nobody has asked for them.
const CHUNK: u64 = 1024 * 1024;

/// How far a slot was read.
struct Progress<'a, R> {
    package: &'a Package<R>,
    slot: usize,
    offset: u64,
    rest: u64,
    hasher: Sha256,
}

impl<R: ReadAt> Progress<'_, R> {
    /// The next stored bytes, as many as `buffer` holds and the slot has.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let length = buffer.len().min(usize::try_from(self.rest).unwrap_or(usize::MAX));
        if length == 0 {
            // An empty slot may claim to lie anywhere.
            return Ok(0);
        }
        let offset = self.offset;
        self.package.source().read_exact_at(&mut buffer[..length], offset).map_err(|source| Error::Io {
            offset,
            length: length as u64,
            source,
        })?;
        self.take(&buffer[..length]);
        Ok(length)
    }

    /// The next `length` stored bytes, or those that are left.
    fn read_into(&mut self, length: u64, buffer: &mut Vec<u8>) -> Result<()> {
        read(self.package.source(), self.offset, length.min(self.rest), buffer)?;
        self.take(buffer);
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.offset += bytes.len() as u64;
        self.rest -= bytes.len() as u64;
    }
}

type Shared<'a, R> = Arc<Mutex<Progress<'a, R>>>;

fn lock<'guard, 'a, R>(shared: &'guard Shared<'a, R>) -> MutexGuard<'guard, Progress<'a, R>> {
    // A panic elsewhere cannot leave half a number behind; the digest would find it.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The stored bytes of a slot. Errors carry a [`crate::Error`].
pub struct SlotReader<'a, R>(Shared<'a, R>);

impl<R: ReadAt> Read for SlotReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        lock(&self.0).read(buffer).map_err(io::Error::other)
    }
}

/// Whether the bytes that a reader gave are the signed ones.
#[must_use = "nothing that was read is known to be right before this is settled"]
pub struct SlotDigest<'a, R>(Shared<'a, R>);

impl<R: ReadAt> SlotDigest<'_, R> {
    /// Reads what nobody has asked for and compares the digest of the whole slot. Call it also when decoding failed: a
    /// digest that differs is the better explanation. `false`: the metadata of this foreign package has no full SHA-256
    /// of the slot, so nothing was compared.
    pub fn settle(self) -> Result<bool> {
        let mut progress = lock(&self.0);
        let mut buffer = Vec::new();
        while progress.rest > 0 {
            progress.read_into(CHUNK, &mut buffer)?;
        }
        let (package, slot) = (progress.package, progress.slot);
        let Some(expected) = package.metadata().slots.get(slot).and_then(crate::metadata::Slot::digest)
        else {
            return Ok(false);
        };
        let found: [u8; 32] = progress.hasher.clone().finalize().into();
        if found != expected && package.compares_slots() {
            let offset = package.descriptors()[slot].offset;
            return Err(mismatch(
                ErrorCode::PspfSlotDigest,
                offset,
                &format!("slot {slot}"),
                found,
                expected,
            ));
        }
        Ok(true)
    }
}

impl<R: ReadAt> Package<R> {
    /// The stored bytes of a slot, and the handle that settles them.
    ///
    /// # Panics
    ///
    /// If `slot` is out of range.
    pub fn slot_reader(&self, slot: usize) -> (SlotReader<'_, R>, SlotDigest<'_, R>) {
        let shared = self.begin(slot);
        (SlotReader(Arc::clone(&shared)), SlotDigest(shared))
    }

    fn begin(&self, slot: usize) -> Shared<'_, R> {
        let descriptor = &self.descriptors()[slot];
        let (offset, rest) = (descriptor.offset, descriptor.size);
        Arc::new(Mutex::new(Progress { package: self, slot, offset, rest, hasher: Sha256::new() }))
    }

    /// What a slot holds: its stored bytes with every operation undone but a leading tar, and the handle that settles
    /// them. Where the slot has frames, they are compared and checked one after another.
    ///
    /// Errors while reading carry a [`crate::Error`] (`codec::error_of` gives it back).
    ///
    /// # Panics
    ///
    /// If `slot` is out of range.
    #[cfg(feature = "codecs")]
    pub fn slot_content(&self, slot: usize) -> Result<(Box<dyn Read + Send + '_>, SlotDigest<'_, R>)>
    where
        R: Sync,
    {
        let shared = self.begin(slot);
        let chain = self.chain(slot);
        let limits = if self.is_foreign() { Limits::FOREIGN } else { Limits::OURS };
        let (stored, encodings): (Box<dyn Read + Send>, _) = match chain.encodings().split_last() {
            Some((_, before)) if !self.frames(slot).is_empty() => {
                (Box::new(FramesReader::new(Arc::clone(&shared))), before)
            }
            _ => (Box::new(SlotReader(Arc::clone(&shared))), chain.encodings()),
        };
        Ok((codec::decoder(encodings, stored, limits)?, SlotDigest(shared)))
    }
}

/// The content of a slot's frames, one after another. Holds one stored frame.
#[cfg(feature = "codecs")]
struct FramesReader<'a, R> {
    shared: Shared<'a, R>,
    frames: std::slice::Iter<'a, crate::metadata::Frame>,
    compares: bool,
    number: usize,
    stored: Vec<u8>,
    decoder: Option<crate::frame::FrameDecoder>,
}

#[cfg(feature = "codecs")]
impl<'a, R: ReadAt> FramesReader<'a, R> {
    fn new(shared: Shared<'a, R>) -> Self {
        let (package, slot) = {
            let progress = lock(&shared);
            (progress.package, progress.slot)
        };
        let (frames, compares) = (package.frames(slot).iter(), package.compares_slots());
        Self { shared, frames, compares, number: 0, stored: Vec::new(), decoder: None }
    }

    fn next(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(decoder) = &mut self.decoder {
                let produced = decoder.read(&self.stored, buffer).map_err(|error| self.in_frame(&error))?;
                if produced > 0 {
                    return Ok(produced);
                }
                self.number += 1;
            }
            let Some(frame) = self.frames.next() else { return Ok(0) };
            let mut progress = lock(&self.shared);
            let (offset, slot) = (progress.offset, progress.slot);
            progress.read_into(frame.stored, &mut self.stored)?;
            drop(progress);
            let digest: [u8; 32] = Sha256::digest(&self.stored).into();
            if digest != frame.sha256.0 && self.compares {
                let what = format!("slot {slot} frame {}", self.number);
                return Err(mismatch(ErrorCode::PspfSlotDigest, offset, &what, digest, frame.sha256.0));
            }
            let decoder = crate::frame::FrameDecoder::new(&self.stored, frame.content);
            self.decoder = Some(decoder.map_err(|error| self.in_frame(&error))?);
        }
    }

    fn in_frame(&self, error: &Error) -> Error {
        Error::rule(error.code(), format!("frame {} of the slot: {error}", self.number))
    }
}

#[cfg(feature = "codecs")]
impl<R: ReadAt> Read for FramesReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.next(buffer).map_err(io::Error::other)
    }
}
