//! The work environment on paper (FORMAT.md §6, security rule S15): which paths there will be, that each is relative and
//! stands once, that nothing lies below anything but a folder, and that links lead to members.
//!
//! One judgement for all who ask: opening asks what the signed document alone shows, builders, `verify` and the store
//! ask again once they know the members of the slots. Nothing here touches a disk. Whether a file system takes two
//! names for one is not judged here either; that is for those who know the file system.

use std::cmp::Ordering;
use std::collections::HashSet;

use crate::Result;
use crate::flavor::{Flavor, LinkKind, Workenv};
use crate::layout::limit;
use crate::metadata::{Metadata, model};
use crate::placeholder::{Piece, pieces, slot_number};
use crate::tar::{Kind, Member, path_fault};

/// The part of the description that a broken rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `unpack`
    Unpack,
    /// `links`
    Links,
    /// `files`
    Files,
}

impl Part {
    /// The key of `workenv`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Unpack => "unpack",
            Self::Links => "links",
            Self::Files => "files",
        }
    }
}

/// The first rule that a composition breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Where.
    pub part: Part,
    /// What is wrong, with the path.
    pub message: String,
}

/// A path of the environment: `path` below `into`.
#[derive(Debug, Clone, Copy)]
struct Entry<'a> {
    into: &'a str,
    path: &'a str,
    folder: bool,
    part: Part,
}

impl<'a> Entry<'a> {
    fn components(&self) -> impl Iterator<Item = &'a str> {
        self.into.split('/').chain(self.path.split('/')).filter(|component| !component.is_empty())
    }

    /// In this order what lies below a path follows it directly.
    fn order(&self, other: &Self) -> Ordering {
        self.components().cmp(other.components())
    }

    fn is_at_or_below(&self, other: &Self) -> bool {
        let mut own = self.components();
        other.components().all(|component| own.next() == Some(component))
    }

    fn text(&self) -> String {
        self.components().collect::<Vec<_>>().join("/")
    }
}

/// Every path of a work environment that is named by something; folders that are only implied are not listed.
#[derive(Debug)]
pub struct Paper<'a>(Vec<Entry<'a>>);

impl<'a> Paper<'a> {
    /// Lays the environment out; `members` gives those of a private slot. Refuses paths that occur twice and paths
    /// below anything but a folder. Two private slots may have a folder in common.
    pub fn lay_out<M>(workenv: &'a Workenv, members: impl Fn(u64) -> M) -> Result<Self, Broken>
    where
        M: IntoIterator<Item = &'a Member>,
    {
        let mut entries = Vec::new();
        for unpack in &workenv.unpack {
            let into = unpack.into.as_str();
            entries.push(Entry { into, path: "", folder: true, part: Part::Unpack });
            entries.extend(members(unpack.slot).into_iter().map(|member| Entry {
                into,
                path: &member.path,
                folder: member.kind == Kind::Directory,
                part: Part::Unpack,
            }));
        }
        let leaf = |path: &'a str, part: Part| Entry { into: "", path, folder: false, part };
        entries.extend(workenv.links.iter().map(|link| leaf(&link.path, Part::Links)));
        entries.extend(workenv.files.iter().map(|file| leaf(&file.path, Part::Files)));
        if let Some(long) = entries.iter().find(|entry| {
            entry.into.len() + 1 + entry.path.len() > limit::PATH_BYTES + usize::from(entry.into.is_empty())
                && !entry.path.is_empty()
                || entry.components().count() > limit::PATH_DEPTH
        }) {
            let message = format!("{:?} is longer than 1024 bytes or 64 components", long.text());
            return Err(Broken { part: long.part, message });
        }
        // Members are sorted already, nearly in this order.
        entries.sort_by(Entry::order);
        for pair in entries.windows(2) {
            let (above, below) = (&pair[0], &pair[1]);
            if !below.is_at_or_below(above) || above.folder && (below.folder || above.order(below).is_ne()) {
                continue;
            }
            let message = if above.order(below).is_eq() {
                format!("{:?} occurs twice", below.text())
            } else {
                format!("{:?} lies below {:?}, which is no folder", below.text(), above.text())
            };
            return Err(Broken { part: above.part.max(below.part), message });
        }
        Ok(Self(entries))
    }

    /// The paths as members, sorted; each folder once.
    pub fn members(&self) -> Vec<Member> {
        let mut members: Vec<Member> = self
            .0
            .iter()
            .map(|entry| {
                let kind =
                    if entry.folder { Kind::Directory } else { Kind::File { size: 0, executable: false } };
                Member { path: entry.text(), kind }
            })
            .filter(|member| !member.path.is_empty())
            .collect();
        members.dedup();
        members
    }
}

/// Every link leads to a member of its slot, a copied one to a file. `kind` finds a member of a slot whose member list
/// was judged: in such a list nothing lies below a link, so a path that is found passes through none.
pub fn check_links<'k>(
    workenv: &Workenv,
    kind: impl Fn(u64, &str) -> Option<&'k Kind>,
) -> Result<(), Broken> {
    for link in workenv.links.iter().filter(|link| !link.to.is_empty()) {
        let (path, to, slot) = (&link.path, &link.to, link.slot);
        let message = match (kind(slot, to), link.kind) {
            (Some(Kind::File { .. }), _) | (Some(_), LinkKind::Symlink) => continue,
            (None, _) => format!("{path:?} leads to {to:?}, which slot {slot} does not hold"),
            (Some(_), LinkKind::Copy) => {
                format!("{path:?} would copy {to:?} of slot {slot}, which is no file; only files are copied")
            }
        };
        return Err(Broken { part: Part::Links, message });
    }
    Ok(())
}

/// The path that a slot's `target` stands for, below the work environment, or below the root of a slot that holds one file:
/// without a leading `{workenv}` and without empty and `.` components. Empty for the root itself; `None` for what is
/// absolute, climbs, or breaks a rule of names.
pub fn target_path(target: &str) -> Option<String> {
    let below = match target.strip_prefix("{workenv}") {
        Some("") => "",
        // `{workenv}x` is a name like any other.
        Some(rest) if !rest.starts_with('/') => target,
        Some(rest) => rest.trim_start_matches('/'),
        None => target,
    };
    if below.starts_with('/') {
        return None;
    }
    let parts: Vec<&str> = below.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let path = parts.join("/");
    (path.is_empty() || path_fault(&path).is_none()).then_some(path)
}

/// What the signed document alone shows.
pub(crate) fn check(flavor: &Flavor, metadata: &Metadata) -> Result<()> {
    if flavor.is_plain() {
        return Ok(());
    }
    Document { flavor, metadata }.check()
}

struct Document<'a> {
    flavor: &'a Flavor,
    metadata: &'a Metadata,
}

impl Document<'_> {
    fn check(&self) -> Result<()> {
        let workenv = &self.flavor.workenv;
        let refuse = |key: &str, message: String| Err(model(format!("workenv.{key}: {message}")));
        let mut unpacked = HashSet::new();
        for unpack in &workenv.unpack {
            let slot = unpack.slot;
            if self.shared("unpack", slot)? {
                return refuse("unpack", format!("slot {slot} is shared; only private slots are unpacked"));
            }
            if !unpack.into.is_empty() {
                check_path("unpack", &unpack.into)?;
            }
            if !unpacked.insert(slot) {
                return refuse("unpack", format!("slot {slot} is unpacked twice"));
            }
        }
        for link in &workenv.links {
            check_path("links", &link.path)?;
            if !self.shared("links", link.slot)? {
                let message = format!("{:?} leads into slot {}, which is private", link.path, link.slot);
                return refuse("links", message);
            }
            if !link.to.is_empty() {
                check_path("links", &link.to)?;
            } else if link.kind == LinkKind::Copy {
                return refuse("links", format!("{:?} would copy a whole slot", link.path));
            }
        }
        for file in &workenv.files {
            check_path("files", &file.path)?;
            if !matches!(file.mode.as_str(), "0644" | "0755") {
                let message = format!("{:?} has mode {:?}, expected 0644 or 0755", file.path, file.mode);
                return refuse("files", message);
            }
            self.placeholders("workenv.files", &file.content)?;
        }
        workenv.path.iter().try_for_each(|folder| check_path("path", folder))?;
        Paper::lay_out(workenv, |_| [])
            .map_err(|broken| model(format!("workenv.{}: {}", broken.part.key(), broken.message)))?;
        self.commands()
    }

    /// Whether a slot is shared, if there is one of that number.
    fn shared(&self, key: &str, slot: u64) -> Result<bool> {
        let position = usize::try_from(slot).ok().filter(|position| *position < self.flavor.slots.len());
        let Some(position) = position else {
            let message = format!("slot {slot}, the package has {}", self.flavor.slots.len());
            return Err(model(format!("workenv.{key}: {message}")));
        };
        Ok(self.flavor.slots[position].share)
    }

    fn commands(&self) -> Result<()> {
        for (name, command) in &self.flavor.commands {
            for text in command.argv.iter().chain(command.env.values()).chain(&command.cwd) {
                self.placeholders(&format!("command {name:?}"), text)?;
            }
        }
        let rules = self.metadata.runtime.as_ref().and_then(|runtime| runtime.env.as_ref());
        let set = rules.and_then(|rules| rules.set.as_ref());
        let texts = set.into_iter().flat_map(|set| set.values()).chain(self.metadata.execution.env.values());
        texts.into_iter().try_for_each(|text| self.placeholders("environment", text))
    }

    fn placeholders(&self, place: &str, text: &str) -> Result<()> {
        for piece in pieces(text) {
            let Piece::Slot(number) = piece else { continue };
            let slot = slot_number(number).and_then(|slot| self.flavor.slots.get(slot));
            if !slot.is_some_and(|slot| slot.share) {
                return Err(model(format!("{place}: `{{slot:{number}}}` names no shared slot")));
            }
        }
        Ok(())
    }
}

fn check_path(key: &str, path: &str) -> Result<()> {
    path_fault(path).map_or(Ok(()), |fault| Err(model(format!("workenv.{key}: path {path:?} {fault}"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flavor::{GeneratedFile, Unpack};

    fn file(path: &str) -> Member {
        Member { path: path.to_owned(), kind: Kind::File { size: 0, executable: false } }
    }

    fn folder(path: &str) -> Member {
        Member { path: path.to_owned(), kind: Kind::Directory }
    }

    fn environment(into: [&str; 2], files: &[&str]) -> Workenv {
        let unpack = |(slot, into): (u64, &str)| Unpack { slot, into: into.to_owned() };
        let generated = |path: &&str| GeneratedFile {
            path: (*path).to_owned(),
            content: String::new(),
            mode: "0644".to_owned(),
        };
        Workenv {
            unpack: (0..).zip(into).map(unpack).collect(),
            files: files.iter().map(generated).collect(),
            ..Workenv::default()
        }
    }

    fn judged(into: [&str; 2], slots: &[Vec<Member>; 2], files: &[&str]) -> Result<Vec<String>, Part> {
        let workenv = environment(into, files);
        let members = |slot: u64| &slots[usize::from(slot == 1)];
        let paper = Paper::lay_out(&workenv, members).map_err(|broken| broken.part)?;
        Ok(paper.members().into_iter().map(|member| member.path).collect())
    }

    #[test]
    fn s15_private_slots_share_folders_and_nothing_else() {
        let one = || vec![folder("a"), file("a/one")];
        assert_eq!(
            judged(["", ""], &[one(), vec![folder("a"), file("a/two")]], &[]),
            Ok(vec!["a".to_owned(), "a/one".to_owned(), "a/two".to_owned()])
        );
        assert_eq!(judged(["", "a"], &[one(), vec![file("one")]], &[]), Err(Part::Unpack));
        assert_eq!(judged(["", "a/one"], &[one(), vec![]], &[]), Err(Part::Unpack));
        assert_eq!(judged(["", "a/one/x"], &[one(), vec![]], &[]), Err(Part::Unpack));
        assert_eq!(judged(["", "a/other"], &[one(), vec![]], &[]).map(|paths| paths.len()), Ok(3));
    }

    #[test]
    fn s15_neighbours_whose_names_begin_alike_are_no_relatives() {
        // `a.b` and `a-b` stand between `a` and `a/c` in the order of bytes.
        let empty = [vec![], vec![]];
        assert!(judged(["d", "d"], &empty, &["a.b", "a-b", "ab", "a/c"]).is_ok());
        assert_eq!(judged(["d", "d"], &empty, &["a", "a.b", "a-b", "ab", "a/c"]), Err(Part::Files));
        assert_eq!(judged(["d/e", "f"], &empty, &["d"]), Err(Part::Files));
        assert_eq!(judged(["d/e", "f"], &empty, &["d/e"]), Err(Part::Files));
    }

    #[test]
    fn s15_the_limits_of_paths_hold_for_folder_and_member_together() {
        let slots = |length: usize| [vec![file(&"n".repeat(length))], vec![]];
        assert!(judged([&"d".repeat(512), ""], &slots(511), &[]).is_ok());
        assert_eq!(judged([&"d".repeat(512), ""], &slots(512), &[]), Err(Part::Unpack));
        assert!(judged(["", ""], &slots(1024), &[]).is_ok());
        let deep = ["d"; 32].join("/");
        let deeper = |depth: usize| [vec![file(&vec!["e"; depth].join("/"))], vec![]];
        assert!(judged([&deep, ""], &deeper(32), &[]).is_ok());
        assert_eq!(judged([&deep, ""], &deeper(33), &[]), Err(Part::Unpack));
    }
}
