//! Trees in frames: one thread reads and hashes in order, the others decode what was read, each run of frames on its
//! own (security rule S11, FORMAT.md §9). No decoded frame is held, and at most two stored ones for each worker.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use pspf::metadata::Frame;
use pspf::tar::{Decoder, MemberSink};
use pspf::{ReadAt, frame};
use sha2::{Digest as _, Sha256};

use super::Slot;
use crate::frames::Meter;
use crate::{Error, Result};

/// More workers than this only wait for the reader.
const WORKERS_MAX: usize = 16;

/// Frames that one worker decodes one after another, as they are read.
struct Run {
    frames: Range<usize>,
    stored: Receiver<Vec<u8>>,
}

/// What the workers share.
struct Work<'a> {
    position: usize,
    frames: &'a [Frame],
    failed: AtomicBool,
    /// Of several failures the one of the earliest frame is reported.
    failure: Mutex<Option<(usize, Error)>>,
}

/// Decodes every frame of a slot; returns the sinks that the workers used.
pub(super) fn members<R, S>(
    slot: &Slot<'_, R>,
    meter: &Meter<'_>,
    sink: &(impl Fn() -> S + Sync),
) -> Result<Vec<S>>
where
    R: ReadAt + Sync,
    S: MemberSink<Error = Error> + Send,
{
    let frames = slot.package.frames(slot.position);
    let runs = frame::runs(frames);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = cores.min(runs.len()).min(WORKERS_MAX);
    let work =
        Work { position: slot.position, frames, failed: AtomicBool::new(false), failure: Mutex::new(None) };
    let sinks = Mutex::new(Vec::new());
    let digest = std::thread::scope(|scope| {
        let (jobs, queue) = sync_channel::<Run>(workers);
        // Held by the workers alone, so that sending fails if all of them are gone.
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..workers {
            let (queue, work, sinks) = (Arc::clone(&queue), &work, &sinks);
            std::thread::Builder::new()
                .name("flavor-decode".to_owned())
                .spawn_scoped(scope, move || {
                    let mut sink = sink();
                    decode_runs(&queue, work, &mut sink);
                    sinks.lock().unwrap_or_else(PoisonError::into_inner).push(sink);
                })
                .map_err(|error| Error::Internal { message: format!("starting a thread: {error}") })?;
        }
        drop(queue);
        let mut whole = Sha256::new();
        'runs: for run in runs {
            let (sender, stored) = sync_channel(1);
            if jobs.send(Run { frames: run.clone(), stored }).is_err() {
                break;
            }
            for number in run {
                let mut stored = Vec::new();
                slot.package.read_frame(slot.position, number, &mut stored)?;
                whole.update(&stored);
                meter.advance(stored.len())?;
                if work.failed.load(Ordering::Relaxed) || sender.send(stored).is_err() {
                    break 'runs;
                }
            }
        }
        Ok::<[u8; 32], Error>(whole.finalize().into())
    })?;
    if let Some((_, error)) = work.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    slot.compare(digest)?;
    Ok(sinks.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn decode_runs<S: MemberSink<Error = Error>>(queue: &Mutex<Receiver<Run>>, work: &Work<'_>, sink: &mut S) {
    loop {
        let run = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(run) = run else { return };
        if let Err((number, error)) = decode_run(&run, work, sink) {
            work.failed.store(true, Ordering::Relaxed);
            let mut failure = work.failure.lock().unwrap_or_else(PoisonError::into_inner);
            if failure.as_ref().is_none_or(|(earlier, _)| number < *earlier) {
                *failure = Some((number, error));
            }
            return;
        }
    }
}

fn decode_run<S: MemberSink<Error = Error>>(
    run: &Run,
    work: &Work<'_>,
    sink: &mut S,
) -> Result<(), (usize, Error)> {
    let mut decoder = Decoder::new();
    for number in run.frames.clone() {
        // The reader stopped; it knows why.
        let Ok(stored) = run.stored.recv() else { return Ok(()) };
        frame::decode_into::<Error>(&stored, work.frames[number].content, |piece| decoder.feed(piece, sink))
            .and_then(|()| {
                // The last frame of the run is ended below, where nothing may be left open.
                if number + 1 < run.frames.end { Ok(decoder.end_frame(false)?) } else { Ok(()) }
            })
            .map_err(|error| (number, named(work, number, error)))?;
    }
    let last = run.frames.end - 1;
    let ended = decoder.finish(run.frames.end == work.frames.len()).map_err(Error::from);
    ended.map_err(|error| (last, named(work, last, error)))
}

/// Names slot and frame in an error of the format crate.
fn named(work: &Work<'_>, number: usize, error: Error) -> Error {
    match error {
        Error::Format(error) => {
            let message = format!("slot {} frame {number}: {error}", work.position);
            pspf::Error::rule(error.code(), message).into()
        }
        other => other,
    }
}
