//! What the lifecycle of each slot means for one start (LAUNCH.md 14): which slots the store brings in, which are fresh for
//! each start, which are the user's data, and which are not there.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use flavor_store::data::{self, Kind};
use flavor_store::environment::{Part, Wanted};
use flavor_store::lifecycle::Lifecycle;
use flavor_store::plan::Condition;
use flavor_store::publish::Records;
use pspf::metadata::Slot;
use pspf::{ErrorCode, Package, ReadAt};

use crate::failure::{Failure, Result};
use crate::planning::flavor_of;

/// The variable that makes slots of lifecycle `dev` be there.
const DEVELOPMENT: &str = "FLAVOR_DEV";

/// What one start does with the slots.
#[derive(Debug)]
pub(crate) struct Decided {
    /// What the store is asked for.
    pub(crate) wanted: Wanted,
    /// Slots unpacked for this start only.
    pub(crate) temporary: Vec<usize>,
    /// Slots unpacked after the program, and the commands that run then.
    pub(crate) shutdown: Vec<(usize, String)>,
    /// Slots copied once to a folder of the user.
    pub(crate) data: Vec<(usize, PathBuf)>,
    /// Slots that commands cannot use at this start.
    pub(crate) absent: Vec<usize>,
    /// What a later start must find as it was.
    pub(crate) conditions: Vec<Condition>,
}

impl Decided {
    /// Whether something has to be done when the program has ended.
    pub(crate) fn needs_parent(&self) -> bool {
        !self.temporary.is_empty() || !self.shutdown.is_empty()
    }
}

/// Decides for a package with commands. `variable` looks up the user's environment.
pub(crate) fn decide<R: ReadAt>(
    package: &Package<R>,
    records: Records,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Decided> {
    let flavor = flavor_of(package)?;
    let development = variable(DEVELOPMENT);
    let is_development = development.as_deref() == Some(OsStr::new("1"));
    let mut decided = Decided {
        wanted: Wanted { parts: Vec::new(), development: false, records },
        temporary: Vec::new(),
        shutdown: Vec::new(),
        data: Vec::new(),
        absent: Vec::new(),
        conditions: Vec::new(),
    };
    for (position, slot) in package.metadata().slots.iter().enumerate() {
        let lifecycle = Lifecycle::parse(&slot.lifecycle)
            .ok_or_else(|| refuse(slot, &format!("has the unknown lifecycle {:?}", slot.lifecycle)))?;
        let share = flavor.slots[position].share;
        decided.wanted.parts.push(lifecycle.part(slot, share, is_development));
        match lifecycle {
            Lifecycle::Lazy if !share => {
                return Err(refuse(slot, "is lazy and private; only shared slots can be unpacked later"));
            }
            _ if slot.self_ref => {}
            Lifecycle::Temporary => decided.temporary.push(position),
            Lifecycle::Data(kind) => {
                let path = data_folder(package, slot, kind, &variable, &mut decided.conditions)?;
                decided.data.push((position, path));
            }
            Lifecycle::Development => {
                push_once(&mut decided.conditions, as_now(DEVELOPMENT, development.as_deref()));
                decided.wanted.development |= is_development;
            }
            Lifecycle::Shutdown if !flavor.commands.contains_key(&slot.id) => {
                return Err(refuse(slot, "is for the shutdown, but no command has its name"));
            }
            Lifecycle::Shutdown => decided.shutdown.push((position, slot.id.clone())),
            Lifecycle::Kept | Lifecycle::Lazy | Lifecycle::Init | Lifecycle::Platform => {}
        }
        // What is never there while a command runs (init, lazy) is refused where it is named.
        let left_out = matches!(lifecycle, Lifecycle::Development | Lifecycle::Platform)
            && decided.wanted.parts[position] == Part::Absent;
        if left_out || slot.self_ref || lifecycle == Lifecycle::Shutdown {
            decided.absent.push(position);
        }
    }
    Ok(decided)
}

/// Whether `slot` is one that programs may ask for later, by its place.
pub(crate) fn is_lazy(slot: &Slot) -> bool {
    Lifecycle::parse(&slot.lifecycle) == Some(Lifecycle::Lazy)
}

fn data_folder<R: ReadAt>(
    package: &Package<R>,
    slot: &Slot,
    kind: Kind,
    variable: &impl Fn(&str) -> Option<OsString>,
    conditions: &mut Vec<Condition>,
) -> Result<PathBuf> {
    if !data::is_folder_name(&slot.id) {
        return Err(refuse(slot, "keeps data of the user, but its id cannot be the name of a folder"));
    }
    let (base, variables) = data::user_folder(kind, variable);
    let base = base.ok_or_else(|| {
        refuse(slot, &format!("keeps data of the user, but none of {} names a place", variables.join(", ")))
    })?;
    for name in variables {
        push_once(conditions, as_now(name, variable(name).as_deref()));
    }
    let path = data::data_path(&base, package, &slot.id);
    conditions.push(Condition::Directory(path.clone()));
    Ok(path)
}

fn as_now(name: &str, value: Option<&OsStr>) -> Condition {
    match value {
        Some(value) => Condition::Equal(name.into(), value.into()),
        None => Condition::Absent(name.into()),
    }
}

fn push_once(conditions: &mut Vec<Condition>, condition: Condition) {
    if !conditions.contains(&condition) {
        conditions.push(condition);
    }
}

fn refuse(slot: &Slot, what: &str) -> Failure {
    Failure::new(ErrorCode::LaunchLifecycle, format!("slot {} ({:?}) {what}", slot.slot, slot.id))
}
