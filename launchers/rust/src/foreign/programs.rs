//! Finding the programs that a foreign or plain package names (LAUNCH.md 16.4). Packages of ours never come here: their
//! programs are absolute paths.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf, is_separator};

use flavor_store::os_string;
use flavor_store::private::relative;

use crate::failure::Result;
use crate::foreign::refuse;

/// The first word of a command, ready to be started, and its path below the environment if it lies there.
pub(crate) fn resolve(word: &[u8], workenv: &Path) -> Result<(OsString, Option<String>)> {
    if word.is_empty() {
        return Err(refuse("a command begins with an empty word"));
    }
    let own = workenv.as_os_str().as_encoded_bytes();
    let inside = word.strip_prefix(own).is_some_and(|rest| rest.first().is_some_and(|byte| separates(*byte)));
    let program = os_string(word.to_vec());
    if is_bare(&program) || Path::new(&program).is_absolute() && !inside {
        return Ok((program, None));
    }
    let below = relative(workenv, word)?;
    let program = if inside { program } else { workenv.join(&below).into_os_string() };
    Ok((program, Some(below)))
}

/// Whether a program has to be looked for.
pub(crate) fn is_bare(program: &OsStr) -> bool {
    !program.as_encoded_bytes().iter().any(|byte| separates(*byte))
}

/// On Windows `C:x` is a path too; it would begin at the folder that the user has on that drive.
fn separates(byte: u8) -> bool {
    is_separator(char::from(byte)) || cfg!(windows) && byte == b':'
}

/// Tries `program` at every place where it may be; the first failure that is no absence ends the search. `attempt`
/// returns `Ok` only if it succeeded.
pub(crate) fn first<T>(
    program: &OsStr,
    environment: &[(OsString, OsString)],
    mut attempt: impl FnMut(&OsStr) -> io::Result<T>,
) -> io::Result<T> {
    if !is_bare(program) {
        return attempt(program);
    }
    let mut refused = None;
    for place in places(program, environment) {
        match attempt(place.as_os_str()) {
            Err(error) if is_absence(&error) => {}
            // A folder of that name, or a file that may not be executed, hides no program further on.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => refused = Some(error),
            other => return other,
        }
    }
    Err(refused
        .unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "it is in none of the folders of PATH")))
}

fn places(program: &OsStr, environment: &[(OsString, OsString)]) -> Vec<PathBuf> {
    let is_path = |name: &OsStr| name == "PATH" || cfg!(windows) && name.eq_ignore_ascii_case("PATH");
    let path = environment.iter().find(|(name, _)| is_path(name)).map_or(OsStr::new(""), |(_, value)| value);
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(program)).collect()
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn resolved(word: &str) -> std::result::Result<(String, Option<String>), String> {
        resolve(word.as_bytes(), Path::new("/store/w"))
            .map(|(program, below)| (program.to_string_lossy().into_owned(), below))
            .map_err(|failure| failure.message)
    }

    #[test]
    fn absolute_paths_are_used_as_they_are_and_others_lie_in_the_environment() {
        let inside = |program: &str, below: &str| Ok((program.to_owned(), Some(below.to_owned())));
        assert_eq!(resolved("/bin/sh"), Ok(("/bin/sh".into(), None)));
        assert_eq!(resolved("sh"), Ok(("sh".into(), None)));
        assert_eq!(resolved("/store/w/bin/x"), inside("/store/w/bin/x", "bin/x"));
        assert_eq!(resolved("./bin/x"), inside("/store/w/bin/x", "bin/x"));
        assert_eq!(resolved("/store/wide/x"), Ok(("/store/wide/x".into(), None)));
    }

    #[test]
    fn s21_no_program_climbs_out_of_the_environment() {
        for word in ["/store/w/../x", "../x", "bin/../../x", "", "/store/w/bin/../../../bin/sh"] {
            assert!(resolved(word).is_err(), "{word}");
        }
    }

    #[test]
    fn a_bare_name_is_looked_for_in_absolute_folders_of_path_only() {
        let environment = [("PATH".into(), "/a::relative:/b:.".into())];
        let mut tried = Vec::new();
        let found = first(OsStr::new("x"), &environment, |place| {
            tried.push(place.to_string_lossy().into_owned());
            Err::<(), _>(io::Error::from(io::ErrorKind::NotFound))
        });
        assert_eq!(tried, ["/a/x", "/b/x"]);
        assert_eq!(found.expect_err("nothing").kind(), io::ErrorKind::NotFound);
    }
}

#[cfg(all(test, windows))]
mod tests {
    use super::*;

    fn resolved(word: &str) -> std::result::Result<(String, Option<String>), String> {
        resolve(word.as_bytes(), Path::new(r"C:\store\w"))
            .map(|(program, below)| (program.to_string_lossy().into_owned(), below))
            .map_err(|failure| failure.message)
    }

    #[test]
    fn paths_with_a_drive_are_used_as_they_are_and_others_lie_in_the_environment() {
        let below = |program: &str, below: &str| Ok((program.to_owned(), Some(below.to_owned())));
        assert_eq!(resolved(r"C:\bin\x.exe"), Ok((r"C:\bin\x.exe".into(), None)));
        assert_eq!(resolved("x.exe"), Ok(("x.exe".into(), None)));
        assert_eq!(resolved(r"C:\store\w/bin/x"), below(r"C:\store\w/bin/x", "bin/x"));
        assert_eq!(resolved("bin/x"), below(r"C:\store\w\bin/x", "bin/x"));
    }

    #[test]
    fn s21_no_program_begins_at_the_root_or_the_folder_of_a_drive_or_climbs_out() {
        for word in ["/bin/x", r"\bin\x", "C:x", "D:x", r"..\x", "bin/../../x", r"C:\store\w\..\x"] {
            assert!(resolved(word).is_err(), "{word}");
        }
    }

    #[test]
    fn a_bare_name_is_looked_for_in_absolute_folders_of_path_only() {
        let environment = [("Path".into(), r"C:\a;;relative;D:b;E:\c;.".into())];
        assert_eq!(places(OsStr::new("x"), &environment), [Path::new(r"C:\a\x"), Path::new(r"E:\c\x")]);
    }
}
