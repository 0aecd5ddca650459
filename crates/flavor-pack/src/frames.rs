//! From a member list to the stored bytes of a slot: a tar stream cut into frames at member boundaries, each
//! frame compressed on its own (FORMAT.md §9).
//!
//! Guaranteed: the bytes depend on the members, the level and the time stamp alone, never on the number of
//! threads or on how reads were cut. Memory is bounded by the number of threads: large files pass through in
//! pieces, and large frames wait on disk for their turn.

use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use pspf::layout;
use pspf::metadata::{Digest, Frame};
use pspf::tar::{self, END_OF_ARCHIVE, Kind};
use sha2::{Digest as _, Sha256};
use tempfile::SpooledTempFile;
use zstd::stream::write::Encoder;

use crate::archive::{self, Tree};
use crate::progress::{Event, Progress, Stage};
use crate::{Error, Result};

/// Bytes read from a file at once. Part of what makes the stored bytes repeatable: the compressor sees the same
/// pieces every time.
const PIECE: usize = 128 * 1024;
/// A compressed frame longer than this waits on disk.
const FRAME_IN_MEMORY: usize = 16 * 1024 * 1024;

/// How slots are compressed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compression {
    pub(crate) level: i32,
    pub(crate) threads: usize,
    pub(crate) mtime: u64,
}

impl Compression {
    fn frame_content(self) -> u64 {
        if self.level >= 19 { layout::FRAME_CONTENT_SMALLEST } else { layout::FRAME_CONTENT }
    }
}

/// What the metadata says about the stored bytes of a slot.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) bytes: u64,
    pub(crate) content: u64,
    pub(crate) sha256: [u8; 32],
    pub(crate) frames: Vec<Frame>,
}

/// Members of one frame, and the bytes that they make.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cut {
    members: Range<usize>,
    content: u64,
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

/// Compresses a tree and appends its frames to `output`; large frames wait in unnamed files in `folder`.
pub(crate) fn compress(
    tree: &Tree,
    compression: Compression,
    folder: &Path,
    output: &mut dyn Write,
    meter: &Meter<'_>,
) -> Result<Stored> {
    let cuts = cut(tree, compression)?;
    let workers = compression.threads.clamp(1, cuts.len());
    std::thread::scope(|scope| {
        // Frame n is worker n mod `workers`'s, and each worker may run one finished frame ahead. A worker that
        // fails or panics closes its channel, and the others stop when theirs is closed from this side.
        let mut receivers = Vec::with_capacity(workers);
        for worker in 0..workers {
            let (sender, receiver) = sync_channel(1);
            receivers.push(receiver);
            let cuts = &cuts;
            std::thread::Builder::new()
                .name("flavor-compress".to_owned())
                .spawn_scoped(scope, move || {
                    let own = cuts.iter().enumerate().skip(worker).step_by(workers);
                    work(tree, own, cuts.len(), compression, folder, meter, &sender);
                })
                .map_err(Error::io("start a thread for the slot in", folder))?;
        }
        collect(&cuts, &receivers, folder, output)
    })
}

fn work<'a>(
    tree: &Tree,
    own: impl Iterator<Item = (usize, &'a Cut)>,
    count: usize,
    compression: Compression,
    folder: &Path,
    meter: &Meter<'_>,
    sender: &SyncSender<Result<Compressed>>,
) {
    for (position, cut) in own {
        let frame = compress_frame(tree, cut, position + 1 == count, compression, folder, meter);
        let failed = frame.is_err();
        if sender.send(frame).is_err() || failed {
            return;
        }
    }
}

fn collect(
    cuts: &[Cut],
    receivers: &[Receiver<Result<Compressed>>],
    folder: &Path,
    output: &mut dyn Write,
) -> Result<Stored> {
    let mut stored = Stored { bytes: 0, content: 0, sha256: [0; 32], frames: Vec::with_capacity(cuts.len()) };
    let mut whole = Sha256::new();
    for (cut, receiver) in cuts.iter().zip(receivers.iter().cycle()) {
        let mut frame = receiver
            .recv()
            .map_err(|_| Error::Internal { message: "a compression thread ended early".to_owned() })??;
        let mut transfer = || -> io::Result<()> {
            frame.bytes.seek(SeekFrom::Start(0))?;
            let mut piece = vec![0; PIECE];
            loop {
                let length = frame.bytes.read(&mut piece)?;
                if length == 0 {
                    return Ok(());
                }
                whole.update(&piece[..length]);
                output.write_all(&piece[..length])?;
            }
        };
        transfer().map_err(Error::output("write temporary data beside the output in", folder))?;
        stored.bytes += frame.length;
        stored.content += cut.content;
        stored.frames.push(Frame {
            stored: frame.length,
            content: cut.content,
            sha256: Digest(frame.sha256),
        });
    }
    stored.sha256 = whole.finalize().into();
    Ok(stored)
}

fn cut(tree: &Tree, compression: Compression) -> Result<Vec<Cut>> {
    let limit = compression.frame_content();
    let mut cuts = Vec::new();
    let mut current = Cut { members: 0..0, content: 0 };
    for (position, entry) in tree.entries.iter().enumerate() {
        let length = member_bytes(entry, compression.mtime)?;
        if current.content > 0 && current.content + length > limit {
            let next = Cut { members: position..position, content: 0 };
            cuts.push(std::mem::replace(&mut current, next));
        }
        current.members.end = position + 1;
        current.content += length;
    }
    current.content += END_OF_ARCHIVE.len() as u64;
    cuts.push(current);
    Ok(cuts)
}

fn member_bytes(entry: &archive::Entry, mtime: u64) -> Result<u64> {
    let size = match entry.member.kind {
        Kind::File { size, .. } => size,
        Kind::Directory | Kind::Symlink { .. } => 0,
    };
    Ok(header(entry, mtime)?.len() as u64 + size + tar::padding(size) as u64)
}

fn header(entry: &archive::Entry, mtime: u64) -> Result<Vec<u8>> {
    tar::header(&entry.member, mtime).map_err(|error| Error::member(&entry.source, error.to_string()))
}

struct Compressed {
    bytes: SpooledTempFile,
    length: u64,
    sha256: [u8; 32],
}

/// Where a frame's bytes gather, hashed as they come.
struct Gather {
    bytes: SpooledTempFile,
    length: u64,
    hasher: Sha256,
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

fn compress_frame(
    tree: &Tree,
    cut: &Cut,
    last: bool,
    compression: Compression,
    folder: &Path,
    meter: &Meter<'_>,
) -> Result<Compressed> {
    let failed = |error| Error::output("write temporary data beside the output in", folder)(error);
    let gather =
        Gather { bytes: SpooledTempFile::new_in(FRAME_IN_MEMORY, folder), length: 0, hasher: Sha256::new() };
    let mut encoder = Encoder::new(gather, compression.level).map_err(failed)?;
    // The header then states the content size, and the compressor picks a window that fits it: at most 8 MiB at
    // the levels that are allowed. No checksum: the SHA-256 of the frame is signed.
    encoder.set_pledged_src_size(Some(cut.content)).map_err(failed)?;
    encoder.include_checksum(false).map_err(failed)?;
    let mut piece = vec![0; PIECE];
    for entry in &tree.entries[cut.members.clone()] {
        encoder.write_all(&header(entry, compression.mtime)?).map_err(failed)?;
        let Kind::File { size, .. } = entry.member.kind else {
            meter.advance(0)?;
            continue;
        };
        let mut file = archive::open(entry)?;
        let mut left = size;
        while left > 0 {
            let wanted = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
            file.read_exact(&mut piece[..wanted]).map_err(|error| {
                if error.kind() == io::ErrorKind::UnexpectedEof {
                    archive::changed(entry)
                } else {
                    Error::io("read the file to be packed", &entry.source)(error)
                }
            })?;
            encoder.write_all(&piece[..wanted]).map_err(failed)?;
            left -= wanted as u64;
            meter.advance(wanted)?;
        }
        if file.read(&mut piece[..1]).map_err(Error::io("read the file to be packed", &entry.source))? != 0 {
            return Err(archive::changed(entry));
        }
        encoder.write_all(&[0; tar::BLOCK][..tar::padding(size)]).map_err(failed)?;
    }
    if last {
        encoder.write_all(&END_OF_ARCHIVE).map_err(failed)?;
    }
    let gather = encoder.finish().map_err(failed)?;
    Ok(Compressed { bytes: gather.bytes, length: gather.length, sha256: gather.hasher.finalize().into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Entry;
    use pspf::tar::Member;

    const MIB: u64 = 1024 * 1024;

    fn tree(sizes: &[u64]) -> Tree {
        let entries = sizes
            .iter()
            .enumerate()
            .map(|(position, size)| Entry {
                member: Member {
                    path: format!("{position:04}"),
                    kind: Kind::File { size: *size, executable: false },
                },
                source: "unread".into(),
            })
            .collect();
        Tree { entries, bytes: sizes.iter().sum() }
    }

    fn cuts(sizes: &[u64], level: i32) -> Vec<(Range<usize>, u64)> {
        let compression = Compression { level, threads: 1, mtime: tar::DEFAULT_MTIME };
        cut(&tree(sizes), compression)
            .expect("cut")
            .into_iter()
            .map(|cut| (cut.members, cut.content))
            .collect()
    }

    #[test]
    fn an_empty_tree_is_one_frame_that_ends_the_archive() {
        assert_eq!(cuts(&[], 9), [(0..0, 1024)]);
    }

    #[test]
    fn a_frame_is_closed_before_the_member_that_would_take_it_past_four_mebibytes() {
        // A member of 1 MiB - 512 makes exactly 1 MiB with its header.
        let exact = MIB - 512;
        assert_eq!(cuts(&[exact; 4], 9), [(0..4, 4 * MIB + 1024)]);
        assert_eq!(cuts(&[exact; 5], 9), [(0..4, 4 * MIB), (4..5, MIB + 1024)]);
        assert_eq!(cuts(&[exact, exact, exact, exact + 1], 9), [(0..3, 3 * MIB), (3..4, MIB + 512 + 1024)]);
    }

    #[test]
    fn at_level_19_frames_hold_eight_mebibytes() {
        assert_eq!(cuts(&[MIB - 512; 9], 19), [(0..8, 8 * MIB), (8..9, MIB + 1024)]);
    }

    #[test]
    fn a_member_larger_than_a_frame_is_a_frame_of_its_own() {
        assert_eq!(
            cuts(&[10, 20 * MIB, 10, 10], 9),
            [(0..1, 1024), (1..2, 20 * MIB + 512), (2..4, 2048 + 1024)]
        );
        assert_eq!(cuts(&[20 * MIB], 9), [(0..1, 20 * MIB + 512 + 1024)]);
    }
}
