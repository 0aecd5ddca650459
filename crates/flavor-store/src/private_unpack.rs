//! Unpacking the slots of a private environment into a staged tree (STORE.md 8.8–8.10, 8.13): one slot after another, as
//! streams, and judged together, because all of them share one root. Links come when every file is there, so nothing is
//! written through one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use pspf::layout::limit;
use pspf::metadata::{Slot, Unpacked};
use pspf::tar::{Kind, Member, MemberSink};
use pspf::{Error as FormatError, ErrorCode, Package, ReadAt};

use crate::composition::refuse;
use crate::directories::Directories;
use crate::error::{During as _, Error, Result};
use crate::frames::verify_slot_bytes;
use crate::members::Members;
use crate::names::Names;
use crate::private_tree::{outside, target, through_link};
use crate::stream::{differs, give, require_decodable};
use crate::system::{Errno, Folder};

/// The slot that the original's Python builder adds: it states no full digest of it.
const ATTESTATION: &str = "_attestation";

/// Whether a slot becomes something in the environment.
pub(crate) fn is_unpacked(slot: &Slot) -> bool {
    slot.id != ATTESTATION && !slot.self_ref
}

/// Whether the stored bytes of a slot are compared: all are that have a digest, and what is unpacked needs one.
pub(crate) fn is_compared(slot: &Slot) -> bool {
    slot.digest().is_some() || is_unpacked(slot)
}

/// Refuses what could not be unpacked, from the metadata alone.
pub(crate) fn require_unpackable<R: ReadAt>(package: &Package<R>) -> Result<()> {
    for (position, slot) in package.metadata().slots.iter().enumerate() {
        target(&slot.target)?;
        if slot.self_ref && package.descriptors()[position].size > 0 {
            return Err(refuse(&format!("slot {position} stands for the package itself but holds bytes")));
        }
        if is_unpacked(slot) && slot.digest().is_none() && package.compares_slots() {
            let message = format!("slot {position} ({:?}) has no full SHA-256 in the metadata", slot.id);
            return Err(FormatError::rule(ErrorCode::PspfForeign, message).into());
        }
        if is_unpacked(slot) {
            require_decodable(package, position)?;
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NodeKind {
    Directory,
    File,
    Link,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    kind: NodeKind,
    /// Whether something that stays after setup put it there or needs it.
    stays: bool,
    /// What a folder's archive says about its mode.
    mode: Option<u32>,
}

/// All paths of an environment that the launcher made.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    nodes: BTreeMap<String, Node>,
    links: Vec<(String, String)>,
    /// What all slots came to.
    pub(crate) size: Sum,
}

/// Bytes of files and number of members.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) bytes: u64,
    pub(crate) members: u64,
}

impl Sum {
    fn add(&mut self, bytes: u64, members: u64, most: Unpacked, what: &dyn Fn() -> Error) -> Result<()> {
        // Saturating: a header may claim any size.
        self.bytes = self.bytes.saturating_add(bytes);
        self.members = self.members.saturating_add(members);
        if self.bytes > most.bytes || self.members > most.members { Err(what()) } else { Ok(()) }
    }
}

impl Contents {
    /// Unpacks every slot below `root`, an empty staged tree, or compares its bytes where it is not unpacked, and makes the
    /// links. The process's umask must be 0.
    pub(crate) fn unpack<R: ReadAt + Sync>(
        package: &Package<R>,
        root: &Folder,
        names: Names,
    ) -> Result<Self> {
        let mut contents = Self::default();
        let names = names.of(package);
        for (position, slot) in package.metadata().slots.iter().enumerate() {
            if is_unpacked(slot) {
                contents.slot(package, position, root, names)?;
            } else if is_compared(slot) && package.compares_slots() {
                verify_slot_bytes(package, position)?;
            }
        }
        names.require_distinct(&mut contents.nodes.keys().map(String::as_str))?;
        let mut directories = Directories::new(root, false);
        for (path, target) in &contents.links {
            let (parent, name) = directories.parent_of(path)?;
            parent.create_link(target, name).during("create the link", || PathBuf::from(path))?;
        }
        for (path, node) in &contents.nodes {
            if let Some(mode) = node.mode {
                let (parent, name) = directories.parent_of(path)?;
                parent.set_mode_of(name, mode).during("change the mode of", || PathBuf::from(path))?;
            }
        }
        names.require_entries(root, contents.nodes.len())?;
        Ok(contents)
    }

    /// Notes a folder that is made besides the slots.
    pub(crate) fn keep_directory(&mut self, path: &str) -> Result<()> {
        if path.is_empty() { Ok(()) } else { self.claim(path, NodeKind::Directory, true).map(|_| ()) }
    }

    /// Notes a file that is made besides the slots, at a path that must be free.
    pub(crate) fn keep_new_file(&mut self, path: &str) -> Result<()> {
        if self.claim(path, NodeKind::File, true)? {
            return Err(outside(path, "is the launcher's own"));
        }
        Ok(())
    }

    fn slot<R: ReadAt + Sync>(
        &mut self,
        package: &Package<R>,
        position: usize,
        root: &Folder,
        names: Names,
    ) -> Result<()> {
        let mut sink = Sink {
            position,
            names,
            directories: Directories::new(root, true),
            stays: package.metadata().slots[position].lifecycle != "init",
            announced: package.flavor().map(|flavor| flavor.slots[position].unpacked),
            sum: Sum::default(),
            permissions: 0,
            current: None,
            counted: 0,
            members: Vec::new(),
            contents: self,
        };
        give(package, position, &mut sink)?;
        sink.end_of_slot()
    }

    /// Takes a path and every folder above it; `true` if a file was there and is to be replaced.
    fn claim(&mut self, path: &str, kind: NodeKind, stays: bool) -> Result<bool> {
        for (end, _) in path.match_indices('/') {
            self.insert(&path[..end], NodeKind::Directory, stays)?;
        }
        self.insert(path, kind, stays)
    }

    fn insert(&mut self, path: &str, kind: NodeKind, stays: bool) -> Result<bool> {
        match self.nodes.entry(path.to_owned()) {
            Entry::Vacant(entry) => {
                entry.insert(Node { kind, stays, mode: None });
                Ok(false)
            }
            Entry::Occupied(mut entry) => {
                let node = entry.get_mut();
                match (node.kind, kind) {
                    (NodeKind::Directory, NodeKind::Directory) => node.stays |= stays,
                    // The later one replaces the earlier one, so it alone counts.
                    (NodeKind::File, NodeKind::File) => node.stays = stays,
                    _ => return Err(outside(path, "is taken by another slot, or is no folder")),
                }
                Ok(kind == NodeKind::File)
            }
        }
    }

    /// Removes what only `init` slots put there (STORE.md 8.13). Setup may have changed everything meanwhile.
    pub(crate) fn remove_init(&self, root: &Folder) -> Result<()> {
        let mut directories = Directories::new(root, false);
        // Deepest first: a folder is empty once what was in it is gone.
        for (path, node) in self.nodes.iter().rev().filter(|(_, node)| !node.stays) {
            let (parent, name) = match directories.parent_of(path) {
                Ok(found) => found,
                Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(through_link(path, error)),
            };
            let directory = node.kind == NodeKind::Directory;
            let removed = if directory { parent.remove_folder(name) } else { parent.remove_file(name) };
            match removed {
                // Gone, in use by setup, or something else by now, which the launcher did not make.
                Ok(())
                | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR | Errno::ISDIR) => {}
                Err(Errno::PERM) if !directory => {}
                Err(error) => return Err(error).during("remove", || PathBuf::from(path)),
            }
        }
        Ok(())
    }
}

struct Sink<'a> {
    position: usize,
    names: Names,
    directories: Directories<'a>,
    contents: &'a mut Contents,
    stays: bool,
    /// What the signed metadata of a package of ours says.
    announced: Option<Unpacked>,
    /// Of this slot.
    sum: Sum,
    permissions: u32,
    current: Option<(String, File)>,
    /// Bytes of the current file that were counted when it began and are still to come.
    counted: u64,
    members: Vec<Member>,
}

impl Sink<'_> {
    fn spend(&mut self, bytes: u64, members: u64) -> Result<()> {
        const MOST: Unpacked = Unpacked { bytes: limit::CONTENT_BYTES, members: limit::MEMBERS };
        self.contents.size.add(bytes, members, MOST, &|| {
            let message =
                format!("the slots unpack to more than {} bytes or {} members", MOST.bytes, MOST.members);
            FormatError::rule(ErrorCode::PspfLimit, message).into()
        })?;
        let position = self.position;
        let most = self.announced.unwrap_or(MOST);
        self.sum.add(bytes, members, most, &|| differs(position, most))
    }

    fn create(&mut self, path: &str, mode: u32) -> Result<()> {
        let replaced = self.contents.claim(path, NodeKind::File, self.stays)?;
        let (parent, name) = self.directories.parent_of(path)?;
        if replaced {
            parent.remove_file(name).during("replace", || PathBuf::from(path))?;
        }
        let file = parent.create_file(name, mode).map_err(|error| match (error, self.names) {
            (Errno::EXIST, Names::CaseIgnored) => self.names.clash(path),
            (error, _) => Error::Io { action: "create", path: path.into(), source: error.into() },
        })?;
        self.current = Some((path.to_owned(), file));
        Ok(())
    }

    /// Judges the slot's own members (STORE.md 5.5) and what they came to.
    fn end_of_slot(&mut self) -> Result<()> {
        let judged = Members::judge_with_implied(std::mem::take(&mut self.members))?;
        let links = judged.links().map(|(path, target)| (path.to_owned(), target.to_owned()));
        self.contents.links.extend(links);
        match self.announced {
            Some(signed) if (Sum { bytes: signed.bytes, members: signed.members }) != self.sum => {
                Err(differs(self.position, signed))
            }
            _ => Ok(()),
        }
    }
}

impl MemberSink for Sink<'_> {
    type Error = Error;

    fn permissions(&mut self, bits: u32) {
        self.permissions = bits & 0o777;
    }

    fn begin(&mut self, member: &Member) -> Result<()> {
        let bytes = if let Kind::File { size, .. } = member.kind { size } else { 0 };
        self.spend(bytes, 1)?;
        self.counted = bytes;
        // A path that occurs twice in one slot is refused, before a file would replace the other.
        match &member.kind {
            Kind::Directory => {
                self.contents.claim(&member.path, NodeKind::Directory, self.stays)?;
                if let Some(node) = self.contents.nodes.get_mut(&member.path) {
                    node.mode = Some(self.permissions);
                }
                self.directories.directory(&member.path)?;
            }
            Kind::File { .. } => self.create(&member.path, self.permissions)?,
            Kind::Symlink { .. } => {
                self.contents.claim(&member.path, NodeKind::Link, self.stays)?;
            }
        }
        self.members.push(member.clone());
        Ok(())
    }

    fn data(&mut self, piece: &[u8]) -> Result<()> {
        let length = piece.len() as u64;
        let counted = self.counted.min(length);
        self.counted -= counted;
        // A single file of another builder announces no length.
        if length > counted {
            self.spend(length - counted, 0)?;
        }
        let Some((path, file)) = &mut self.current else { return Ok(()) };
        file.write_all(piece).during("write", || PathBuf::from(&*path))
    }

    fn end(&mut self) -> Result<()> {
        self.current = None;
        Ok(())
    }
}
