//! The plan of a work environment (STORE.md 8.5, S15): what the signed description becomes in this store. What it alone
//! shows was judged when the package was opened; here it is judged together with the members of the private slots,
//! before any link or generated file is created.

use std::collections::BTreeSet;
use std::path::PathBuf;

use pspf::ErrorCode;
use pspf::composition::Paper;
use pspf::metadata::{LinkKind, Workenv};

use crate::environment::Part;
use crate::error::{Error, Result};
use crate::members::Members;
use crate::names::Names;
use crate::placeholder::Places;
use crate::system::path_below;

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
pub(crate) struct Composition<'a> {
    workenv: &'a Workenv,
    /// Private slots and their folders; an empty folder is the environment itself.
    pub(crate) unpack: Vec<(usize, String)>,
    pub(crate) links: Vec<PlannedLink>,
    pub(crate) files: Vec<PlannedFile>,
}

impl<'a> Composition<'a> {
    /// Names what is to be created in this store; placeholders are replaced. What concerns a slot that is absent at this start
    /// is left out.
    pub(crate) fn plan(workenv: &'a Workenv, places: &Places, parts: &[Part]) -> Result<Self> {
        let part = |slot: usize| parts.get(slot).copied();
        let mut unpack = Vec::new();
        for entry in &workenv.unpack {
            let slot = position(entry.slot)?;
            match part(slot) {
                Some(Part::Private) => unpack.push((slot, entry.into.clone())),
                Some(Part::Absent) => {}
                _ => {
                    return Err(refuse(&format!(
                        "slot {slot} is unpacked into the environment but is not private"
                    )));
                }
            }
        }
        let mut links = Vec::new();
        for link in &workenv.links {
            let slot = position(link.slot)?;
            let target = match (part(slot), places.slots.get(slot)) {
                (Some(Part::Shared), Some(Some(root))) if link.to.is_empty() => root.clone(),
                (Some(Part::Shared), Some(Some(root))) => path_below(root, &link.to),
                // Of a slot that goes away only copies can stay.
                (Some(Part::Setup), _) if link.kind == LinkKind::Copy => PathBuf::from(&link.to),
                (Some(Part::Absent), _) => continue,
                _ => {
                    return Err(refuse(&format!(
                        "{:?} leads into slot {slot}, which is not shared",
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
        let files = workenv.files.iter().map(|file| {
            Ok(PlannedFile {
                path: file.path.clone(),
                content: places.replace(&file.content)?,
                executable: file.mode == "0755",
            })
        });
        Ok(Self { workenv, unpack, links, files: files.collect::<Result<_>>()? })
    }

    /// Whether anything of `slot` is brought into the environment.
    pub(crate) fn uses(&self, slot: usize) -> bool {
        self.unpack.iter().any(|(unpacked, _)| *unpacked == slot)
            || self.links.iter().any(|link| link.slot == slot)
    }

    /// Judges all paths together; how many entries the tree will have where names have to be counted. `private` are the
    /// members of the unpacked slots, in the order of `unpack`.
    pub(crate) fn judge(&self, private: &[Members], names: Names) -> Result<usize> {
        let members = |slot: u64| {
            let unpacked = self.unpack.iter().zip(private).find(|((known, _), _)| *known as u64 == slot);
            unpacked.map_or(&[][..], |(_, members)| members.all())
        };
        Paper::lay_out(self.workenv, members).map_err(|broken| refuse(&broken.message))?;
        if names == Names::Distinct {
            return Ok(0);
        }
        let entries = self.entries(private);
        names.require_distinct(&mut entries.iter().map(String::as_str))?;
        Ok(entries.len())
    }

    /// Every path that will be there, with the folders that are only implied.
    fn entries(&self, private: &[Members]) -> BTreeSet<String> {
        let mut entries = BTreeSet::new();
        let mut add = |path: &str| {
            entries.extend(path.match_indices('/').map(|(end, _)| path[..end].to_owned()));
            entries.insert(path.to_owned());
        };
        for ((_, into), members) in self.unpack.iter().zip(private) {
            if into.is_empty() {
                members.all().iter().for_each(|member| add(&member.path));
            } else {
                add(into);
                members.all().iter().for_each(|member| add(&format!("{into}/{}", member.path)));
            }
        }
        self.links.iter().for_each(|link| add(&link.path));
        self.files.iter().for_each(|file| add(&file.path));
        entries
    }
}

pub(crate) fn refuse(message: &str) -> Error {
    Error::refused(ErrorCode::StoreComposition, format!("work environment: {message}"))
}

fn position(slot: u64) -> Result<usize> {
    usize::try_from(slot).map_err(|_| refuse(&format!("there is no slot {slot}")))
}
