//! The tools behind `FLAVOR_LAUNCHER_CLI=1` (LAUNCH.md 8). They open the package fully and use no receipt.

use std::fmt::Write as _;

use flavor_store::publish::Records;
use pspf::{ErrorCode, Package, hex};

use crate::failure::{Failure, Result, escaped};
use crate::log::Log;
use crate::output::to_stdout;
use crate::package_file::PackageFile;
use crate::planning::flavor_of;
use crate::start::{Cold, Keep, cold};
use crate::trust;
use crate::validation::Level;

/// What `help` prints.
pub(crate) const HELP: &str = "\
Tools of this launcher, with FLAVOR_LAUNCHER_CLI=1 in the environment:
  run [args...]        start the packaged program
  info                 name, version, target, signer, commands and slots
  metadata             the signed metadata as JSON
  verify               check every byte of the file
  warm                 unpack everything now; run nothing
  help                 this list
A launcher without payload knows `help` and:
  run FILE [args...]   verify the package FILE and start its program
";

/// `info`.
pub(crate) fn info(file: &PackageFile) -> Result<()> {
    let package = Package::open(&file.file)?;
    let metadata = package.metadata();
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<10} {}", escaped(value));
    };
    line("name", &metadata.package.name);
    line("version", &metadata.package.version);
    if let Some(description) = &metadata.package.description {
        line("about", description);
    }
    line("signer", &hex::encode(&package.fingerprint()));
    if let Some(flavor) = package.flavor() {
        if let Some(claims) = &flavor.signer.claims {
            line("", &format!("claims {claims:?}"));
        }
        line("target", &format!("{}_{}", flavor.target.os, flavor.target.arch));
        line("launcher", &format!("{} {}", flavor.launcher.kind, flavor.launcher.version));
        for name in flavor.commands.keys() {
            line(
                "command",
                &if *name == flavor.default { format!("{name} (default)") } else { name.clone() },
            );
        }
        for (slot, entry) in flavor.slots.iter().zip(&metadata.slots) {
            let unpacked = slot.unpacked;
            line(
                "slot",
                &format!(
                    "{} ({}): {} bytes in {} members",
                    entry.id, slot.role, unpacked.bytes, unpacked.members
                ),
            );
        }
    }
    to_stdout(text.as_bytes());
    Ok(())
}

/// `metadata`.
pub(crate) fn metadata(file: &PackageFile) -> Result<()> {
    let package = Package::open(&file.file)?;
    to_stdout(&[package.metadata_json(), b"\n"].concat());
    Ok(())
}

/// `verify`: one line a check; the first failure ends it.
pub(crate) fn verify(file: &PackageFile) -> Result<()> {
    let (checks, package) = Package::open_with_checks(&file.file);
    let mut text = String::new();
    for check in &checks {
        let word = if check.ok { "ok" } else { "FAILED" };
        let _ = writeln!(text, "{word:<6} {:<12} {}", check.name, escaped(&check.detail));
    }
    let mut outcome = package.map_err(Failure::from);
    if let Ok(package) = &outcome {
        let rest = (|| {
            flavor_of(package)?;
            package.verify_launcher()?;
            let _ = writeln!(text, "ok     {:<12} {}", "launcher", trust::of_the_launcher(package));
            for (position, slot) in package.metadata().slots.iter().enumerate() {
                package.verify_slot(position)?;
                let _ = writeln!(text, "ok     slot {position} ({})", escaped(&slot.id));
            }
            file.require_unchanged()?;
            let words = trust::verified(package).inspect_err(|_| text.push_str("FAILED trust\n"))?;
            let _ = writeln!(text, "ok     {:<12} {}", "trust", escaped(&words));
            Ok(())
        })();
        if let Err(failure) = rest {
            outcome = Err(failure);
        }
    }
    to_stdout(text.as_bytes());
    outcome.map(|_| ())
}

/// `warm`.
pub(crate) fn warm(file: &PackageFile, log: Log, name: &mut String) -> Result<()> {
    let how = Cold {
        records: Records::Believed,
        keep: Keep::Durable,
        level: Level::Strict,
        typed: file.path.as_os_str(),
        log,
    };
    let ready = cold(file, how, name)?;
    to_stdout(format!("ready: {}\n", ready.plan.workenv.display()).as_bytes());
    Ok(())
}

/// The failure of an unknown or missing tool.
pub(crate) fn unknown(tool: Option<&str>) -> Failure {
    let message = match tool {
        Some(tool) => format!("there is no tool {tool:?}"),
        None => "FLAVOR_LAUNCHER_CLI=1 is set, but no argument names a tool".into(),
    };
    Failure::new(ErrorCode::LaunchArguments, message)
}
