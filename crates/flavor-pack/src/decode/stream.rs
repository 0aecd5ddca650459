//! Content that comes as one stream: files, and trees of every chain but tar in frames. The chain is undone by
//! [`pspf::codec`], stage by stage and bounded at each; nothing is held but pieces.
//!
//! A decoder sees bytes before their digest is known, so when it fails the rest is read all the same: that the bytes
//! are not the signed ones is the better answer.

use std::io::{self, Read};
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use pspf::codec::{self, Limits};
use pspf::operations::Operation;
use pspf::tar::{self, Decoder, MemberSink};
use pspf::{ErrorCode, ReadAt, frame};
use sha2::{Digest as _, Sha256};

use super::{Slot, Stored};
use crate::frames::Meter;
use crate::progress::{Silent, Stage};
use crate::{Error, Result};

/// Bytes of content handed on at once.
const PIECE: usize = 128 * 1024;
/// Pieces of content that wait between two threads.
const WAITING: usize = 4;

/// Gives the members of a tree to a sink, and the sink back.
pub(super) fn members<R, S>(slot: &Slot<'_, R>, meter: &Meter<'_>, mut sink: S) -> Result<S>
where
    R: ReadAt + Sync,
    S: MemberSink<Error = Error>,
{
    // Archives that people gave to the builder are stored as they are, so any tar program may have made them.
    let mut decoder = Decoder::tolerant();
    content(slot, meter, |piece| decoder.feed(piece, &mut sink))?;
    decoder.finish(true).map_err(|error| slot.named(error.into()))?;
    Ok(sink)
}

/// Gives the content of a slot behind all its encodings, a tar stream or a file.
pub(super) fn content<R: ReadAt + Sync>(
    slot: &Slot<'_, R>,
    meter: &Meter<'_>,
    sink: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let result = match slot.chain.encodings() {
        [before @ .., Operation::Zstd] if !slot.package.frames(slot.position).is_empty() => {
            framed(slot, before, meter, sink)
        }
        encodings => unframed(slot, encodings, meter, sink),
    };
    result.map_err(|error| slot.named(error))
}

/// The first bytes of the content, as many as tell an archive from a file; `None` if they cannot be had.
pub(super) fn beginning<R: ReadAt + Sync>(slot: &Slot<'_, R>) -> Option<Vec<u8>> {
    let done = AtomicU64::new(0);
    let meter = Meter { progress: &Silent, stage: Stage::Verify, done: &done, total: 0, detail: "" };
    let stored = Stored::new(slot, &meter);
    let limits = if slot.package.is_foreign() { Limits::FOREIGN } else { Limits::OURS };
    let content = codec::decoder(slot.chain.encodings(), Box::new(stored), limits).ok()?;
    let mut beginning = Vec::new();
    content.take(tar::BLOCK as u64).read_to_end(&mut beginning).ok()?;
    Some(beginning)
}

fn unframed<R: ReadAt + Sync>(
    slot: &Slot<'_, R>,
    encodings: &[Operation],
    meter: &Meter<'_>,
    mut sink: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut stored = Stored::new(slot, meter);
    let outcome = if encodings.is_empty() {
        raw(&mut stored, &mut sink)
    } else {
        decoded(slot, encodings, &mut stored, &mut sink)
    };
    match outcome {
        Ok(()) => stored.finish(),
        Err(error) => {
            if let Some(failure) = stored.failure() {
                return Err(failure);
            }
            if matches!(error, Error::Format(_)) && error.code() != ErrorCode::PspfIo {
                stored.finish()?;
            }
            Err(error)
        }
    }
}

fn raw<R: ReadAt + Sync>(
    stored: &mut Stored<'_, R>,
    sink: &mut impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    while let Some(piece) = stored.next()? {
        sink(piece)?;
    }
    Ok(())
}

fn decoded<R: ReadAt + Sync>(
    slot: &Slot<'_, R>,
    encodings: &[Operation],
    stored: impl Read + Send,
    sink: &mut impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let limits = if slot.package.is_foreign() { Limits::FOREIGN } else { Limits::OURS };
    let mut content = codec::decoder(encodings, Box::new(stored), limits)?;
    let mut piece = vec![0; PIECE];
    loop {
        match content.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => sink(&piece[..length])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(codec::error_of(error).into()),
        }
    }
}

/// Frames in order, each compared before it is decoded; what stands before the zstd in the chain is undone behind it.
fn framed<R: ReadAt + Sync>(
    slot: &Slot<'_, R>,
    before: &[Operation],
    meter: &Meter<'_>,
    mut sink: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    if before.is_empty() {
        return frames(slot, meter, sink);
    }
    std::thread::scope(|scope| {
        let (sender, pieces) = sync_channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("flavor-frames".to_owned())
            .spawn_scoped(scope, move || produce(slot, meter, &sender))
            .map_err(|error| Error::Internal { message: format!("starting a thread: {error}") })?;
        let outcome = decoded(slot, before, Pieces { queue: pieces, piece: Vec::new(), taken: 0 }, &mut sink);
        // Dropping the pieces above stopped the thread if it was not done.
        let produced = thread
            .join()
            .map_err(|_| Error::Internal { message: "a thread that reads frames panicked".to_owned() })?;
        // What failed in front is the reason for what failed behind.
        produced.and(outcome)
    })
}

fn frames<R: ReadAt + Sync>(
    slot: &Slot<'_, R>,
    meter: &Meter<'_>,
    mut sink: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut whole = Sha256::new();
    let mut stored = Vec::new();
    for (number, frame) in slot.package.frames(slot.position).iter().enumerate() {
        slot.package.read_frame(slot.position, number, &mut stored)?;
        whole.update(&stored);
        meter.advance(stored.len())?;
        frame::decode_into(&stored, frame.content, &mut sink)?;
    }
    slot.compare(whole.finalize().into())
}

/// Sends the content of the frames; that nobody takes it any more is no failure.
fn produce<R: ReadAt + Sync>(
    slot: &Slot<'_, R>,
    meter: &Meter<'_>,
    sender: &SyncSender<Vec<u8>>,
) -> Result<()> {
    let mut alone = false;
    let result = frames(slot, meter, |piece| {
        sender.send(piece.to_vec()).map_err(|_| {
            alone = true;
            Error::Aborted
        })
    });
    if alone { Ok(()) } else { result }
}

/// Pieces from another thread as a reader.
struct Pieces {
    queue: Receiver<Vec<u8>>,
    piece: Vec<u8>,
    taken: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.piece.len() {
            let Ok(piece) = self.queue.recv() else { return Ok(0) };
            (self.piece, self.taken) = (piece, 0);
        }
        let length = buffer.len().min(self.piece.len() - self.taken);
        buffer[..length].copy_from_slice(&self.piece[self.taken..][..length]);
        self.taken += length;
        Ok(length)
    }
}
