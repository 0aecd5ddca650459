//! Comparing a tree with the package that it came from (STORE.md 6.3, S18): the verified stream is decoded again and
//! read against the files. Needed for what was written in an earlier boot and may not have reached the disk.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};

use pspf::tar::{Kind, Member, MemberSink};
use pspf::{Package, ReadAt};

use crate::directories::{Directories, open_file};
use crate::error::{Error, Result};
use crate::frames::{SlotSink, decode_slot, require_unpackable};
use crate::names::count_entries;
use crate::system::{FileKind, Folder};
use crate::unpack::{Budget, file_mode, unpacked};

/// Whether everything beside the members counts as a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extra {
    Differs,
    Ignored,
}

/// What a tree is, compared with its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Likeness {
    Equal,
    /// Every member is as it should be, and there is more.
    Added,
    Differs,
}

/// Whether the tree at `root` is what `slot` unpacks to. Every byte of the slot was verified when this returns `Ok`,
/// whatever the answer.
pub(crate) fn matches_slot<R: ReadAt + Sync>(
    package: &Package<R>,
    slot: usize,
    root: &Folder,
    extra: Extra,
) -> Result<bool> {
    let found = compare_slot(package, slot, root, extra == Extra::Differs)?;
    Ok(found == Likeness::Equal || (found == Likeness::Added && extra == Extra::Ignored))
}

/// Compares the tree at `root` with what `slot` unpacks to; additions are looked for only if `count` says so.
pub(crate) fn compare_slot<R: ReadAt + Sync>(
    package: &Package<R>,
    slot: usize,
    root: &Folder,
    count: bool,
) -> Result<Likeness> {
    let budget = Budget::new(slot, unpacked(package, slot));
    let mode = require_unpackable(package, slot)?.map(|file| file.mode);
    let differs = AtomicBool::new(false);
    let comparer = || Comparer {
        directories: Directories::new(root, false),
        budget: &budget,
        differs: &differs,
        mode,
        current: None,
        piece: Vec::new(),
        members: Vec::new(),
    };
    let members = decode_slot(package, slot, &|| Box::new(comparer()))?;
    budget.settle()?;
    // Folders that were only implied passed no comparer; those that passed one are looked at once more.
    let mut folders = comparer();
    let mut all = members.all().iter().filter(|member| member.kind == Kind::Directory);
    let whole = all.all(|folder| folders.is_there(folder).is_some());
    if !whole || differs.load(Ordering::Relaxed) {
        return Ok(Likeness::Differs);
    }
    // Each member was found, so a tree of as many entries holds nothing else.
    let same = !count || count_entries(root).is_some_and(|count| count == members.all().len());
    Ok(if same { Likeness::Equal } else { Likeness::Added })
}

struct Comparer<'a> {
    directories: Directories<'a>,
    budget: &'a Budget,
    differs: &'a AtomicBool,
    /// Of the one file of a slot that holds no tree.
    mode: Option<u32>,
    current: Option<(File, u64)>,
    piece: Vec<u8>,
    members: Vec<Member>,
}

impl Comparer<'_> {
    /// Whether `member` is there as it should be; files are left open for their bytes.
    fn is_there(&mut self, member: &Member) -> Option<()> {
        let (parent, name) = self.directories.parent_of(&member.path).ok()?;
        match &member.kind {
            Kind::File { size, executable } => {
                let (file, status) = open_file(parent, name)?;
                let mode = self.mode.unwrap_or_else(|| file_mode(*executable));
                let fits = status.identity().size == *size && status.has_mode(mode);
                fits.then(|| self.current = Some((file, 0)))
            }
            Kind::Directory => {
                let status = parent.find(name).ok()?;
                (status.kind() == FileKind::Folder && status.has_mode(0o755)).then_some(())
            }
            Kind::Symlink { target } => parent.is_link_to(name, target.as_ref()).then_some(()),
        }
    }

    fn differ(&mut self) {
        self.differs.store(true, Ordering::Relaxed);
        self.current = None;
    }
}

impl SlotSink for Comparer<'_> {
    fn into_members(self: Box<Self>) -> Vec<Member> {
        self.members
    }
}

impl MemberSink for Comparer<'_> {
    type Error = Error;

    fn begin(&mut self, member: &Member) -> Result<()> {
        self.budget.spend(member)?;
        self.members.push(member.clone());
        if !self.differs.load(Ordering::Relaxed) && self.is_there(member).is_none() {
            self.differ();
        }
        Ok(())
    }

    fn data(&mut self, piece: &[u8]) -> Result<()> {
        let Some((file, offset)) = &mut self.current else { return Ok(()) };
        self.piece.resize(piece.len(), 0);
        let same = ReadAt::read_exact_at(file, &mut self.piece, *offset).is_ok() && self.piece == piece;
        *offset += piece.len() as u64;
        if !same {
            self.differ();
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.current = None;
        Ok(())
    }
}
