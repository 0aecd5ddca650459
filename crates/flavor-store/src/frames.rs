//! Reading a slot's frames on all cores (STORE.md 5.2). A worker takes the next run of frames by number (FORMAT.md §9: most
//! runs are one frame), checks each frame's digest before it decodes it, and hands the members to its own sink. A worker
//! holds one stored frame; nobody holds a decoded one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pspf::tar::{Decoder, MemberSink};
use pspf::{ErrorCode, Package, ReadAt};

use crate::error::{Error, Result};

/// More workers than this only wait for directory locks of the file system.
const MAX_WORKERS: usize = 8;

/// Decodes every frame of `slot`; returns the sinks that the workers used. Every stored byte was checked when this
/// returns `Ok`.
pub(crate) fn decode_slot<R, S>(
    package: &Package<R>,
    slot: usize,
    sink: impl Fn() -> S + Sync,
) -> Result<Vec<S>>
where
    R: ReadAt + Sync,
    S: MemberSink<Error = Error> + Send,
{
    require_frames(package, slot)?;
    let frames = package.frames(slot);
    let runs = pspf::frame::runs(frames);
    let sinks = Mutex::new(Vec::new());
    run(runs.len(), || {
        let mut sink = Some(sink());
        let mut stored = Vec::new();
        let (sinks, runs) = (&sinks, &runs);
        move |step| match step {
            Step::Number(number) => {
                let Some(sink) = sink.as_mut() else { return Ok(()) };
                let run = runs[number].clone();
                let mut decoder = Decoder::new();
                for frame in run.clone() {
                    package.read_frame(slot, frame, &mut stored)?;
                    let content = frames[frame].content;
                    pspf::frame::decode_into(&stored, content, |piece| decoder.feed(piece, sink))?;
                    if frame + 1 < run.end {
                        decoder.end_frame(false)?;
                    }
                }
                Ok(decoder.finish(run.end == frames.len())?)
            }
            Step::Done => {
                if let (Some(sink), Ok(mut sinks)) = (sink.take(), sinks.lock()) {
                    sinks.push(sink);
                }
                Ok(())
            }
        }
    })?;
    Ok(sinks.into_inner().unwrap_or_default())
}

/// Reads every byte of `slot` and compares the digests, without decoding (STORE.md 6.4).
pub fn verify_slot_bytes<R: ReadAt + Sync>(package: &Package<R>, slot: usize) -> Result<()> {
    let frames = package.frames(slot);
    if frames.is_empty() {
        return Ok(package.verify_slot(slot)?);
    }
    run(frames.len(), || {
        let mut stored = Vec::new();
        move |step| match step {
            Step::Number(number) => Ok(package.read_frame(slot, number, &mut stored)?),
            Step::Done => Ok(()),
        }
    })
}

/// Refuses slots of a chain that is not unpacked here.
pub(crate) fn require_frames<R: ReadAt>(package: &Package<R>, slot: usize) -> Result<()> {
    let entry = &package.metadata().slots[slot];
    let chain = pspf::operations::OperationChain::parse(&entry.operations)?;
    if chain != pspf::operations::OperationChain::tar_zstd() || package.frames(slot).is_empty() {
        return Err(Error::refused(
            ErrorCode::StoreSlotKind,
            format!(
                "slot {slot} ({:?}) is of kind {:?}, expected `tar.zst` with a frame table",
                entry.id,
                chain.text()
            ),
        ));
    }
    Ok(())
}

enum Step {
    Number(usize),
    Done,
}

/// Runs workers over the numbers 0 to `count`. The calling thread is one of them, so it works where no thread can be made.
fn run<W>(count: usize, worker: impl Fn() -> W + Sync) -> Result<()>
where
    W: FnMut(Step) -> Result<()>,
{
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    // Of several failures the one of the lowest number is reported.
    let failure: Mutex<Option<(usize, Error)>> = Mutex::new(None);
    let work = || {
        let mut step = worker();
        while !failed.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                break;
            }
            if let Err(error) = step(Step::Number(number)) {
                failed.store(true, Ordering::Relaxed);
                let mut failure = failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if failure.as_ref().is_none_or(|(earlier, _)| number < *earlier) {
                    *failure = Some((number, error));
                }
            }
        }
        let _ = step(Step::Done);
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = cores.min(MAX_WORKERS).min(count);
    std::thread::scope(|scope| {
        let mut others = Vec::new();
        for _ in 1..workers {
            match std::thread::Builder::new().spawn_scoped(scope, work) {
                Ok(other) => others.push(other),
                Err(_) => break,
            }
        }
        work();
        // The scope's end waits for their work only. A thread that is still ending could take a signal that this process,
        // as a waiting parent, counts on (LAUNCH.md 15).
        for other in others {
            if let Err(panic) = other.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    match failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}
