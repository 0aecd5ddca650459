//! What a start executes, resolved as far as it does not depend on that start: one entry a command. A receipt stores
//! it; the launcher makes it and carries it out.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::pattern;
use crate::system::variable_key;

/// PATH behind a prefix where the user has none (STORE.md 9.2): what shells search then.
const DEFAULT_PATH: &str =
    if cfg!(windows) { r"C:\Windows\System32;C:\Windows" } else { "/usr/local/bin:/usr/bin:/bin" };
const SEPARATOR: &str = if cfg!(windows) { ";" } else { ":" };

/// One edit of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Remove the variable.
    Unset(OsString),
    /// Set it.
    Set(OsString, OsString),
    /// Put a value and `:` in front of it.
    Prepend(OsString, OsString),
    /// Set it to the path of the package file.
    SetPackage(OsString),
    /// Set it to the command as it was typed.
    SetOriginalCommand(OsString),
    /// From here on, [`Edit::UnsetMatching`] leaves alone what this pattern covers.
    Protect(OsString),
    /// Remove every variable that the pattern covers and that is not protected.
    UnsetMatching(OsString),
    /// Give the first name's value to the second and remove the first, if the first is there.
    Rename(OsString, OsString),
}

/// What must be so for a plan to hold at a later start, besides what it was made from (STORE.md 9.4 i).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The variable is not set.
    Absent(OsString),
    /// The variable has this value.
    Equal(OsString, OsString),
    /// There is a directory at this path.
    Directory(PathBuf),
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedCommand {
    /// Its name.
    pub name: String,
    /// Program and first arguments.
    pub argv: Vec<OsString>,
    /// Edits, in order.
    pub edits: Vec<Edit>,
    /// Working folder; the caller's when absent.
    pub cwd: Option<OsString>,
}

/// All commands of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Name of the package, for messages.
    pub package: String,
    /// Path of the work environment.
    pub workenv: PathBuf,
    /// The commands.
    pub commands: Vec<PlannedCommand>,
    /// Position of the default one.
    pub default: usize,
    /// Paths whose identity a warm start checks.
    pub stats: Vec<PathBuf>,
    /// What else a warm start checks.
    pub conditions: Vec<Condition>,
    /// Whether each start needs content of the package, so that the commands here are none to start.
    pub reads_content: bool,
}

/// What edits need to know about one start.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// Path of the package file.
    pub package: &'a OsStr,
    /// argv\[0\].
    pub original: &'a OsStr,
}

/// Carries edits out, in order, on an environment in which a name may occur several times.
pub fn apply(edits: &[Edit], environment: &mut Vec<(OsString, OsString)>, start: Start) {
    let mut protected: Vec<&OsStr> = Vec::new();
    for edit in edits {
        match edit {
            Edit::Unset(name) => environment.retain(|(key, _)| !is_same(key, name)),
            Edit::Set(name, value) => set(environment, name, value.clone()),
            Edit::SetPackage(name) => set(environment, name, start.package.to_owned()),
            Edit::SetOriginalCommand(name) => set(environment, name, start.original.to_owned()),
            Edit::Prepend(name, value) => {
                let old = find(environment, name).filter(|old| !old.is_empty());
                let mut joined = value.clone();
                joined.push(SEPARATOR);
                joined.push(old.unwrap_or(DEFAULT_PATH.as_ref()));
                set(environment, name, joined);
            }
            Edit::Protect(pattern) => protected.push(pattern),
            Edit::UnsetMatching(pattern) => environment.retain(|(key, _)| {
                !covers(pattern, key) || protected.iter().any(|pattern| covers(pattern, key))
            }),
            Edit::Rename(from, to) => {
                if let Some(value) = find(environment, from).map(OsStr::to_owned) {
                    environment.retain(|(key, _)| !is_same(key, from));
                    set(environment, to, value);
                }
            }
        }
    }
}

fn covers(pattern: &OsStr, name: &OsStr) -> bool {
    pattern::matches(&variable_key(pattern), &variable_key(name))
}

fn is_same(name: &OsStr, other: &OsStr) -> bool {
    variable_key(name) == variable_key(other)
}

fn find<'a>(environment: &'a [(OsString, OsString)], name: &OsStr) -> Option<&'a OsStr> {
    environment.iter().find(|(key, _)| is_same(key, name)).map(|(_, value)| value.as_os_str())
}

fn set(environment: &mut Vec<(OsString, OsString)>, name: &OsStr, value: OsString) {
    // In place, so that the order of the user's variables stays; further entries of the name go.
    let mut value = Some(value);
    environment.retain_mut(|(key, old)| {
        if !is_same(key, name) {
            return true;
        }
        match value.take() {
            Some(value) => {
                *old = value;
                true
            }
            None => false,
        }
    });
    if let Some(value) = value {
        environment.push((name.to_owned(), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(edits: &[Edit], environment: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        let mut environment: Vec<(OsString, OsString)> =
            environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let start = Start { package: OsStr::new("/p"), original: OsStr::new("./p") };
        apply(edits, &mut environment, start);
        environment
    }

    #[test]
    fn edits_apply_in_order_and_leave_other_variables_alone() {
        let edits = [
            Edit::Unset("A".into()),
            Edit::Set("B".into(), "new".into()),
            Edit::Prepend("PATH".into(), "/w".into()),
            Edit::SetPackage("P".into()),
            Edit::SetOriginalCommand("O".into()),
            Edit::Unset("MISSING".into()),
        ];
        let before = [("A", "1"), ("B", "old"), ("C", "x=y"), ("PATH", "/bin"), ("A", "2"), ("B", "older")];
        let path = if cfg!(windows) { "/w;/bin" } else { "/w:/bin" };
        let after = [("B", "new"), ("C", "x=y"), ("PATH", path), ("P", "/p"), ("O", "./p")];
        assert_eq!(applied(&edits, &before), applied(&[], &after));
    }

    #[test]
    fn a_missing_or_empty_path_keeps_the_programs_of_the_system() {
        let edits = [Edit::Prepend("PATH".into(), "/w".into())];
        let path = if cfg!(windows) {
            r"/w;C:\Windows\System32;C:\Windows"
        } else {
            "/w:/usr/local/bin:/usr/bin:/bin"
        };
        let expected = applied(&[], &[("PATH", path)]);
        assert_eq!(applied(&edits, &[]), expected);
        assert_eq!(applied(&edits, &[("PATH", "")]), expected);
    }

    #[test]
    fn what_a_pattern_covers_is_removed_unless_it_is_protected() {
        let before = [("PATH", "/bin"), ("LC_ALL", "C"), ("TOKEN", "t"), ("LC_", "x")];
        let all = Edit::UnsetMatching("*".into());
        assert_eq!(applied(std::slice::from_ref(&all), &before), []);
        let kept = [Edit::Protect("LC_*".into()), Edit::Protect("PATH".into()), all.clone()];
        assert_eq!(applied(&kept, &before), applied(&[], &[("PATH", "/bin"), ("LC_ALL", "C"), ("LC_", "x")]));
        // Protection begins where it stands.
        assert_eq!(applied(&[all, Edit::Protect("*".into())], &before), []);
    }

    #[test]
    fn a_renamed_variable_replaces_the_one_of_the_new_name() {
        let edits = [Edit::Rename("OLD".into(), "NEW".into()), Edit::Rename("MISSING".into(), "KEPT".into())];
        let before = [("NEW", "1"), ("OLD", "2"), ("KEPT", "3"), ("OLD", "4")];
        assert_eq!(applied(&edits, &before), applied(&[], &[("NEW", "2"), ("KEPT", "3")]));
        assert_eq!(
            applied(&[Edit::Rename("A".into(), "A".into())], &[("A", "1")]),
            applied(&[], &[("A", "1")])
        );
    }

    #[cfg(unix)]
    #[test]
    fn values_that_are_not_utf_8_pass_untouched() {
        use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

        let value = OsString::from_vec(vec![0xff, 0xfe]);
        let mut environment = vec![(OsString::from_vec(vec![0x80]), value.clone()), ("PATH".into(), value)];
        let start = Start { package: OsStr::new("/p"), original: OsStr::new("p") };
        apply(&[Edit::Prepend("PATH".into(), "/w".into())], &mut environment, start);
        assert_eq!(environment[0].1.as_bytes(), [0xff, 0xfe]);
        assert_eq!(environment[1].1.as_bytes(), b"/w:\xff\xfe");
    }

    #[cfg(windows)]
    #[test]
    fn values_that_are_not_unicode_pass_untouched() {
        use std::os::windows::ffi::{OsStrExt as _, OsStringExt as _};

        let mut environment = vec![("PATH".into(), OsString::from_wide(&[0xd800]))];
        let start = Start { package: OsStr::new("p"), original: OsStr::new("p") };
        apply(&[Edit::Prepend("PATH".into(), "w".into())], &mut environment, start);
        assert_eq!(Vec::from_iter(environment[0].1.encode_wide()), [0x77, 0x3b, 0xd800]);
    }

    #[cfg(windows)]
    #[test]
    fn names_of_variables_that_differ_by_case_alone_are_one() {
        let edits = [
            Edit::Set("PATH".into(), "new".into()),
            Edit::Unset("a".into()),
            Edit::UnsetMatching("TOKEN_*".into()),
            Edit::Rename("OLD".into(), "New".into()),
        ];
        let before = [("Path", "old"), ("A", "1"), ("token_x", "t"), ("Old", "2")];
        assert_eq!(applied(&edits, &before), applied(&[], &[("Path", "new"), ("New", "2")]));
    }
}
