//! Windows: the walk goes by handles from the root of a drive, one component at a time (STORE.md 3.5). Reparse points are never
//! followed. Whose something is, and who else could change it, its security descriptor says.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Component, Path, PathBuf, Prefix};

use super::{Owners, Stop, Walked};
use crate::system::security::{Access, CHANGE, Owner, REPLACE, access};
use crate::system::{Errno, Folder, Status};

impl Owners {
    fn include(self, owner: Owner) -> bool {
        owner == Owner::System || self == Self::UserOrRoot && owner == Owner::User
    }

    /// Whether a file is believed: it belongs to one of these owners, and nobody else may change it.
    pub(crate) fn require(self, file: &File, _status: &Status) -> Result<(), String> {
        let found = access(file, CHANGE).map_err(text)?;
        if self.include(found.owner) && !found.is_open_to_strangers {
            return Ok(());
        }
        let owner = match self {
            Self::Root => "the system or its administrators",
            Self::UserOrRoot => "you, the system or its administrators",
        };
        Err(format!("it must belong to {owner} and be writable by nobody else ({})", describe(found)))
    }
}

/// Whether the user owns it and no stranger may change it.
pub(crate) fn is_own(file: &File, _status: &Status) -> bool {
    access(file, CHANGE).is_ok_and(|found| found.owner == Owner::User && !found.is_open_to_strangers)
}

/// Walks to the folder `path`, which must be absolute. With `create`, missing components are made for the user alone.
pub(crate) fn walk(path: &Path, create: bool) -> Result<Walked, Stop> {
    let mut walk = Walk::new(path, Owners::UserOrRoot)?;
    for name in components(path) {
        walk.enter(&name, create)?;
    }
    judge_own(&walk.folder, &walk.path)?;
    Ok(Walked { directory: walk.folder, path: walk.path })
}

/// Walks to the file `path`, which must be absolute, and opens it for reading. What it is and whose is not judged.
pub(crate) fn walk_to_file(path: &Path, owners: Owners) -> Result<File, Stop> {
    let mut walk = Walk::new(path, owners)?;
    let mut names = components(path);
    let Some(last) = names.pop() else {
        return Err(Stop::Refused(format!("`{}` is not a file", path.display())));
    };
    for name in names {
        walk.enter(&name, false)?;
    }
    walk.judge_parent()?;
    walk.folder.open_file(&last).map_err(|error| walk.stop(&last, error))
}

/// A folder of the store: real, the user's, and changed by no stranger.
pub(crate) fn judge_own(directory: &Folder, path: &Path) -> Result<(), Stop> {
    let found = access(directory.as_file(), CHANGE).map_err(|error| refused(path, error))?;
    if found.owner == Owner::User && !found.is_open_to_strangers {
        return Ok(());
    }
    Err(Stop::Refused(format!(
        "`{}` must belong to you and be writable by nobody else ({})",
        path.display(),
        describe(found)
    )))
}

struct Walk {
    owners: Owners,
    folder: Folder,
    path: PathBuf,
}

impl Walk {
    /// Begins at the root of the drive. Paths of other kinds (of other machines, of devices) give no place.
    fn new(path: &Path, owners: Owners) -> Result<Self, Stop> {
        let kind = |what: &str| Stop::Refused(format!("`{}` {what}", path.display()));
        // What is written into receipts and generated files is UTF-8.
        if path.to_str().is_none() {
            return Err(kind("is not Unicode"));
        }
        // `C:name` begins at whatever folder the process has on that drive.
        if !path.has_root() {
            return Err(kind("is not absolute"));
        }
        let drive = match path.components().next() {
            Some(Component::Prefix(prefix)) => match prefix.kind() {
                Prefix::Disk(letter) | Prefix::VerbatimDisk(letter) => char::from(letter),
                _ => return Err(kind("is not on a drive of this machine")),
            },
            _ => return Err(kind("names no drive")),
        };
        let root = PathBuf::from(format!("{drive}:\\"));
        let folder = Folder::search_at(&root).map_err(|error| refused(&root, error))?;
        Ok(Self { owners, folder, path: root })
    }

    fn enter(&mut self, name: &OsStr, create: bool) -> Result<(), Stop> {
        self.judge_parent()?;
        let opened = match self.folder.search(name) {
            Err(Errno::NOENT) if create => {
                match self.folder.create_guarded_folder(name) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(self.stop(name, error)),
                }
                self.folder.search(name)
            }
            other => other,
        };
        self.folder = opened.map_err(|error| self.stop(name, error))?;
        self.path.push(name);
        Ok(())
    }

    /// Nobody but the owners can exchange what is in the folder that the walk has reached. That others may put something new
    /// there, as into the root of a drive, exchanges nothing.
    fn judge_parent(&self) -> Result<(), Stop> {
        let found = access(self.folder.as_file(), REPLACE).map_err(|error| refused(&self.path, error))?;
        if self.owners.include(found.owner) && !found.is_open_to_strangers {
            return Ok(());
        }
        let shown = self.path.display();
        Err(Stop::Refused(format!("others could replace what is in `{shown}` ({})", describe(found))))
    }

    fn stop(&self, name: &OsStr, error: Errno) -> Stop {
        match error {
            Errno::NOENT => Stop::Missing,
            Errno::LOOP => Stop::Refused(format!("`{}` is a link", self.path.join(name).display())),
            error => refused(&self.path.join(name), error),
        }
    }
}

/// The names behind the drive, `..` taken away together with what stands before it: nothing on the way is a link.
fn components(path: &Path) -> Vec<OsString> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name.to_owned()),
            Component::ParentDir => drop(names.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    names
}

fn describe(found: Access) -> String {
    let owner = match found.owner {
        Owner::User => "you",
        Owner::System => "the system",
        Owner::Stranger => "somebody else",
    };
    let others =
        if found.is_open_to_strangers { "others may change it" } else { "nobody else may change it" };
    format!("owner {owner}; {others}")
}

fn refused(path: &Path, error: Errno) -> Stop {
    Stop::Refused(format!("`{}`: {}", path.display(), text(error)))
}

fn text(error: Errno) -> String {
    std::io::Error::from(error).to_string()
}
