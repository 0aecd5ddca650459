//! Reading a package: opens once, checks before it allocates, acts upon nothing before the signature held, and
//! never panics. [`Package::open`] settles everything but the launcher's and the slots' bytes, which are checked
//! where they are read ([`Package::verify_launcher`], [`Package::read_frame`], [`Package::verify_slot`]).
//!
//! Bytes of a slot as a stream are in `content`. It does not unpack and does not decide whom to trust.

use sha2::{Digest, Sha256};

use crate::index_block::IndexBlock;
use crate::metadata::{Flavor, Frame, Metadata};
use crate::opening::{self, Check, Tolerance};
use crate::operations::OperationChain;
use crate::slot::SlotDescriptor;
use crate::tar::Profile;
use crate::{Error, ErrorCode, ReadAt, Result, keys};

/// Bytes read at once where content is only hashed or compared.
const CHUNK: usize = 1024 * 1024;

/// An opened package whose signed metadata may be acted upon.
#[derive(Debug)]
pub struct Package<R> {
    source: R,
    trailer: Vec<u8>,
    index: IndexBlock,
    json: Vec<u8>,
    metadata: Metadata,
    descriptors: Vec<SlotDescriptor>,
    length: u64,
    signature_holds: bool,
    compares_slots: bool,
}

impl<R: ReadAt> Package<R> {
    /// Opens a package and checks everything but the bytes of launcher and slots.
    pub fn open(source: R) -> Result<Self> {
        Self::open_with_checks(source).1
    }

    /// The same, with a record of each step: the last one is the one that failed, if any did.
    pub fn open_with_checks(source: R) -> (Vec<Check>, Result<Self>) {
        Self::open_tolerating(source, Tolerance::default())
    }

    /// The same for a reader that puts up with something: a package may be returned although checks failed.
    pub fn open_tolerating(source: R, tolerance: Tolerance) -> (Vec<Check>, Result<Self>) {
        let mut checks = Vec::new();
        let result = opening::run(&source, tolerance, &mut checks);
        let result = result.map(|opened| Self {
            source,
            trailer: opened.trailer,
            index: opened.index,
            json: opened.json,
            metadata: opened.metadata,
            descriptors: opened.descriptors,
            length: opened.length,
            signature_holds: opened.signature_holds,
            compares_slots: !tolerance.slots,
        });
        (checks, result)
    }

    /// Where the package is read from.
    pub fn source(&self) -> &R {
        &self.source
    }

    /// Whether the signature over the metadata holds, by the key that the metadata names. It always does unless the reader
    /// said that it puts up with another answer; without it nobody is the signer.
    pub fn signature_holds(&self) -> bool {
        self.signature_holds
    }

    /// Length of the file in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Marker, index block, marker.
    pub fn trailer(&self) -> &[u8] {
        &self.trailer
    }

    /// The index block.
    pub fn index(&self) -> &IndexBlock {
        &self.index
    }

    /// The signed bytes.
    pub fn metadata_json(&self) -> &[u8] {
        &self.json
    }

    /// The signed metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The slot table.
    pub fn descriptors(&self) -> &[SlotDescriptor] {
        &self.descriptors
    }

    /// What packages of ours add; absent in packages of other builders.
    pub fn flavor(&self) -> Option<&Flavor> {
        self.metadata.flavor()
    }

    /// Whether another builder made it.
    pub fn is_foreign(&self) -> bool {
        self.flavor().is_none()
    }

    /// SHA-256 of the signer's public key.
    pub fn fingerprint(&self) -> [u8; 32] {
        keys::fingerprint(&self.index.public_key)
    }

    /// The frames of a slot; none where its chain does not end with zstd or the package is foreign.
    pub fn frames(&self, slot: usize) -> &[Frame] {
        self.flavor().and_then(|flavor| flavor.slots.get(slot)).map_or(&[], |slot| &slot.frames)
    }

    /// What was done to a slot's bytes, as its descriptor says.
    ///
    /// # Panics
    ///
    /// If `slot` is out of range.
    pub fn chain(&self, slot: usize) -> OperationChain {
        OperationChain::unpack(self.descriptors[slot].operations, 0)
            .expect("chains are checked when a package is opened")
    }

    /// How the tar stream of a slot is to be read: as our writer renders it where it stands in frames of ours, else as
    /// any tar program may write it.
    pub fn tar_profile(&self, slot: usize) -> Profile {
        let ours = !self.is_foreign() && self.chain(slot) == OperationChain::tar_zstd();
        if ours { Profile::Strict } else { Profile::Tolerant }
    }

    /// Reads the launcher and compares it with the signed digest.
    pub fn verify_launcher(&self) -> Result<()> {
        let Some(flavor) = self.flavor() else {
            return Err(Error::rule(
                ErrorCode::PspfForeign,
                "the metadata has no launcher digest that counts",
            ));
        };
        let digest = self.digest(0, flavor.launcher.size)?;
        if digest != flavor.launcher.sha256.0 {
            return Err(mismatch(
                ErrorCode::PspfLauncherDigest,
                0,
                "launcher",
                digest,
                flavor.launcher.sha256.0,
            ));
        }
        Ok(())
    }

    /// Whether stored bytes of slots are compared with their digests ([`Tolerance::slots`]).
    pub const fn compares_slots(&self) -> bool {
        self.compares_slots
    }

    /// Reads one frame's stored bytes into `buffer` and checks their digest before returning.
    ///
    /// # Panics
    ///
    /// If `slot` or `frame` is out of range.
    pub fn read_frame(&self, slot: usize, frame: usize, buffer: &mut Vec<u8>) -> Result<()> {
        let frames = self.frames(slot);
        let before: u64 = frames[..frame].iter().map(|frame| frame.stored).sum();
        let offset = self.descriptors[slot].offset + before;
        // The table covers the slot and the slot lies inside the file, both checked when the package was opened.
        read(&self.source, offset, frames[frame].stored, buffer)?;
        if !self.compares_slots {
            return Ok(());
        }
        let digest: [u8; 32] = Sha256::digest(&*buffer).into();
        if digest != frames[frame].sha256.0 {
            let what = format!("slot {slot} frame {frame}");
            return Err(mismatch(ErrorCode::PspfSlotDigest, offset, &what, digest, frames[frame].sha256.0));
        }
        Ok(())
    }

    /// Reads a whole slot and compares it with the signed digest and with those of its frames. A foreign slot
    /// without a full SHA-256 is `ERR_PSPF_FOREIGN`.
    ///
    /// # Panics
    ///
    /// If `slot` is out of range.
    pub fn verify_slot(&self, slot: usize) -> Result<()> {
        let expected =
            self.metadata.slots.get(slot).and_then(crate::metadata::Slot::digest).ok_or_else(|| {
                Error::rule(
                    ErrorCode::PspfForeign,
                    format!("slot {slot} has no full SHA-256 in the metadata"),
                )
            })?;
        let descriptor = &self.descriptors[slot];
        let mut frame_offset = descriptor.offset;
        for (number, frame) in self.frames(slot).iter().enumerate() {
            let digest = self.digest(frame_offset, frame.stored)?;
            if digest != frame.sha256.0 {
                let what = format!("slot {slot} frame {number}");
                return Err(mismatch(ErrorCode::PspfSlotDigest, frame_offset, &what, digest, frame.sha256.0));
            }
            frame_offset += frame.stored;
        }
        let digest = self.digest(descriptor.offset, descriptor.size)?;
        if digest != expected {
            let what = format!("slot {slot}");
            return Err(mismatch(ErrorCode::PspfSlotDigest, descriptor.offset, &what, digest, expected));
        }
        Ok(())
    }

    fn digest(&self, mut offset: u64, length: u64) -> Result<[u8; 32]> {
        let mut hasher = Sha256::new();
        let mut buffer = Vec::new();
        let mut rest = length;
        while rest > 0 {
            let part = rest.min(CHUNK as u64);
            read(&self.source, offset, part, &mut buffer)?;
            hasher.update(&buffer);
            offset += part;
            rest -= part;
        }
        Ok(hasher.finalize().into())
    }
}

pub(crate) fn mismatch(
    code: ErrorCode,
    offset: u64,
    what: &str,
    found: [u8; 32],
    expected: [u8; 32],
) -> Error {
    let (found, expected) = (crate::hex::encode(&found), crate::hex::encode(&expected));
    Error::at(code, offset, format!("{what} digest does not match (got {found}, expected {expected})"))
}

/// Fills `buffer` with exactly `length` bytes. Callers have checked that the region lies inside the file.
pub(crate) fn read<R: ReadAt + ?Sized>(
    source: &R,
    offset: u64,
    length: u64,
    buffer: &mut Vec<u8>,
) -> Result<()> {
    let size = usize::try_from(length)
        .map_err(|_| Error::at(ErrorCode::PspfLimit, offset, format!("a region of {length} bytes")))?;
    buffer.clear();
    buffer.resize(size, 0);
    source.read_exact_at(buffer, offset).map_err(|source| Error::Io { offset, length, source })
}
