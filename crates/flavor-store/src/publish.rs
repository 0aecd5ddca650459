//! Publishing shared slots (STORE.md 6): lock, look again, unpack into staging, rename, record last. What is verified
//! is what is published; what has no record is not believed.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pspf::{Package, ReadAt, hex};

use crate::boot::BootId;
use crate::compare::{Extra, matches_slot};
use crate::error::{During as _, Result};
use crate::frames::verify_slot_bytes;
use crate::record::{Record, State, record_name};
use crate::root::Root;
use crate::slot_key::slot_key;
use crate::staging::{self, Staging};
use crate::system::Folder;
use crate::unpack::{unpack_slot, unpacked};
use crate::workers::{Step, run};

/// How many slots are unpacked at a time: while the workers of one wait for its last frames, those of the next go on.
const SLOTS_AT_ONCE: usize = 2;

/// How something came to be where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It was there and is believed.
    Found,
    /// It was there from another boot and equals the package.
    Compared,
    /// It was made.
    Made,
    /// It was there, differed from the package, and was made anew.
    Repaired,
}

impl Presence {
    /// One word for logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Compared => "compared",
            Self::Made => "unpacked",
            Self::Repaired => "repaired",
        }
    }
}

/// How far records of this boot are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Records {
    /// What is recorded is used.
    Believed,
    /// Something was seen to have changed: what is recorded is compared with the package first (STORE.md 6.5).
    Doubted,
    /// As [`Self::Doubted`], and what somebody added to a slot is a difference (STORE.md 16.5).
    Examined,
}

/// A slot in the store.
#[derive(Debug, Clone)]
pub struct PublishedSlot {
    /// Its key.
    pub key: String,
    /// Absolute path of its root.
    pub path: PathBuf,
    /// How it came to be there.
    pub presence: Presence,
}

/// Whether the store already has slot `key`, so that no room is needed for it.
pub fn has_slot(root: &Root, key: &str) -> bool {
    subject(key).is_some_and(|subject| Record::state(&root.slots, key, &subject) != State::Absent)
}

/// Brings slot `slot` into the store. When this returns `Ok`, every stored byte of the slot was read from the package
/// and its digest compared, also if the slot was there already. The process's umask must be 0.
pub fn publish_slot<R: ReadAt + Sync>(
    root: &Root,
    staging: &Staging,
    package: &Package<R>,
    slot: usize,
    records: Records,
) -> Result<PublishedSlot> {
    let key = slot_key(package, slot)?;
    let subject = subject(&key).unwrap_or_default();
    let making = Making {
        parent: &root.slots,
        name: &key,
        lock: format!("slot-{key}"),
        subject,
        size: unpacked(package, slot),
        records,
    };
    let presence = making.run(
        root,
        staging,
        |tree, extra| matches_slot(package, slot, tree, extra),
        |tree| unpack_slot(package, slot, tree, staging.names),
    )?;
    if presence == Presence::Found {
        verify_slot_bytes(package, slot)?;
    }
    let path = root.slot_path(&key);
    Ok(PublishedSlot { key, path, presence })
}

/// The same for each slot that is `wanted`, several at the same time (STORE.md 6.1).
pub(crate) fn publish_slots<R: ReadAt + Sync>(
    root: &Root,
    staging: &Staging,
    package: &Package<R>,
    wanted: &[bool],
    records: Records,
) -> Result<Vec<Option<PublishedSlot>>> {
    let numbers = &(0..wanted.len()).filter(|slot| wanted[*slot]).collect::<Vec<_>>();
    let published = &Mutex::new(vec![None; wanted.len()]);
    run(numbers.len(), SLOTS_AT_ONCE, &|| {
        Box::new(|step| {
            let Step::Number(number) = step else { return Ok(()) };
            let slot = publish_slot(root, staging, package, numbers[number], records)?;
            published.lock().unwrap_or_else(PoisonError::into_inner)[numbers[number]] = Some(slot);
            Ok(())
        })
    })?;
    let mut published = published.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *published))
}

/// The same for a slot that is asked for by itself: what is recorded in this boot or durably is used as it is, and only then
/// nothing of the package is read.
pub fn ensure_slot<R: ReadAt + Sync>(
    root: &Root,
    staging: &Staging,
    package: &Package<R>,
    slot: usize,
) -> Result<PublishedSlot> {
    let key = slot_key(package, slot)?;
    if is_believed(root, &key) {
        let path = root.slot_path(&key);
        return Ok(PublishedSlot { key, path, presence: Presence::Found });
    }
    publish_slot(root, staging, package, slot, Records::Believed)
}

/// Whether slot `key` can be used without looking at its package.
pub fn is_believed(root: &Root, key: &str) -> bool {
    subject(key).is_some_and(|subject| Record::state(&root.slots, key, &subject) == State::Believed)
}

/// Makes the record of a published slot hold across boots; the caller has synced the file system.
pub(crate) fn make_slot_durable<R: ReadAt>(
    root: &Root,
    staging: &Staging,
    package: &Package<R>,
    slot: usize,
    key: &str,
) -> Result<()> {
    let subject = subject(key).unwrap_or_default();
    Record::write(staging, &root.slots, key, BootId::DURABLE, unpacked(package, slot), subject)
}

fn subject(key: &str) -> Option<[u8; 32]> {
    hex::decode_digest(key)
}

/// The publish protocol, for slots and work environments alike.
pub(crate) struct Making<'a> {
    pub(crate) parent: &'a Folder,
    pub(crate) name: &'a str,
    pub(crate) lock: String,
    pub(crate) subject: [u8; 32],
    pub(crate) size: pspf::metadata::Unpacked,
    pub(crate) records: Records,
}

impl Making<'_> {
    /// `same` compares what is there with the package, `make` fills an empty staged tree.
    pub(crate) fn run(
        &self,
        root: &Root,
        staging: &Staging,
        same: impl FnOnce(&Folder, Extra) -> Result<bool>,
        make: impl FnOnce(&Folder) -> Result<()>,
    ) -> Result<Presence> {
        if self.records == Records::Believed && self.state() == State::Believed {
            return Ok(Presence::Found);
        }
        let _lock = staging::lock(root, &self.lock)?;
        let state = self.state();
        if self.records == Records::Believed && state == State::Believed {
            return Ok(Presence::Found);
        }
        // In this boot additions are no sign of a write that was lost, and programs may be running from the tree.
        let ignored = state == State::Believed && self.records != Records::Examined;
        let extra = if ignored { Extra::Ignored } else { Extra::Differs };
        // Who doubts the store is told what was not as it should be, be it that only the record is left.
        let is_renewal = self.records != Records::Believed && self.left_something();
        let mut presence = if is_renewal { Presence::Repaired } else { Presence::Made };
        if state != State::Absent
            && let Some(tree) = Root::own_directory(self.parent, self.name)
        {
            if same(&reopen(&tree, self.name)?, extra)? {
                self.record(staging)?;
                return Ok(Presence::Compared);
            }
            presence = Presence::Repaired;
        }
        let (staged, tree) = staging.create_tree("tree")?;
        if let Err(error) = make(&tree) {
            drop(tree);
            staging.discard(&staged);
            return Err(error);
        }
        // Only now, so that a package that cannot be unpacked takes nothing away.
        staging.move_aside(self.parent, self.name)?;
        let publish = staging.directory.rename(&staged, self.parent, self.name);
        publish.during("publish", || staging.path(&staged))?;
        self.record(staging)?;
        Ok(presence)
    }

    /// Whether anything of that name is there, believed or not.
    fn left_something(&self) -> bool {
        [self.name, &record_name(self.name)].into_iter().any(|name| self.parent.find(name).is_ok())
    }

    fn state(&self) -> State {
        Record::state(self.parent, self.name, &self.subject)
    }

    fn record(&self, staging: &Staging) -> Result<()> {
        Record::write(staging, self.parent, self.name, BootId::current(), self.size, self.subject)
    }
}

/// The same directory, opened for reading its entries.
pub(crate) fn reopen(directory: &Folder, name: &str) -> Result<Folder> {
    directory.reopen().during("open", || name)
}
