//! Unix: the folders of the XDG base directory specification, and those of macOS.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Place, UserFolder, add, folder_of};
use crate::platform::{DEFAULT_CACHE, DEFAULT_CONFIG, DEFAULT_DATA, ROOT_HOME};

/// The folder of the operator's trust file. No variable changes it.
pub fn system_configuration() -> PathBuf {
    PathBuf::from("/etc/flavor")
}

/// The places, best first. `variable` looks up an environment variable.
pub fn places(variable: impl Fn(&str) -> Option<OsString>) -> Vec<Place> {
    places_for(variable, rustix::process::geteuid().as_raw())
}

fn places_for(variable: impl Fn(&str) -> Option<OsString>, user: u32) -> Vec<Place> {
    let folder = |name: &str| folder_of(name, &variable);
    let mut found = Vec::new();
    let mut add = |path: Option<PathBuf>, origin: &'static str| add(&mut found, path, origin);
    add(folder("FLAVOR_CACHE"), "FLAVOR_CACHE");
    add(folder("FLAVOR_CACHE_DIR"), "FLAVOR_CACHE_DIR");
    add(own(&variable, "XDG_CACHE_HOME", user).map(|path| path.join("flavor")), "XDG_CACHE_HOME");
    add(home(&variable, user).map(|path| path.join(DEFAULT_CACHE)), "HOME");
    let temporary = folder("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp"));
    add(Some(temporary.join(format!("flavor-{user}"))), "TMPDIR");
    found
}

/// The home, or root's own one in place of somebody else's (S4).
fn trusted_home(home: PathBuf, user: u32) -> PathBuf {
    if user != 0 || belongs_to_root(&home) { home } else { home_of_root() }
}

/// The folder of the user's trust file, `$FLAVOR_CONFIG_DIR`, `$XDG_CONFIG_HOME/flavor` or `$HOME/.config/flavor`
/// (LAUNCH.md 13.2); it need not exist.
pub fn configuration(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    folder_of("FLAVOR_CONFIG_DIR", &variable).or_else(|| {
        let base = own(&variable, "XDG_CONFIG_HOME", user)
            .or_else(|| home(&variable, user).map(|home| home.join(".config")));
        base.map(|base| base.join("flavor"))
    })
}

/// The user's folder of a kind, and the variables that its place depends on.
pub(crate) fn user_folder(
    kind: UserFolder,
    variable: impl Fn(&str) -> Option<OsString>,
) -> (Option<PathBuf>, Vec<&'static str>) {
    let user = rustix::process::geteuid().as_raw();
    let (name, below_home) = match kind {
        UserFolder::Data => ("XDG_DATA_HOME", DEFAULT_DATA),
        UserFolder::Config => ("XDG_CONFIG_HOME", DEFAULT_CONFIG),
    };
    match own(&variable, name, user) {
        Some(own) => (Some(own), vec![name]),
        None => (home(&variable, user).map(|home| home.join(below_home)), vec![name, "HOME"]),
    }
}

/// The folder that a variable names. Root keeps nothing in folders of others: their owners could replace what is there
/// (S4).
fn own(variable: &impl Fn(&str) -> Option<OsString>, name: &str, user: u32) -> Option<PathBuf> {
    folder_of(name, variable).filter(|path| user != 0 || belongs_to_root(path))
}

fn home(variable: &impl Fn(&str) -> Option<OsString>, user: u32) -> Option<PathBuf> {
    folder_of("HOME", variable).map(|home| trusted_home(home, user))
}

fn belongs_to_root(path: &Path) -> bool {
    path.ancestors().find_map(|ancestor| ancestor.metadata().ok()).is_some_and(|metadata| metadata.uid() == 0)
}

/// The home of user 0 in the password database.
fn home_of_root() -> PathBuf {
    let database = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    parse_home_of_root(&database).unwrap_or_else(|| PathBuf::from(ROOT_HOME))
}

fn parse_home_of_root(database: &str) -> Option<PathBuf> {
    database.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let home = *fields.get(5)?;
        (fields[2] == "0" && home.starts_with('/')).then(|| PathBuf::from(home))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(variables: &[(&str, &str)], user: u32) -> Vec<String> {
        let lookup = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        };
        places_for(lookup, user).into_iter().map(|place| place.path.display().to_string()).collect()
    }

    #[test]
    fn places_are_tried_in_the_documented_order() {
        let all = [
            ("FLAVOR_CACHE", "/a"),
            ("FLAVOR_CACHE_DIR", "/b"),
            ("XDG_CACHE_HOME", "/c"),
            ("HOME", "/d"),
            ("TMPDIR", "/e"),
        ];
        let home = format!("/d/{DEFAULT_CACHE}");
        assert_eq!(paths(&all, 7), ["/a", "/b", "/c/flavor", &home, "/e/flavor-7"]);
        assert_eq!(paths(&[], 7), ["/tmp/flavor-7"]);
    }

    #[test]
    fn empty_and_relative_values_give_no_place() {
        for value in ["", "relative", "./x", "~/.cache"] {
            let variables =
                [("FLAVOR_CACHE", value), ("XDG_CACHE_HOME", value), ("HOME", value), ("TMPDIR", value)];
            assert_eq!(paths(&variables, 7), ["/tmp/flavor-7"], "{value:?}");
        }
    }

    #[test]
    fn s4_root_uses_no_home_of_somebody_else() {
        let folder = tempfile::tempdir().expect("folder");
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(folder.path(), Some(12345), None).expect("chown");
        }
        let foreign = folder.path().to_str().expect("path");
        let found = paths(&[("HOME", foreign), ("XDG_CACHE_HOME", foreign)], 0);
        assert!(found.iter().all(|path| !path.starts_with(foreign)), "{found:?}");
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn the_configuration_folder_is_the_first_that_a_variable_gives() {
        let at = |variables: &[(&str, &str)]| {
            configuration(|name| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
            })
        };
        let all = [("FLAVOR_CONFIG_DIR", "/a"), ("XDG_CONFIG_HOME", "/b"), ("HOME", "/")];
        assert_eq!(at(&all), Some("/a".into()));
        assert_eq!(at(&all[1..]), Some("/b/flavor".into()));
        assert_eq!(at(&all[2..]), Some("/.config/flavor".into()));
        assert_eq!(at(&[("FLAVOR_CONFIG_DIR", ""), ("XDG_CONFIG_HOME", "b"), ("HOME", "./c")]), None);
    }

    #[test]
    fn the_home_of_root_is_the_one_in_the_password_database() {
        let database = "daemon:x:1:1::/usr/sbin:/bin/sh\nroot:x:0:0:root:/var/root:/bin/sh\n";
        assert_eq!(parse_home_of_root(database), Some(PathBuf::from("/var/root")));
        assert_eq!(parse_home_of_root("broken\n\n:::\n"), None);
    }
}
