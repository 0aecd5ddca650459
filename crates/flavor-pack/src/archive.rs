//! From a staged tree to the ordered member list of a slot. The list depends only on names, contents and the
//! owner's executable bit: not on where the tree lies, in which order it was made, who owns it, or the umask.
//!
//! Guaranteed: names sorted by bytes, every directory listed before what it holds, hard links listed as files of
//! their own, symbolic links only where security rule S14 allows them. A tree that a package cannot hold is
//! refused with the file's path; nothing is left out silently. Contents are not read here.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pspf::ReadAt as _;
use pspf::layout::limit;
use pspf::tar::{self, Kind, Member};

use crate::progress::Progress;
use crate::{Error, Result, members};

/// One member and where its content comes from.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) member: Member,
    pub(crate) source: Source,
}

/// Where the content of a member comes from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A file of a staged tree.
    File(PathBuf),
    /// A part of an unnamed file that holds what the archive at `archive` was unpacked to.
    Spool { spool: Arc<File>, offset: u64, archive: Arc<Path> },
}

impl Source {
    /// What messages name.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Spool { archive, .. } => archive,
        }
    }
}

/// The content of one file of the list, read by offset.
pub(crate) struct Content<'a> {
    file: Arc<File>,
    base: u64,
    entry: &'a Entry,
}

impl Content<'_> {
    /// Fills `buffer` from `offset` of the content.
    pub(crate) fn read(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        self.file.read_exact_at(buffer, self.base + offset).map_err(|error| {
            if error.kind() == std::io::ErrorKind::UnexpectedEof {
                changed(self.entry)
            } else {
                Error::io("read the file to be packed", self.entry.source.path())(error)
            }
        })
    }

    /// Makes sure that the file did not grow since it was listed.
    pub(crate) fn finish(&self, size: u64) -> Result<()> {
        let Source::File(path) = &self.entry.source else { return Ok(()) };
        let length = self.file.len().map_err(Error::io("look at the file", path))?;
        if length == size { Ok(()) } else { Err(changed(self.entry)) }
    }
}

/// The members of a slot in the order in which they are archived.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) entries: Vec<Entry>,
    /// Sum of the file sizes.
    pub(crate) bytes: u64,
}

impl Tree {
    /// What stands at a member path.
    pub(crate) fn member(&self, path: &str) -> Option<&Member> {
        let position = self.entries.binary_search_by(|entry| entry.member.path.as_str().cmp(path)).ok()?;
        Some(&self.entries[position].member)
    }
}

/// Lists the tree below `root`, which is followed when it is a link itself.
pub(crate) fn walk(root: &Path, progress: &dyn Progress) -> Result<Tree> {
    let metadata = fs::metadata(root).map_err(Error::io("read the folder to be packed", root))?;
    if !metadata.is_dir() {
        return Err(Error::member(root, "a slot is made from a folder, this is none"));
    }
    let mut tree = Tree { entries: Vec::new(), bytes: 0 };
    let mut pending = vec![(root.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = pending.pop() {
        for item in fs::read_dir(&folder).map_err(Error::io("list the folder", &folder))? {
            progress.check()?;
            let item = item.map_err(Error::io("list the folder", &folder))?;
            let source = item.path();
            let path = member_path(&prefix, &item.file_name(), &source)?;
            let metadata = fs::symlink_metadata(&source).map_err(Error::io("look at the file", &source))?;
            let kind = kind(&source, &metadata)?;
            match &kind {
                Kind::Directory => pending.push((source.clone(), path.clone())),
                Kind::File { size, .. } => tree.bytes = tree.bytes.saturating_add(*size),
                Kind::Symlink { target } => {
                    tar::check_target(&path, target)
                        .map_err(|error| Error::member(&source, error.to_string()))?;
                }
            }
            tree.entries.push(Entry { member: Member { path, kind }, source: Source::File(source) });
            if tree.entries.len() as u64 > limit::MEMBERS || tree.bytes > limit::CONTENT_BYTES {
                let message = format!(
                    "more than {} members or {} bytes, which a package may not hold",
                    limit::MEMBERS,
                    limit::CONTENT_BYTES
                );
                return Err(Error::member(root, message));
            }
        }
    }
    let Tree { entries, bytes } = tree;
    ordered(entries, bytes)
}

/// A tree of the members of somebody else's archive. Folders that paths pass through are added where they are
/// missing, as they may be there.
pub(crate) fn of_archive(mut entries: Vec<Entry>, bytes: u64) -> Result<Tree> {
    let mut known: HashSet<String> = entries.iter().map(|entry| entry.member.path.clone()).collect();
    let mut missing = Vec::new();
    for entry in &entries {
        for (slash, _) in entry.member.path.match_indices('/') {
            let above = &entry.member.path[..slash];
            if !known.contains(above) {
                known.insert(above.to_owned());
                let member = Member { path: above.to_owned(), kind: Kind::Directory };
                missing.push(Entry { member, source: entry.source.clone() });
            }
        }
    }
    entries.append(&mut missing);
    ordered(entries, bytes)
}

/// Puts members in order and checks them as a whole.
fn ordered(mut entries: Vec<Entry>, bytes: u64) -> Result<Tree> {
    entries.sort_by(|one, other| one.member.path.cmp(&other.member.path));
    members::check(entries.iter().map(|entry| &entry.member)).map_err(|broken| {
        let entry = &entries[broken.position];
        let message = match &entry.source {
            Source::File(_) => broken.message,
            Source::Spool { .. } => format!("{:?}: {}", entry.member.path, broken.message),
        };
        Error::member(entry.source.path(), message)
    })?;
    Ok(Tree { entries, bytes })
}

/// Opens a file of the list and makes sure that it still is what was listed.
pub(crate) fn open(entry: &Entry) -> Result<Content<'_>> {
    let path = match &entry.source {
        Source::File(path) => path,
        Source::Spool { spool, offset, .. } => {
            return Ok(Content { file: Arc::clone(spool), base: *offset, entry });
        }
    };
    let file = File::open(path).map_err(Error::io("open the file to be packed", path))?;
    let metadata = file.metadata().map_err(Error::io("look at the file", path))?;
    if matches!(entry.member.kind, Kind::File { size, .. } if metadata.is_file() && metadata.len() == size) {
        Ok(Content { file: Arc::new(file), base: 0, entry })
    } else {
        Err(changed(entry))
    }
}

/// A file that is not the one that was listed.
fn changed(entry: &Entry) -> Error {
    Error::member(entry.source.path(), "the file was changed while it was packed")
}

fn member_path(prefix: &str, name: &OsStr, source: &Path) -> Result<String> {
    let name = name.to_str().ok_or_else(|| Error::member(source, "the name is not valid UTF-8"))?;
    let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
    tar::check_path(&path).map_err(|error| Error::member(source, error.to_string()))?;
    Ok(path)
}

fn kind(source: &Path, metadata: &Metadata) -> Result<Kind> {
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Ok(Kind::Directory);
    }
    if kind.is_file() {
        return Ok(Kind::File { size: metadata.len(), executable: executable(metadata) });
    }
    if kind.is_symlink() {
        let target = fs::read_link(source).map_err(Error::io("read the link", source))?;
        let target =
            target.to_str().ok_or_else(|| Error::member(source, "the link's target is not valid UTF-8"))?;
        return Ok(Kind::Symlink { target: target.to_owned() });
    }
    Err(Error::member(source, format!("{} cannot be packed", special(kind))))
}

#[cfg(unix)]
fn executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn executable(_: &Metadata) -> bool {
    // Windows keeps no such bit; nothing that runs there asks for it.
    false
}

#[cfg(unix)]
fn special(kind: fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_socket() {
        "a socket"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else {
        "a file of unknown kind"
    }
}

#[cfg(not(unix))]
fn special(_: fs::FileType) -> &'static str {
    "a file of unknown kind"
}
