//! A slot as one stream (STORE.md 5.8, 5.9): for every chain but `tar.zst` in frames, and for all slots of private
//! environments (8.8). Read once and in pieces, hashed on the way; what a sink made of it may become visible when
//! [`give`] has returned `Ok`, and not before.

use std::io::Read;

use pspf::metadata::{Slot, Unpacked};
use pspf::native::FileMode;
use pspf::tar::{BLOCK, Decoder, Kind, Member, MemberSink, begins_archive};
use pspf::{Error as FormatError, ErrorCode, Package, ReadAt, codec};

use crate::error::{Error, Result};
use crate::private_tree::{outside, target};

/// Content that is handed on at once.
const PIECE: usize = 128 * 1024;

/// The file of a slot that holds one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OneFile {
    /// Where it lies below the slot's root.
    pub(crate) path: String,
    /// As the metadata has it, 0600 where that is nothing.
    pub(crate) mode: u32,
}

impl OneFile {
    /// From the metadata alone.
    pub(crate) fn of(slot: &Slot) -> Result<Self> {
        let path = target(&slot.target)?;
        if path.is_empty() {
            return Err(outside(&slot.target, "names no file for a slot that holds one"));
        }
        Ok(Self { path, mode: mode(slot.permissions.as_deref()) })
    }

    /// The file of a slot of ours; `None` if the slot holds a tree.
    pub(crate) fn of_ours<R: ReadAt>(package: &Package<R>, slot: usize) -> Result<Option<Self>> {
        if package.chain(slot).is_tree() {
            return Ok(None);
        }
        let mut file = Self::of(&package.metadata().slots[slot])?;
        if file.path.contains('\n') {
            return Err(outside(&file.path, "holds a line feed, which no line of a slot's key may"));
        }
        // Whoever compares it later must be able to read it, and to take it away.
        file.mode |= 0o600;
        Ok(Some(file))
    }
}

/// Builders of the original mean "owner only" where they write 0 or rubbish.
fn mode(permissions: Option<&str>) -> u32 {
    match permissions.filter(|text| !text.is_empty()) {
        None => 0o644,
        Some(text) => match FileMode::parse(text).map_or(0, FileMode::permissions) {
            0 => 0o600,
            mode => mode,
        },
    }
}

/// Refuses a chain that this program cannot undo.
pub(crate) fn require_decodable<R: ReadAt>(package: &Package<R>, slot: usize) -> Result<()> {
    let chain = package.chain(slot);
    if chain.encodings().iter().all(|operation| codec::can_decode(*operation)) {
        return Ok(());
    }
    let message = format!(
        "slot {slot} ({:?}) is of kind {:?}, which launchers do not decode; `flavor extract` does",
        package.metadata().slots[slot].id,
        chain.text()
    );
    Err(Error::refused(ErrorCode::StoreSlotKind, message))
}

/// Gives everything that `slot` holds to `sink`. Files of packages of other builders begin with size 0 where nobody knows
/// how long they are. Every stored byte was read and compared when this returns `Ok`.
pub(crate) fn give<R: ReadAt + Sync>(
    package: &Package<R>,
    slot: usize,
    sink: &mut dyn MemberSink<Error = Error>,
) -> Result<()> {
    let (mut content, digest) = package.slot_content(slot)?;
    let given = members(package, slot, &mut *content, sink);
    drop(content);
    // A digest that differs explains better why decoding failed.
    let compared = digest.settle()?;
    given?;
    if compared || !package.compares_slots() {
        return Ok(());
    }
    let message = format!("slot {slot} has no full SHA-256 in the metadata");
    Err(FormatError::rule(ErrorCode::PspfForeign, message).into())
}

fn members<R: ReadAt>(
    package: &Package<R>,
    slot: usize,
    content: &mut dyn Read,
    sink: &mut dyn MemberSink<Error = Error>,
) -> Result<()> {
    let mut piece = vec![0; PIECE];
    let mut filled = fill(content, &mut piece[..BLOCK])?;
    // The original's Python builder labels single files as archives (FORMAT.md §12.12).
    let tree = package.chain(slot).is_tree() && (!package.is_foreign() || begins_archive(&piece[..filled]));
    if tree {
        let mut decoder = Decoder::with_profile(package.tar_profile(slot));
        while filled > 0 {
            decoder.feed(&piece[..filled], sink)?;
            filled = fill(content, &mut piece)?;
        }
        return Ok(decoder.finish(true)?);
    }
    let OneFile { path, mode } = OneFile::of(&package.metadata().slots[slot])?;
    let announced = package.flavor().map(|flavor| flavor.slots[slot].unpacked);
    let size = announced.map_or(0, |announced| announced.bytes);
    sink.permissions(mode);
    sink.begin(&Member { path, kind: Kind::File { size, executable: mode & 0o100 != 0 } })?;
    let mut given = 0;
    while filled > 0 {
        given += filled as u64;
        if let Some(announced) = announced.filter(|_| given > size) {
            return Err(differs(slot, announced));
        }
        sink.data(&piece[..filled])?;
        filled = fill(content, &mut piece)?;
    }
    if let Some(announced) = announced.filter(|_| given < size) {
        return Err(differs(slot, announced));
    }
    sink.end()
}

/// A slot that does not keep what the signed metadata says of it.
pub(crate) fn differs(slot: usize, signed: Unpacked) -> Error {
    let message = format!(
        "slot {slot} does not unpack to the {} bytes in {} members that it announces",
        signed.bytes, signed.members
    );
    Error::refused(ErrorCode::StoreUnpacked, message)
}

/// Reads until `buffer` is full or the stream ends.
fn fill(content: &mut dyn Read, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match content.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(codec::error_of(error).into()),
        }
    }
    Ok(filled)
}
