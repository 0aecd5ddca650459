//! Reading a slot: its frames on all cores (STORE.md 5.2), or what `stream` makes of it. A worker takes the next run of frames by number (FORMAT.md §9: most
//! runs are one frame), checks each frame's digest before it decodes it, and hands the members to its own sink. A worker
//! holds one stored frame, and the same decoded where it is of ordinary length (at most 8 MiB).

use std::sync::Mutex;

use pspf::frame::FrameBuffer;
use pspf::operations::OperationChain;
use pspf::tar::{Decoder, Member, MemberSink};
use pspf::{ErrorCode, Package, ReadAt};

use crate::error::{Error, Result};
use crate::members::Members;
use crate::stream::{OneFile, give, require_decodable};
use crate::workers::{MAX_WORKERS, Step, run};

/// What takes the members of a slot; several may share those of one.
pub(crate) trait SlotSink: MemberSink<Error = Error> + Send {
    /// What it was given.
    fn into_members(self: Box<Self>) -> Vec<Member>;
}

/// Decodes `slot` into sinks made by `sink`, several at the same time if it is a tree in frames; the members that they were
/// given, judged. The slot must be [one that can be](require_unpackable). Every stored byte was checked when this returns `Ok`.
pub(crate) fn decode_slot<'a, R: ReadAt + Sync>(
    package: &'a Package<R>,
    slot: usize,
    sink: &'a (dyn Fn() -> Box<dyn SlotSink + 'a> + Sync),
) -> Result<Members> {
    if package.chain(slot) != OperationChain::tar_zstd() {
        let mut sink = sink();
        give(package, slot, &mut *sink)?;
        return Members::judge_with_implied(sink.into_members());
    }
    let frames = package.frames(slot);
    let runs = &pspf::frame::runs(frames);
    let members = &Mutex::new(Vec::new());
    run(runs.len(), MAX_WORKERS, &|| {
        let mut sink = Some(sink());
        let mut stored = Vec::new();
        let mut buffer = FrameBuffer::default();
        Box::new(move |step| match step {
            Step::Number(number) => {
                let Some(sink) = sink.as_deref_mut() else { return Ok(()) };
                let run = runs[number].clone();
                let mut decoder = Decoder::new();
                for frame in run.clone() {
                    package.read_frame(slot, frame, &mut stored)?;
                    let content = frames[frame].content;
                    buffer.decode(&stored, content, |piece| decoder.feed(piece, sink))?;
                    if frame + 1 < run.end {
                        decoder.end_frame(false)?;
                    }
                }
                Ok(decoder.finish(run.end == frames.len())?)
            }
            Step::Done => {
                if let (Some(sink), Ok(mut members)) = (sink.take(), members.lock()) {
                    members.extend(sink.into_members());
                }
                Ok(())
            }
        })
    })?;
    Members::judge(members.lock().map(|mut members| std::mem::take(&mut *members)).unwrap_or_default())
}

/// Reads every byte of `slot` and compares the digests, without decoding (STORE.md 6.4).
pub fn verify_slot_bytes<R: ReadAt + Sync>(package: &Package<R>, slot: usize) -> Result<()> {
    let frames = package.frames(slot);
    if frames.is_empty() {
        return Ok(package.verify_slot(slot)?);
    }
    run(frames.len(), MAX_WORKERS, &|| {
        let mut stored = Vec::new();
        Box::new(move |step| match step {
            Step::Number(number) => Ok(package.read_frame(slot, number, &mut stored)?),
            Step::Done => Ok(()),
        })
    })
}

/// Refuses what cannot be unpacked, from the metadata alone; the file of a slot that holds no tree.
pub(crate) fn require_unpackable<R: ReadAt>(package: &Package<R>, slot: usize) -> Result<Option<OneFile>> {
    let entry = &package.metadata().slots[slot];
    if entry.self_ref {
        let message = format!("slot {slot} ({:?}) stands for the package itself and holds nothing", entry.id);
        return Err(Error::refused(ErrorCode::StoreSlotKind, message));
    }
    require_decodable(package, slot)?;
    OneFile::of_ours(package, slot)
}
