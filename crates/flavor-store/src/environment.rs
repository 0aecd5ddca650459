//! Work environments (STORE.md 8): composed in private staging from private slots, links into shared slots and
//! generated files, then renamed into place. Programs may add to their environment later; that is left alone.

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use pspf::metadata::{LinkKind, Unpacked};
use pspf::{Package, ReadAt, hex};
use sha2::{Digest, Sha256};

use crate::boot::BootId;
use crate::compare::{Extra, link_is, matches_slot};
use crate::composition::{Composition, PlannedFile, PlannedLink, refuse};
use crate::directories::{Directories, open_file};
use crate::error::{During as _, Error, Result};
use crate::frames::verify_slot_bytes;
use crate::identity::mode_bits;
use crate::placeholder::Places;
use crate::publish::{Making, Presence, PublishedSlot, Records, make_slot_durable, publish_slot};
use crate::record::{Record, State};
use crate::root::{Root, Space};
use crate::slot_key::slot_key;
use crate::staging::Staging;
use crate::unpack::{create_file, create_links, unpack_files};

/// A package whose every slot byte was verified, and which is ready to run from the store.
#[derive(Debug)]
pub struct Installed {
    /// What placeholders of its commands stand for.
    pub places: Places,
    /// The shared slots by position; `None` for private ones.
    pub slots: Vec<Option<PublishedSlot>>,
    /// How the work environment came to be there.
    pub presence: Presence,
}

/// The folder name of a package's work environment (STORE.md 2.2).
pub fn environment_name<R: ReadAt>(package: &Package<R>) -> String {
    let digest = hex::encode(&Sha256::digest(package.metadata_json()));
    let info = &package.metadata().package;
    format!("{}-{}-{}", tame(&info.name), tame(&info.version), &digest[..16])
}

fn tame(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) { char::from(byte) } else { '_' }
    };
    text.bytes().take(64).map(byte).collect()
}

/// What is still to be unpacked for `package` in `root`.
pub fn space_needed<R: ReadAt>(root: &Root, package: &Package<R>) -> Space {
    let mut space = Space::default();
    let Some(flavor) = package.flavor() else { return space };
    let name = environment_name(package);
    let subject = environment_subject(package, &root.environment_path(&name));
    let composed = Record::state(&root.envs, &name, &subject) != State::Absent;
    for (position, slot) in flavor.slots.iter().enumerate() {
        let present = if slot.share {
            slot_key(package, position).is_ok_and(|key| crate::publish::has_slot(root, &key))
        } else {
            composed
        };
        if !present {
            space.bytes = space.bytes.saturating_add(slot.unpacked.bytes);
            space.members = space.members.saturating_add(slot.unpacked.members);
        }
    }
    space
}

/// Brings every slot into the store and composes the work environment. When this returns `Ok`, every byte of every
/// slot was read once from the package and its digest compared. The process's umask must be 0.
pub fn install<R: ReadAt + Sync>(
    root: &Root,
    staging: &Staging,
    package: &Package<R>,
    records: Records,
) -> Result<Installed> {
    let flavor = package.flavor().ok_or_else(|| {
        pspf::Error::rule(pspf::ErrorCode::PspfForeign, "the metadata has no `x-flavor` block")
    })?;
    let name = environment_name(package);
    let workenv = root.environment_path(&name);
    // Named before anything is unpacked, so that a composition that cannot hold is refused early.
    let mut planned = Vec::new();
    for (position, slot) in flavor.slots.iter().enumerate() {
        planned.push(if slot.share { Some(root.slot_path(&slot_key(package, position)?)) } else { None });
    }
    let places = Places { workenv: workenv.clone(), slots: planned };
    let composition = Composition::plan(&flavor.workenv, &places)?;

    let mut slots = Vec::new();
    for (position, slot) in flavor.slots.iter().enumerate() {
        slots.push(if slot.share {
            Some(publish_slot(root, staging, package, position, records)?)
        } else {
            None
        });
    }
    let making = Making {
        parent: &root.envs,
        name: &name,
        lock: format!("env-{name}"),
        subject: environment_subject(package, &workenv),
        size: Unpacked { bytes: 0, members: 0 },
        records,
    };
    let composer = Composer { root, package, slots: &slots, composition: &composition };
    let presence =
        making.run(root, staging, |tree, _| composer.matches(tree), |tree| composer.compose(tree))?;
    for (position, slot) in flavor.slots.iter().enumerate() {
        let named = composition.unpack.iter().any(|(unpacked, _)| *unpacked == position);
        if !slot.share && (presence == Presence::Found || !named) {
            verify_slot_bytes(package, position)?;
        }
    }
    Ok(Installed { places, slots, presence })
}

/// Syncs the store and makes the records of `installed` hold across boots (STORE.md 11).
pub fn make_durable<R: ReadAt>(
    root: &Root,
    staging: &Staging,
    package: &Package<R>,
    installed: &Installed,
) -> Result<()> {
    crate::platform::sync_file_system(&root.tmp).during("sync", || root.path())?;
    for (position, slot) in installed.slots.iter().enumerate() {
        if let Some(slot) = slot {
            make_slot_durable(root, staging, package, position, &slot.key)?;
        }
    }
    let name = environment_name(package);
    let subject = environment_subject(package, &installed.places.workenv);
    Record::write(staging, &root.envs, &name, BootId::DURABLE, Unpacked { bytes: 0, members: 0 }, subject)?;
    crate::platform::sync_file_system(&root.tmp).during("sync", || root.path())
}

/// What the record of an environment is about: the composition and the place, as generated files hold its path.
fn environment_subject<R: ReadAt>(package: &Package<R>, path: &Path) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(package.metadata_json());
    hasher.update([0]);
    hasher.update(path.as_os_str().as_bytes());
    hasher.finalize().into()
}

struct Composer<'a, R> {
    root: &'a Root,
    package: &'a Package<R>,
    slots: &'a [Option<PublishedSlot>],
    composition: &'a Composition,
}

impl<R: ReadAt + Sync> Composer<'_, R> {
    fn compose(&self, tree: &OwnedFd) -> Result<()> {
        let mut private = Vec::new();
        for (slot, into) in &self.composition.unpack {
            let folder = into_folder(tree, into, true)?;
            private.push(unpack_files(self.package, *slot, &folder)?);
        }
        self.composition.judge(&private)?;
        for link in &self.composition.links {
            self.require_member(link)?;
        }
        for ((_, into), members) in self.composition.unpack.iter().zip(&private) {
            create_links(&into_folder(tree, into, false)?, members)?;
        }
        let mut directories = Directories::new(tree, true);
        for file in &self.composition.files {
            write_file(&mut directories, &file.path, &file.content, file.executable)?;
        }
        for link in &self.composition.links {
            match link.kind {
                LinkKind::Symlink => {
                    let (parent, name) = directories.parent_of(&link.path)?;
                    rustix::fs::symlinkat(&link.target, parent, name)
                        .during("create the link", || &link.path)?;
                }
                LinkKind::Copy => {
                    let (content, executable) = self.read_member(link)?;
                    write_file(&mut directories, &link.path, &content, executable)?;
                }
            }
        }
        Ok(())
    }

    /// Whether the environment still is what the composition says; what programs added is ignored.
    fn matches(&self, tree: &OwnedFd) -> Result<bool> {
        let mut same = true;
        for (slot, into) in &self.composition.unpack {
            // Verified in any case: the caller counts on every byte having been read.
            same &= if let Ok(folder) = into_folder(tree, into, false) {
                matches_slot(self.package, *slot, &folder, Extra::Ignored)?
            } else {
                verify_slot_bytes(self.package, *slot)?;
                false
            };
        }
        let mut directories = Directories::new(tree, false);
        same &= self.composition.files.iter().all(|file| file_is(&mut directories, file));
        for link in &self.composition.links {
            same &= match link.kind {
                LinkKind::Symlink => directories
                    .parent_of(&link.path)
                    .is_ok_and(|(parent, name)| link_is(parent, name, link.target.as_os_str().as_bytes())),
                LinkKind::Copy => {
                    let (content, executable) = self.read_member(link)?;
                    file_is(&mut directories, &PlannedFile { path: link.path.clone(), content, executable })
                }
            };
        }
        Ok(same)
    }

    fn slot_directory(&self, link: &PlannedLink) -> Result<OwnedFd> {
        let key = self.slots.get(link.slot).and_then(Option::as_ref).map(|slot| slot.key.as_str());
        key.and_then(|key| Root::own_directory(&self.root.slots, key)).ok_or_else(|| {
            refuse(&format!("slot {} of the link {:?} is not in the store", link.slot, link.path))
        })
    }

    /// `to` must exist and pass through no link (S15).
    fn require_member(&self, link: &PlannedLink) -> Result<()> {
        if link.to.is_empty() {
            return if link.kind == LinkKind::Symlink { Ok(()) } else { Err(no_member(link)) };
        }
        let slot = self.slot_directory(link)?;
        let mut directories = Directories::new(&slot, false);
        let (parent, name) = directories.parent_of(&link.to).map_err(|_| no_member(link))?;
        rustix::fs::statat(parent, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|_| no_member(link))?;
        Ok(())
    }

    fn read_member(&self, link: &PlannedLink) -> Result<(Vec<u8>, bool)> {
        let slot = self.slot_directory(link)?;
        let mut directories = Directories::new(&slot, false);
        let (parent, name) = directories.parent_of(&link.to).map_err(|_| no_member(link))?;
        let (file, stat) = open_file(parent, name).ok_or_else(|| no_member(link))?;
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut std::fs::File::from(file), &mut content)
            .during("read", || &link.target)?;
        Ok((content, mode_bits(&stat) & 0o100 != 0))
    }
}

fn no_member(link: &PlannedLink) -> Error {
    refuse(&format!(
        "the link {:?} leads to {:?}, which is no member of slot {} or is reached through a link",
        link.path, link.to, link.slot
    ))
}

fn into_folder(tree: &OwnedFd, into: &str, create: bool) -> Result<OwnedFd> {
    let mut directories = Directories::new(tree, create);
    let folder = directories.directory(into)?;
    folder.try_clone().during("open", || into)
}

fn write_file(directories: &mut Directories, path: &str, content: &[u8], executable: bool) -> Result<()> {
    let (parent, name) = directories.parent_of(path)?;
    let mut file = create_file(parent, name, executable).during("create", || PathBuf::from(path))?;
    file.write_all(content).during("write", || PathBuf::from(path))
}

fn file_is(directories: &mut Directories, file: &PlannedFile) -> bool {
    let Ok((parent, name)) = directories.parent_of(&file.path) else { return false };
    let Some((opened, stat)) = open_file(parent, name) else { return false };
    let mode = if file.executable { 0o755 } else { 0o644 };
    if u64::try_from(stat.st_size) != Ok(file.content.len() as u64) || mode_bits(&stat) & 0o7777 != mode {
        return false;
    }
    let mut content = Vec::new();
    std::io::Read::read_to_end(&mut std::fs::File::from(opened), &mut content).is_ok()
        && content == file.content
}
