//! Work environments (STORE.md 8): composed in private staging from private slots, links into shared slots and
//! generated files, then renamed into place. Programs may add to their environment later; that is left alone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pspf::metadata::Unpacked;
use pspf::{Package, ReadAt, hex};
use sha2::{Digest, Sha256};

use crate::boot::BootId;
use crate::compose::Composer;
use crate::composition::Composition;
use crate::error::{During as _, Result};
use crate::frames::{require_unpackable, verify_slot_bytes};
use crate::names::Names;
use crate::placeholder::Places;
use crate::publish::{Making, Presence, PublishedSlot, Records, make_slot_durable, publish_slots};
use crate::record::{Record, State};
use crate::root::{Root, Space};
use crate::slot_key::slot_key;
use crate::staging::Staging;
use crate::stream::OneFile;
use crate::system::{self, Folder};
use crate::unpack::unpack_slot;
use crate::usage::{self, About, Hold};

/// A package whose every slot byte was verified, and which is ready to run from the store.
#[derive(Debug)]
pub struct Installed {
    /// What placeholders of its commands stand for.
    pub places: Places,
    /// The shared slots by position; `None` for private ones.
    pub slots: Vec<Option<PublishedSlot>>,
    /// How the work environment came to be there.
    pub presence: Presence,
    /// Its folder name.
    pub name: String,
    /// Keeps the collector away; passed on to the program.
    pub hold: Hold,
}

/// How a slot takes part in the store at one start (STORE.md 17).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Unpacked into the shared store.
    Shared,
    /// Unpacked into the work environment.
    Private,
    /// Unpacked while the work environment is composed, for the copies that it asks for; gone afterwards.
    Setup,
    /// Not unpacked, only verified. Entries of the composition that name it are left out.
    Absent,
    /// Unpacked by somebody else and somewhere else; the composition may not name it.
    Outside,
}

impl Part {
    /// Whether commands can name the slot while the program runs.
    pub fn has_place(self) -> bool {
        matches!(self, Self::Shared | Self::Outside)
    }
}

/// What a start wants of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// One entry a slot.
    pub parts: Vec<Part>,
    /// Whether the work environment is the one for developers.
    pub development: bool,
    /// How far the store is believed.
    pub records: Records,
}

impl Wanted {
    /// The folder name of the work environment (STORE.md 2.2, 17.2).
    pub fn environment_name<R: ReadAt>(&self, package: &Package<R>) -> String {
        let name = environment_name(package);
        if self.development { name + "-dev" } else { name }
    }
}

/// The folder name of a package's ordinary work environment (STORE.md 2.2).
pub fn environment_name<R: ReadAt>(package: &Package<R>) -> String {
    let digest = hex::encode(&Sha256::digest(package.metadata_json()));
    let info = &package.metadata().package;
    format!("{}-{}-{}", tame(&info.name), tame(&info.version), &digest[..16])
}

/// Every folder name that starts of the package may have given its work environment.
pub fn environment_names<R: ReadAt>(package: &Package<R>) -> Vec<String> {
    let name = environment_name(package);
    vec![format!("{name}-dev"), name]
}

/// A text of the package as part of a file name (STORE.md 2.2).
pub(crate) fn tame(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) { char::from(byte) } else { '_' }
    };
    text.bytes().take(64).map(byte).collect()
}

/// What is still to be unpacked for `package` in `root`; everything where there is none yet.
pub fn space_needed<R: ReadAt>(root: Option<&Root>, package: &Package<R>, wanted: &Wanted) -> Space {
    let mut space = Space::default();
    let Some(flavor) = package.flavor() else { return space };
    let name = wanted.environment_name(package);
    let composed = root.is_some_and(|root| {
        let subject = environment_subject(package, &root.environment_path(&name));
        Record::state(&root.envs, &name, &subject) != State::Absent
    });
    let is_there = |root: &Root, position| {
        slot_key(package, position).is_ok_and(|key| crate::publish::has_slot(root, &key))
    };
    for ((position, slot), part) in flavor.slots.iter().enumerate().zip(&wanted.parts) {
        let present = match part {
            Part::Shared => root.is_some_and(|root| is_there(root, position)),
            Part::Private | Part::Setup => composed,
            Part::Absent => true,
            Part::Outside => false,
        };
        if !present {
            space.bytes = space.bytes.saturating_add(slot.unpacked.bytes);
            space.members = space.members.saturating_add(slot.unpacked.members);
        }
    }
    space
}

/// Brings every slot that is wanted into the store and composes the work environment. When this returns `Ok`, every
/// byte of every slot was read once from the package and its digest compared. The process's umask must be 0.
pub fn install<R: ReadAt + Sync>(
    root: &Root,
    staging: &Staging,
    package: &Package<R>,
    wanted: &Wanted,
) -> Result<Installed> {
    let flavor = flavor_of(package)?;
    require_slots(package, &wanted.parts)?;
    let name = wanted.environment_name(package);
    let _entered = usage::enter(root)?;
    let hold = Hold::create(root, &name)?;
    // Named before anything is unpacked, so that a composition that cannot hold is refused early.
    let places = places_of(root, package, wanted)?;
    let composition = Composition::plan(&flavor.workenv, &places, &wanted.parts)?;
    verify_unused(package, &wanted.parts, &composition)?;

    let shared = |part: &Part| *part == Part::Shared;
    let slots = publish_slots(
        root,
        staging,
        package,
        &wanted.parts.iter().map(shared).collect::<Vec<_>>(),
        wanted.records,
    )?;
    let making = Making {
        parent: &root.envs,
        name: &name,
        lock: format!("env-{name}"),
        subject: environment_subject(package, &places.workenv),
        size: Unpacked { bytes: 0, members: 0 },
        records: wanted.records,
    };
    let setup = SetupSlots { staging, package, parts: &wanted.parts, open: RefCell::new(BTreeMap::new()) };
    let open_slot = |slot: usize| -> Result<Option<Folder>> {
        match slots.get(slot).and_then(Option::as_ref) {
            Some(published) => Ok(Root::own_directory(&root.slots, &published.key)),
            None => setup.open(slot),
        }
    };
    let composer =
        Composer { package, open_slot: &open_slot, composition: &composition, names: staging.names };
    let about = about(package)?;
    let describe = || usage::describe(root, staging, &name, &about);
    // Only when it is composed, so that a package that cannot be leaves nothing, and before its record.
    let compose = |tree: &Folder| composer.compose(tree).and_then(|()| describe());
    let presence = making.run(root, staging, |tree, _| composer.matches(tree), compose)?;
    describe()?;
    if presence == Presence::Found {
        for (position, part) in wanted.parts.iter().enumerate() {
            if *part != Part::Shared && composition.uses(position) {
                verify_slot_bytes(package, position)?;
            }
        }
    }
    Ok(Installed { places, slots, presence, name, hold })
}

/// Compares the slots that go neither into the shared store nor into the environment (STORE.md 17.1).
fn verify_unused<R: ReadAt + Sync>(
    package: &Package<R>,
    parts: &[Part],
    composition: &Composition,
) -> Result<()> {
    for (position, part) in parts.iter().enumerate() {
        if *part != Part::Shared && !composition.uses(position) {
            verify_slot_bytes(package, position)?;
        }
    }
    Ok(())
}

/// The slots that can be in the shared store, whether a start unpacks them or somebody asks for them (13.5).
pub fn shared_slots<R: ReadAt>(package: &Package<R>) -> Vec<usize> {
    let slots = package.flavor().into_iter().flat_map(|flavor| flavor.slots.iter());
    let slots = slots.zip(&package.metadata().slots).enumerate();
    slots.filter(|(_, (slot, entry))| slot.share && !entry.self_ref).map(|(position, _)| position).collect()
}

/// What the environment's description says (STORE.md 13.5).
fn about<R: ReadAt>(package: &Package<R>) -> Result<About> {
    let info = &package.metadata().package;
    let shared = shared_slots(package).into_iter().map(|position| slot_key(package, position));
    Ok(About {
        name: info.name.clone(),
        version: info.version.clone(),
        slots: shared.collect::<Result<_>>()?,
        private: false,
    })
}

/// Whether the environment is what the package composes (STORE.md 15.1); nothing of it is changed. `None` without a record.
pub(crate) fn compare<R: ReadAt + Sync>(
    root: &Root,
    package: &Package<R>,
    wanted: &Wanted,
) -> Result<Option<bool>> {
    let flavor = flavor_of(package)?;
    let name = wanted.environment_name(package);
    let places = places_of(root, package, wanted)?;
    let subject = environment_subject(package, &places.workenv);
    let tree = Root::own_directory(&root.envs, &name);
    let Some(tree) = tree.filter(|_| Record::state(&root.envs, &name, &subject) != State::Absent) else {
        return Ok(None);
    };
    let composition = Composition::plan(&flavor.workenv, &places, &wanted.parts)?;
    // Only for what has to be unpacked to be compared: a store that cannot be written can be looked at too.
    let staging = wanted.parts.contains(&Part::Setup).then(|| Staging::create(root)).transpose()?;
    let setup = staging.as_ref().map(|staging| SetupSlots {
        staging,
        package,
        parts: &wanted.parts,
        open: RefCell::new(BTreeMap::new()),
    });
    let open_slot = |slot: usize| -> Result<Option<Folder>> {
        match (wanted.parts.get(slot), &setup) {
            (Some(Part::Shared), _) => Ok(Root::own_directory(&root.slots, &slot_key(package, slot)?)),
            (_, Some(setup)) => setup.open(slot),
            _ => Ok(None),
        }
    };
    let names = Names::Distinct;
    match (Composer { package, open_slot: &open_slot, composition: &composition, names }).matches(&tree) {
        Ok(same) => Ok(Some(same)),
        // A copied member is gone from its slot, so what the environment should hold cannot be told.
        Err(error) if error.code() == pspf::ErrorCode::StoreComposition => Ok(Some(false)),
        Err(error) => Err(error),
    }
}

/// Where everything that is wanted is, or will be.
pub fn places_of<R: ReadAt>(root: &Root, package: &Package<R>, wanted: &Wanted) -> Result<Places> {
    let mut slots = Vec::new();
    for (position, part) in wanted.parts.iter().enumerate() {
        let shared = *part == Part::Shared;
        slots.push(if shared { Some(root.slot_path(&slot_key(package, position)?)) } else { None });
    }
    Ok(Places { workenv: root.environment_path(&wanted.environment_name(package)), slots })
}

/// Unpacks everything that is wanted into the staging folder itself and composes the work environment there, for a start
/// that keeps nothing (S3). Nothing of the store is looked at or written. The process's umask must be 0.
pub fn install_privately<R: ReadAt + Sync>(
    staging: &Staging,
    package: &Package<R>,
    parts: &[Part],
) -> Result<Places> {
    let flavor = flavor_of(package)?;
    require_slots(package, parts)?;
    let (name, tree) = staging.create_tree("env")?;
    let mut places = Places { workenv: staging.path(&name), slots: Vec::new() };
    for (position, part) in parts.iter().enumerate() {
        let shared = *part == Part::Shared;
        places.slots.push(if shared { Some(unpack_privately(staging, package, position)?) } else { None });
    }
    let composition = Composition::plan(&flavor.workenv, &places, parts)?;
    if package.compares_slots() {
        verify_unused(package, parts, &composition)?;
    }
    let setup = SetupSlots { staging, package, parts, open: RefCell::new(BTreeMap::new()) };
    let open_slot = |slot: usize| -> Result<Option<Folder>> {
        match places.slots.get(slot).and_then(Option::as_ref) {
            Some(path) => staging.open_tree(path).map(Some),
            None => setup.open(slot),
        }
    };
    let names = staging.names;
    Composer { package, open_slot: &open_slot, composition: &composition, names }.compose(&tree)?;
    Ok(places)
}

/// Unpacks one slot into the staging folder, which removes it in the end; its path there.
pub fn unpack_privately<R: ReadAt + Sync>(
    staging: &Staging,
    package: &Package<R>,
    slot: usize,
) -> Result<PathBuf> {
    let (name, tree) = staging.create_tree("slot")?;
    unpack_slot(package, slot, &tree, staging.names)?;
    Ok(staging.path(&name))
}

/// Refuses a start that could not unpack what it needs, before it unpacks anything (STORE.md 5.1, 5.9).
pub fn require_slots<R: ReadAt>(package: &Package<R>, parts: &[Part]) -> Result<()> {
    for (slot, part) in parts.iter().enumerate() {
        if *part != Part::Absent {
            require_unpackable(package, slot)?;
        } else if !package.metadata().slots[slot].self_ref {
            // Nothing of it is unpacked; the environment's description has the keys of all shared slots.
            OneFile::of_ours(package, slot)?;
        }
    }
    Ok(())
}

fn flavor_of<R: ReadAt>(package: &Package<R>) -> Result<&pspf::metadata::Flavor> {
    package.flavor().ok_or_else(|| {
        pspf::Error::rule(pspf::ErrorCode::PspfForeign, "the metadata has no `x-flavor` block").into()
    })
}

/// Slots that are there only while an environment is composed or compared: unpacked when first asked for, and gone with
/// the staging folder.
struct SetupSlots<'a, 'root, R> {
    staging: &'a Staging<'root>,
    package: &'a Package<R>,
    parts: &'a [Part],
    open: RefCell<BTreeMap<usize, PathBuf>>,
}

impl<R: ReadAt + Sync> SetupSlots<'_, '_, R> {
    fn open(&self, slot: usize) -> Result<Option<Folder>> {
        if self.parts.get(slot) != Some(&Part::Setup) {
            return Ok(None);
        }
        let known = self.open.borrow().get(&slot).cloned();
        let path = match known {
            Some(path) => path,
            None => unpack_privately(self.staging, self.package, slot)?,
        };
        self.open.borrow_mut().insert(slot, path.clone());
        self.staging.open_tree(&path).map(Some)
    }
}

/// Syncs the store and makes the records of `installed` hold across boots (STORE.md 11).
pub fn make_durable<R: ReadAt>(
    root: &Root,
    staging: &Staging,
    package: &Package<R>,
    installed: &Installed,
) -> Result<()> {
    let shared = installed.slots.iter().flatten().map(|slot| root.slots.open_folder(&slot.key));
    let trees = shared.chain([root.envs.open_folder(&installed.name)]).collect::<Result<Vec<_>, _>>();
    let trees = trees.during("open", || root.path())?;
    system::sync(&trees).during("sync", || root.path())?;
    for (position, slot) in installed.slots.iter().enumerate() {
        if let Some(slot) = slot {
            make_slot_durable(root, staging, package, position, &slot.key)?;
        }
    }
    let name = &installed.name;
    let subject = environment_subject(package, &installed.places.workenv);
    Record::write(staging, &root.envs, name, BootId::DURABLE, Unpacked { bytes: 0, members: 0 }, subject)?;
    system::sync_files(&[&root.slots, &root.envs]).during("sync", || root.path())
}

/// What the record of an environment is about: the composition and the place, as generated files hold its path.
fn environment_subject<R: ReadAt>(package: &Package<R>, path: &Path) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(package.metadata_json());
    hasher.update([0]);
    hasher.update(path.as_os_str().as_encoded_bytes());
    hasher.finalize().into()
}
