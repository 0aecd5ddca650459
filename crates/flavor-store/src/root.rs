//! An opened store: its root and the folders of layout `v1`, each judged at every start (STORE.md 2 and 3, S17) and
//! from then on reached by descriptor only. [`Root::open`] creates nothing; [`Root::take`] creates what is missing and
//! probes whether the place can be used.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Refusal, Result};
use crate::location::Place;
use crate::ownership::{Stop, judge_own, walk};
use crate::staging::Staging;
use crate::system::{Errno, FileSystem, Folder, file_system_at, may_create_in, path_below};

/// What a start still has to unpack.
#[derive(Debug, Clone, Copy, Default)]
pub struct Space {
    /// Bytes of regular files.
    pub bytes: u64,
    /// Members of any kind.
    pub members: u64,
}

impl Space {
    /// Bytes that a place must have free: contents, and half a block of four KiB lost for each member.
    fn bytes_needed(self) -> u64 {
        self.bytes.saturating_add(self.members.saturating_mul(2048))
    }
}

/// An opened store.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    pub(crate) slots: Folder,
    pub(crate) envs: Folder,
    pub(crate) receipts: Folder,
    pub(crate) locks: Folder,
    pub(crate) tmp: Folder,
}

/// Tells folders that are caches from others; the text after the first line is for people.
const CACHE_TAG: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55\n\
    # This folder holds unpacked packages. It can be deleted; programs unpack themselves again.\n";

impl Root {
    /// Opens the store at `place` as it stands; `None` where there is none, the reason where it does not count.
    pub fn open(place: &Path) -> std::result::Result<Option<Self>, String> {
        match Self::walk_and_open(place, false) {
            Ok(root) => Ok(Some(root)),
            Err(Stop::Missing) => Ok(None),
            Err(Stop::Refused(reason)) => Err(reason),
        }
    }

    /// Takes the first of `places` that passes every probe (STORE.md 1.4). `space` is asked for each place, as what is
    /// there already need not be unpacked.
    pub fn take(places: &[Place], space: impl Fn(&Self) -> Space) -> Result<Self> {
        let mut refusals = Vec::new();
        for place in places {
            match Self::probe(&place.path, &space) {
                Ok(root) => return Ok(root),
                Err(reason) => {
                    refusals.push(Refusal { place: place.path.clone(), origin: place.origin, reason });
                }
            }
        }
        Err(Error::Location { refusals })
    }

    /// What [`Self::take`] would say of `place`, as far as can be told without creating anything: whether there is a store, or
    /// why there can be none. `space` is asked for what is there already.
    pub fn examine(
        place: &Path,
        space: impl Fn(Option<&Self>) -> Space,
    ) -> std::result::Result<bool, String> {
        let root = Self::open(place)?;
        let nearest = place.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(place);
        let (writable, found) = match &root {
            Some(root) => (root.below("v1/tmp"), root.tmp.file_system()),
            None => (nearest.to_path_buf(), file_system_at(nearest)),
        };
        judge(&found.map_err(io_text)?, space(root.as_ref()))?;
        may_create_in(&writable).map_err(|error| format!("`{}`: {}", writable.display(), io_text(error)))?;
        Ok(root.is_some())
    }

    /// The root's path without links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a shared slot is or will be.
    pub fn slot_path(&self, key: &str) -> PathBuf {
        self.below("v1/slots").join(key)
    }

    /// Where a work environment is or will be.
    pub fn environment_path(&self, name: &str) -> PathBuf {
        self.below("v1/envs").join(name)
    }

    /// The path of something in the store, in the words of STORE.md.
    pub(crate) fn below(&self, path: &str) -> PathBuf {
        path_below(&self.path, path)
    }

    /// Whether the store's file system, of this device, is mounted read-only (STORE.md 9.9).
    pub(crate) fn is_read_only_on(&self, device: u64) -> bool {
        self.receipts.file_system().is_ok_and(|found| found.is_read_only)
            && self.receipts.status().is_ok_and(|status| status.identity().device == device)
    }

    fn probe(place: &Path, space: &impl Fn(&Self) -> Space) -> std::result::Result<Self, String> {
        let root = match Self::walk_and_open(place, true) {
            Ok(root) => root,
            Err(Stop::Missing) => return Err("it vanished while it was opened".into()),
            Err(Stop::Refused(reason)) => return Err(reason),
        };
        judge(&root.tmp.file_system().map_err(io_text)?, space(&root))?;
        // Being able to stage is the proof that the place is writable.
        Staging::create(&root).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
        })?;
        Ok(root)
    }

    fn walk_and_open(place: &Path, create: bool) -> std::result::Result<Self, Stop> {
        let walked = walk(place, create)?;
        let child = |parent: &Folder, name: &str, path: &Path| -> std::result::Result<Folder, Stop> {
            let opened = match parent.open_folder(name) {
                Err(Errno::NOENT) if create => match parent.create_folder(name, 0o700) {
                    Ok(()) | Err(Errno::EXIST) => parent.open_folder(name),
                    Err(error) => Err(error),
                },
                other => other,
            };
            let path = path.join(name);
            match opened {
                Ok(directory) => judge_own(&directory, &path).map(|()| directory),
                Err(Errno::NOENT) => Err(Stop::Missing),
                Err(error) => Err(Stop::Refused(format!("`{}`: {}", path.display(), io_text(error)))),
            }
        };
        if create {
            write_cache_tag(&walked.directory);
        }
        let v1 = child(&walked.directory, "v1", &walked.path)?;
        let layout = walked.path.join("v1");
        Ok(Self {
            slots: child(&v1, "slots", &layout)?,
            envs: child(&v1, "envs", &layout)?,
            receipts: child(&v1, "receipts", &layout)?,
            locks: child(&v1, "locks", &layout)?,
            tmp: child(&v1, "tmp", &layout)?,
            path: walked.path,
        })
    }

    /// A directory directly below one of the store's folders, if it is there, real and the user's own.
    pub(crate) fn own_directory(parent: &Folder, name: &str) -> Option<Folder> {
        let directory = parent.search(name).ok()?;
        judge_own(&directory, Path::new(name)).ok().map(|()| directory)
    }
}

/// Whether programs can be unpacked into a file system and run from it.
fn judge(found: &FileSystem, space: Space) -> std::result::Result<(), String> {
    if found.is_read_only {
        return Err("its file system is mounted read-only".into());
    }
    if found.denies_programs {
        return Err("its file system is mounted noexec".into());
    }
    if found.free < space.bytes_needed() {
        return Err(format!("{} bytes are free, {} are needed", found.free, space.bytes_needed()));
    }
    if let Some(free) = found.free_files.filter(|free| *free < space.members) {
        return Err(format!("{free} inodes are free, {} are needed", space.members));
    }
    Ok(())
}

/// Backup programs skip the folder when the tag is there; its absence harms nothing.
fn write_cache_tag(directory: &Folder) {
    if let Ok(mut file) = directory.create_file("CACHEDIR.TAG", 0o644) {
        let _ = file.write_all(CACHE_TAG);
    }
}

fn io_text(error: Errno) -> String {
    std::io::Error::from(error).to_string()
}
