//! From content to frames (FORMAT.md §9): content is cut by rules that no thread count changes, each part is
//! compressed on its own, and the frames are put into the slot in their order.
//!
//! Guaranteed: the bytes depend on the content, the level and the time stamp alone. Memory is bounded by the level:
//! content passes through in pieces, no frame holds more than 16 MiB of it, and frames that wait for their turn wait
//! on disk when they are large.

use std::cell::Cell;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use pspf::codec::Level;
use pspf::metadata::{Digest, Frame};
use pspf::tar::{self, END_OF_ARCHIVE, Kind};
use sha2::{Digest as _, Sha256};
use tempfile::SpooledTempFile;
use zstd::stream::write::Encoder;

use crate::archive::{self, Tree};
use crate::cut::{self, Cut};
use crate::frame_cache::{FrameCache, Key};
use crate::progress::{Event, Progress, Stage};
use crate::{Error, Result};

/// Bytes read from a file at once. Part of what makes the stored bytes repeatable: the compressor sees the same
/// pieces every time.
pub(crate) const PIECE: usize = 128 * 1024;
/// A compressed frame longer than this waits on disk.
pub(crate) const FRAME_IN_MEMORY: usize = 2 * 1024 * 1024;
/// What compression may hold in memory, so that a whole pack stays below 256 MB, at level 19 below 512.
const MEMORY: usize = 208;
const MEMORY_SMALLEST: usize = 464;

/// How slots are compressed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compression<'a> {
    pub(crate) level: i32,
    pub(crate) threads: usize,
    pub(crate) mtime: u64,
    /// Where frames of earlier builds are looked for.
    pub(crate) cache: Option<&'a FrameCache>,
}

impl Compression<'_> {
    /// The same for encodings that have other levels.
    pub(crate) fn of_encodings(self) -> Level {
        Level::from_number(self.level).unwrap_or(Level::Normal)
    }

    /// As many as asked for and as fit into the memory: each holds the tables and the window of a compressor, its
    /// frames in memory, and a part that waits (measured, in MiB).
    fn workers(self) -> usize {
        let (all, one) = match self.level {
            ..=3 => (MEMORY, 13),
            4..19 => (MEMORY, 26),
            _ => (MEMORY_SMALLEST, 116),
        };
        self.threads.clamp(1, all / one)
    }
}

/// What the metadata says about the stored bytes of a slot.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) bytes: u64,
    pub(crate) sha256: [u8; 32],
    pub(crate) frames: Vec<Frame>,
}

impl Stored {
    /// What the slot table calls the original size.
    pub(crate) fn content(&self) -> u64 {
        if self.frames.is_empty() { self.bytes } else { self.frames.iter().map(|frame| frame.content).sum() }
    }
}

/// Ticks of one slot, as part of all slots.
pub(crate) struct Meter<'a> {
    pub(crate) progress: &'a dyn Progress,
    pub(crate) stage: Stage,
    pub(crate) done: &'a AtomicU64,
    pub(crate) total: u64,
    pub(crate) detail: &'a str,
}

impl Meter<'_> {
    pub(crate) fn advance(&self, bytes: usize) -> Result<()> {
        self.progress.check()?;
        let done = self.done.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        self.progress.event(Event { stage: self.stage, done, total: self.total, detail: self.detail });
        Ok(())
    }
}

/// Where the stored bytes of a slot go: counted and hashed on their way.
pub(crate) struct Deposit<'a> {
    output: &'a mut dyn Write,
    hasher: Sha256,
    bytes: u64,
}

impl<'a> Deposit<'a> {
    pub(crate) fn new(output: &'a mut dyn Write) -> Self {
        Self { output, hasher: Sha256::new(), bytes: 0 }
    }

    pub(crate) fn finish(self, frames: Vec<Frame>) -> Stored {
        Stored { bytes: self.bytes, sha256: self.hasher.finalize().into(), frames }
    }
}

impl Write for Deposit<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let written = self.output.write(piece)?;
        self.hasher.update(&piece[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Compresses the tar stream of a tree, cut at member boundaries; large frames wait in unnamed files in `folder`.
pub(crate) fn tree(
    tree: &Tree,
    compression: Compression<'_>,
    folder: &Path,
    output: &mut dyn Write,
    meter: &Meter<'_>,
) -> Result<Stored> {
    let cuts = cut::cut(tree, compression.level, compression.mtime)?;
    cuts_of(tree, &cuts, compression, folder, output, meter)
}

/// The same for some cuts of it.
pub(crate) fn cuts_of(
    tree: &Tree,
    cuts: &[Cut],
    compression: Compression<'_>,
    folder: &Path,
    output: &mut dyn Write,
    meter: &Meter<'_>,
) -> Result<Stored> {
    let workers = compression.workers().min(cuts.len());
    let own = |worker: usize| cuts.iter().skip(worker).step_by(workers);
    let compress = |cut: &Cut| {
        let write = |out: &mut dyn Write, advance: &dyn Fn(usize) -> Result<()>| {
            write_members(tree, cut, compression.mtime, folder, out, advance)
        };
        let ticks = Ticks { advance: &|bytes| meter.advance(bytes), check: &|| meter.progress.check() };
        compress(cut.content, compression, folder, &ticks, write)
    };
    std::thread::scope(|scope| {
        let frames = (0..workers)
            .map(|worker| worker_thread(scope, own(worker), compress, folder))
            .collect::<Result<Vec<_>>>()?;
        let stored = collect(&frames, folder, output)?;
        if stored.frames.len() == cuts.len() {
            return Ok(stored);
        }
        Err(Error::Internal { message: "a compression thread ended early".to_owned() })
    })
}

/// Compresses what `produce` writes, cut every few mebibytes; an empty stream is one frame.
pub(crate) fn stream(
    produce: impl FnOnce(&mut dyn Write) -> Result<()> + Send,
    compression: Compression<'_>,
    folder: &Path,
    output: &mut dyn Write,
) -> Result<Stored> {
    let workers = compression.workers();
    let compress = |part: Vec<u8>| {
        let ticks = Ticks { advance: &|_| Ok(()), check: &|| Ok(()) };
        compress(part.len() as u64, compression, folder, &ticks, |out, _| {
            out.write_all(&part).map_err(waiting(folder))
        })
    };
    std::thread::scope(|scope| {
        let (mut parts, mut frames) = (Vec::with_capacity(workers), Vec::with_capacity(workers));
        for _ in 0..workers {
            let (sender, receiver) = sync_channel(0);
            parts.push(sender);
            frames.push(worker_thread(scope, receiver.into_iter(), compress, folder)?);
        }
        // Below 2^23, so it fits.
        let size = usize::try_from(cut::frame_content(compression.level)).unwrap_or(usize::MAX);
        let mut chopper = Chopper { parts, size, part: Vec::new(), number: 0 };
        let encoding = std::thread::Builder::new()
            .name("flavor-encode".to_owned())
            .spawn_scoped(scope, move || {
                produce(&mut chopper)?;
                chopper.finish().map_err(|error| stopped(&error))
            })
            .map_err(Error::io("start a thread for the slot in", folder))?;
        let stored = collect(&frames, folder, output);
        // Ends the workers, and through them a producer that still has something to give.
        drop(frames);
        let encoded =
            encoding.join().map_err(|_| Error::Internal { message: "an encoding thread failed".to_owned() });
        // A worker's failure comes first: it is why the producer could not go on.
        let stored = stored?;
        encoded??;
        Ok(stored)
    })
}

/// Cuts a stream into parts of equal length and hands them to the workers in turn.
struct Chopper {
    parts: Vec<SyncSender<Vec<u8>>>,
    size: usize,
    part: Vec<u8>,
    number: usize,
}

impl Chopper {
    fn send(&mut self) -> io::Result<()> {
        let part = std::mem::take(&mut self.part);
        let worker = self.number % self.parts.len();
        self.number += 1;
        self.parts[worker].send(part).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn finish(mut self) -> io::Result<()> {
        if self.part.is_empty() && self.number > 0 { Ok(()) } else { self.send() }
    }
}

impl Write for Chopper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.capacity() == 0 {
            self.part.reserve_exact(self.size);
        }
        let length = bytes.len().min(self.size - self.part.len());
        self.part.extend_from_slice(&bytes[..length]);
        if self.part.len() == self.size {
            self.send()?;
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn stopped(error: &io::Error) -> Error {
    Error::Internal { message: format!("the compression threads ended early: {error}") }
}

/// Starts a thread that compresses its parts one after another. Part n belongs to worker n mod workers, and each
/// worker may run one finished frame ahead. A worker that fails or panics closes its channel, and the others stop
/// when theirs is closed from the other side.
fn worker_thread<'scope, P: Send + 'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    parts: impl Iterator<Item = P> + Send + 'scope,
    compress: impl Fn(P) -> Result<Compressed> + Send + Copy + 'scope,
    folder: &Path,
) -> Result<Receiver<Result<Compressed>>> {
    let (sender, receiver) = sync_channel(1);
    std::thread::Builder::new()
        .name("flavor-compress".to_owned())
        .spawn_scoped(scope, move || {
            for part in parts {
                let frame = compress(part);
                let failed = frame.is_err();
                if sender.send(frame).is_err() || failed {
                    return;
                }
            }
        })
        .map_err(Error::io("start a thread for the slot in", folder))?;
    Ok(receiver)
}

/// Puts the frames into the slot. The first channel that is closed in its turn ends it: there are no more parts.
fn collect(
    receivers: &[Receiver<Result<Compressed>>],
    folder: &Path,
    output: &mut dyn Write,
) -> Result<Stored> {
    let mut deposit = Deposit::new(output);
    let mut frames = Vec::new();
    let mut piece = vec![0; PIECE];
    for receiver in receivers.iter().cycle() {
        let Ok(frame) = receiver.recv() else { break };
        let mut frame = frame?;
        let mut transfer = || -> io::Result<()> {
            frame.bytes.seek(SeekFrom::Start(0))?;
            loop {
                let length = frame.bytes.read(&mut piece)?;
                if length == 0 {
                    return Ok(());
                }
                deposit.write_all(&piece[..length])?;
            }
        };
        transfer().map_err(waiting(folder))?;
        frames.push(Frame { stored: frame.length, content: frame.content, sha256: Digest(frame.sha256) });
    }
    Ok(deposit.finish(frames))
}

/// What it means when temporary data cannot be written.
pub(crate) fn waiting(folder: &Path) -> impl FnOnce(io::Error) -> Error {
    Error::output("write temporary data beside the output in", folder)
}

/// One finished frame.
struct Compressed {
    bytes: SpooledTempFile,
    length: u64,
    content: u64,
    sha256: [u8; 32],
}

/// Where a frame's bytes gather, hashed as they come.
pub(crate) struct Gather {
    bytes: SpooledTempFile,
    pub(crate) length: u64,
    hasher: Sha256,
}

impl Gather {
    pub(crate) fn new(bytes: SpooledTempFile) -> Self {
        Self { bytes, length: 0, hasher: Sha256::new() }
    }

    /// The bytes, their number and their digest.
    pub(crate) fn finish(self) -> (SpooledTempFile, u64, [u8; 32]) {
        (self.bytes, self.length, self.hasher.finalize().into())
    }
}

impl Write for Gather {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let written = self.bytes.write(piece)?;
        self.hasher.update(&piece[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same without keeping them.
struct Digesting(Sha256);

impl Write for Digesting {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0.update(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same on the way to somewhere else.
struct Digested<W> {
    inner: W,
    hasher: Option<Sha256>,
}

impl<W: Write> Write for Digested<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(piece)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&piece[..written]);
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// What `fill` of [`compress`] reports to.
struct Ticks<'a> {
    advance: &'a dyn Fn(usize) -> Result<()>,
    check: &'a dyn Fn() -> Result<()>,
}

/// Makes one frame of the `content` bytes that `fill` writes. With a cache they are written twice: to be looked for, and,
/// where they are not found, to be compressed in exactly the pieces that they are compressed in without one. The second
/// time they are hashed again, as files may change in between.
fn compress(
    content: u64,
    compression: Compression<'_>,
    folder: &Path,
    ticks: &Ticks<'_>,
    fill: impl Fn(&mut dyn Write, &dyn Fn(usize) -> Result<()>) -> Result<()>,
) -> Result<Compressed> {
    let failed = |error| waiting(folder)(error);
    let level = compression.level;
    let key_of = |hasher: Sha256| Key::new(hasher.finalize().into(), content, level);
    if let Some(cache) = compression.cache {
        let mut plain = Digesting(Sha256::new());
        let passed = Cell::new(0);
        fill(&mut plain, &|bytes| {
            passed.set(passed.get() + bytes);
            (ticks.check)()
        })?;
        if let Some(found) = cache.take(key_of(plain.0), content, folder) {
            (ticks.advance)(passed.get())?;
            return Ok(Compressed {
                bytes: found.bytes,
                length: found.length,
                content,
                sha256: found.sha256,
            });
        }
    }
    let gather = Gather::new(SpooledTempFile::new_in(FRAME_IN_MEMORY, folder));
    let mut encoder = encoder(gather, content, level).map_err(failed)?;
    let mut plain = Digested { inner: &mut encoder, hasher: compression.cache.map(|_| Sha256::new()) };
    fill(&mut plain, ticks.advance)?;
    let plain = plain.hasher;
    let (mut bytes, length, sha256) = encoder.finish().map_err(failed)?.finish();
    if let (Some(cache), Some(hasher)) = (compression.cache, plain) {
        cache.keep(key_of(hasher), &mut bytes, length, sha256);
    }
    Ok(Compressed { bytes, length, content, sha256 })
}

/// What makes a frame of so many bytes of content.
pub(crate) fn encoder<W: Write>(output: W, content: u64, level: i32) -> io::Result<Encoder<'static, W>> {
    let mut encoder = Encoder::new(output, level)?;
    // The header then states the content size, and the compressor picks a window that fits it: at most 8 MiB at
    // the levels that are allowed. No checksum: the SHA-256 of the frame is signed.
    encoder.set_pledged_src_size(Some(content))?;
    encoder.include_checksum(false)?;
    Ok(encoder)
}

/// Writes what one cut of the tar stream holds.
pub(crate) fn write_members(
    tree: &Tree,
    cut: &Cut,
    mtime: u64,
    folder: &Path,
    out: &mut dyn Write,
    advance: &dyn Fn(usize) -> Result<()>,
) -> Result<()> {
    let failed = |error| waiting(folder)(error);
    let mut piece = vec![0; PIECE];
    for entry in &tree.entries[cut.members.clone()] {
        let size = cut::file_size(entry);
        let part = cut.part.unwrap_or(cut::Part { offset: 0, length: size, last: true });
        if part.offset == 0 {
            out.write_all(&cut::header(entry, mtime)?).map_err(failed)?;
        }
        if !matches!(entry.member.kind, Kind::File { .. }) {
            advance(0)?;
            continue;
        }
        let content = archive::open(entry)?;
        let (mut offset, end) = (part.offset, part.offset + part.length);
        while offset < end {
            let wanted = usize::try_from(end - offset).map_or(PIECE, |left| left.min(PIECE));
            content.read(&mut piece[..wanted], offset)?;
            out.write_all(&piece[..wanted]).map_err(failed)?;
            offset += wanted as u64;
            advance(wanted)?;
        }
        if part.last {
            content.finish(size)?;
            out.write_all(&[0; tar::BLOCK][..tar::padding(size)]).map_err(failed)?;
        }
    }
    if cut.last {
        out.write_all(&END_OF_ARCHIVE).map_err(failed)?;
    }
    Ok(())
}
