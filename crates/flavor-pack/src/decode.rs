//! From the stored bytes of a slot to its content: through the whole chain, every stored byte hashed on the way
//! (security rule S10: read once), with bounded memory. `verify` and `extract` both read slots through here, so what
//! one accepts the other can unpack.
//!
//! Guaranteed when a function returns `Ok`: the digest of the stored bytes is the signed one, frames were compared
//! before they were decoded, and nothing follows the content. Until then whatever a sink was given is unconfirmed,
//! and the caller keeps it where nobody looks. Counting against what the metadata announces is the sinks' business
//! (`content`); nothing is written here.

use pspf::operations::{Operation, OperationChain};
use pspf::tar::{self, MemberSink};
use pspf::{ErrorCode, Package, ReadAt, hex};

use crate::frames::Meter;
use crate::{Error, Result};

mod content;
mod frames;
mod stored;
mod stream;

pub(crate) use content::{Announced, Counted, FileCount};
use stored::Stored;

/// A slot of an opened package, ready to be read.
pub(crate) struct Slot<'p, R> {
    pub(crate) package: &'p Package<R>,
    pub(crate) position: usize,
    pub(crate) chain: OperationChain,
    /// The signed SHA-256 of its stored bytes; in packages of other builders it may be missing.
    pub(crate) expected: Option<[u8; 32]>,
    tree: bool,
}

impl<'p, R: ReadAt + Sync> Slot<'p, R> {
    /// Slot number `position`, which must be below the number of descriptors.
    pub(crate) fn of(package: &'p Package<R>, position: usize) -> Result<Self> {
        let descriptor = &package.descriptors()[position];
        let chain = OperationChain::unpack(descriptor.operations, 0)?;
        let expected = package.metadata().slots.get(position).and_then(pspf::metadata::Slot::digest);
        let tree = chain.is_tree();
        let mut slot = Self { package, position, chain, expected, tree };
        if tree && package.is_foreign() {
            // The original's Python builder calls single files archives too (FORMAT.md §12). What cannot be decoded is
            // told when it is decoded for good.
            slot.tree = stream::beginning(&slot).is_none_or(|content| tar::begins_archive(&content));
        }
        Ok(slot)
    }

    /// Its name; empty where the metadata has no entry for it.
    pub(crate) fn id(&self) -> &'p str {
        self.package.metadata().slots.get(self.position).map_or("", |slot| slot.id.as_str())
    }

    /// Stored bytes.
    pub(crate) fn size(&self) -> u64 {
        self.package.descriptors()[self.position].size
    }

    /// Whether it holds a tree.
    pub(crate) fn is_tree(&self) -> bool {
        self.tree
    }

    /// Whether its tar stream is our writer's, in frames that begin and end at members (FORMAT.md §9).
    pub(crate) fn is_framed_tree(&self) -> bool {
        self.is_tree()
            && self.chain.encodings() == [Operation::Zstd]
            && !self.package.frames(self.position).is_empty()
    }

    /// Gives the stored bytes as they are.
    pub(crate) fn stored(&self, meter: &Meter<'_>, mut sink: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut stored = Stored::new(self, meter);
        while let Some(piece) = stored.next()? {
            sink(piece)?;
        }
        stored.finish()
    }

    /// Gives the content behind every encoding, in order: a file, or the tar stream of a tree.
    pub(crate) fn content(
        &self,
        meter: &Meter<'_>,
        sink: impl FnMut(&[u8]) -> Result<()> + Send,
    ) -> Result<()> {
        stream::content(self, meter, sink)
    }

    /// Gives the members of a slot that holds a tree to sinks, of which each worker makes one.
    pub(crate) fn tree<S>(&self, meter: &Meter<'_>, sink: impl Fn() -> S + Sync) -> Result<Vec<S>>
    where
        S: MemberSink<Error = Error> + Send,
    {
        if self.is_framed_tree() {
            return frames::members(self, meter, &sink);
        }
        Ok(vec![stream::members(self, meter, sink())?])
    }

    /// Names the slot in an error of the format crate.
    fn named(&self, error: Error) -> Error {
        match error {
            Error::Format(error @ (pspf::Error::Invalid { .. } | pspf::Error::NotAPackage { .. })) => {
                pspf::Error::rule(error.code(), format!("slot {}: {error}", self.position)).into()
            }
            other => other,
        }
    }

    /// Compares the digest of all stored bytes.
    fn compare(&self, digest: [u8; 32]) -> Result<()> {
        let Some(expected) = self.expected.filter(|expected| *expected != digest) else { return Ok(()) };
        let (found, expected) = (hex::encode(&digest), hex::encode(&expected));
        let message =
            format!("slot {} digest does not match (got {found}, expected {expected})", self.position);
        let offset = self.package.descriptors()[self.position].offset;
        Err(pspf::Error::at(ErrorCode::PspfSlotDigest, offset, message).into())
    }
}
