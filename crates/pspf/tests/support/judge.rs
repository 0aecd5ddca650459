//! What the reader says about a package, down to the members of its slots. Member lists are not judged here: where
//! links may lead is the business of whoever unpacks.

use pspf::tar::{Decoder, Kind, Member, MemberSink};
use pspf::{Error, ErrorCode, Package, frame};

/// How far a reader gets before it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    /// While opening.
    Open,
    /// When digests are compared.
    Bytes,
    /// When a slot is decoded.
    Content,
    /// When the finished member list is judged.
    Tree,
}

impl Layer {
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "open" => Self::Open,
            "bytes" => Self::Bytes,
            "content" => Self::Content,
            "tree" => Self::Tree,
            other => panic!("no layer {other}"),
        }
    }
}

/// Why a package is refused, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) layer: Layer,
    pub(crate) step: String,
    pub(crate) code: ErrorCode,
}

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
    let frames = package.frames(slot);
    if frames.is_empty() {
        return Ok(());
    }
    let tree = package.metadata().slots[slot].operations.starts_with("tar");
    let mut count = Count::default();
    for (number, entry) in frames.iter().enumerate() {
        let mut stored = Vec::new();
        package.read_frame(slot, number, &mut stored)?;
        let mut decoder = Decoder::new();
        frame::decode_into::<Error>(&stored, entry.content, |piece| {
            if tree { decoder.feed(piece, &mut count) } else { Ok(()) }
        })?;
        if tree {
            decoder.finish(number + 1 == frames.len())?;
        }
    }
    let unpacked = package.flavor().expect("frames are ours").slots[slot].unpacked;
    if tree && (count.bytes, count.members) != (unpacked.bytes, unpacked.members) {
        return Err(Error::rule(ErrorCode::PspfTar, "other totals than signed"));
    }
    Ok(())
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
