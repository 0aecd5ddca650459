//! The finished member list of a slot and its judgement (STORE.md 5.5, S14): no path twice, parents are directories,
//! and every link stays inside, walked component by component over the members themselves.

use std::collections::BTreeSet;

use pspf::ErrorCode;
use pspf::tar::{Kind, Member};

use crate::error::{Error, Result};

/// The members of one slot, sorted by path, judged.
#[derive(Debug)]
pub(crate) struct Members(Vec<Member>);

impl Members {
    /// Judges the list.
    pub(crate) fn judge(mut members: Vec<Member>) -> Result<Self> {
        members.sort_unstable_by(|left, right| left.path.cmp(&right.path));
        if let Some(pair) = members.windows(2).find(|pair| pair[0].path == pair[1].path) {
            return Err(refuse(&pair[0].path, "occurs twice"));
        }
        let members = Self(members);
        for member in &members.0 {
            if let Some((parent, _)) = member.path.rsplit_once('/')
                && !members.is_directory(parent)
            {
                return Err(refuse(&member.path, "lies in something that is not a directory of the slot"));
            }
        }
        for (path, target) in members.links() {
            members.judge_link(path, target)?;
        }
        Ok(members)
    }

    /// The same for what came as one stream (STORE.md 5.8): folders that the list only implies belong to it.
    pub(crate) fn judge_with_implied(mut members: Vec<Member>) -> Result<Self> {
        let known: BTreeSet<&str> = members.iter().map(|member| member.path.as_str()).collect();
        let above =
            |path| -> Vec<&str> { str::match_indices(path, '/').map(|(end, _)| &path[..end]).collect() };
        let implied: BTreeSet<&str> = known.iter().flat_map(|path| above(path)).collect();
        let implied = implied.difference(&known);
        let directory = |path: &str| Member { path: path.to_owned(), kind: Kind::Directory };
        let implied: Vec<Member> = implied.map(|path| directory(path)).collect();
        members.extend(implied);
        Self::judge(members)
    }

    /// Every member, sorted by path.
    pub(crate) fn all(&self) -> &[Member] {
        &self.0
    }

    /// Path and target of every link.
    pub(crate) fn links(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|member| match &member.kind {
            Kind::Symlink { target } => Some((member.path.as_str(), target.as_str())),
            Kind::File { .. } | Kind::Directory => None,
        })
    }

    fn find(&self, path: &str) -> Option<&Member> {
        let position = self.0.binary_search_by(|member| member.path.as_str().cmp(path)).ok()?;
        Some(&self.0[position])
    }

    fn is_directory(&self, path: &str) -> bool {
        path.is_empty() || self.find(path).is_some_and(|member| member.kind == Kind::Directory)
    }

    fn judge_link(&self, path: &str, target: &str) -> Result<()> {
        if target.starts_with('/') {
            return Err(refuse_link(path, target, "is absolute"));
        }
        // Always names a directory member: it starts at the link's own folder, which was judged above.
        let mut place = path.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
        let mut components = target.split('/').filter(|component| !matches!(*component, "" | ".")).peekable();
        while let Some(component) = components.next() {
            if component == ".." {
                if place.is_empty() {
                    return Err(refuse_link(path, target, "leaves the slot"));
                }
                place = place.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
                continue;
            }
            if !place.is_empty() {
                place.push('/');
            }
            place.push_str(component);
            // The last component may be anything, also absent: every link is judged on its own.
            if components.peek().is_some() && !self.is_directory(&place) {
                return Err(refuse_link(
                    path,
                    target,
                    "passes through something that is not a directory of the slot",
                ));
            }
        }
        Ok(())
    }
}

fn refuse(path: &str, what: &str) -> Error {
    Error::refused(ErrorCode::StoreLink, format!("member {path:?} {what}"))
}

fn refuse_link(path: &str, target: &str, what: &str) -> Error {
    Error::refused(ErrorCode::StoreLink, format!("the link {path:?} leads to {target:?}, which {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(path: &str) -> Member {
        Member { path: path.into(), kind: Kind::Directory }
    }

    fn file(path: &str) -> Member {
        Member { path: path.into(), kind: Kind::File { size: 0, executable: false } }
    }

    fn link(path: &str, target: &str) -> Member {
        Member { path: path.into(), kind: Kind::Symlink { target: target.into() } }
    }

    fn judge(members: Vec<Member>) -> std::result::Result<(), ErrorCode> {
        Members::judge(members).map(|_| ()).map_err(|error| error.code())
    }

    #[test]
    fn s14_links_inside_the_slot_are_accepted() {
        let tree =
            |extra: Vec<Member>| [vec![directory("a"), directory("a/b"), file("a/b/f")], extra].concat();
        for (path, target) in [
            ("l", "a/b/f"),
            ("a/l", "b/f"),
            ("a/b/l", "../../a/b/f"),
            ("a/b/l", "../b/../b/f"),
            ("l", "./a//b/"),
            ("l", "missing"),
            ("a/l", ".."),
        ] {
            assert_eq!(judge(tree(vec![link(path, target)])), Ok(()), "{path} -> {target}");
        }
        // A chain of links, each of which is judged on its own.
        assert_eq!(judge(tree(vec![link("l", "m"), link("m", "a/b/f")])), Ok(()));
    }

    #[test]
    fn s14_links_that_leave_the_slot_are_refused() {
        for (path, target) in
            [("l", ".."), ("a/l", "../.."), ("a/l", "../../x"), ("l", "a/../../x"), ("l", "/etc")]
        {
            assert_eq!(
                judge(vec![directory("a"), link(path, target)]),
                Err(ErrorCode::StoreLink),
                "{path} -> {target}"
            );
        }
    }

    #[test]
    fn s14_a_link_that_passes_through_a_link_is_refused() {
        // Lexically `l/../x` stays inside; through the link `l` it does not.
        let chain = vec![directory("a"), directory("a/b"), link("l", "a/b"), link("m", "l/../../../x")];
        assert_eq!(judge(chain), Err(ErrorCode::StoreLink));
        assert_eq!(judge(vec![directory("a"), link("l", "a"), link("m", "l/f")]), Err(ErrorCode::StoreLink));
        assert_eq!(judge(vec![file("f"), link("m", "f/x")]), Err(ErrorCode::StoreLink));
        assert_eq!(judge(vec![link("m", "missing/x")]), Err(ErrorCode::StoreLink));
    }

    #[test]
    fn s14_a_member_below_a_link_or_a_file_is_refused() {
        assert_eq!(judge(vec![directory("a"), link("l", "a"), file("l/f")]), Err(ErrorCode::StoreLink));
        assert_eq!(judge(vec![file("f"), file("f/g")]), Err(ErrorCode::StoreLink));
        assert_eq!(judge(vec![file("d/f")]), Err(ErrorCode::StoreLink));
    }

    #[test]
    fn s14_a_path_that_occurs_twice_is_refused() {
        for pair in [
            vec![file("f"), file("f")],
            vec![directory("d"), directory("d")],
            vec![file("f"), link("f", "x")],
            vec![directory("d"), file("d")],
        ] {
            assert_eq!(judge(pair), Err(ErrorCode::StoreLink));
        }
    }
}
