//! Private environments (STORE.md 8.7–8.15): what foreign and plain packages are started from. Made in staging, renamed
//! to their place, prepared there by the package's setup, and recorded last. Nothing of them enters the shared slots.
//!
//! What setup is, is the caller's business; here it is something that runs at the final path before the record exists.

use std::path::{Path, PathBuf};

use pspf::metadata::Unpacked;
use pspf::{Package, ReadAt, hex};
use sha2::{Digest, Sha256};

use crate::boot::BootId;
use crate::environment::tame;
use crate::error::{During as _, Error, Result};
use crate::frames::verify_slot_bytes;
use crate::names::Names;
pub use crate::private_tree::{Found, PrivateTree};
use crate::private_unpack::{Contents, is_compared, is_unpacked, require_unpackable};
use crate::publish::{Presence, Records};
use crate::record::{Record, State};
use crate::root::{Root, Space};
use crate::staging::{self, Staging};
use crate::system::{self, Errno, Folder};
use crate::usage::{self, About};

/// The file that is there as long as the environment is whole.
pub const MARKER: &str = ".flavor-private";
/// Longest file that [`Check`] compares.
const CHECK_BYTES: u64 = 1 << 20;

/// Name and identity of a package's private environment.
#[derive(Debug, Clone)]
pub struct PrivateName {
    name: String,
    digest: [u8; 32],
}

impl PrivateName {
    /// Of a package (STORE.md 8.7).
    pub fn of<R: ReadAt>(package: &Package<R>) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(package.metadata_json());
        hasher.update([0]);
        for (_, descriptor) in package.metadata().slots.iter().zip(package.descriptors()) {
            hasher.update(descriptor.operations.to_le_bytes());
        }
        let digest: [u8; 32] = hasher.finalize().into();
        let info = &package.metadata().package;
        let named = hex::encode(&Sha256::digest(info.name.as_bytes()));
        let shown = hex::encode(&digest);
        Self { name: format!("{}-{}-{}", &named[..16], tame(&info.version), &shown[..16]), digest }
    }

    /// The folder's name in `v1/envs`.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    fn subject(&self, path: &Path) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(self.digest);
        hasher.update(path.as_os_str().as_encoded_bytes());
        hasher.finalize().into()
    }
}

/// A file whose text marks the environment as complete.
#[derive(Debug)]
pub struct Check {
    /// Path below the environment.
    pub path: String,
    /// What it must hold, apart from white space at both ends.
    pub content: Vec<u8>,
}

/// What a package wants its environment to be. Paths are relative and were judged by [`relative`].
#[derive(Debug, Default)]
pub struct Wanted {
    /// Folders with their modes.
    pub directories: Vec<(String, u32)>,
    /// The program, if it lies inside.
    pub program: Option<String>,
    /// Every path inside that the command names.
    pub named: Vec<String>,
    /// The package's own test.
    pub check: Option<Check>,
}

/// The path below `environment` that a text of the package stands for (STORE.md 8.11).
pub fn relative(environment: &Path, text: &[u8]) -> Result<String> {
    crate::private_tree::relative(environment, text)
}

/// The relative path of a slot's target; empty for the environment itself. `None` if the slot is not unpacked.
pub fn slot_target<R: ReadAt>(package: &Package<R>, slot: usize) -> Result<Option<String>> {
    match package.metadata().slots.get(slot) {
        Some(entry) if is_unpacked(entry) => crate::private_tree::target(&entry.target).map(Some),
        _ => Ok(None),
    }
}

/// Compares the stored bytes of a slot as a start does (STORE.md 8.8); `false` if the metadata has no full SHA-256 of one
/// that no start unpacks.
pub fn verify_slot<R: ReadAt>(package: &Package<R>, slot: usize) -> Result<bool> {
    let compared = is_compared(&package.metadata().slots[slot]);
    if compared {
        package.verify_slot(slot)?;
    }
    Ok(compared)
}

/// The least that a place must have room for, where there is a store and where there is none yet.
pub fn space_needed<R: ReadAt>(root: Option<&Root>, package: &Package<R>) -> Space {
    let name = PrivateName::of(package);
    let is_there = |root: &Root| {
        let subject = name.subject(&root.environment_path(name.as_str()));
        Record::state(&root.envs, name.as_str(), &subject) != State::Absent
    };
    if root.is_some_and(is_there) {
        return Space::default();
    }
    let mut space = Space::default();
    for (position, descriptor) in package.descriptors().iter().enumerate() {
        let unpacked =
            package.flavor().and_then(|flavor| flavor.slots.get(position)).map(|slot| slot.unpacked);
        let unpacked = unpacked.unwrap_or(Unpacked { bytes: descriptor.size, members: 1 });
        space.bytes = space.bytes.saturating_add(unpacked.bytes);
        space.members = space.members.saturating_add(unpacked.members);
    }
    space
}

/// Refuses, from the metadata alone, slots that cannot be unpacked.
pub fn require_slots<R: ReadAt>(package: &Package<R>) -> Result<()> {
    require_unpackable(package)
}

/// Finds or makes the environment. When this returns `Ok`, every byte of every slot that has a digest was read from the
/// package and compared with it. The process's umask must be 0; `setup` may change it if it restores it. The caller
/// has entered the store and holds the environment (STORE.md 13.3).
pub fn install<R, E>(
    root: &Root,
    staging: &Staging,
    package: &Package<R>,
    wanted: &Wanted,
    records: Records,
    setup: impl FnOnce(&PrivateTree) -> Result<(), E>,
) -> Result<Presence, E>
where
    R: ReadAt + Sync,
    E: From<Error>,
{
    require_unpackable(package)?;
    let name = PrivateName::of(package);
    let info = &package.metadata().package;
    let about =
        About { name: info.name.clone(), version: info.version.clone(), slots: Vec::new(), private: true };
    let path = &root.environment_path(name.as_str());
    let making = Making { root, staging, name: &name, path, about: &about };
    let valid = || making.is_valid(wanted, records);
    let mut presence = Presence::Made;
    let found = valid() || {
        let _lock = staging::lock(root, &format!("env-{}", name.as_str()))?;
        // Another start may have made it meanwhile.
        let found = valid();
        if !found {
            if records != Records::Believed && path.symlink_metadata().is_ok() {
                presence = Presence::Repaired;
            }
            making.make(package, wanted, setup)?;
        }
        found
    };
    if !found {
        return Ok(presence);
    }
    usage::describe(root, staging, name.as_str(), &about)?;
    for (position, slot) in package.metadata().slots.iter().enumerate() {
        if is_compared(slot) {
            verify_slot_bytes(package, position)?;
        }
    }
    Ok(Presence::Found)
}

/// A private environment that one start makes for itself and that is never reused (STORE.md 16.3).
pub struct ForOneStart {
    tree: Folder,
    path: PathBuf,
    names: Names,
}

impl ForOneStart {
    /// An empty one, which goes with the staging folder.
    pub fn create(staging: &Staging) -> Result<Self> {
        let (name, tree) = staging.create_tree("private")?;
        Ok(Self { tree, path: staging.path(&name), names: staging.names })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Unpacks the slots and runs `setup`. The process's umask must be 0; `setup` may change it if it restores it.
    pub fn make<R, E>(
        self,
        package: &Package<R>,
        wanted: &Wanted,
        setup: impl FnOnce(&PrivateTree) -> Result<(), E>,
    ) -> Result<(), E>
    where
        R: ReadAt + Sync,
        E: From<Error>,
    {
        require_unpackable(package)?;
        let contents = compose(package, wanted, &self.tree, &self.path, self.names)?;
        let tree = PrivateTree::new(self.tree, &self.path);
        setup(&tree)?;
        Ok(contents.remove_init(tree.root())?)
    }
}

struct Making<'a> {
    root: &'a Root,
    staging: &'a Staging<'a>,
    name: &'a PrivateName,
    path: &'a Path,
    about: &'a About,
}

impl Making<'_> {
    /// STORE.md 8.14.
    fn is_valid(&self, wanted: &Wanted, records: Records) -> bool {
        let name = self.name.as_str();
        if Record::state(&self.root.envs, name, &self.name.subject(self.path)) != State::Believed {
            return false;
        }
        let Some(directory) = Root::own_directory(&self.root.envs, name) else { return false };
        let tree = PrivateTree::new(directory, self.path);
        // Only asked, so links may be followed: a program may be reached through one of its own slot.
        let there = |path: &String| self.path.join(path).exists();
        let named = records == Records::Believed || wanted.named.iter().all(there);
        let checked = wanted.check.as_ref().is_none_or(|check| {
            tree.read(&check.path, CHECK_BYTES)
                .is_some_and(|content| content.trim_ascii() == check.content.trim_ascii())
        });
        matches!(tree.find(MARKER), Ok(Some(Found::File)))
            && wanted.program.iter().all(there)
            && named
            && checked
    }

    fn make<R, E>(
        &self,
        package: &Package<R>,
        wanted: &Wanted,
        setup: impl FnOnce(&PrivateTree) -> Result<(), E>,
    ) -> Result<(), E>
    where
        R: ReadAt + Sync,
        E: From<Error>,
    {
        let (staged, tree) = self.staging.create_tree("private")?;
        let composed = compose(package, wanted, &tree, self.path, self.staging.names);
        let contents = match composed {
            Ok(contents) => contents,
            Err(error) => {
                drop(tree);
                self.staging.discard(&staged);
                return Err(error.into());
            }
        };
        let aside = self.staging.fresh_name("aside");
        let name = self.name.as_str();
        let envs = &self.root.envs;
        let before = match envs.rename(name, &self.staging.directory, &aside) {
            Ok(()) => true,
            Err(Errno::NOENT) => false,
            Err(error) => return Err(Error::from_system("move aside", self.path, error).into()),
        };
        self.staging
            .directory
            .rename(&staged, envs, name)
            .map_err(|error| Error::from_system("publish", self.path, error))?;
        let finished = self.finish(tree, &contents, setup);
        if finished.is_err() {
            // What stood there before is no worse for it: it may hold files of the user.
            let failed = self.staging.fresh_name("failed");
            let _ = envs.rename(name, &self.staging.directory, &failed);
            if before {
                let _ = self.staging.directory.rename(&aside, envs, name);
            }
        }
        finished
    }

    /// Setup in place, and the record last.
    fn finish<E: From<Error>>(
        &self,
        tree: Folder,
        contents: &Contents,
        setup: impl FnOnce(&PrivateTree) -> Result<(), E>,
    ) -> Result<(), E> {
        let tree = PrivateTree::new(tree, self.path);
        setup(&tree)?;
        contents.remove_init(tree.root())?;
        tree.root()
            .set_mode(0o755)
            .map_err(|error| Error::from_system("change the mode of", self.path, error))?;
        system::sync(&[tree.root()]).map_err(|error| Error::from_system("sync", self.path, error))?;
        let size = Unpacked { bytes: contents.size.bytes, members: contents.size.members };
        let subject = self.name.subject(self.path);
        usage::describe(self.root, self.staging, self.name.as_str(), self.about)?;
        Record::write(self.staging, &self.root.envs, self.name.as_str(), BootId::DURABLE, size, subject)?;
        Ok(())
    }
}

/// Everything but setup, in staging.
fn compose<R: ReadAt + Sync>(
    package: &Package<R>,
    wanted: &Wanted,
    tree: &Folder,
    path: &Path,
    names: Names,
) -> Result<Contents> {
    let mut contents = Contents::unpack(package, tree, names)?;
    let private = PrivateTree::new(tree.reopen().during("open", || path)?, path);
    for (directory, mode) in &wanted.directories {
        contents.keep_directory(directory)?;
        private.create_directory(directory, *mode)?;
    }
    contents.keep_new_file(MARKER)?;
    private.write_file(MARKER, b"", 0o644)?;
    Ok(contents)
}
