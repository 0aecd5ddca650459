//! The work environment of a package whose slots all hold, on paper (FORMAT.md §6, security rule S15): with the members
//! of its slots, as a launcher will compose it, so that a package that verifies can be started. Opening judged what the
//! document alone shows.

use std::collections::HashMap;

use pspf::composition::{self, Broken, Paper};
use pspf::metadata::Workenv;
use pspf::tar::{Kind, Member};
use pspf::{ErrorCode, Package, ReadAt};

use crate::judgement::{Ground, implied, unfit};
use crate::{Error, Result};

/// The members of the slots that the environment is made of, kept while the slots are checked one by one.
#[derive(Default)]
pub(super) struct Environment {
    /// Private slots.
    unpacked: HashMap<u64, Vec<Member>>,
    /// What links lead to.
    linked: HashMap<(u64, String), Kind>,
}

impl Environment {
    /// Remembers what the description of the environment needs of a slot.
    pub(super) fn keep(&mut self, workenv: &Workenv, position: usize, members: Vec<Member>) {
        let slot = position as u64;
        let mut wanted: Vec<&str> =
            workenv.links.iter().filter(|link| link.slot == slot).map(|link| link.to.as_str()).collect();
        wanted.sort_unstable();
        if !wanted.is_empty() {
            let found = members.iter().filter(|member| wanted.binary_search(&member.path.as_str()).is_ok());
            self.linked.extend(found.map(|member| ((slot, member.path.clone()), member.kind.clone())));
        }
        if workenv.unpack.iter().any(|entry| entry.slot == slot) {
            self.unpacked.insert(slot, members);
        }
    }

    /// Judges all of it; the text says what was found.
    pub(super) fn judge<R: ReadAt>(&self, package: &Package<R>, workenv: &Workenv) -> Result<String> {
        let none = Vec::new();
        let paper = Paper::lay_out(workenv, |slot| self.unpacked.get(&slot).unwrap_or(&none));
        let paper = paper.map_err(|broken| contradiction(&broken))?;
        composition::check_links(workenv, |slot, to| self.linked.get(&(slot, to.to_owned())))
            .map_err(|broken| contradiction(&broken))?;
        let ground = Ground::of_target(package);
        let paths = if ground == Ground::default() { Vec::new() } else { paper.members() };
        let folders = implied(&paths);
        if let Some((path, why)) = unfit(paths.iter().chain(&folders), ground) {
            let message = format!("work environment: {why}: {path:?}");
            return Err(pspf::Error::rule(ErrorCode::PspfMemberName, message).into());
        }
        let counted = |count: usize, thing| format!("{count} {thing}{}", if count == 1 { "" } else { "s" });
        Ok([
            counted(workenv.unpack.len(), "private slot"),
            counted(workenv.links.len(), "link"),
            counted(workenv.files.len(), "file"),
        ]
        .join(", "))
    }
}

fn contradiction(broken: &Broken) -> Error {
    let message = format!("workenv.{}: {}", broken.part.key(), broken.message);
    pspf::Error::rule(ErrorCode::PspfMetadataModel, message).into()
}
