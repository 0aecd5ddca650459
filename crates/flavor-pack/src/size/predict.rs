//! What a package would weigh without some of its files, at another level, or with a slot stored in frames. Nothing is
//! estimated from averages: what remains of a slot is cut, compressed and counted as a build would do it, RECORDs
//! without the lines of what went included. The one exception is a higher level for a large slot, which takes long: it is
//! tried on frames from all over the slot, and the outcome says on how much of it.
//!
//! Contents wait in files without names in a folder that the caller chooses; one slot at a time.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use pspf::codec::Level;
use pspf::layout::{DESCRIPTOR_SIZE, TRAILER_SIZE, align};
use pspf::metadata::Frame;
use pspf::operations::OperationChain;
use pspf::tar::{DEFAULT_MTIME, Kind, Member};
use pspf::{Package, hex};

use super::level;
use super::owners::{joined, record_path};
use super::read::{self, Content};
use crate::archive::{self, Entry, Source, Tree};
use crate::cut::{self, Cut};
use crate::decode::Slot;
use crate::frames::{self, Compression, Meter, Stored, waiting};
use crate::material::Material;
use crate::package_file::PackageFile;
use crate::progress::{Progress, Stage};
use crate::{Error, Result, store};

/// As much content of a slot is tried at a higher level.
const SAMPLE: u64 = 16 * 1024 * 1024;

/// What is different in one slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Position of the slot.
    pub slot: usize,
    /// Paths of files that are left out.
    pub without: Vec<String>,
    /// A higher level than it has.
    pub level: Option<i32>,
    /// Whether it is stored in frames, whatever its chain is now.
    pub frames: bool,
}

/// What a package would weigh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Bytes of the file.
    pub size: u64,
    /// Bytes of content whose compressed length is known: all, unless they are too many for a higher level.
    pub tried: u64,
    /// Bytes of content that there would be in the slots that change.
    pub content: u64,
}

/// Tells for each set of changes what the package with this signature, which was [`super::measure`]d before, would weigh.
pub fn predict(
    path: &Path,
    signature: &str,
    trials: &[Vec<Change>],
    scratch: &Path,
    progress: &dyn Progress,
) -> Result<Vec<Outcome>> {
    progress.check()?;
    let file = PackageFile::open(path)?;
    let package = Package::open(file.file()).map_err(Error::package(path))?;
    if hex::encode(&package.index().signature) != signature {
        let changed = io::Error::other("the file was changed after it was measured");
        return Err(Error::io("read the package", path)(changed));
    }
    let changes = || trials.iter().flatten();
    let mut positions: Vec<usize> = changes().map(|change| change.slot).collect();
    positions.sort_unstable();
    positions.dedup();
    if positions.last().is_some_and(|last| *last >= package.descriptors().len()) {
        return Err(Error::Option {
            message: "a change is about a slot that the package does not have".to_owned(),
        });
    }
    let done = AtomicU64::new(0);
    let content = |slot: usize| package.descriptors()[slot].original_size;
    let total = changes().map(|change| content(change.slot)).sum();
    let mut found: Vec<Vec<Found>> = trials.iter().map(|_| Vec::new()).collect();
    for position in positions {
        let slot = Slot::of(&package, position)?;
        let meter = Meter { progress, stage: Stage::Measure, done: &done, total, detail: slot.id() };
        let kept = Kept::of(&slot, scratch, progress)?;
        for (trial, found) in trials.iter().zip(&mut found) {
            for change in trial.iter().filter(|change| change.slot == position) {
                found.push(kept.changed(change, scratch, &meter)?);
            }
        }
    }
    file.must_be_unchanged()?;
    Ok(found.iter().map(|found| outcome(&package, found)).collect())
}

/// One slot after a change.
struct Found {
    slot: usize,
    stored: u64,
    /// Bytes of the metadata that list its frames.
    listed: u64,
    tried: u64,
    content: u64,
}

/// A slot with its content at hand.
struct Kept {
    slot: usize,
    chain: OperationChain,
    is_tree: bool,
    stored: u64,
    level: Option<i32>,
    content: Content,
    spool: Arc<std::fs::File>,
    name: Arc<Path>,
    /// Frames that need not be compressed again.
    known: HashMap<Held, Frame>,
}

/// What a frame holds: paths and where their content lies, the part of a split file, and whether the archive ends in it.
type Held = (Vec<(String, u64)>, Option<u64>, bool);

fn held(tree: &Tree, cut: &Cut) -> Held {
    let entries = tree.entries[cut.members.clone()].iter();
    let place = |entry: &Entry| match &entry.source {
        Source::Spool { offset, .. } => *offset,
        Source::File(_) => 0,
    };
    let members = entries.map(|entry| (entry.member.path.clone(), place(entry))).collect();
    (members, cut.part.map(|part| part.offset), cut.last)
}

impl Kept {
    fn of<R: pspf::ReadAt + Sync>(
        slot: &Slot<'_, R>,
        scratch: &Path,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let silent = AtomicU64::new(0);
        let meter = Meter { progress, stage: Stage::Measure, done: &silent, total: 0, detail: slot.id() };
        let mut content = read::slot(slot, Some(scratch), &meter)?;
        let spool =
            content.spool.take().ok_or_else(|| Error::Internal { message: "nothing was kept".to_owned() })?;
        let mut kept = Self {
            slot: slot.position,
            chain: slot.chain.clone(),
            is_tree: slot.is_tree(),
            stored: slot.size(),
            level: level::of_slot(slot)?,
            content,
            spool: Arc::new(spool),
            name: Arc::from(Path::new(slot.id())),
            known: HashMap::new(),
        };
        if let Some(level) = kept.level.filter(|_| slot.is_framed_tree()) {
            let tree = kept.tree_without(&[], scratch)?;
            let cuts = cut::cut(&tree, level, DEFAULT_MTIME)?;
            let frames = slot.package.frames(slot.position);
            // A writer that cuts in other places compresses in another way, too.
            if cuts.iter().map(|cut| cut.content).eq(frames.iter().map(|frame| frame.content)) {
                kept.known = cuts.iter().map(|cut| held(&tree, cut)).zip(frames.iter().cloned()).collect();
            }
        }
        Ok(kept)
    }

    fn changed(&self, change: &Change, scratch: &Path, meter: &Meter<'_>) -> Result<Found> {
        let compression = |level| Compression {
            level,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            mtime: DEFAULT_MTIME,
            cache: None,
        };
        let own = self.level.unwrap_or(Level::Normal.number());
        let level = change.level.unwrap_or(own);
        let found = |stored: &Stored| Found {
            slot: self.slot,
            stored: stored.bytes,
            listed: listed(&stored.frames),
            tried: stored.content(),
            content: stored.content(),
        };
        let sink = &mut io::sink();
        if !self.is_tree {
            let produce = |out: &mut dyn io::Write| self.copy(scratch, out, meter);
            return Ok(found(&frames::stream(produce, compression(level), scratch, sink)?));
        }
        let tree = self.tree_without(&change.without, scratch)?;
        if !change.frames && self.chain != OperationChain::tar_zstd() {
            let material = Material::Tree(tree);
            let chain = &self.chain;
            return Ok(found(&store::store(&material, chain, compression(own), scratch, sink, meter)?));
        }
        let cuts = cut::cut(&tree, level, DEFAULT_MTIME)?;
        let content = cuts.iter().map(|cut| cut.content).sum();
        if level <= own || content <= SAMPLE || change.frames {
            let known = |cut: &Cut| self.known.get(&held(&tree, cut)).filter(|_| level == own);
            let (same, other): (Vec<Cut>, Vec<Cut>) = cuts.into_iter().partition(|cut| known(cut).is_some());
            let mut frames: Vec<Frame> = same.iter().filter_map(|cut| known(cut).cloned()).collect();
            if !other.is_empty() {
                frames
                    .extend(frames::cuts_of(&tree, &other, compression(level), scratch, sink, meter)?.frames);
            }
            let stored = frames.iter().map(|frame| frame.stored).sum();
            return Ok(Found { slot: self.slot, stored, listed: listed(&frames), tried: content, content });
        }
        let sample = evenly(&cuts, content);
        let mut lengths = [0, 0];
        for (length, level) in lengths.iter_mut().zip([own, level]) {
            *length = frames::cuts_of(&tree, &sample, compression(level), scratch, sink, meter)?.bytes;
        }
        let [before, after] = lengths.map(u128::from);
        // No more than the slot has now: a higher level than its own was asked for.
        let stored = u64::try_from(u128::from(self.stored) * after / before.max(1)).unwrap_or(self.stored);
        let tried = sample.iter().map(|cut| cut.content).sum();
        let frame = |content| Frame { stored: content, content, sha256: pspf::metadata::Digest([0; 32]) };
        let frames: Vec<Frame> = cuts.iter().map(|cut| frame(cut.content)).collect();
        Ok(Found { slot: self.slot, stored, listed: listed(&frames), tried, content })
    }

    /// The tree of a slot without some files, and without the folders that are empty then.
    fn tree_without(&self, without: &[String], scratch: &Path) -> Result<Tree> {
        let gone: HashSet<&str> = without.iter().map(String::as_str).collect();
        let mut entries = Vec::new();
        let mut bytes = 0;
        for file in &self.content.files {
            if gone.contains(file.path.as_str()) {
                continue;
            }
            let (mut size, mut offset) = (file.size, file.offset);
            if let Some(record) =
                self.content.texts.get(&file.path).filter(|_| file.path.ends_with("/RECORD"))
                && let Some(shorter) = record_without(&file.path, record, &gone)
            {
                (size, offset) = (shorter.len() as u64, self.append(&shorter, scratch)?);
            }
            bytes += size;
            let kind = Kind::File { size, executable: file.executable };
            entries.push(self.entry(Member { path: file.path.clone(), kind }, offset));
        }
        let others = without_empty(&self.content.others, &entries, &gone);
        entries.extend(others.into_iter().map(|member| self.entry(member, 0)));
        archive::of_archive(entries, bytes)
    }

    fn entry(&self, member: Member, offset: u64) -> Entry {
        let source =
            Source::Spool { spool: Arc::clone(&self.spool), offset, archive: Arc::clone(&self.name) };
        Entry { member, source }
    }

    fn append(&self, text: &[u8], scratch: &Path) -> Result<u64> {
        let mut spool = &*self.spool;
        let append = |spool: &mut &std::fs::File| {
            let offset = spool.seek(SeekFrom::End(0))?;
            spool.write_all(text)?;
            Ok(offset)
        };
        append(&mut spool).map_err(waiting(scratch))
    }

    fn copy(&self, scratch: &Path, out: &mut dyn io::Write, meter: &Meter<'_>) -> Result<()> {
        let mut spool = &*self.spool;
        let mut piece = vec![0; frames::PIECE];
        spool.seek(SeekFrom::Start(0)).map_err(waiting(scratch))?;
        loop {
            let length = spool.read(&mut piece).map_err(waiting(scratch))?;
            if length == 0 {
                return Ok(());
            }
            out.write_all(&piece[..length]).map_err(waiting(scratch))?;
            meter.advance(length)?;
        }
    }
}

/// Cuts from all over the slot, about as many as hold [`SAMPLE`].
fn evenly(cuts: &[Cut], content: u64) -> Vec<Cut> {
    let step = usize::try_from(content.div_ceil(SAMPLE)).unwrap_or(cuts.len()).max(1);
    cuts.iter().skip(step / 2).step_by(step).cloned().collect()
}

/// A RECORD without the lines of some files; nothing if it has none of them.
fn record_without(path: &str, record: &[u8], gone: &HashSet<&str>) -> Option<Vec<u8>> {
    let base = path.rsplitn(3, '/').nth(2).unwrap_or("");
    let text = String::from_utf8_lossy(record);
    let is_gone =
        |line: &&str| record_path(line).is_some_and(|path| gone.contains(joined(base, &path).as_str()));
    if !text.lines().any(|line| is_gone(&line)) {
        return None;
    }
    let kept = text.lines().filter(|line| !is_gone(line));
    Some(kept.flat_map(|line| [line.as_bytes(), b"\n"]).flatten().copied().collect())
}

/// Folders and links but for folders that held something which is gone, and hold nothing any more.
fn without_empty(others: &[Member], files: &[Entry], gone: &HashSet<&str>) -> Vec<Member> {
    let parent = |path: &str| path.rsplit_once('/').map(|(parent, _)| parent.to_owned());
    let mut held: HashMap<String, usize> = HashMap::new();
    let paths = files.iter().map(|entry| entry.member.path.as_str());
    for path in paths.chain(others.iter().map(|member| member.path.as_str())) {
        *held.entry(parent(path).unwrap_or_default()).or_default() += 1;
    }
    let mut empty = HashSet::new();
    for path in gone {
        let mut folder = parent(path);
        while let Some(name) = folder.filter(|name| held.get(name).is_none_or(|count| *count == 0)) {
            let above = parent(&name);
            if empty.insert(name)
                && let Some(count) = held.get_mut(above.as_deref().unwrap_or_default())
            {
                *count -= 1;
            }
            folder = above;
        }
    }
    others.iter().filter(|member| !empty.contains(&member.path)).cloned().collect()
}

/// Bytes that a list of frames takes in the metadata (FORMAT.md §6).
fn listed(frames: &[Frame]) -> u64 {
    let digits = |number: u64| number.to_string().len();
    let one = |frame: &Frame| {
        r#"{"content":,"sha256":"","stored":},"#.len() + 64 + digits(frame.stored) + digits(frame.content)
    };
    frames.iter().map(|frame| one(frame) as u64).sum()
}

/// The file around what was found.
fn outcome<R: pspf::ReadAt>(package: &Package<R>, found: &[Found]) -> Outcome {
    let index = package.index();
    let alignment = package.flavor().map_or(1, pspf::metadata::Flavor::slot_alignment);
    let aligned = |offset: u64, to: u64| align(offset, to).unwrap_or(offset);
    let changed = |slot: usize| found.iter().find(|found| found.slot == slot);
    let mut metadata = index.metadata_size;
    for found in found {
        metadata = metadata + found.listed - listed(package.frames(found.slot)).min(metadata);
    }
    let table = aligned(index.metadata_offset + metadata, pspf::layout::ALIGNMENT);
    let mut end = table + (package.descriptors().len() * DESCRIPTOR_SIZE) as u64;
    for (position, descriptor) in package.descriptors().iter().enumerate() {
        let stored = changed(position).map_or(descriptor.size, |found| found.stored);
        end = aligned(end, alignment) + stored;
    }
    Outcome {
        size: end + TRAILER_SIZE as u64,
        tried: found.iter().map(|found| found.tried).sum(),
        content: found.iter().map(|found| found.content).sum(),
    }
}
