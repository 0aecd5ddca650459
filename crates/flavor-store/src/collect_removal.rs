//! Carrying a decision out (STORE.md 14.5 and 14.6): things are unlinked or renamed into staging while the collector is
//! alone, and deleted there afterwards.

use std::fs::File;

use pspf::ErrorCode;

use super::{Decision, Item, Kind, Report, SPARED, is_older};
use crate::error::{During as _, Error, Result};
use crate::inventory::{self, Inventory, receipts_of};
use crate::record::record_name;
use crate::root::Root;
use crate::staging::Staging;
use crate::system::{Errno, Folder};
use crate::usage::{about_name, try_alone};

/// Does what was decided. `alone` is given back before anything is deleted.
pub(super) fn carry_out(
    root: &Root,
    alone: File,
    inventory: &Inventory,
    decision: Decision,
    stop: &dyn Fn() -> bool,
) -> Result<Report> {
    let Decision { mut report, recheck } = decision;
    let staging = Staging::create(root)?;
    let work = Work { root, staging: &staging, inventory, recheck };
    let mut kept: Vec<Item> = Vec::new();
    let mut removed: Vec<Item> = Vec::new();
    for item in std::mem::take(&mut report.removed) {
        if stop() {
            return Err(Error::refused(ErrorCode::FlavorAborted, "the clean-up was cancelled"));
        }
        let gone = match item.kind {
            // Folders of dead starts are deleted below, all at once.
            Kind::Staging => true,
            Kind::Receipt => work.remove_receipt(&item.name).map(|()| true)?,
            Kind::Environment => work.remove_environment(&item.name)?,
            // Its user came back while the lock was looked at.
            Kind::Slot => {
                !work.is_referred(&item.name, &kept) && work.remove_slot(&item.name).map(|()| true)?
            }
        };
        if gone {
            removed.push(item);
        } else {
            report.left += item.bytes;
            if item.kind == Kind::Environment {
                report.in_use.push(item.name.clone());
            }
            kept.push(item);
        }
    }
    work.remove_strays();
    work.remove_locks();
    report.removed = removed;
    drop(alone);
    staging.remove_dead();
    Ok(report)
}

struct Work<'a> {
    root: &'a Root,
    staging: &'a Staging<'a>,
    inventory: &'a Inventory,
    recheck: bool,
}

impl Work<'_> {
    fn remove_receipt(&self, name: &str) -> Result<()> {
        match self.root.receipts.remove_file(name) {
            // A folder of that name was made by nobody of ours.
            Ok(()) | Err(Errno::NOENT | Errno::ISDIR | Errno::PERM) => Ok(()),
            Err(error) => Err(error).during("remove", || self.root.below("v1/receipts").join(name)),
        }
    }

    /// Whether it went; a program may have begun meanwhile.
    fn remove_environment(&self, folder: &str) -> Result<bool> {
        let Ok(_alone) = try_alone(self.root, folder) else { return Ok(false) };
        let receipts = inventory::receipts(self.root)?;
        let now = crate::receipt::now().0;
        let last_use = inventory::last_use(self.root, folder, &receipts);
        // Without a record nothing vouches for it, and the time of its folder says nothing.
        if self.recheck && !is_older(last_use, SPARED, now) {
            return Ok(false);
        }
        for receipt in receipts_of(&receipts, folder) {
            self.remove_receipt(&receipt.name)?;
        }
        for name in [record_name(folder), about_name(folder), folder.to_owned()] {
            self.staging.move_aside(&self.root.envs, &name)?;
        }
        Ok(true)
    }

    fn is_referred(&self, key: &str, kept: &[Item]) -> bool {
        self.inventory.environments.iter().any(|environment| {
            kept.iter().any(|item| item.kind == Kind::Environment && item.name == environment.folder)
                && environment.slots.iter().flatten().any(|slot| slot == key)
        })
    }

    fn remove_slot(&self, key: &str) -> Result<()> {
        for name in [record_name(key), key.to_owned()] {
            self.staging.move_aside(&self.root.slots, &name)?;
        }
        Ok(())
    }

    /// Records and descriptions beside which no folder lies. Failing to remove one harms nothing.
    fn remove_strays(&self) {
        for parent in [&self.root.slots, &self.root.envs] {
            let found = parent.names().unwrap_or_default();
            for name in found.iter().filter_map(|name| name.to_str()) {
                let folder = name.strip_suffix(".record").or_else(|| name.strip_suffix(".about"));
                if folder.is_some_and(|folder| is_missing(parent, folder)) {
                    let _ = parent.remove_file(name);
                }
            }
        }
    }

    /// Locks of what was published and is gone (STORE.md 14.9). The collector is alone, so nobody has one of these open.
    fn remove_locks(&self) {
        let found = self.root.locks.names().unwrap_or_default();
        for name in found.iter().filter_map(|name| name.to_str()) {
            let slot = name.strip_prefix("slot-").map(|key| (&self.root.slots, key));
            let subject = slot.or_else(|| name.strip_prefix("env-").map(|folder| (&self.root.envs, folder)));
            if subject.is_some_and(|(parent, folder)| is_missing(parent, folder)) {
                let _ = self.root.locks.remove_file(name);
            }
        }
    }
}

fn is_missing(parent: &Folder, name: &str) -> bool {
    parent.find(name).err() == Some(Errno::NOENT)
}
