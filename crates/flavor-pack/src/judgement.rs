//! What `verify` and `extract` ask of the finished member list of a slot (security rules S13, S14), beyond what every
//! list must obey (`members`): folders are members themselves, and no two names are one where the tree is going to lie.
//!
//! Names are compared as file systems that ignore case do at their strictest: NFKC, then a case folding that takes a
//! few letters more for equal than Unicode's own. A real tree loses nothing by that.

use std::collections::{HashMap, HashSet};

use pspf::tar::{Kind, Member};
use pspf::{ErrorCode, Package, ReadAt};
use unicode_normalization::UnicodeNormalization as _;

use crate::decode::Slot;
use crate::{Result, members};

/// Where a tree is going to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ground {
    /// Names that differ only by case are one.
    pub(crate) folds_case: bool,
    /// Windows takes some names for something else.
    pub(crate) windows: bool,
}

impl Ground {
    /// The system that a package is made for; packages of other builders do not say.
    pub(crate) fn of_target<R>(package: &Package<R>) -> Self
    where
        R: ReadAt,
    {
        package.flavor().map_or(Self::default(), |flavor| Self::of_system(&flavor.target.os))
    }

    /// The system with the name that targets have.
    pub(crate) fn of_system(os: &str) -> Self {
        Self { folds_case: matches!(os, "darwin" | "windows"), windows: os == "windows" }
    }

    /// Both at once.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { folds_case: self.folds_case || other.folds_case, windows: self.windows || other.windows }
    }
}

/// Judges the members of a slot; returns the folders that are implied by other members, which only archives of other
/// tar programs may leave out.
pub(crate) fn judge<R: ReadAt + Sync>(
    slot: &Slot<'_, R>,
    list: &[Member],
    ground: Ground,
) -> Result<Vec<Member>> {
    let refuse = |path: &str, message: &str| {
        let message = format!("slot {}: {message}: {path:?}", slot.position);
        Err(pspf::Error::rule(ErrorCode::PspfMemberName, message).into())
    };
    let implied = implied(list);
    if let Some(folder) = implied.first().filter(|_| slot.is_framed_tree()) {
        return refuse(&folder.path, "the folder of a member is no member");
    }
    let all = list.iter().chain(&implied);
    if let Err(broken) = members::check(all.clone()) {
        let path = all.clone().nth(broken.position).map_or("", |member| member.path.as_str());
        return refuse(path, &broken.message);
    }
    if let Some((path, why)) = unfit(all.clone(), ground) {
        return refuse(path, &why);
    }
    Ok(implied)
}

/// A member whose name the ground cannot tell from another one or cannot hold, and why.
pub(crate) fn unfit<'a>(
    list: impl Iterator<Item = &'a Member> + Clone,
    ground: Ground,
) -> Option<(&'a str, String)> {
    if ground.folds_case
        && let Some((one, other)) = equal_names(list.clone())
    {
        return Some((other, format!("the name is the same as {one:?} where case is ignored")));
    }
    let mut paths = list.map(|member| member.path.as_str()).filter(|_| ground.windows);
    paths.find_map(|path| Some((path, windows_refuses(path)?.to_owned())))
}

/// Every folder above a member that no member is.
pub(crate) fn implied(list: &[Member]) -> Vec<Member> {
    let mut known: HashSet<&str> = list.iter().map(|member| member.path.as_str()).collect();
    let mut found = Vec::new();
    for member in list {
        let mut path = member.path.as_str();
        while let Some((parent, _)) = path.rsplit_once('/') {
            if !known.insert(parent) {
                break;
            }
            found.push(Member { path: parent.to_owned(), kind: Kind::Directory });
            path = parent;
        }
    }
    found
}

/// Two members whose names are one under folding.
fn equal_names<'a>(list: impl Iterator<Item = &'a Member>) -> Option<(&'a str, &'a str)> {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for member in list {
        if let Some(earlier) = seen.insert(folded(&member.path), &member.path) {
            return Some((earlier, &member.path));
        }
    }
    None
}

fn folded(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    // Letter by letter: the lower case of a text may depend on where a letter stands in it.
    path.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect()
}

/// Why Windows cannot hold a name, or takes it for another one.
pub(crate) fn windows_refuses(path: &str) -> Option<&'static str> {
    path.split('/').find_map(|component| {
        if component.ends_with(['.', ' ']) {
            return Some("Windows drops the last character of the name");
        }
        if component.chars().any(|character| character.is_control() || matches!(character, ':' | '\\')) {
            return Some("the name has a character that Windows takes for something else");
        }
        is_device(component).then_some("Windows takes the name for a device")
    })
}

fn is_device(component: &str) -> bool {
    let stem = component.split('.').next().unwrap_or_default().trim_end_matches(' ').to_ascii_lowercase();
    if matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$") {
        return true;
    }
    let number = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
    number.is_some_and(|number| {
        matches!(number, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Member {
        Member { path: path.to_owned(), kind: Kind::File { size: 0, executable: false } }
    }

    #[test]
    fn folders_that_no_member_names_are_implied_once() {
        let list = [file("a/b/c"), file("a/b/d"), file("e"), file("a/f/g")];
        let paths: Vec<String> = implied(&list).into_iter().map(|member| member.path).collect();
        assert_eq!(paths, ["a/b", "a", "a/f"]);
    }

    #[test]
    fn s13_names_that_differ_only_by_case_or_form_are_one() {
        for (one, other) in [
            ("README", "readme"),
            ("lib/A/x", "lib/a/x"),
            ("straße", "STRASSE"),
            ("caf\u{e9}", "CAFE\u{301}"),
            ("\u{212a}", "k"),
            ("\u{17f}", "S"),
            ("\u{fb01}le", "FILE"),
            ("ὈΔΥΣΣΕΎΣ", "ὀδυσσεύς"),
        ] {
            assert!(equal_names([file(one), file(other)].iter()).is_some(), "{one} {other}");
        }
        assert!(equal_names([file("a"), file("b"), file("ä"), file("a/a")].iter()).is_none());
    }

    #[test]
    fn s13_names_that_windows_changes_are_refused_there() {
        for name in [
            "a.",
            "a ",
            "x/y.",
            "a:b",
            "a\\b",
            "a\tb",
            "NUL",
            "nul.txt",
            "dir/Com1.tar.gz",
            "LPT\u{b9}",
            "aux ",
        ] {
            assert!(windows_refuses(name).is_some(), "{name:?}");
        }
        for name in ["a.b", ".a", "console", "com", "com10", "nullable", "a b", "ä"] {
            assert_eq!(windows_refuses(name), None, "{name:?}");
        }
    }
}
