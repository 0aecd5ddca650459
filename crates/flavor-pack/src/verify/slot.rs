//! One slot of a package, whole. One thread reads and hashes, frame by frame in order; the others decode what was
//! read, each frame on its own (security rule S11), and hand their members over for the rules that concern the
//! whole slot (S14). A decoded frame is never held.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex};

use pspf::metadata::{Frame, Unpacked};
use pspf::tar::{Decoder, Kind, Member, MemberSink};
use pspf::{ErrorCode, Package, ReadAt, frame, hex};
use sha2::{Digest as _, Sha256};

use crate::frames::Meter;
use crate::{Error, Result, members};

/// Checks one slot; the text says what was found.
pub(super) fn verify<R: ReadAt>(package: &Package<R>, position: usize, meter: &Meter<'_>) -> Result<String> {
    let slot = &package.metadata().slots[position];
    let frames = package.frames(position);
    let Some(flavor) = package.flavor().filter(|_| !frames.is_empty()) else {
        package.verify_slot(position)?;
        meter.advance(usize::try_from(package.descriptors()[position].size).unwrap_or(usize::MAX))?;
        return Ok(format!("{} bytes as signed, not unpacked", package.descriptors()[position].size));
    };
    let unpacked = flavor.slots[position].unpacked;
    let (digest, mut parts) = decode_all(package, position, frames, unpacked, meter)?;
    let expected = slot.digest();
    if expected != Some(digest) {
        let message = format!(
            "slot {position} digest does not match (got {}, expected {})",
            hex::encode(&digest),
            slot.checksum
        );
        return Err(pspf::Error::at(
            ErrorCode::PspfSlotDigest,
            package.descriptors()[position].offset,
            message,
        )
        .into());
    }
    parts.sort_unstable_by_key(|part| part.frame);
    let count: u64 = parts.iter().map(|part| part.members.len() as u64).sum();
    let bytes: u64 = parts.iter().map(|part| part.bytes).sum();
    if (count, bytes) != (unpacked.members, unpacked.bytes) {
        let message = format!(
            "slot {position} unpacks to {bytes} bytes in {count} members, expected {} in {}",
            unpacked.bytes, unpacked.members
        );
        return Err(pspf::Error::rule(ErrorCode::PspfTar, message).into());
    }
    let all: Vec<&Member> = parts.iter().flat_map(|part| &part.members).collect();
    members::check(all.iter().copied()).map_err(|broken| {
        let message = format!("slot {position}: {}: {:?}", broken.message, all[broken.position].path);
        pspf::Error::rule(ErrorCode::PspfMemberName, message)
    })?;
    Ok(format!("{} bytes as signed, {count} members in {} frames", slot.size, frames.len()))
}

/// What one frame held.
struct Part {
    frame: usize,
    members: Vec<Member>,
    bytes: u64,
}

/// Budget and stop sign of all frames of a slot.
struct Shared<'a> {
    position: usize,
    frames: &'a [Frame],
    unpacked: Unpacked,
    members: AtomicU64,
    failed: AtomicBool,
    meter: &'a Meter<'a>,
}

fn decode_all<R: ReadAt>(
    package: &Package<R>,
    position: usize,
    frames: &[Frame],
    unpacked: Unpacked,
    meter: &Meter<'_>,
) -> Result<([u8; 32], Vec<Part>)> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = cores.min(frames.len()).min(16);
    let shared = Shared {
        position,
        frames,
        unpacked,
        members: AtomicU64::new(0),
        failed: AtomicBool::new(false),
        meter,
    };
    std::thread::scope(|scope| {
        // Bounded: at most one frame waits for each worker.
        let (jobs, queue) = sync_channel::<(usize, Vec<u8>)>(workers);
        // Held by the workers alone, so that sending fails if all of them are gone.
        let queue = Arc::new(Mutex::new(queue));
        let (results, parts) = channel();
        for _ in 0..workers {
            let (queue, results, shared) = (Arc::clone(&queue), results.clone(), &shared);
            std::thread::Builder::new()
                .name("flavor-verify".to_owned())
                .spawn_scoped(scope, move || work(&queue, &results, shared))
                .map_err(|error| Error::Internal { message: format!("starting a thread: {error}") })?;
        }
        drop((queue, results));
        let mut whole = Sha256::new();
        for number in 0..frames.len() {
            let mut stored = Vec::new();
            package.read_frame(position, number, &mut stored)?;
            whole.update(&stored);
            meter.advance(stored.len())?;
            if shared.failed.load(Ordering::Relaxed) || jobs.send((number, stored)).is_err() {
                break;
            }
        }
        drop(jobs);
        let parts = parts.into_iter().collect::<Result<Vec<Part>>>()?;
        if parts.len() != frames.len() {
            return Err(Error::Internal { message: "a verification thread ended early".to_owned() });
        }
        Ok((whole.finalize().into(), parts))
    })
}

fn work(queue: &Mutex<Receiver<(usize, Vec<u8>)>>, results: &Sender<Result<Part>>, shared: &Shared<'_>) {
    loop {
        let job = queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv();
        let Ok((number, stored)) = job else { return };
        let part = decode(number, &stored, shared);
        if part.is_err() {
            shared.failed.store(true, Ordering::Relaxed);
        }
        if results.send(part).is_err() {
            return;
        }
    }
}

fn decode(number: usize, stored: &[u8], shared: &Shared<'_>) -> Result<Part> {
    let mut decoder = Decoder::new();
    let mut sink = Collect { shared, part: Part { frame: number, members: Vec::new(), bytes: 0 } };
    frame::decode_into::<Error>(stored, shared.frames[number].content, |piece| {
        decoder.feed(piece, &mut sink)
    })
    .and_then(|()| Ok(decoder.finish(number + 1 == shared.frames.len())?))
    .map_err(|error| match error {
        Error::Format(error) => {
            let message = format!("slot {} frame {number}: {error}", shared.position);
            pspf::Error::rule(error.code(), message).into()
        }
        other => other,
    })?;
    Ok(sink.part)
}

/// Keeps members and counts bytes, within what the metadata announced.
struct Collect<'a> {
    shared: &'a Shared<'a>,
    part: Part,
}

impl MemberSink for Collect<'_> {
    type Error = Error;

    fn begin(&mut self, member: &Member) -> Result<()> {
        self.shared.meter.progress.check()?;
        // Bounds the memory of the member list by a number that was checked when the package was opened.
        let count = self.shared.members.fetch_add(1, Ordering::Relaxed) + 1;
        if count > self.shared.unpacked.members {
            let message = format!("more members than the signed {}", self.shared.unpacked.members);
            return Err(pspf::Error::rule(ErrorCode::PspfTar, message).into());
        }
        if let Kind::File { size, .. } = member.kind {
            self.part.bytes = self.part.bytes.saturating_add(size);
        }
        self.part.members.push(member.clone());
        Ok(())
    }

    fn data(&mut self, _: &[u8]) -> Result<()> {
        self.shared.meter.progress.check()
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}
