//! Garbage collection (STORE.md 14): which environments, slots and receipts go, decided on an inventory alone, and the
//! two ways to ask for it, [`prune`] and [`remove`]. Carrying it out is `collect_removal`'s part.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use pspf::ErrorCode;

use crate::error::{Error, Result};
use crate::inventory::{self, Environment, Inventory, PackageState, ReceiptEntry, receipts_of, trailer_of};
use crate::receipt::Receipt;
use crate::root::Root;
use crate::usage::enter_alone;

#[path = "collect_removal.rs"]
mod removal;

/// What was used more recently is spared, whatever is asked for.
pub const SPARED: Duration = Duration::from_hours(24);
/// The age limit where none is given.
pub const DEFAULT_MAX_AGE: Duration = Duration::from_hours(30 * 24);
/// Receipts are stamped once a day, so a use may be this much later than its stamp.
const STAMP_AGE: i64 = 86_400;
/// How long a collector waits for starts that are unpacking.
const PATIENCE: Duration = Duration::from_secs(10);

/// What [`prune`] is to do.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Environments that were not used for so long go.
    pub max_age: Duration,
    /// Further ones go until what is left is no bigger.
    pub max_bytes: Option<u64>,
    /// Also private environments, in which programs may keep files of the user.
    pub private: bool,
    /// Only say what would go.
    pub dry_run: bool,
}

/// Why something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It belongs to a start that died.
    DeadStart,
    /// It cannot be read, or is of another place.
    Malformed,
    /// Its package is not where it was.
    PackageGone,
    /// It was never completed.
    Incomplete,
    /// Nobody used it for the age limit.
    Unused,
    /// Nothing refers to it.
    Unreferenced,
    /// The budget asks for it.
    Budget,
    /// It was named.
    Named,
}

impl Reason {
    /// A word for reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::DeadStart => "dead-start",
            Self::Malformed => "malformed",
            Self::PackageGone => "package-gone",
            Self::Incomplete => "incomplete",
            Self::Unused => "unused",
            Self::Unreferenced => "unreferenced",
            Self::Budget => "budget",
            Self::Named => "named",
        }
    }
}

/// What kind of thing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Staging of a dead start.
    Staging,
    /// A receipt.
    Receipt,
    /// A work environment with its receipts.
    Environment,
    /// A shared slot.
    Slot,
}

impl Kind {
    /// A word for reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Staging => "staging",
            Self::Receipt => "receipt",
            Self::Environment => "environment",
            Self::Slot => "slot",
        }
    }
}

/// One thing that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its kind.
    pub kind: Kind,
    /// Its name in its folder.
    pub name: String,
    /// Bytes of regular files.
    pub bytes: u64,
    /// Last use, seconds since 1970.
    pub last_used: i64,
    /// Why.
    pub reason: Reason,
}

/// What was or would be done.
#[derive(Debug, Default)]
pub struct Report {
    /// What went, in order.
    pub removed: Vec<Item>,
    /// Folder names of environments that would have gone but are in use.
    pub in_use: Vec<String>,
    /// Whether slots were left alone because nobody knows what an environment refers to (STORE.md 14.4).
    pub slots_unknown: bool,
    /// Bytes of environments and slots that are left.
    pub left: u64,
}

/// Removes what nobody needs (STORE.md 14.3). `stop` is asked between two removals.
pub fn prune(root: &Root, limits: Limits, stop: &dyn Fn() -> bool) -> Result<Report> {
    let now = crate::receipt::now().0;
    if limits.dry_run {
        return Ok(Decision::prune(&inventory::take(root)?, limits, now).report);
    }
    let alone = enter_alone(root, PATIENCE)?;
    let inventory = inventory::take(root)?;
    let decision = Decision::prune(&inventory, limits, now);
    removal::carry_out(root, alone, &inventory, decision, stop)
}

/// Removes the environments of the named packages and the slots that only they used (STORE.md 14.7).
pub fn remove(root: &Root, named: &[String], dry_run: bool, stop: &dyn Fn() -> bool) -> Result<Report> {
    if dry_run {
        return Ok(Decision::remove(root, &inventory::take(root)?, named)?.report);
    }
    let alone = enter_alone(root, PATIENCE)?;
    let inventory = inventory::take(root)?;
    let decision = Decision::remove(root, &inventory, named)?;
    removal::carry_out(root, alone, &inventory, decision, stop)
}

/// Removes these environments, and of these slots and those of the environments what nothing else refers to (STORE.md 14.8).
/// Nothing need be there.
pub fn remove_package(root: &Root, folders: &[String], keys: &[String], dry_run: bool) -> Result<Report> {
    let freed = || keys.iter().collect();
    let folders = folders.iter().cloned().collect();
    if dry_run {
        return Ok(Decision::remove_folders(&inventory::take(root)?, &folders, freed()).report);
    }
    let alone = enter_alone(root, PATIENCE)?;
    let inventory = inventory::take(root)?;
    let decision = Decision::remove_folders(&inventory, &folders, freed());
    removal::carry_out(root, alone, &inventory, decision, &|| false)
}

/// The refusal of a name that the store at `root` does not know.
pub fn nothing_belongs_to(root: &Path, name: &str) -> Error {
    let message = format!("nothing in `{}` belongs to `{name}`", root.display());
    Error::refused(ErrorCode::FlavorNotFound, message)
}

/// What is to go.
struct Decision {
    report: Report,
    /// Whether the last use of an environment is looked at again when its lock is held.
    recheck: bool,
}

impl Decision {
    fn prune(inventory: &Inventory, limits: Limits, now: i64) -> Self {
        let spared = |last_used: i64| !is_older(last_used, SPARED, now);
        let stays = |environment: &Environment| {
            spared(environment.last_used) || (environment.private && !limits.private)
        };
        let mut report = Report::default();
        for _ in 0..inventory.dead {
            report.removed.push(item(Kind::Staging, "", 0, 0, Reason::DeadStart));
        }
        let mut lost = BTreeSet::new();
        for receipt in &inventory.receipts {
            let reason = match &receipt.content {
                None => Reason::Malformed,
                Some(content) if content.state == PackageState::Gone && !spared(receipt.last_used) => {
                    Reason::PackageGone
                }
                Some(_) => continue,
            };
            lost.insert(receipt.name.as_str());
            report.removed.push(item(Kind::Receipt, &receipt.name, 0, receipt.last_used, reason));
        }
        let mut left: Vec<&Environment> = Vec::new();
        let mut going: Vec<(&Environment, Reason)> = Vec::new();
        for environment in &inventory.environments {
            let mut receipts = receipts_of(&inventory.receipts, &environment.folder).peekable();
            let reason = if !environment.complete || environment.slots.is_none() {
                Some(Reason::Incomplete)
            } else if receipts.peek().is_some()
                && receipts.all(|receipt| lost.contains(receipt.name.as_str()))
            {
                Some(Reason::PackageGone)
            } else {
                is_older(environment.last_used, limits.max_age, now).then_some(Reason::Unused)
            };
            match reason.filter(|_| !stays(environment)) {
                Some(_) if environment.in_use => {
                    report.in_use.push(environment.folder.clone());
                    left.push(environment);
                }
                Some(reason) => going.push((environment, reason)),
                None => left.push(environment),
            }
        }
        going.sort_by_key(|(environment, _)| environment.last_used);
        report
            .removed
            .extend(going.iter().map(|(environment, reason)| environment_item(environment, *reason)));
        let removable = |slot: &inventory::Slot| !slot.in_use && !spared_slot(slot.recorded, now);
        let mut decision = Self { report, recheck: true };
        decision.drop_slots(inventory, &left, &lost, Reason::Unreferenced, &removable);
        if let Some(budget) = limits.max_bytes {
            left.sort_by_key(|environment| environment.last_used);
            let mut position = 0;
            while decision.left_of(inventory) > budget && position < left.len() {
                let environment = left[position];
                if environment.in_use || stays(environment) {
                    position += 1;
                    continue;
                }
                left.remove(position);
                decision.report.removed.push(environment_item(environment, Reason::Budget));
                decision.drop_slots(inventory, &left, &lost, Reason::Budget, &removable);
            }
        }
        decision.report.left = decision.left_of(inventory);
        decision
    }

    fn remove(root: &Root, inventory: &Inventory, named: &[String]) -> Result<Self> {
        let mut folders = BTreeSet::new();
        for name in named {
            let found = matching(root, inventory, name);
            if found.is_empty() {
                return Err(nothing_belongs_to(root.path(), name));
            }
            folders.extend(found);
        }
        Ok(Self::remove_folders(inventory, &folders, BTreeSet::new()))
    }

    fn remove_folders<'a>(
        inventory: &'a Inventory,
        folders: &BTreeSet<String>,
        mut freed: BTreeSet<&'a String>,
    ) -> Self {
        let mut left = Vec::new();
        let mut report = Report::default();
        for environment in &inventory.environments {
            if !folders.contains(&environment.folder) {
                left.push(environment);
            } else if environment.in_use {
                report.in_use.push(environment.folder.clone());
                left.push(environment);
            } else {
                freed.extend(environment.slots.iter().flatten());
                report.removed.push(environment_item(environment, Reason::Named));
            }
        }
        // Of environments that somebody removed by hand.
        let is_gone = |folder: &str| inventory.environments.iter().all(|found| found.folder != folder);
        for receipt in &inventory.receipts {
            let folder = receipt.content.as_ref().map_or("", |content| &content.environment);
            if folders.contains(folder) && is_gone(folder) {
                let named = item(Kind::Receipt, &receipt.name, 0, receipt.last_used, Reason::Named);
                report.removed.push(named);
            }
        }
        let mut decision = Self { report, recheck: false };
        let removable = |slot: &inventory::Slot| !slot.in_use && freed.contains(&slot.key);
        decision.drop_slots(inventory, &left, &BTreeSet::new(), Reason::Unreferenced, &removable);
        decision.report.left = decision.left_of(inventory);
        decision
    }

    /// Adds the slots that nothing of what is left refers to.
    fn drop_slots(
        &mut self,
        inventory: &Inventory,
        left: &[&Environment],
        lost: &BTreeSet<&str>,
        reason: Reason,
        removable: &dyn Fn(&inventory::Slot) -> bool,
    ) {
        let remaining: Vec<&ReceiptEntry> = left
            .iter()
            .flat_map(|environment| receipts_of(&inventory.receipts, &environment.folder))
            .filter(|receipt| !lost.contains(receipt.name.as_str()))
            .collect();
        let is_known = |environment: &&Environment| {
            environment.slots.is_some()
                || remaining.iter().any(|receipt| {
                    receipt.content.as_ref().is_some_and(|content| content.environment == environment.folder)
                })
        };
        if !left.iter().all(is_known) {
            self.report.slots_unknown = true;
            return;
        }
        let described = left.iter().flat_map(|environment| environment.slots.iter().flatten());
        let received = remaining.iter().filter_map(|receipt| receipt.content.as_ref());
        let referred: BTreeSet<&String> =
            described.chain(received.flat_map(|content| &content.slots)).collect();
        let mut going: Vec<&inventory::Slot> = inventory
            .slots
            .iter()
            .filter(|slot| {
                !referred.contains(&slot.key) && removable(slot) && !self.has(Kind::Slot, &slot.key)
            })
            .collect();
        going.sort_by_key(|slot| slot.last_used);
        let items = going.iter().map(|slot| item(Kind::Slot, &slot.key, slot.bytes, slot.last_used, reason));
        self.report.removed.extend(items);
    }

    fn has(&self, kind: Kind, name: &str) -> bool {
        self.report.removed.iter().any(|item| item.kind == kind && item.name == name)
    }

    fn left_of(&self, inventory: &Inventory) -> u64 {
        let environments = inventory.environments.iter().map(|environment| environment.bytes);
        let all: u64 = environments.chain(inventory.slots.iter().map(|slot| slot.bytes)).sum();
        let gone: u64 = self.report.removed.iter().map(|item| item.bytes).sum();
        all.saturating_sub(gone)
    }
}

/// Folder names of the environments that `name` stands for. It is only ever compared.
fn matching(root: &Root, inventory: &Inventory, name: &str) -> Vec<String> {
    let trailer = trailer_of(Path::new(name));
    let mut folders = Vec::new();
    for environment in &inventory.environments {
        let of_package = environment.package.as_ref().is_some_and(|(package, _)| package == name);
        let of_receipt = || {
            receipts_of(&inventory.receipts, &environment.folder).any(|receipt| {
                let content = receipt.content.as_ref();
                let has_trailer = || {
                    let read = Receipt::read(root, receipt.name.clone());
                    trailer.is_some() && read.is_some_and(|read| read.trailer() == trailer.as_deref())
                };
                content.is_some_and(|content| content.package == name || content.path == Path::new(name))
                    || has_trailer()
            })
        };
        if environment.folder == name || of_package || of_receipt() {
            folders.push(environment.folder.clone());
        }
    }
    folders
}

/// Whether something stamped at `stamp` was certainly not used for `age`.
pub(crate) fn is_older(stamp: i64, age: Duration, now: i64) -> bool {
    let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX).saturating_add(STAMP_AGE);
    now.saturating_sub(stamp) >= age
}

/// Records are written when a slot is, so their times are exact.
fn spared_slot(recorded: i64, now: i64) -> bool {
    now.saturating_sub(recorded) < STAMP_AGE
}

fn environment_item(environment: &Environment, reason: Reason) -> Item {
    item(Kind::Environment, &environment.folder, environment.bytes, environment.last_used, reason)
}

fn item(kind: Kind, name: &str, bytes: u64, last_used: i64, reason: Reason) -> Item {
    Item { kind, name: name.to_owned(), bytes, last_used, reason }
}
