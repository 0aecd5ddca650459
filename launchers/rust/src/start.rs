//! From an opened package file to a plan that may be carried out: the warm path through a receipt (LAUNCH.md 3), else
//! the cold path that verifies every byte (LAUNCH.md 4).

use flavor_store::environment::{Installed, install, make_durable, space_needed};
use flavor_store::location::places;
use flavor_store::placeholder::Places;
use flavor_store::plan::Plan;
use flavor_store::publish::Records;
use flavor_store::receipt::{self, Expected};
use flavor_store::root::Root;
use flavor_store::staging::Staging;
use flavor_store::{BootId, ZeroUmask, has_reliable_change_time};
use pspf::layout::TRAILER_SIZE;
use pspf::{ErrorCode, Package, hex};
use rustix::fs::{Mode, OFlags};

use crate::environment;
use crate::failure::{Failure, Result};
use crate::log::Log;
use crate::package_file::PackageFile;
use crate::planning::{flavor_of, plan, require_target};

/// The plan of a package with a valid receipt; otherwise how far the store is to be believed.
pub(crate) fn warm(file: &PackageFile, log: Log) -> std::result::Result<Plan, Records> {
    let mut records = Records::Believed;
    let Some(trailer) = file.trailer() else { return Err(records) };
    let expected = Expected { package: file.identity, trailer: &trailer };
    for place in places(|name| std::env::var_os(name)) {
        let root = match Root::open(&place.path) {
            Ok(Some(root)) => root,
            Ok(None) => continue,
            Err(reason) => {
                log.debug(|| format!("place `{}` does not count: {reason}", place.path.display()));
                continue;
            }
        };
        match receipt::find(&root, expected, |name| std::env::var_os(name)) {
            Ok(receipt) => {
                receipt.stamp();
                log.phase("receipt");
                log.info(|| format!("warm start: receipt {} in `{}`", receipt.name, root.path().display()));
                return receipt.plan().ok_or(records);
            }
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

/// Whether what a cold start leaves must survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    ThisBoot,
    Durable,
}

/// Verifies everything, unpacks what is missing, writes a receipt where that is sound. `name` is told the package's
/// name as soon as the signature held.
pub(crate) fn cold(
    file: &PackageFile,
    records: Records,
    keep: Keep,
    log: Log,
    name: &mut String,
) -> Result<Plan> {
    occupy_standard_descriptors();
    let _umask = ZeroUmask::set();
    let package = Package::open(&file.file)?;
    package.metadata().package.name.clone_into(name);
    let flavor = flavor_of(&package)?;
    require_target(flavor)?;
    log.phase("open");
    log.debug(|| format!("signature holds, signer {}", hex::encode(&package.fingerprint())));
    // With any places, to refuse what is not supported before something is unpacked.
    let slots = flavor.slots.iter().map(|slot| slot.share.then(|| "/".into())).collect();
    plan(package.metadata(), flavor, &Places { workenv: "/".into(), slots }, "/dev/null".as_ref())?;
    package.verify_launcher()?;
    log.phase("launcher digest");
    let rules = package.metadata().runtime.as_ref().and_then(|runtime| runtime.env.as_ref());
    for variable in environment::missing(rules) {
        log.warn(|| format!("the package counts on the variable {variable:?}, which is not set"));
    }

    let places = places(|name| std::env::var_os(name));
    let root = Root::take(&places, |root| space_needed(root, &package))?;
    let staging = Staging::create(&root)?;
    staging.remove_dead();
    log.phase("place");
    let installed = install(&root, &staging, &package, records)?;
    log.phase("unpack and verify");
    log_installed(&installed, log);
    file.require_unchanged()?;

    let boot = match keep {
        Keep::ThisBoot => BootId::current(),
        Keep::Durable => {
            make_durable(&root, &staging, &package, &installed)?;
            BootId::DURABLE
        }
    };
    let plan = plan(package.metadata(), flavor, &installed.places, root.path())?;
    write_receipt(file, &root, &staging, &plan, package.trailer(), boot, log);
    log.phase("receipt");
    log.info(|| format!("cold start: store `{}`", root.path().display()));
    Ok(plan)
}

fn log_installed(installed: &Installed, log: Log) {
    for (position, slot) in installed.slots.iter().enumerate() {
        if let Some(slot) = slot {
            log.debug(|| format!("slot {position} {}: {}", slot.presence.word(), slot.key));
        }
    }
    let workenv = &installed.places.workenv;
    log.debug(|| format!("work environment {}: `{}`", installed.presence.word(), workenv.display()));
}

/// Not having a receipt only makes the next start slow, so nothing here is an error.
fn write_receipt(
    file: &PackageFile,
    root: &Root,
    staging: &Staging,
    plan: &Plan,
    trailer: &[u8],
    boot: BootId,
    log: Log,
) {
    let Ok(trailer) = <&[u8; TRAILER_SIZE]>::try_from(trailer) else { return };
    let outcome = if !receipt::is_settled(&file.identity, file.opened) {
        "no receipt: the package file was changed less than two seconds ago".into()
    } else if !has_reliable_change_time(&file.file) {
        "no receipt: the file system of the package keeps no reliable change times".into()
    } else {
        let expected = Expected { package: file.identity, trailer };
        match receipt::write(root, staging, plan, expected, boot) {
            Ok(true) => format!("receipt {} written", receipt::name(&file.identity, trailer)),
            Ok(false) => "no receipt: it would be longer than 64 KiB".into(),
            Err(error) => format!("no receipt: {error}"),
        }
    };
    log.debug(|| outcome);
}

/// Puts `/dev/null` where a standard descriptor is closed, so that no file of the store can take its number. They are
/// close-on-exec: the program finds them closed, as the parent left them.
pub(crate) fn occupy_standard_descriptors() {
    use std::os::fd::{AsRawFd as _, IntoRawFd as _};
    while let Ok(null) = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
        if null.as_raw_fd() > 2 {
            break;
        }
        let _ = null.into_raw_fd();
    }
}

/// Refuses what is no package, in the words of the reader.
pub(crate) fn require_package(file: &PackageFile) -> Result<()> {
    match Package::open(&file.file) {
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
