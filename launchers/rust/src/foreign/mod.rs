//! Packages that say what they start in the words of the original (LAUNCH.md 16): foreign ones, and plain ones of ours.
//! Everything is planned before anything is unpacked; the environment is the store's business (STORE.md 8.7–8.15).

#[cfg_attr(unix, path = "child_unix.rs")]
#[cfg_attr(windows, path = "child_windows.rs")]
mod child;
mod prepared;
pub(crate) mod programs;
mod setup;
mod values;
mod words;

use std::cell::Cell;
use std::ffi::OsString;
use std::path::Path;

use flavor_store::location::places;
use flavor_store::plan::{Plan, PlannedCommand, Start, apply};
use flavor_store::private::{
    ForOneStart, MARKER, PrivateName, PrivateTree, install, require_slots, space_needed,
};
use flavor_store::publish::{Presence, Records};
use flavor_store::root::Root;
use flavor_store::staging::Staging;
use flavor_store::usage::{self, Hold};
use flavor_store::{BootId, ZeroUmask};
use flavor_trust::Decision;
use pspf::metadata::Flavor;
use pspf::native::Native;
use pspf::{ErrorCode, Package, ReadAt};

use crate::failure::{Failure, Result};
use crate::foreign::prepared::Prepared;
use crate::foreign::setup::Setup;
use crate::package_file::PackageFile;
use crate::planning::require_target;
use crate::process::leave_to_program;
use crate::progress::Progress;
use crate::settings::variable;
use crate::start::{self, Keep, Ready, Supervised, warn_of_missing_variables, write_receipt};
use crate::validation::Level;

/// Stands for the environment until it is known where it will be.
const SOMEWHERE: &str = "/environment";

/// What a cold start has settled before it knows the kind of the package.
pub(crate) struct Cold<'a> {
    pub(crate) file: &'a PackageFile,
    pub(crate) how: start::Cold<'a>,
    pub(crate) decision: &'a Decision,
    pub(crate) umask: &'a ZeroUmask,
    /// The package's, for messages.
    pub(crate) name: &'a str,
}

/// Whether a package is started as this module does it.
pub(crate) fn is_native<R: ReadAt>(package: &Package<R>) -> bool {
    package.flavor().is_none_or(Flavor::is_plain)
}

/// Refuses what cannot be carried out, before anything is unpacked.
pub(crate) fn require_plan<R: ReadAt>(package: &Package<R>) -> Result<()> {
    if let Some(flavor) = package.flavor() {
        require_target(flavor)?;
    }
    require_slots(package)?;
    Prepared::new(package, &Native::decode(package.metadata_json())?, Path::new(SOMEWHERE)).map(|_| ())
}

/// Verifies everything, makes the private environment where it is missing, writes a receipt where that is sound. A lowered
/// start makes one for itself alone (STORE.md 16.3).
pub(crate) fn start<'file>(package: &Package<&'file PackageFile>, cold: &Cold) -> Result<Ready<'file>> {
    require_plan(package)?;
    let Cold { file, how, .. } = *cold;
    let log = how.log;
    let native = Native::decode(package.metadata_json())?;
    warn_of_missing_variables(package.metadata(), log);

    let progress = Cell::new(Some(Progress::begin(cold.name, &file.read, file.identity.size)));
    let places = places(variable);
    let root = Root::take(&places, |root| space_needed(Some(root), package))?;
    let root: &'static Root = Box::leak(Box::new(root));
    let staging = Staging::create(root)?;
    staging.remove_dead();
    log.phase("place");
    let setup = |prepared: &Prepared, tree: &PrivateTree| {
        // Setup commands are forked, which needs a process of one thread.
        drop(progress.take());
        run_setup(prepared, tree, &staging, cold)
    };
    if how.level.is_lowered() {
        let place = ForOneStart::create(&staging)?;
        let workenv = place.path().to_path_buf();
        let prepared = Prepared::new(package, &native, &workenv)?;
        place.make(package, &prepared.wanted, |tree| setup(&prepared, tree))?;
        log.phase("unpack");
        log.info(|| format!("cold start: private folder in `{}`", root.path().display()));
        file.require_unchanged()?;
        let plan = plan(package, prepared, &workenv);
        let supervised = Some(Supervised { staging, content: None });
        return Ok(Ready { plan, supervised, repaired: Vec::new() });
    }
    let name = PrivateName::of(package);
    let workenv = root.environment_path(name.as_str());
    let entered = usage::enter(root)?;
    let hold = Hold::create(root, name.as_str())?;
    let prepared = Prepared::new(package, &native, &workenv)?;
    let records = if how.level == Level::Full { Records::Doubted } else { how.records };
    let presence =
        install(root, &staging, package, &prepared.wanted, records, |tree| setup(&prepared, tree))?;
    drop((entered, progress.take()));
    log.phase("unpack and verify");
    log.debug(|| format!("private environment {}: `{}`", presence.word(), workenv.display()));
    file.require_unchanged()?;

    // The environment is durable in any case.
    let boot = match how.keep {
        Keep::ThisBoot | Keep::Prepared => BootId::current(),
        Keep::Durable => BootId::DURABLE,
    };
    let plan = plan(package, prepared, &workenv);
    let outcome = write_receipt(file, root, &staging, &plan, cold.decision, package.trailer(), boot);
    log.debug(|| outcome);
    log.phase("receipt");
    log.info(|| format!("cold start: store `{}`", root.path().display()));
    leave_to_program(hold);
    let repaired = if presence == Presence::Repaired { vec!["work environment".into()] } else { Vec::new() };
    Ok(Ready { plan, supervised: None, repaired })
}

fn run_setup(prepared: &Prepared, tree: &PrivateTree, staging: &Staging, cold: &Cold) -> Result<()> {
    let mut environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    let start = Start { package: cold.file.path.as_os_str(), original: cold.how.typed };
    apply(&prepared.edits, &mut environment, start);
    let steps = &prepared.steps;
    Setup { steps, environment: &environment, staging, umask: cold.umask, log: cold.how.log }.run(tree)
}

/// The one command, and what a warm start looks at (STORE.md 8.15).
fn plan<R: ReadAt>(package: &Package<R>, prepared: Prepared, workenv: &Path) -> Plan {
    let wanted = &prepared.wanted;
    let program = wanted.program.as_ref();
    let argument = wanted.named.iter().filter(|path| Some(*path) != program);
    let argument = argument.map(|path| workenv.join(path)).find(|path| path.exists());
    let mut stats = vec![workenv.join(MARKER)];
    stats.extend(program.map(|path| workenv.join(path)));
    stats.extend(argument);
    stats.extend(wanted.check.as_ref().map(|check| workenv.join(&check.path)));
    stats.retain(|path| path.exists());
    let name = package.metadata().package.name.clone();
    let command =
        PlannedCommand { name: name.clone(), argv: prepared.argv, edits: prepared.edits, cwd: None };
    Plan {
        package: name,
        workenv: workenv.to_path_buf(),
        commands: vec![command],
        default: 0,
        stats,
        conditions: Vec::new(),
        reads_content: false,
    }
}

/// What a package asks for and nobody can carry out.
pub(crate) fn refuse(message: &str) -> Failure {
    Failure::new(ErrorCode::LaunchForeign, message)
}
