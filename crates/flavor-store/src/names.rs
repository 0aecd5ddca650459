//! Which names are one (STORE.md 5.11, S13): on a file system that ignores case, and in packages for systems that have such
//! ones, two members may not differ by case alone. ASCII is folded here; the tables for all other letters are too large for
//! a launcher, so what of them the file system takes for one name is found by counting what stands there.

use pspf::{Error as FormatError, ErrorCode, Package, ReadAt};

use crate::error::{Error, Result};
use crate::private_tree::errno;
use crate::system::{Errno, FileKind, Folder, is_refused_name};

/// How names are compared where a tree is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Byte by byte.
    Distinct,
    /// Without regard to case.
    CaseIgnored,
}

impl Names {
    /// Asks the file system of `folder`, in which there is an entry of this lower-case name.
    pub(crate) fn probe(folder: &Folder, name: &str) -> Self {
        let find = |name: &str| {
            let found = folder.find(name).ok()?.identity();
            Some((found.device, found.inode))
        };
        let other = find(&name.to_ascii_uppercase());
        if other.is_some() && other == find(name) { Self::CaseIgnored } else { Self::Distinct }
    }

    /// The same for a package that is made for a system where case is ignored.
    pub(crate) fn of<R: ReadAt>(self, package: &Package<R>) -> Self {
        match package.flavor().map(|flavor| flavor.target.os.as_str()) {
            Some("darwin" | "windows") => Self::CaseIgnored,
            _ => self,
        }
    }

    /// Refuses paths of which two are one.
    pub(crate) fn require_distinct(self, paths: &mut dyn Iterator<Item = &str>) -> Result<()> {
        if self == Self::Distinct {
            return Ok(());
        }
        let mut folded: Vec<String> = paths.map(str::to_ascii_lowercase).collect();
        folded.sort_unstable();
        match folded.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(self.clash(&pair[0])),
            None => Ok(()),
        }
    }

    /// Refuses a finished tree of which the file system holds another number of entries than were put into it.
    pub(crate) fn require_entries(self, tree: &Folder, expected: usize) -> Result<()> {
        if self == Self::Distinct || count_entries(tree) == Some(expected) {
            return Ok(());
        }
        Err(refuse("the file system takes names of different members for one"))
    }

    /// Why a member could not be created: the tree was empty, so what stands in the way is another member, or its name.
    pub(crate) fn in_the_way(self, path: &str, error: Error) -> Error {
        match errno(&error) {
            Some(Errno::EXIST | Errno::ISDIR) => self.clash(path),
            Some(Errno::NOTDIR | Errno::LOOP) => Error::refused(
                ErrorCode::StoreLink,
                format!("member {path:?} passes through a member that is no directory"),
            ),
            Some(number) if is_refused_name(number) => {
                refuse(&format!("{path:?} is something else on this system"))
            }
            _ => error,
        }
    }

    /// The refusal of a member whose name another one has.
    pub(crate) fn clash(self, path: &str) -> Error {
        match self {
            Self::Distinct => Error::refused(ErrorCode::StoreLink, format!("member {path:?} occurs twice")),
            Self::CaseIgnored => {
                refuse(&format!("{path:?} is the name of another one where case is ignored"))
            }
        }
    }
}

fn refuse(what: &str) -> Error {
    FormatError::rule(ErrorCode::PspfMemberName, format!("member names: {what}")).into()
}

/// Entries of any kind below `root`; `None` if some cannot be counted.
pub(crate) fn count_entries(root: &Folder) -> Option<usize> {
    let mut count = 0;
    for name in root.names().ok()? {
        count += 1;
        if root.find(&name).ok()?.kind() == FileKind::Folder {
            count += count_entries(&root.open_folder(&name).ok()?)?;
        }
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(names: Names, paths: &[&str]) -> bool {
        names.require_distinct(&mut paths.iter().copied()).is_ok()
    }

    #[test]
    fn s13_names_that_differ_by_case_alone_are_one_only_where_case_is_ignored() {
        for pair in [["README", "readme"], ["lib/A", "lib/a"], ["Ä/x", "Ä/X"]] {
            assert!(!judged(Names::CaseIgnored, &pair) && judged(Names::Distinct, &pair), "{pair:?}");
        }
        assert!(judged(Names::CaseIgnored, &["a", "b", "ä", "a/a", "A/b"]));
        let refused = Names::CaseIgnored.require_distinct(&mut ["a", "A"].into_iter()).expect_err("refused");
        assert_eq!(refused.code(), ErrorCode::PspfMemberName);
    }

    #[test]
    fn s13_a_tree_of_which_the_file_system_made_fewer_entries_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::create_dir(folder.path().join("one")).expect("folder");
        std::fs::write(folder.path().join("one/file"), b"").expect("write");
        let tree = Folder::open(folder.path()).expect("open");
        assert!(Names::CaseIgnored.require_entries(&tree, 2).is_ok());
        let merged = Names::CaseIgnored.require_entries(&tree, 3).expect_err("refused");
        assert_eq!(merged.code(), ErrorCode::PspfMemberName);
        assert!(Names::Distinct.require_entries(&tree, 3).is_ok());
    }

    #[test]
    fn s13_case_is_ignored_where_one_file_answers_to_both_names() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("lock"), b"").expect("write");
        let opened = Folder::open(folder.path()).expect("open");
        if std::fs::metadata(folder.path().join("LOCK")).is_err() {
            assert_eq!(Names::probe(&opened, "lock"), Names::Distinct);
            std::fs::write(folder.path().join("LOCK"), b"").expect("write");
            assert_eq!(Names::probe(&opened, "lock"), Names::Distinct, "another file is no answer");
            std::fs::remove_file(folder.path().join("LOCK")).expect("remove");
            // As such a file system answers.
            std::fs::hard_link(folder.path().join("lock"), folder.path().join("LOCK")).expect("link");
        }
        assert_eq!(Names::probe(&opened, "lock"), Names::CaseIgnored);
    }
}
