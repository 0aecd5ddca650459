//! Unpacking one slot into a staged tree (STORE.md 5). Nothing here is visible to anybody until the tree is renamed.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use pspf::metadata::Unpacked;
use pspf::tar::{Kind, Member, MemberSink};
use pspf::{ErrorCode, Package, ReadAt};

use crate::composition::refuse;
use crate::directories::Directories;
use crate::error::{During as _, Error, Result};
use crate::frames::{SlotSink, decode_slot, require_unpackable};
use crate::members::Members;
use crate::names::Names;
use crate::private_tree::errno;
use crate::system::{Errno, Folder};

/// Unpacks `slot` below `root`, an empty folder. The process's umask must be 0 for the modes to be exact.
pub(crate) fn unpack_slot<R: ReadAt + Sync>(
    package: &Package<R>,
    slot: usize,
    root: &Folder,
    names: Names,
) -> Result<()> {
    let names = names.of(package);
    let members = unpack_files(package, slot, root, Ground::empty(names))?;
    create_links(root, &members, names)?;
    names.require_entries(root, members.all().len())
}

/// Unpacks files and directories of `slot` below `root`; links are left to [`create_links`], so that nothing can pass
/// through one while files are written.
pub(crate) fn unpack_files<R: ReadAt + Sync>(
    package: &Package<R>,
    slot: usize,
    root: &Folder,
    ground: Ground,
) -> Result<Members> {
    let budget = Budget::new(slot, unpacked(package, slot));
    let mode = require_unpackable(package, slot)?.map(|file| file.mode);
    let members = decode_slot(package, slot, &|| Box::new(Writer::new(root, ground, Some(&budget), mode)))?;
    ground.names.require_distinct(&mut members.all().iter().map(|member| member.path.as_str()))?;
    budget.settle()?;
    Ok(members)
}

/// Creates the links of a slot whose files are complete and whose member list was judged.
pub(crate) fn create_links(root: &Folder, members: &Members, names: Names) -> Result<()> {
    let mut directories = Directories::new(root, false);
    for (path, target) in members.links() {
        let (parent, name) = directories.parent_of(path)?;
        let made = parent.create_link(target, name).during("create the link", || PathBuf::from(path));
        made.map_err(|error| names.in_the_way(path, error))?;
    }
    Ok(())
}

/// What the signed metadata says about `slot`; only packages with `x-flavor` come here.
pub(crate) fn unpacked<R: ReadAt>(package: &Package<R>, slot: usize) -> Unpacked {
    package.flavor().map_or(Unpacked { bytes: 0, members: 0 }, |flavor| flavor.slots[slot].unpacked)
}

/// The signed totals, counted down by all workers together.
pub(crate) struct Budget {
    slot: usize,
    signed: Unpacked,
    bytes: AtomicU64,
    members: AtomicU64,
}

impl Budget {
    pub(crate) fn new(slot: usize, signed: Unpacked) -> Self {
        Self { slot, signed, bytes: AtomicU64::new(0), members: AtomicU64::new(0) }
    }

    /// Counts a member before anything is created for it.
    pub(crate) fn spend(&self, member: &Member) -> Result<()> {
        let size = if let Kind::File { size, .. } = member.kind { size } else { 0 };
        let members = self.members.fetch_add(1, Ordering::Relaxed) + 1;
        // Saturating: a header may claim any size.
        let before = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |sum| Some(sum.saturating_add(size)));
        let bytes = before.unwrap_or(u64::MAX).saturating_add(size);
        if members > self.signed.members || bytes > self.signed.bytes {
            return Err(self.differs(bytes, members));
        }
        Ok(())
    }

    /// Compares the totals when everything was counted.
    pub(crate) fn settle(&self) -> Result<()> {
        let bytes = self.bytes.load(Ordering::Relaxed);
        let members = self.members.load(Ordering::Relaxed);
        if bytes == self.signed.bytes && members == self.signed.members {
            return Ok(());
        }
        Err(self.differs(bytes, members))
    }

    fn differs(&self, bytes: u64, members: u64) -> Error {
        Error::refused(
            ErrorCode::StoreUnpacked,
            format!(
                "slot {} unpacks to {bytes} or more bytes in {members} or more members, expected {} in {}",
                self.slot, self.signed.bytes, self.signed.members
            ),
        )
    }
}

/// The staged tree that a slot is unpacked onto.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground {
    /// How the file system that it lies on compares names.
    pub(crate) names: Names,
    /// Other slots were unpacked into it: what stands in a member's way may be a member of theirs.
    pub(crate) is_shared: bool,
}

impl Ground {
    /// A tree of the slot's own.
    pub(crate) const fn empty(names: Names) -> Self {
        Self { names, is_shared: false }
    }

    /// The rule that is broken when something stands in the way.
    pub(crate) fn clash(self, path: &str, error: Error) -> Error {
        if !self.is_shared || self.names != Names::Distinct {
            return self.names.in_the_way(path, error);
        }
        let what = match errno(&error) {
            Some(Errno::EXIST | Errno::ISDIR) => "occurs twice",
            Some(Errno::NOTDIR | Errno::LOOP) => "passes through a member that is no directory",
            _ => return error,
        };
        refuse(&format!("{path:?} {what}"))
    }
}

/// Creates files and directories; remembers links, which come later.
pub(crate) struct Writer<'a> {
    directories: Directories<'a>,
    ground: Ground,
    budget: Option<&'a Budget>,
    /// Of the one file of a slot that holds no tree.
    mode: Option<u32>,
    current: Option<File>,
    pub(crate) members: Vec<Member>,
}

impl<'a> Writer<'a> {
    /// Writes below `root`. Without a budget the caller counts; without a mode files have that of their kind.
    pub(crate) fn new(
        root: &'a Folder,
        ground: Ground,
        budget: Option<&'a Budget>,
        mode: Option<u32>,
    ) -> Self {
        let directories = Directories::new(root, true);
        Self { directories, ground, budget, mode, current: None, members: Vec::new() }
    }
}

impl SlotSink for Writer<'_> {
    fn into_members(self: Box<Self>) -> Vec<Member> {
        self.members
    }
}

impl MemberSink for Writer<'_> {
    type Error = Error;

    fn begin(&mut self, member: &Member) -> Result<()> {
        if let Some(budget) = self.budget {
            budget.spend(member)?;
        }
        match &member.kind {
            Kind::Directory => {
                let made = self.directories.directory(&member.path);
                made.map_err(|error| self.ground.clash(&member.path, error))?;
            }
            Kind::File { executable, .. } => {
                let parent = self.directories.parent_of(&member.path);
                let (parent, name) = parent.map_err(|error| self.ground.clash(&member.path, error))?;
                let mode = self.mode.unwrap_or_else(|| file_mode(*executable));
                let file = parent.create_file(name, mode).during("create", || PathBuf::from(&member.path));
                self.current = Some(file.map_err(|error| self.ground.clash(&member.path, error))?);
            }
            Kind::Symlink { .. } => {}
        }
        self.members.push(member.clone());
        Ok(())
    }

    fn data(&mut self, piece: &[u8]) -> Result<()> {
        let Some(file) = &mut self.current else { return Ok(()) };
        file.write_all(piece)
            .during("write", || PathBuf::from(self.members.last().map_or("", |member| member.path.as_str())))
    }

    fn end(&mut self) -> Result<()> {
        self.current = None;
        Ok(())
    }
}

/// The mode of a file in a tree (STORE.md 4.2).
pub(crate) const fn file_mode(executable: bool) -> u32 {
    if executable { 0o755 } else { 0o644 }
}
