//! From a private folder to the place that was asked for. The folder lies beside the place, or inside it where that is
//! an empty folder already, so that publishing is renaming on one file system; it is removed whatever happens.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::judgement::Ground;
use crate::{Error, Result, place};

const EXISTS: &str = "replace what is there already";
const IS_FOLDER: &str = "write a file where a folder is";

/// How what was staged comes to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Publish {
    /// A new folder is renamed.
    Folder,
    /// The place is an empty folder, which stays: what it is going to hold is renamed.
    Entries,
    /// A new file is renamed.
    File,
    /// A file is renamed over another one.
    Replacement,
}

/// A private folder with a destination; removed when it is dropped.
pub(super) struct Staging {
    folder: TempDir,
    destination: PathBuf,
    publish: Publish,
}

impl Staging {
    /// For a tree: the destination must not exist, or be an empty folder.
    pub(super) fn for_folder(destination: &Path) -> Result<Self> {
        let refuse = |action, kind: io::ErrorKind| Err(Error::output(action, destination)(kind.into()));
        match fs::symlink_metadata(destination) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::below(place::folder_of(destination), destination, Publish::Folder)
            }
            Err(error) => Err(Error::output("extract to", destination)(error)),
            Ok(metadata) if !metadata.is_dir() => refuse(EXISTS, io::ErrorKind::AlreadyExists),
            Ok(_) => {
                let mut entries =
                    fs::read_dir(destination).map_err(Error::output("extract to", destination))?;
                if entries.next().is_some() {
                    return refuse("fill a folder that is not empty", io::ErrorKind::DirectoryNotEmpty);
                }
                Self::below(destination, destination, Publish::Entries)
            }
        }
    }

    /// For a file: the destination must not exist, unless it may be replaced.
    pub(super) fn for_file(destination: &Path, replace: bool) -> Result<Self> {
        let refuse = |action, kind: io::ErrorKind| Err(Error::output(action, destination)(kind.into()));
        if destination.file_name().is_none() {
            return refuse(IS_FOLDER, io::ErrorKind::IsADirectory);
        }
        match fs::symlink_metadata(destination) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::output("extract to", destination)(error)),
            Ok(metadata) if metadata.is_dir() => return refuse(IS_FOLDER, io::ErrorKind::IsADirectory),
            Ok(_) if !replace => return refuse(EXISTS, io::ErrorKind::AlreadyExists),
            Ok(_) => {}
        }
        let publish = if replace { Publish::Replacement } else { Publish::File };
        Self::below(place::folder_of(destination), destination, publish)
    }

    fn below(folder: &Path, destination: &Path, publish: Publish) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix(".flavor-")
            .suffix(".tmp")
            .tempdir_in(folder)
            .map_err(Error::output("extract to", destination))?;
        Ok(Self { folder, destination: destination.to_path_buf(), publish })
    }

    /// Where the file or folder is made; nothing is there yet.
    pub(super) fn staged(&self) -> PathBuf {
        self.folder.path().join("staged")
    }

    /// What the file system here takes names for.
    pub(super) fn ground(&self) -> Result<Ground> {
        let probe = self.folder.path().join("flavor-Case");
        fs::write(&probe, b"").map_err(Error::output("extract to", &self.destination))?;
        let folds_case = fs::symlink_metadata(self.folder.path().join("FLAVOR-cASE")).is_ok();
        fs::remove_file(&probe).map_err(Error::output("extract to", &self.destination))?;
        Ok(Ground { folds_case, windows: cfg!(windows) })
    }

    /// Brings what was staged to its place.
    pub(super) fn publish(self) -> Result<()> {
        let staged = self.staged();
        let result = match self.publish {
            // A folder that appeared meanwhile is replaced only if it is empty; a file is not.
            Publish::Folder | Publish::Replacement => fs::rename(&staged, &self.destination),
            Publish::Entries => publish_entries(&staged, &self.destination),
            Publish::File => publish_file(&staged, &self.destination),
        };
        result.map_err(Error::output("extract to", &self.destination))
    }
}

fn publish_file(staged: &Path, destination: &Path) -> io::Result<()> {
    // The one rename that never replaces, as far as the system has it.
    let path = tempfile::TempPath::try_from_path(staged)?;
    path.persist_noclobber(destination).map_err(|error| error.error)
}

/// Renames every entry, or none.
fn publish_entries(staged: &Path, destination: &Path) -> io::Result<()> {
    let mut moved: Vec<PathBuf> = Vec::new();
    let outcome = fs::read_dir(staged)?.try_for_each(|entry| {
        let entry = entry?;
        let target = destination.join(entry.file_name());
        if fs::symlink_metadata(&target).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(entry.path(), &target)?;
        moved.push(target);
        Ok(())
    });
    if outcome.is_err() {
        for target in moved {
            if let Some(name) = target.file_name() {
                // What cannot be taken back stays; the error says that something went wrong.
                let _ = fs::rename(&target, staged.join(name));
            }
        }
    }
    outcome
}
