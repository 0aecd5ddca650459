//! The lowest version of the system that serves a package (LAUNCH.md 4.4), judged by what the system says of itself in
//! files: no program is run and no library loaded. What it does not say is not judged.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::process;

/// How a file states a version.
type Statement = fn(&Path) -> io::Result<Option<String>>;

/// The name of this system in floors, and what states its version.
const SYSTEM: Option<(&str, &str, Statement)> = if cfg!(target_os = "macos") {
    Some(("macos", "/System/Library/CoreServices/SystemVersion.plist", product_version))
} else if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
    Some(("glibc", "/lib64/ld-linux-x86-64.so.2", loader_version))
} else if cfg!(target_os = "linux") {
    Some(("glibc", "/lib/ld-linux-aarch64.so.1", loader_version))
} else {
    None
};

/// More is no file that states a version.
const LARGEST: u64 = 4 << 20;

/// What this system lacks, in words.
pub(crate) fn lacking(floor: &BTreeMap<String, String>) -> Option<String> {
    let (name, path, statement) = SYSTEM?;
    let needed = floor.get(name)?;
    let lowest = parts(needed)?;
    let found = match statement(Path::new(path)) {
        Ok(Some(found)) if parts(&found)? < lowest => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => "no such file".to_owned(),
        _ => return None,
    };
    Some(format!("the package needs {name} {needed} or newer, this system has {found} ({path})"))
}

/// `2.36` and `2.36.1`, comparable.
fn parts(version: &str) -> Option<[u32; 3]> {
    let mut parts = [0; 3];
    let mut words = version.split('.');
    for part in &mut parts {
        match words.next() {
            Some(word) if word.starts_with('+') => return None,
            Some(word) => *part = word.parse().ok()?,
            None => break,
        }
    }
    words.next().is_none().then_some(parts)
}

/// The loader's file is `ld-N.M.so` up to glibc 2.33, and states the version in its text since.
fn loader_version(path: &Path) -> io::Result<Option<String>> {
    let real = process::resolved(path)?;
    let name = real.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if let Some(version) = name.strip_prefix("ld-").and_then(|name| name.strip_suffix(".so")) {
        return Ok(Some(version.to_owned()));
    }
    after(&real, b" release version ")
}

fn product_version(path: &Path) -> io::Result<Option<String>> {
    after(path, b"<key>ProductVersion</key>\n\t<string>")
}

/// The digits and dots behind the first occurrence of a text in a file.
fn after(path: &Path, text: &[u8]) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    let Some(at) = bytes.windows(text.len()).position(|window| window == text) else {
        return Ok(None);
    };
    let behind = &bytes[at + text.len()..];
    let end = behind.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b'.')).unwrap_or(behind.len());
    Ok(Some(String::from_utf8_lossy(&behind[..end]).trim_end_matches('.').to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn versions_are_compared_as_numbers_and_anything_else_is_not_judged() {
        assert!(
            parts("2.9") < parts("2.28") && parts("11") == parts("11.0.0") && parts("10.16") < parts("11")
        );
        for no_version in ["", "2.", ".2", "+2", "-2", "2.3.4.5", "two", "4294967296"] {
            assert_eq!(parts(no_version), None, "{no_version}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_loader_states_its_version_by_its_name_or_in_its_text() {
        let folder = tempfile::tempdir().expect("a folder");
        let (old, new, other) =
            (folder.path().join("ld-2.17.so"), folder.path().join("new"), folder.path().join("other"));
        fs::write(&old, "no text").expect("written");
        fs::write(&new, b"\0ld.so (Debian GLIBC 2.36-9) stable release version 2.36.\n").expect("written");
        fs::write(&other, "a stand-in").expect("written");
        let link = folder.path().join("ld-linux.so.2");
        std::os::unix::fs::symlink(&old, &link).expect("linked");
        let stated = |path: &Path| loader_version(path).expect("it can be read");
        assert_eq!(stated(&link).as_deref(), Some("2.17"));
        assert_eq!(stated(&new).as_deref(), Some("2.36"));
        assert_eq!(stated(&other), None);
        assert_eq!(
            loader_version(&folder.path().join("none")).expect_err("there is none").kind(),
            io::ErrorKind::NotFound
        );
    }
}
