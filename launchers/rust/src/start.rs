//! From an opened package file to a plan that may be carried out: the warm path through a receipt (LAUNCH.md 3), else
//! the cold path that verifies every byte (LAUNCH.md 4). This is the only place that orders the steps.

use std::ffi::OsStr;

use flavor_store::data::copy_once;
use flavor_store::environment::{
    Installed, install, install_privately, make_durable, places_of, space_needed, unpack_privately,
};
use flavor_store::location::places;
use flavor_store::placeholder::Places;
use flavor_store::plan::Plan;
use flavor_store::publish::{Presence, Records};
use flavor_store::receipt::{self, Expected, Receipt};
use flavor_store::root::Root;
use flavor_store::staging::Staging;
use flavor_store::{BootId, ZeroUmask, has_reliable_change_time};
use flavor_trust::Decision;
use pspf::layout::TRAILER_SIZE;
use pspf::{ErrorCode, Metadata, Package, hex};

use crate::environment;
use crate::failure::{Failure, Result, escaped};
use crate::foreign;
use crate::lifecycle::{Decided, decide};
use crate::log::Log;
use crate::output::to_stderr;
use crate::package_file::PackageFile;
use crate::planning::{Named, flavor_of, plan, require_target};
use crate::process::{leave_to_program, occupy_standard_descriptors};
use crate::progress::Progress;
use crate::settings::variable;
use crate::trust;
use crate::validation::{self, Level};

/// A start that only has to be carried out.
pub(crate) struct Ready<'file> {
    pub(crate) plan: Plan,
    /// What must outlive the program; without it the program replaces this process.
    pub(crate) supervised: Option<Supervised<'file>>,
    /// What differed from the package and was made anew.
    pub(crate) repaired: Vec<String>,
}

/// What a waiting parent holds (LAUNCH.md 15).
pub(crate) struct Supervised<'file> {
    /// Removed, with everything that only this start needed, when it is dropped.
    pub(crate) staging: Staging<'static>,
    /// What else the program's end asks for; nothing does in a private environment.
    pub(crate) content: Option<Content<'file>>,
}

/// What the commands of shutdown slots come from.
pub(crate) struct Content<'file> {
    pub(crate) package: Package<&'file PackageFile>,
    pub(crate) decided: Decided,
    pub(crate) places: Places,
    pub(crate) root: &'static Root,
}

/// A valid receipt: its plan, and the store that it was found in.
pub(crate) struct Warm {
    pub(crate) plan: Plan,
    root: Root,
}

/// The plan of a package with a valid receipt; otherwise how far the store is to be believed.
pub(crate) fn warm(file: &PackageFile, log: Log) -> std::result::Result<Warm, Records> {
    let (mut receipt, root) = vouched(file, log)?;
    receipt.stamp();
    if let Some(hold) = receipt.take_hold() {
        leave_to_program(hold);
    }
    log.phase("receipt");
    log.info(|| format!("warm start: receipt {} in `{}`", receipt.name, root.path().display()));
    receipt.plan().map(|plan| Warm { plan, root }).ok_or(Records::Believed)
}

/// The receipt that vouches for a start, and its store. Nothing is changed.
pub(crate) fn vouched(file: &PackageFile, log: Log) -> std::result::Result<(Receipt, Root), Records> {
    let mut records = Records::Believed;
    let Some(trailer) = file.trailer() else { return Err(records) };
    let sources = trust::places();
    let expected = Expected { package: file.identity, fixed: file.fixed(), trailer: &trailer };
    for place in places(variable) {
        let root = match Root::open(&place.path) {
            Ok(Some(root)) => root,
            Ok(None) => continue,
            Err(reason) => {
                log.debug(|| format!("place `{}` does not count: {reason}", place.path.display()));
                continue;
            }
        };
        match receipt::find(&root, expected, sources.paths(), |name| std::env::var_os(name)) {
            Ok(receipt) => return Ok((receipt, root)),
            Err(miss) => {
                if miss.store_changed {
                    records = Records::Doubted;
                }
                log.debug(|| format!("no receipt in `{}`: {}", root.path().display(), miss.reason));
            }
        }
    }
    Err(records)
}

/// Completes a warm start that needs content of the package (LAUNCH.md 3.4). The receipt vouches for the plan only, so the
/// package is opened fully, and the trailer that the receipt was compared with must be its (S19).
pub(crate) fn warm_with_content<'file>(
    file: &'file PackageFile,
    warm: Warm,
    log: Log,
    name: &mut String,
) -> Result<Ready<'file>> {
    occupy_standard_descriptors();
    let umask = ZeroUmask::set();
    let compared = file.trailer();
    let package = validation::open_metadata(file, log, name)?;
    if compared.is_none_or(|compared| compared.as_slice() != package.trailer()) {
        return Err(file.changed());
    }
    let decided = decide(&package, Records::Believed, variable)?;
    let root: &'static Root = Box::leak(Box::new(warm.root));
    let staging = match Staging::create(root) {
        Ok(staging) => staging,
        Err(error) => elsewhere(&package, &decided, root, &error, log)?,
    };
    staging.remove_dead();
    let places = places_of(root, &package, &decided.wanted)?;
    drop(umask);
    supervised(file, package, decided, places, root, staging, log)
}

/// Staging in the place that a cold start would take, where the store of the receipt cannot be written.
fn elsewhere(
    package: &Package<&PackageFile>,
    decided: &Decided,
    warm: &Root,
    error: &flavor_store::Error,
    log: Log,
) -> Result<Staging<'static>> {
    log.debug(|| format!("slots of this start go elsewhere than into `{}`: {error}", warm.path().display()));
    let root = Root::take(&places(variable), |root| space_needed(Some(root), package, &decided.wanted))?;
    Ok(Staging::create(Box::leak(Box::new(root)))?)
}

/// Whether what a cold start leaves must survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    ThisBoot,
    Durable,
    /// As [`Self::ThisBoot`], for a start that ends before its program.
    Prepared,
}

/// How a cold start is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cold<'a> {
    pub(crate) records: Records,
    pub(crate) keep: Keep,
    pub(crate) level: Level,
    /// argv\[0\], which setup commands are told.
    pub(crate) typed: &'a OsStr,
    pub(crate) log: Log,
}

/// Verifies everything, unpacks what is missing, writes a receipt where that is sound. `name` is told the package's
/// name as soon as the signature held.
pub(crate) fn cold<'file>(file: &'file PackageFile, how: Cold, name: &mut String) -> Result<Ready<'file>> {
    let log = how.log;
    occupy_standard_descriptors();
    let umask = ZeroUmask::set();
    let package = validation::open(file, how.level, log, name)?;
    let holds = if package.signature_holds() { "holds" } else { "does not hold" };
    log.debug(|| format!("signature {holds}, signer {}", hex::encode(&package.fingerprint())));
    let decision = trust::decide(&package, name, log)?;
    if !how.level.is_lowered() {
        log.debug(|| format!("launcher: {}", trust::of_the_launcher(&package)));
    }
    if foreign::is_native(&package) {
        return foreign::start(
            &package,
            &foreign::Cold { file, how, decision: &decision, umask: &umask, name },
        );
    }
    require_target(flavor_of(&package)?)?;
    let records = if how.level == Level::Full { Records::Doubted } else { how.records };
    let decided = decide(&package, records, variable)?;
    require_plan(&package, &decided)?;
    warn_of_missing_variables(package.metadata(), log);

    let progress = Progress::begin(name, &file.read, file.identity.size);
    let places = places(variable);
    let root = Root::take(&places, |root| space_needed(Some(root), &package, &decided.wanted))?;
    let root: &'static Root = Box::leak(Box::new(root));
    let staging = Staging::create(root)?;
    staging.remove_dead();
    log.phase("place");
    if how.level.is_lowered() {
        let mut places = install_privately(&staging, &package, &decided.wanted.parts)?;
        for (slot, _) in &decided.data {
            places.slots[*slot] = Some(unpack_privately(&staging, &package, *slot)?);
        }
        log.phase("unpack");
        log.info(|| format!("cold start: private folder in `{}`", root.path().display()));
        drop((progress, umask));
        return supervised(file, package, decided, places, root, staging, log);
    }
    let installed = install(root, &staging, &package, &decided.wanted)?;
    for (slot, path) in &decided.data {
        let copied = copy_once(path, &package, *slot)?;
        let word = if copied { "copied to" } else { "left alone in" };
        log.debug(|| format!("slot {slot} {word} `{}`", path.display()));
    }
    drop(progress);
    log.phase("unpack and verify");
    let repaired = log_installed(&installed, log);
    if how.level == Level::Full && how.keep == Keep::ThisBoot {
        // Who asked for a full comparison is told what it found.
        for what in &repaired {
            let line = format!("{what} was not as the package says and was unpacked anew");
            to_stderr(&format!("{}: notice: {line}\n", escaped(name)));
        }
    }
    file.require_unchanged()?;

    let boot = match how.keep {
        Keep::ThisBoot | Keep::Prepared => BootId::current(),
        Keep::Durable => {
            make_durable(root, &staging, &package, &installed)?;
            BootId::DURABLE
        }
    };
    let mut plan = planned(&package, &decided, &installed.places, root)?;
    plan.conditions.clone_from(&decided.conditions);
    plan.reads_content = decided.needs_parent();
    let outcome = write_receipt(file, root, &staging, &plan, &decision, package.trailer(), boot);
    log.debug(|| outcome);
    log.phase("receipt");
    log.info(|| format!("cold start: store `{}`", root.path().display()));
    drop(umask);
    leave_to_program(installed.hold);
    if decided.needs_parent() && how.keep == Keep::ThisBoot {
        return supervised(file, package, decided, installed.places, root, staging, log);
    }
    Ok(Ready { plan, supervised: None, repaired })
}

/// Unpacks what only this start needs and makes the plan with the places where it lies.
fn supervised<'file>(
    file: &PackageFile,
    package: Package<&'file PackageFile>,
    mut decided: Decided,
    mut places: Places,
    root: &'static Root,
    staging: Staging<'static>,
    log: Log,
) -> Result<Ready<'file>> {
    let umask = ZeroUmask::set();
    for slot in &decided.temporary {
        places.slots[*slot] = Some(unpack_privately(&staging, &package, *slot)?);
    }
    file.require_unchanged()?;
    drop(umask);
    log.phase("slots of this start");
    let plan = planned(&package, &decided, &places, root)?;
    decided.conditions.clear();
    let content = Some(Content { package, decided, places, root });
    let supervised = Some(Supervised { staging, content });
    Ok(Ready { plan, supervised, repaired: Vec::new() })
}

/// Makes the plan with any places, to refuse what is not supported before something is unpacked.
pub(crate) fn require_plan(package: &Package<&PackageFile>, decided: &Decided) -> Result<Plan> {
    let slots = decided.wanted.parts.iter().map(|part| part.has_place().then(|| "/".into())).collect();
    let mut places = Places { workenv: "/".into(), slots };
    let (flavor, metadata) = (flavor_of(package)?, package.metadata());
    let store = "/dev/null".as_ref();
    for (slot, _) in &decided.shutdown {
        places.slots[*slot] = Some("/".into());
    }
    for (_, command) in &decided.shutdown {
        let named = Named { places: &places, absent: &[], store };
        crate::planning::planned_command(metadata, flavor, &named, command, &flavor.commands[command])?;
    }
    plan(metadata, flavor, &Named { places: &places, absent: &decided.absent, store })
}

/// The plan, with the places of the store and those of the user's data. Slots of one start have their places already, or stand
/// for no place in particular in a receipt.
fn planned(package: &Package<&PackageFile>, decided: &Decided, places: &Places, root: &Root) -> Result<Plan> {
    let mut places = places.clone();
    for (slot, path) in &decided.data {
        places.slots[*slot].get_or_insert_with(|| path.clone());
    }
    for slot in &decided.temporary {
        places.slots[*slot].get_or_insert_with(|| root.path().join("v1/tmp"));
    }
    let named = Named { places: &places, absent: &decided.absent, store: root.path() };
    plan(package.metadata(), flavor_of(package)?, &named)
}

/// LAUNCH.md 6.4.
pub(crate) fn warn_of_missing_variables(metadata: &Metadata, log: Log) {
    let rules = metadata.runtime.as_ref().and_then(|runtime| runtime.env.as_ref());
    for variable in environment::missing(rules) {
        log.warn(|| format!("the package counts on the variable {variable:?}, which is not set"));
    }
}

/// What became of slots and environment; what of it was made anew.
fn log_installed(installed: &Installed, log: Log) -> Vec<String> {
    let mut repaired = Vec::new();
    let mut one = |what: String, presence: Presence, detail: &str| {
        log.debug(|| format!("{what} {}: {detail}", presence.word()));
        if presence == Presence::Repaired {
            repaired.push(what);
        }
    };
    for (position, slot) in installed.slots.iter().enumerate() {
        if let Some(slot) = slot {
            one(format!("slot {position}"), slot.presence, &slot.key);
        }
    }
    let workenv = format!("`{}`", installed.places.workenv.display());
    one("work environment".into(), installed.presence, &workenv);
    repaired
}

/// What came of it, for logs: not having a receipt only makes the next start slow, so nothing here is an error.
pub(crate) fn write_receipt(
    file: &PackageFile,
    root: &Root,
    staging: &Staging,
    plan: &Plan,
    decision: &Decision,
    trailer: &[u8],
    boot: BootId,
) -> String {
    let Ok(trailer) = <&[u8; TRAILER_SIZE]>::try_from(trailer) else { return "no trailer".into() };
    let expected = Expected { package: file.identity, fixed: file.fixed(), trailer };
    // Times say nothing about a package that is known by its path.
    let by_times = expected.fixed.is_none();
    if by_times && !receipt::is_settled(&file.identity, file.opened) {
        "no receipt: the package file was changed less than two seconds ago".into()
    } else if by_times && !has_reliable_change_time(&file.file) {
        "no receipt: the file system of the package keeps no reliable change times".into()
    } else if !decision.is_settled {
        "no receipt: a trust file was changed less than two seconds ago, or its change times are not reliable"
            .into()
    } else {
        match receipt::write(root, staging, plan, file.path.as_os_str(), &decision.record, expected, boot) {
            Ok(true) => format!("receipt {} written", receipt::name(&expected)),
            Ok(false) => "no receipt: it would be longer than 64 KiB".into(),
            Err(error) => format!("no receipt: {error}"),
        }
    }
}

/// Refuses what is no package, in the words of the reader.
pub(crate) fn require_package(file: &PackageFile) -> Result<()> {
    match Package::open(file) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether the file is a launcher without payload.
pub(crate) fn has_no_payload(file: &PackageFile) -> bool {
    file.trailer().is_none() && require_package(file).is_err_and(|failure| is_not_a_package(&failure))
}

fn is_not_a_package(failure: &Failure) -> bool {
    failure.code == ErrorCode::PspfNotAPackage
}
