//! One pass over a slot: what is in it, how the stored bytes are shared out, and what the rest of this module wants to
//! know of the contents. Every stored byte is hashed on the way and compared with the signed digest, like for any
//! other reader.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use pspf::ReadAt;
use pspf::tar::{Decoder, Kind, Member, MemberSink};
use sha2::{Digest as _, Sha256};

use super::modules;
use super::share::share;
use crate::decode::{Announced, Counted, FileCount, Slot};
use crate::frames::{Meter, waiting};
use crate::{Error, Result};

/// Longer texts than this are not looked at.
const TEXT_MAX: u64 = 8 * 1024 * 1024;
/// Bytes of the spool that wait in memory.
const PIECE: usize = 128 * 1024;

/// One file of a slot.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// Path in the slot; empty where the slot is the file.
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) executable: bool,
    /// Its part of the stored bytes.
    pub(super) stored: u64,
    pub(super) sha256: [u8; 32],
    /// Where its content begins in the spool.
    pub(super) offset: u64,
}

/// What a slot holds.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) files: Vec<Held>,
    /// Folders and links.
    pub(super) others: Vec<Member>,
    /// Stored bytes that are no file's.
    pub(super) rest: u64,
    /// RECORD and METADATA of distributions.
    pub(super) texts: BTreeMap<String, Vec<u8>>,
    /// Folders of tests that other modules import.
    pub(super) imported_tests: Vec<String>,
    /// The contents of the files, one behind the other.
    pub(super) spool: Option<File>,
}

/// Reads a slot to its end. With a folder the contents are kept, in a file there that has no name.
pub(super) fn slot<R: ReadAt + Sync>(
    slot: &Slot<'_, R>,
    spool: Option<&Path>,
    meter: &Meter<'_>,
) -> Result<Content> {
    let announced = Announced::of(slot.package, slot.position, meter.progress);
    let mut reading = Reading::new(spool)?;
    if !slot.is_tree() {
        let count = FileCount::new(&announced)?;
        reading.begin(&Member { path: String::new(), kind: Kind::File { size: 0, executable: false } })?;
        slot.content(meter, |piece| {
            count.add(piece)?;
            reading.data(piece)
        })?;
        reading.end()?;
        let found = announced.settle()?;
        reading.close_frame(slot.size());
        let mut content = reading.finish()?;
        if let Some(file) = content.files.first_mut() {
            file.size = found.bytes;
        }
        if found.members == 0 {
            // The package itself.
            content.files.clear();
        }
        return Ok(content);
    }
    let frames = if slot.is_framed_tree() { slot.package.frames(slot.position) } else { &[] };
    let mut frames = frames.iter();
    let mut frame = frames.next();
    let mut left = frame.map_or(u64::MAX, |frame| frame.content);
    let mut sink = Counted::new(&announced, reading);
    let mut decoder = Decoder::with_profile(slot.package.tar_profile(slot.position));
    slot.content(meter, |mut piece| {
        while !piece.is_empty() {
            let length = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            decoder.feed(&piece[..length], &mut sink)?;
            piece = &piece[length..];
            left -= length as u64;
            while let Some(full) = frame.filter(|_| left == 0) {
                sink.inner.close_frame(full.stored);
                frame = frames.next();
                left = frame.map_or(u64::MAX, |frame| frame.content);
            }
        }
        Ok(())
    })?;
    decoder.finish(true)?;
    announced.settle()?;
    let mut reading = sink.inner;
    if slot.is_framed_tree() {
        // Frames without content at the end.
        frame.into_iter().chain(frames).for_each(|frame| reading.close_frame(frame.stored));
    } else {
        reading.close_frame(slot.size());
    }
    reading.finish()
}

/// Collects what one slot holds.
struct Reading<'a> {
    content: Content,
    /// Files with bytes in the current frame, and how many.
    frame: Vec<(usize, u64)>,
    hasher: Sha256,
    /// The current file where its text is wanted.
    text: Option<Vec<u8>>,
    in_file: bool,
    folder: &'a Path,
    spool: Option<BufWriter<File>>,
    written: u64,
}

impl<'a> Reading<'a> {
    fn new(spool: Option<&'a Path>) -> Result<Self> {
        let folder = spool.unwrap_or(Path::new(""));
        let spool = spool.map(|folder| tempfile::tempfile_in(folder).map_err(waiting(folder))).transpose()?;
        Ok(Self {
            content: Content::default(),
            frame: Vec::new(),
            hasher: Sha256::new(),
            text: None,
            in_file: false,
            folder,
            spool: spool.map(|file| BufWriter::with_capacity(PIECE, file)),
            written: 0,
        })
    }

    /// A frame of so many stored bytes ended.
    fn close_frame(&mut self, stored: u64) {
        let frame = std::mem::take(&mut self.frame);
        let weights: Vec<u64> = frame.iter().map(|(_, bytes)| *bytes).collect();
        let shares = share(stored, &weights);
        self.content.rest += stored - shares.iter().sum::<u64>();
        for ((file, _), part) in frame.into_iter().zip(shares) {
            self.content.files[file].stored += part;
        }
    }

    fn finish(self) -> Result<Content> {
        let mut content = self.content;
        let spool = self.spool.map(BufWriter::into_inner).transpose();
        content.spool = spool.map_err(|error| waiting(self.folder)(error.into_error()))?;
        Ok(content)
    }
}

impl MemberSink for Reading<'_> {
    type Error = Error;

    fn begin(&mut self, member: &Member) -> Result<()> {
        let Kind::File { size, executable } = member.kind else {
            self.content.others.push(member.clone());
            return Ok(());
        };
        let is_text = is_wanted(&member.path) || modules::may_import_tests(&member.path);
        self.text = (is_text && size <= TEXT_MAX).then(Vec::new);
        self.hasher = Sha256::new();
        self.in_file = true;
        self.content.files.push(Held {
            path: member.path.clone(),
            size,
            executable,
            stored: 0,
            sha256: [0; 32],
            offset: self.written,
        });
        Ok(())
    }

    fn data(&mut self, piece: &[u8]) -> Result<()> {
        let file = self.content.files.len() - 1;
        match self.frame.last_mut() {
            Some((last, bytes)) if *last == file => *bytes += piece.len() as u64,
            _ => self.frame.push((file, piece.len() as u64)),
        }
        self.hasher.update(piece);
        if let Some(text) = &mut self.text {
            text.extend_from_slice(piece);
        }
        if let Some(spool) = &mut self.spool {
            spool.write_all(piece).map_err(waiting(self.folder))?;
        }
        self.written += piece.len() as u64;
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.in_file) {
            return Ok(());
        }
        let Some(file) = self.content.files.last_mut() else { return Ok(()) };
        file.sha256 = std::mem::take(&mut self.hasher).finalize().into();
        if let Some(text) = self.text.take() {
            if is_wanted(&file.path) {
                self.content.texts.insert(file.path.clone(), text);
            } else {
                self.content.imported_tests.extend(modules::imported_tests(&file.path, &text));
            }
        }
        Ok(())
    }
}

/// Whether a file tells about a distribution.
fn is_wanted(path: &str) -> bool {
    path.rsplit_once('/')
        .is_some_and(|(folder, name)| folder.ends_with(".dist-info") && matches!(name, "RECORD" | "METADATA"))
}
