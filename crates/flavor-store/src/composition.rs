//! The plan of a work environment (STORE.md 8.5, S15), judged as a whole before any link or generated file is created:
//! which paths there will be, that none occurs twice, and that nothing lies below anything but a directory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;

use pspf::ErrorCode;
use pspf::metadata::{LinkKind, Workenv};
use pspf::tar::{Kind, check_path};

use crate::environment::Part;
use crate::error::{Error, Result};
use crate::members::Members;
use crate::placeholder::Places;

/// A link of the environment.
#[derive(Debug)]
pub(crate) struct PlannedLink {
    pub(crate) path: String,
    pub(crate) slot: usize,
    /// Member of the slot; empty for its root.
    pub(crate) to: String,
    /// Absolute target.
    pub(crate) target: PathBuf,
    pub(crate) kind: LinkKind,
}

/// A generated file of the environment.
#[derive(Debug)]
pub(crate) struct PlannedFile {
    pub(crate) path: String,
    pub(crate) content: Vec<u8>,
    pub(crate) executable: bool,
}

/// What is created besides the private slots.
#[derive(Debug)]
pub(crate) struct Composition {
    /// Private slots and their folders; an empty folder is the environment itself.
    pub(crate) unpack: Vec<(usize, String)>,
    pub(crate) links: Vec<PlannedLink>,
    pub(crate) files: Vec<PlannedFile>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Directory,
    Leaf,
}

impl Composition {
    /// Reads the signed description; placeholders are replaced, names checked. What concerns a slot that is absent at this
    /// start is left out.
    pub(crate) fn plan(workenv: &Workenv, places: &Places, parts: &[Part]) -> Result<Self> {
        let part = |slot: usize| parts.get(slot).copied();
        let mut unpack = Vec::new();
        for entry in &workenv.unpack {
            let slot = position(entry.slot)?;
            if !matches!(part(slot), Some(Part::Private | Part::Absent)) {
                return Err(refuse(&format!(
                    "slot {slot} is unpacked into the environment but is not private"
                )));
            }
            if unpack.iter().any(|(known, _)| *known == slot) {
                return Err(refuse(&format!("slot {slot} is unpacked twice")));
            }
            if !entry.into.is_empty() {
                check_path(&entry.into)?;
            }
            unpack.push((slot, entry.into.clone()));
        }
        unpack.retain(|(slot, _)| part(*slot) != Some(Part::Absent));
        let mut links = Vec::new();
        for link in &workenv.links {
            check_path(&link.path)?;
            let slot = position(link.slot)?;
            if !link.to.is_empty() {
                check_path(&link.to)?;
            }
            let target = match (part(slot), places.slots.get(slot)) {
                (Some(Part::Shared), Some(Some(root))) if link.to.is_empty() => root.clone(),
                (Some(Part::Shared), Some(Some(root))) => root.join(&link.to),
                // Of a slot that goes away only copies can stay.
                (Some(Part::Setup), _) if link.kind == LinkKind::Copy => PathBuf::from(&link.to),
                (Some(Part::Absent), _) => continue,
                _ => {
                    return Err(refuse(&format!(
                        "the link {:?} leads into slot {slot}, which is not shared",
                        link.path
                    )));
                }
            };
            links.push(PlannedLink {
                path: link.path.clone(),
                slot,
                to: link.to.clone(),
                target,
                kind: link.kind,
            });
        }
        let mut files = Vec::new();
        for file in &workenv.files {
            check_path(&file.path)?;
            let executable = match file.mode.as_str() {
                "0644" => false,
                "0755" => true,
                other => {
                    return Err(refuse(&format!(
                        "file {:?} has mode {other:?}, expected 0644 or 0755",
                        file.path
                    )));
                }
            };
            files.push(PlannedFile {
                path: file.path.clone(),
                content: places.replace(&file.content)?,
                executable,
            });
        }
        for folder in &workenv.path {
            check_path(folder)?;
        }
        Ok(Self { unpack, links, files })
    }

    /// Whether `slot` is unpacked into the environment.
    pub(crate) fn unpacks(&self, slot: usize) -> bool {
        self.unpack.iter().any(|(unpacked, _)| *unpacked == slot)
    }

    /// Judges all paths together. `private` are the members of the unpacked slots, in the order of `unpack`.
    pub(crate) fn judge(&self, private: &[Members]) -> Result<()> {
        let mut nodes = Nodes(BTreeMap::new());
        for ((_, into), members) in self.unpack.iter().zip(private) {
            if !into.is_empty() {
                nodes.add(into, Node::Directory)?;
            }
            for member in members.all() {
                let node = if member.kind == Kind::Directory { Node::Directory } else { Node::Leaf };
                nodes.add(&joined(into, &member.path), node)?;
            }
        }
        for link in &self.links {
            nodes.add(&link.path, Node::Leaf)?;
        }
        for file in &self.files {
            nodes.add(&file.path, Node::Leaf)?;
        }
        Ok(())
    }
}

struct Nodes(BTreeMap<String, Node>);

impl Nodes {
    fn add(&mut self, path: &str, node: Node) -> Result<()> {
        check_path(path)?;
        for (end, _) in path.match_indices('/') {
            self.insert(&path[..end], Node::Directory)?;
        }
        self.insert(path, node)
    }

    fn insert(&mut self, path: &str, node: Node) -> Result<()> {
        match self.0.entry(path.to_owned()) {
            Entry::Vacant(entry) => {
                entry.insert(node);
                Ok(())
            }
            Entry::Occupied(entry) if node == Node::Directory && *entry.get() == Node::Directory => Ok(()),
            Entry::Occupied(_) => Err(refuse(&format!(
                "{path:?} occurs twice, or something lies below it though it is no directory"
            ))),
        }
    }
}

/// A path below a folder of the environment.
pub(crate) fn joined(into: &str, path: &str) -> String {
    if into.is_empty() { path.to_owned() } else { format!("{into}/{path}") }
}

pub(crate) fn refuse(message: &str) -> Error {
    Error::refused(ErrorCode::StoreComposition, format!("work environment: {message}"))
}

fn position(slot: u64) -> Result<usize> {
    usize::try_from(slot).map_err(|_| refuse(&format!("there is no slot {slot}")))
}
