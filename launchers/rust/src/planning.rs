//! From signed metadata to the exec plan (LAUNCH.md 5 and 6). What this version does not support is refused here, before
//! anything is unpacked.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

pub(crate) use flavor_store::lifecycle::{ARCH, OS};
use flavor_store::os_string;
use flavor_store::placeholder::Places;
use flavor_store::plan::{Edit, Plan, PlannedCommand};
use pspf::metadata::{Command, Flavor, Metadata};
use pspf::{ErrorCode, Package, ReadAt};

use crate::environment;
use crate::failure::{Failure, Result};
use crate::floor;

/// The block that only packages of ours have.
pub(crate) fn flavor_of<R: ReadAt>(package: &Package<R>) -> Result<&Flavor> {
    package
        .flavor()
        .ok_or_else(|| Failure::new(ErrorCode::PspfForeign, "the metadata has no `x-flavor` block"))
}

/// Refuses a package for another platform, or for a newer system (LAUNCH.md 4, step 4).
pub(crate) fn require_target(flavor: &Flavor) -> Result<()> {
    let target = &flavor.target;
    let refusal = if target.os == OS && target.arch == ARCH {
        floor::lacking(&target.floor)
    } else {
        Some(format!("the package was built for {}_{}, this is {OS}_{ARCH}", target.os, target.arch))
    };
    refusal.map_or(Ok(()), |message| Err(Failure::new(ErrorCode::LaunchTarget, message)))
}

/// What commands may name at one start.
#[derive(Debug)]
pub(crate) struct Named<'a> {
    /// What placeholders stand for.
    pub(crate) places: &'a Places,
    /// Slots that are not there (LAUNCH.md 14.3).
    pub(crate) absent: &'a [usize],
    /// The store's root path; all programs lie below it.
    pub(crate) store: &'a Path,
}

impl Named<'_> {
    /// Whether a text needs a slot that is not there.
    fn lacks(&self, text: &str) -> bool {
        self.absent.iter().any(|slot| text.contains(&format!("{{slot:{slot}}}")))
    }
}

/// Resolves every command that can run at this start.
pub(crate) fn plan(metadata: &Metadata, flavor: &Flavor, named: &Named) -> Result<Plan> {
    if flavor.is_plain() {
        return Err(unsupported(
            "the package is started by `execution.command`, which this launcher does not support yet",
        ));
    }
    let mut commands = Vec::new();
    for (name, command) in &flavor.commands {
        if !command.argv.iter().chain(&command.cwd).any(|text| named.lacks(text)) {
            commands.push(planned_command(metadata, flavor, named, name, command)?);
        }
    }
    let default = commands.iter().position(|command| command.name == flavor.default).ok_or_else(|| {
        let message =
            format!("the default command {:?} needs a slot that is not there at this start", flavor.default);
        Failure::new(ErrorCode::LaunchLifecycle, message)
    })?;
    let Named { places, store, .. } = *named;
    // Slots elsewhere are the user's to change, and those of one start are gone at the next.
    let (shared, temporary) = (store.join("v1/slots"), store.join("v1/tmp"));
    let mut stats: Vec<PathBuf> =
        places.slots.iter().flatten().filter(|path| path.starts_with(&shared)).cloned().collect();
    for argument in commands.iter().flat_map(|command| &command.argv) {
        let path = Path::new(argument);
        let lasting = path.starts_with(store) && !path.starts_with(&temporary);
        if lasting && !stats.iter().any(|known| known == path) && path.exists() {
            stats.push(path.to_path_buf());
        }
    }
    let package = metadata.package.name.clone();
    Ok(Plan {
        package,
        workenv: places.workenv.clone(),
        commands,
        default,
        stats,
        conditions: Vec::new(),
        reads_content: false,
    })
}

/// One command, by the rules of LAUNCH.md 5 and 6.
pub(crate) fn planned_command(
    metadata: &Metadata,
    flavor: &Flavor,
    named: &Named,
    name: &str,
    command: &Command,
) -> Result<PlannedCommand> {
    let places = named.places;
    let text = |text: &str| -> Result<OsString> { Ok(os_string(places.replace(text)?)) };
    require_program_of_the_package(name, &command.argv[0])?;
    let argv = command.argv.iter().map(|argument| text(argument)).collect::<Result<Vec<_>>>()?;
    let cwd = command.cwd.as_deref().map(text).transpose()?;

    let rules = metadata.runtime.as_ref().and_then(|runtime| runtime.env.as_ref());
    let mut edits = environment::inherited(rules)?;
    edits.extend(environment::described(&metadata.package, places.workenv.as_os_str(), name));
    // The last one prepended stands foremost.
    for folder in flavor.workenv.path.iter().rev() {
        edits.push(Edit::Prepend("PATH".into(), places.workenv.join(folder).into()));
    }
    let set = rules.and_then(|rules| rules.set.as_ref());
    for variables in set.into_iter().chain([&metadata.execution.env, &command.env]) {
        edits.extend(environment::layer(variables, |value| {
            if named.lacks(value) { Ok(None) } else { text(value).map(Some) }
        })?);
    }
    edits.extend(environment::closing());
    Ok(PlannedCommand { name: name.to_owned(), argv, edits, cwd })
}

/// Programs of a package are never taken from the host (LAUNCH.md 5.3).
fn require_program_of_the_package(name: &str, program: &str) -> Result<()> {
    let below = program.strip_prefix("{workenv}/").or_else(|| {
        let (number, rest) = program.strip_prefix("{slot:")?.split_once("}/")?;
        number.bytes().all(|digit| digit.is_ascii_digit()).then_some(rest)
    });
    let inside = below.is_some_and(|below| {
        !below.is_empty() && Path::new(below).components().all(|part| matches!(part, Component::Normal(_)))
    });
    if inside {
        return Ok(());
    }
    Err(unsupported(&format!(
        "command {name:?} starts {program:?}, expected a path that begins with `{{workenv}}/` or `{{slot:N}}/`"
    )))
}

fn unsupported(message: &str) -> Failure {
    Failure::new(ErrorCode::LaunchEnvironment, message)
}
