//! Everything that a package may ask for inside its private environment (STORE.md 8.11, S21): paths are judged, walked
//! component by component below the environment's descriptor, and never followed through a link.

use std::collections::BinaryHeap;
use std::ffi::{OsStr, OsString};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use pspf::composition::target_path;
use pspf::tar::check_path;

use crate::composition::refuse;
use crate::directories::{Directories, open_file};
use crate::error::{During as _, Error, Result};
use crate::system::{Errno, FileKind, Folder, path_below, slashed};

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A link, or something that no package can create.
    Other,
}

/// A private environment, open for setup.
#[derive(Debug)]
pub struct PrivateTree {
    root: Folder,
    path: PathBuf,
}

impl PrivateTree {
    /// `path` is where the environment will be, or is, when the package's programs see it.
    pub(crate) fn new(root: Folder, path: &Path) -> Self {
        Self { root, path: path.to_path_buf() }
    }

    pub(crate) fn root(&self) -> &Folder {
        &self.root
    }

    /// Its final path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path below the environment that `text` stands for; empty for the environment itself.
    pub fn relative(&self, text: &[u8]) -> Result<String> {
        relative(&self.path, text)
    }

    /// What stands at a relative path; `None` if nothing does.
    pub fn find(&self, relative: &str) -> Result<Option<Found>> {
        if relative.is_empty() {
            return Ok(Some(Found::Directory));
        }
        let mut directories = Directories::new(&self.root, false);
        let (parent, name) = match directories.parent_of(relative) {
            Ok(found) => found,
            Err(error) if errno(&error) == Some(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(through_link(relative, error)),
        };
        match parent.find(name) {
            Ok(status) => Ok(Some(match status.kind() {
                FileKind::File => Found::File,
                FileKind::Folder => Found::Directory,
                FileKind::Link | FileKind::Other => Found::Other,
            })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error).during("look at", || relative),
        }
    }

    /// Makes a folder with its parents; the folder itself gets `mode`.
    pub fn create_directory(&self, relative: &str, mode: u32) -> Result<()> {
        let mut directories = Directories::new(&self.root, true);
        directories.directory(relative).map_err(|error| through_link(relative, error))?;
        self.set_mode(relative, mode)
    }

    /// Writes a file of exactly `content`, never into one that is there.
    pub fn write_file(&self, relative: &str, content: &[u8], mode: u32) -> Result<()> {
        if self.find(relative)? == Some(Found::Directory) {
            return Err(Errno::ISDIR).during("write", || relative);
        }
        let mut directories = Directories::new(&self.root, true);
        let (parent, name) =
            directories.parent_of(relative).map_err(|error| through_link(relative, error))?;
        match parent.remove_file(name) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error).during("replace", || relative),
        }
        let mut file = parent.create_file(name, mode).during("create", || relative)?;
        file.write_all(content).during("write", || relative)
    }

    /// Sets the permission bits of a file or folder.
    pub fn set_mode(&self, relative: &str, mode: u32) -> Result<()> {
        let (folder, name) = relative.rsplit_once('/').unwrap_or(("", relative));
        let name = if relative.is_empty() { "." } else { name };
        self.set_mode_in(folder, name.as_ref(), mode)
    }

    /// The same for what has the name `name` in `folder`: the package's programs can give names that no package can state.
    pub fn set_mode_in(&self, folder: &str, name: &OsStr, mode: u32) -> Result<()> {
        let mut directories = Directories::new(&self.root, false);
        let path = &Path::new(folder).join(name);
        let shown = || path.to_string_lossy();
        let parent = directories.directory(folder).map_err(|error| through_link(&shown(), error))?;
        parent.set_mode_of(name, mode).map_err(|error| match error {
            Errno::LOOP => outside(&shown(), "is a link"),
            error => Error::from_system("change the mode of", path, error),
        })
    }

    /// Names of the regular files in a folder, sorted by bytes; none where there is no such folder.
    pub fn files(&self, relative: &str) -> Result<Vec<OsString>> {
        let mut directories = Directories::new(&self.root, false);
        let directory = match directories.directory(relative) {
            Ok(directory) => directory,
            Err(error) if errno(&error) == Some(Errno::NOENT) => return Ok(Vec::new()),
            Err(error) => return Err(through_link(relative, error)),
        };
        let opened = directory.reopen().during("list", || relative)?;
        // A heap sorts with a tenth of the code that sorting in place would add to the launcher.
        let mut files = BinaryHeap::new();
        for name in opened.names().during("list", || relative)? {
            if opened.find(&name).is_ok_and(|status| status.kind() == FileKind::File) {
                files.push(name);
            }
        }
        Ok(files.into_sorted_vec())
    }

    /// The path of what has the name `name` in `folder`, for the package's programs.
    pub fn path_in(&self, folder: &str, name: &OsStr) -> PathBuf {
        path_below(&self.path, folder).join(name)
    }

    /// The content of a regular file of at most `limit` bytes.
    pub fn read(&self, relative: &str, limit: u64) -> Option<Vec<u8>> {
        let mut directories = Directories::new(&self.root, false);
        let (parent, name) = directories.parent_of(relative).ok()?;
        let (file, _) = open_file(parent, name)?;
        let mut content = Vec::new();
        file.take(limit + 1).read_to_end(&mut content).ok()?;
        (content.len() as u64 <= limit).then_some(content)
    }
}

/// The path below `environment` that `text` stands for (STORE.md 8.11).
pub(crate) fn relative(environment: &Path, text: &[u8]) -> Result<String> {
    let shown = || String::from_utf8_lossy(text).into_owned();
    let (environment, text) = (slashed(environment.as_os_str().as_encoded_bytes()), &*slashed(text));
    let below = match text.strip_prefix(&*environment) {
        Some([]) => &[],
        Some(rest @ [b'/', ..]) => &rest[rest.iter().take_while(|byte| **byte == b'/').count()..],
        _ if text.starts_with(b"/") => return Err(outside(&shown(), "lies outside the environment")),
        _ => text,
    };
    let below = std::str::from_utf8(below).map_err(|_| outside(&shown(), "is not UTF-8"))?;
    clean(below).ok_or_else(|| outside(&shown(), "is no path inside the environment"))
}

/// The relative path of a slot's target (STORE.md 8.8); empty for the environment itself.
pub(crate) fn target(text: &str) -> Result<String> {
    target_path(text).ok_or_else(|| outside(text, "is no target inside the environment"))
}

/// Takes empty and `.` components away; `None` for what is absolute, climbs, or is too long or deep.
fn clean(path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let path = parts.join("/");
    (path.is_empty() || check_path(&path).is_ok()).then_some(path)
}

/// A path that the package may not name.
pub(crate) fn outside(path: &str, why: &str) -> Error {
    refuse(&format!("{path:?} {why}"))
}

/// Opening refuses links as "too many links" or "not a directory".
pub(crate) fn through_link(path: &str, error: Error) -> Error {
    match errno(&error) {
        Some(Errno::LOOP | Errno::NOTDIR) => {
            refuse(&format!("the way to {path:?} passes through something that is no folder"))
        }
        _ => error,
    }
}

pub(crate) fn errno(error: &Error) -> Option<Errno> {
    let Error::Io { source, .. } = error else { return None };
    source.raw_os_error().map(Errno::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s21_only_paths_below_the_environment_are_paths() {
        let below = |text: &str| relative(Path::new("/s/env"), text.as_bytes()).ok();
        for (text, path) in [
            ("/s/env", ""),
            ("/s/env/", ""),
            ("", ""),
            (".", ""),
            ("/s/env/a/b", "a/b"),
            ("/s/env//a/./b/", "a/b"),
            ("a", "a"),
            ("./a", "a"),
        ] {
            assert_eq!(below(text).as_deref(), Some(path), "{text}");
        }
        for text in
            ["/", "/s", "/s/envx", "/s/other", "..", "a/..", "/s/env/..", "a/../b", "/s/env/../env/a", "a\0"]
        {
            let text = text.replace("\\0", "\0");
            assert_eq!(below(&text), None, "{text}");
        }
        assert!(relative(Path::new("/s/env"), b"a\xff").is_err());
    }

    // File systems of other systems hold no such names.
    #[cfg(target_os = "linux")]
    #[test]
    fn files_whose_names_are_not_utf_8_are_listed_among_the_others_and_get_a_mode() {
        use std::os::unix::ffi::OsStringExt as _;
        use std::os::unix::fs::PermissionsExt as _;

        let place = tempfile::tempdir().expect("folder");
        let folder = place.path().join("folder");
        std::fs::create_dir(&folder).expect("create");
        let names =
            [b"a".to_vec(), b"b\xff".to_vec(), b"c".to_vec(), b"\xfe".to_vec()].map(OsString::from_vec);
        for name in names.iter().rev() {
            std::fs::write(folder.join(name), b"").expect("write");
        }
        let tree = PrivateTree::new(Folder::open(place.path()).expect("open"), place.path());
        assert_eq!(tree.files("folder").expect("list"), names);
        assert_eq!(tree.files("none").expect("list"), names[..0]);
        tree.set_mode_in("folder", &names[1], 0o604).expect("mode");
        let path = tree.path_in("folder", &names[1]);
        assert_eq!(std::fs::metadata(path).expect("find").permissions().mode() & 0o777, 0o604);
    }

    #[test]
    fn s21_targets_are_relative() {
        for (text, path) in [
            ("{workenv}", ""),
            ("{workenv}/", ""),
            ("", ""),
            ("{workenv}/bin/uv", "bin/uv"),
            ("{workenv}x", "{workenv}x"),
        ] {
            assert_eq!(target(text).ok().as_deref(), Some(path), "{text}");
        }
        for text in ["/a", "..", "{workenv}/..", "{workenv}/a/../../b", "a/../b", "c:/x"] {
            assert!(target(text).is_err(), "{text}");
        }
    }
}
