//! What the reader says about a package, down to the members of its slots. Member lists are not judged here: where
//! links may lead is the business of whoever unpacks.

use std::io::Read as _;

use pspf::operations::OperationChain;
use pspf::tar::{Decoder, Kind, Member, MemberSink};
use pspf::{Error, ErrorCode, Package, codec, frame};

use super::table::{Layer, Refusal};

/// Opens, compares every digest, decodes every slot.
pub(crate) fn judge(bytes: &[u8]) -> Result<(), Refusal> {
    let (checks, package) = Package::open_with_checks(bytes);
    let package = package.map_err(|error| Refusal {
        layer: Layer::Open,
        step: checks.last().expect("a step").name.to_owned(),
        code: error.code(),
    })?;
    let refusal = |layer: Layer, step: &str| {
        let step = step.to_owned();
        move |error: Error| Refusal { layer, step, code: error.code() }
    };
    if !package.is_foreign() {
        package.verify_launcher().map_err(refusal(Layer::Bytes, "launcher"))?;
    }
    for slot in 0..package.metadata().slots.len() {
        let entry = &package.metadata().slots[slot];
        // The one slot of other builders that may lack a digest: nothing of it is executed.
        if !(package.is_foreign() && entry.id == "_attestation" && entry.digest().is_none()) {
            package.verify_slot(slot).map_err(refusal(Layer::Bytes, &format!("slot {slot}")))?;
        }
    }
    for slot in 0..package.metadata().slots.len() {
        content(&package, slot).map_err(refusal(Layer::Content, &format!("slot {slot}")))?;
    }
    Ok(())
}

fn content(package: &Package<&[u8]>, slot: usize) -> Result<(), Error> {
    let chain = OperationChain::unpack(package.descriptors()[slot].operations, 0)?;
    let mut count = Count::default();
    if chain.is_tree() && chain.ends_with_zstd() && !package.is_foreign() && chain.encodings().len() == 1 {
        runs(package, slot, &mut count)?;
    } else {
        stream(package, slot, &chain, &mut count)?;
    }
    let Some(flavor) = package.flavor() else { return Ok(()) };
    let (unpacked, entry) = (flavor.slots[slot].unpacked, &package.metadata().slots[slot]);
    if !chain.is_tree() {
        // A single file; the slot that stands for the package itself holds none.
        count.members = u64::from(entry.size > 0 || unpacked.members > 0);
    }
    if (count.bytes, count.members) != (unpacked.bytes, unpacked.members) {
        return Err(Error::rule(ErrorCode::PspfTar, "other totals than signed"));
    }
    Ok(())
}

/// A tree in frames: runs are independent of each other, as workers would take them.
fn runs(package: &Package<&[u8]>, slot: usize, count: &mut Count) -> Result<(), Error> {
    let frames = package.frames(slot);
    for run in frame::runs(frames) {
        let mut decoder = Decoder::new();
        let last = run.end - 1;
        for number in run {
            let stored = frame_of(package, slot, number)?;
            frame::decode_into::<Error>(&stored, frames[number].content, |piece| decoder.feed(piece, count))?;
            if number < last {
                decoder.end_frame(false)?;
            }
        }
        decoder.finish(last + 1 == frames.len())?;
    }
    Ok(())
}

fn frame_of(package: &Package<&[u8]>, slot: usize, number: usize) -> Result<Vec<u8>, Error> {
    let mut stored = Vec::new();
    package.read_frame(slot, number, &mut stored)?;
    Ok(stored)
}

/// Any other slot, as one stream.
fn stream(
    package: &Package<&[u8]>,
    slot: usize,
    chain: &OperationChain,
    count: &mut Count,
) -> Result<(), Error> {
    let (mut content, digest) = package.slot_content(slot)?;
    let mut decoder = Decoder::tolerant();
    let mut piece = vec![0; frame::PIECE];
    loop {
        let read = content.read(&mut piece).map_err(codec::error_of)?;
        if read == 0 {
            break;
        }
        if chain.is_tree() {
            decoder.feed(&piece[..read], count)?;
        } else {
            count.bytes += read as u64;
        }
    }
    drop(content);
    digest.settle()?;
    if chain.is_tree() { decoder.finish(true) } else { Ok(()) }
}

#[derive(Default)]
struct Count {
    bytes: u64,
    members: u64,
}

impl MemberSink for Count {
    type Error = Error;

    fn begin(&mut self, member: &Member) -> Result<(), Error> {
        self.members += 1;
        if let Kind::File { size, .. } = member.kind {
            self.bytes += size;
        }
        Ok(())
    }

    fn data(&mut self, _: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
