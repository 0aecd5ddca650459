//! Finding the programs that a foreign or plain package names (LAUNCH.md 16.4). Packages of ours never come here: their
//! programs are absolute paths.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use flavor_store::private::relative;

use crate::failure::Result;
use crate::foreign::refuse;

/// The first word of a command, ready to be started, and its path below the environment if it lies there.
pub(crate) fn resolve(word: Vec<u8>, workenv: &Path) -> Result<(OsString, Option<String>)> {
    if word.is_empty() {
        return Err(refuse("a command begins with an empty word"));
    }
    if !word.contains(&b'/') {
        return Ok((OsString::from_vec(word), None));
    }
    let own = workenv.as_os_str().as_bytes();
    let inside = word.strip_prefix(own).is_some_and(|rest| rest.starts_with(b"/"));
    if word.starts_with(b"/") && !inside {
        return Ok((OsString::from_vec(word), None));
    }
    let below = relative(workenv, &word)?;
    let program = if inside { OsString::from_vec(word) } else { workenv.join(&below).into_os_string() };
    Ok((program, Some(below)))
}

/// Whether a program has to be looked for.
pub(crate) fn is_bare(program: &OsStr) -> bool {
    !program.as_bytes().contains(&b'/')
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
    let path = environment.iter().find(|(name, _)| name == "PATH").map_or(OsStr::new(""), |(_, value)| value);
    let folders = path.as_bytes().split(|byte| *byte == b':').filter(|folder| folder.starts_with(b"/"));
    folders.map(|folder| Path::new(OsStr::from_bytes(folder)).join(program)).collect()
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(word: &str) -> std::result::Result<(String, Option<String>), String> {
        resolve(word.as_bytes().to_vec(), Path::new("/store/w"))
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
