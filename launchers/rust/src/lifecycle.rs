//! What the lifecycle of each slot means for one start (LAUNCH.md 14): which slots the store brings in, which are fresh for
//! each start, which are the user's data, and which are not there.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use flavor_store::data::{self, Kind};
use flavor_store::environment::{Part, Wanted};
use flavor_store::plan::Condition;
use flavor_store::publish::Records;
use pspf::metadata::Slot;
use pspf::{ErrorCode, Package, ReadAt};

use crate::failure::{Failure, Result};
use crate::planning::{ARCH, OS, flavor_of};

/// The variable that makes slots of lifecycle `dev` be there.
const DEVELOPMENT: &str = "FLAVOR_DEV";

/// The words of the format, by what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lifecycle {
    /// Unpacked at the first start.
    Kept,
    Lazy,
    Init,
    Temporary,
    Data(Kind),
    Development,
    Shutdown,
    Platform,
}

impl Lifecycle {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "" | "runtime" | "startup" | "eager" | "cache" | "cached" => Self::Kept,
            "lazy" => Self::Lazy,
            "init" => Self::Init,
            "temporary" | "temp" | "volatile" => Self::Temporary,
            "persistent" => Self::Data(Kind::Data),
            "config" => Self::Data(Kind::Config),
            "dev" => Self::Development,
            "shutdown" => Self::Shutdown,
            "platform" => Self::Platform,
            _ => return None,
        })
    }
}

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
    let mut decided = Decided {
        wanted: Wanted::everything(package, records),
        temporary: Vec::new(),
        shutdown: Vec::new(),
        data: Vec::new(),
        absent: Vec::new(),
        conditions: Vec::new(),
    };
    let development = variable(DEVELOPMENT);
    for (position, slot) in package.metadata().slots.iter().enumerate() {
        let lifecycle = Lifecycle::parse(&slot.lifecycle)
            .ok_or_else(|| refuse(slot, &format!("has the unknown lifecycle {:?}", slot.lifecycle)))?;
        let part = &mut decided.wanted.parts[position];
        match lifecycle {
            Lifecycle::Kept => {}
            Lifecycle::Lazy if !flavor.slots[position].share => {
                return Err(refuse(slot, "is lazy and private; only shared slots can be unpacked later"));
            }
            Lifecycle::Lazy => *part = Part::Absent,
            Lifecycle::Init => *part = Part::Setup,
            Lifecycle::Temporary => {
                *part = Part::Outside;
                decided.temporary.push(position);
            }
            Lifecycle::Data(kind) => {
                *part = Part::Outside;
                let path = data_folder(package, slot, kind, &variable, &mut decided.conditions)?;
                decided.data.push((position, path));
            }
            Lifecycle::Development => {
                push_once(&mut decided.conditions, as_now(DEVELOPMENT, development.as_deref()));
                if development.as_deref() == Some(OsStr::new("1")) {
                    decided.wanted.development = true;
                } else {
                    *part = Part::Absent;
                }
            }
            Lifecycle::Shutdown => {
                *part = Part::Outside;
                if !flavor.commands.contains_key(&slot.id) {
                    return Err(refuse(slot, "is for the shutdown, but no command has its name"));
                }
                decided.shutdown.push((position, slot.id.clone()));
            }
            Lifecycle::Platform => {
                if !slot.platform.as_deref().is_none_or(is_this) {
                    *part = Part::Absent;
                }
            }
        }
        // What is never there while a command runs (init, lazy) is refused where it is named.
        let left_out = matches!(lifecycle, Lifecycle::Development | Lifecycle::Platform)
            && decided.wanted.parts[position] == Part::Absent;
        if left_out || lifecycle == Lifecycle::Shutdown {
            decided.absent.push(position);
        }
    }
    Ok(decided)
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

/// Whether a platform of the metadata is the one of this launcher.
fn is_this(platform: &str) -> bool {
    match platform.split_once('_') {
        Some((os, arch)) => os == OS && arch == ARCH,
        None => platform == OS,
    }
}

fn refuse(slot: &Slot, what: &str) -> Failure {
    Failure::new(ErrorCode::LaunchLifecycle, format!("slot {} ({:?}) {what}", slot.slot, slot.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_format_has_a_meaning_and_others_none() {
        for word in "runtime startup eager cache cached lazy init temporary temp volatile persistent config dev shutdown platform"
            .split(' ')
        {
            assert!(Lifecycle::parse(word).is_some(), "{word}");
        }
        for word in ["Runtime", "forever", "attestation", " runtime"] {
            assert_eq!(Lifecycle::parse(word), None, "{word}");
        }
    }

    #[test]
    fn a_platform_is_an_operating_system_or_that_and_an_architecture() {
        assert!(is_this(OS) && is_this(&format!("{OS}_{ARCH}")));
        for other in ["", "plan9", &format!("{OS}_vax"), &format!("plan9_{ARCH}"), &format!("{OS}_")] {
            assert!(!is_this(other), "{other}");
        }
    }
}
