//! The signed metadata of a new package: what the plan says, with every computed fact, and with each key that the
//! original's readers insist on (FORMAT.md §5 and §13). Nothing in it depends on the machine or the time of the
//! build, except through `SOURCE_DATE_EPOCH`.

use pspf::metadata::{self, Digest, Flavor, FlavorSlot, Launcher, Signer};
use pspf::operations::OperationChain;
use pspf::{hex, layout};
use serde_json::{Value, json};

use crate::frames::Stored;
use crate::material::Material;
use crate::plan::{Plan, PlanFlavor};
use crate::{Error, Result};

/// What the assembler found out.
pub(crate) struct Facts<'a> {
    pub(crate) launcher_size: u64,
    pub(crate) launcher_sha256: [u8; 32],
    pub(crate) materials: &'a [(Material, OperationChain)],
    pub(crate) stored: &'a [Stored],
    pub(crate) signer: [u8; 32],
    /// Seconds since 1970.
    pub(crate) timestamp: u64,
}

/// The canonical JSON that is signed.
pub(crate) fn render(plan: &Plan, stated: &PlanFlavor, facts: &Facts<'_>) -> Result<Vec<u8>> {
    let flavor = flavor(stated, facts);
    let target = &flavor.target;
    let environment = plan.environment();
    let mut document = json!({
        "format": layout::FORMAT_NAME,
        "format_version": layout::METADATA_VERSION,
        "package": {
            "name": plan.package.name,
            "version": plan.package.version,
            "description": plan.package.description.as_deref().unwrap_or_default(),
        },
        "slots": slots(plan, facts),
        "execution": {
            "primary_slot": plan.execution.primary_slot,
            "command": plan.execution.command,
            "env": environment,
            "environment": environment,
        },
        "runtime": { "env": value(&plan.runtime_environment())? },
        // Never null and never absent: the original's Rust launcher insists on a list.
        "setup_commands": value(plan.setup_commands.as_deref().unwrap_or_default())?,
        "build": {
            "tool": "flavorpack-native",
            "tool_version": env!("CARGO_PKG_VERSION"),
            "timestamp": rfc3339(facts.timestamp),
            "deterministic": true,
            "platform": { "os": target.os, "arch": target.arch, "host": "" },
        },
        "launcher": {
            "tool": launcher_tool(&flavor.launcher.kind),
            "tool_version": flavor.launcher.version,
            "size": facts.launcher_size,
            "checksum": format!("sha256:{}", hex::encode(&facts.launcher_sha256)),
            "capabilities": [],
        },
        "compatibility": { "min_format_version": layout::METADATA_VERSION, "features": [] },
        "verification": {
            "integrity_seal": { "required": true, "algorithm": "ed25519" },
            "signed": true,
            "require_verification": true,
        },
        "extensions": { "x-flavor": value(&flavor)? },
    });
    for (key, stated) in [
        ("cache_validation", plan.cache_validation.as_ref().map(value).transpose()?),
        ("workenv", plan.workenv.as_ref().map(value).transpose()?),
    ] {
        if let Some(stated) = stated {
            document[key] = stated;
        }
    }
    Ok(metadata::canonical_json(&document))
}

fn slots(plan: &Plan, facts: &Facts<'_>) -> Vec<Value> {
    let slots = plan.slots.iter().zip(facts.materials).zip(facts.stored).enumerate();
    slots
        .map(|(position, ((slot, (_, chain)), stored))| {
            let mut entry = json!({
                "slot": position,
                "id": slot.id,
                // Where it was on this machine is nobody's business.
                "source": if slot.is_self() { &slot.source } else { &slot.id },
                "target": slot.target,
                "size": stored.bytes,
                "checksum": format!("sha256:{}", hex::encode(&stored.sha256)),
                "operations": chain.text(),
                "purpose": slot.purpose(),
                "lifecycle": slot.lifecycle(),
                "permissions": slot.permissions(),
                "resolution": slot.resolution(),
            });
            if let Some(platform) = &slot.platform {
                entry["platform"] = platform.as_str().into();
            }
            if slot.is_self() {
                entry["self_ref"] = Value::Bool(true);
            }
            entry
        })
        .collect()
}

fn flavor(stated: &PlanFlavor, facts: &Facts<'_>) -> Flavor {
    let slots = stated.slots.iter().zip(facts.materials).zip(facts.stored);
    Flavor {
        alignment: stated.alignment,
        schema: 1,
        target: stated.target.clone(),
        launcher: Launcher {
            kind: stated.launcher.kind.clone(),
            version: stated.launcher.version.clone(),
            size: facts.launcher_size,
            sha256: Digest(facts.launcher_sha256),
        },
        slots: slots
            .map(|((slot, (material, _)), stored)| FlavorSlot {
                role: slot.role.clone(),
                share: slot.share,
                unpacked: material.unpacked(),
                frames: stored.frames.clone(),
            })
            .collect(),
        workenv: stated.workenv.clone(),
        commands: stated.commands.clone(),
        default: stated.default.clone(),
        signer: Signer { key: Digest(facts.signer), claims: None, serial: None },
    }
}

fn value<T: serde::Serialize + ?Sized>(part: &T) -> Result<Value> {
    serde_json::to_value(part)
        .map_err(|error| Error::Internal { message: format!("encoding the metadata: {error}") })
}

fn launcher_tool(kind: &str) -> &'static str {
    match kind {
        "rust" => "flavor-rs-launcher",
        "go" => "flavor-go-launcher",
        // What the original calls every launcher.
        _ => "launcher",
    }
}

/// Seconds since 1970 as `YYYY-MM-DDThh:mm:ssZ` in the proleptic Gregorian calendar.
fn rfc3339(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01, so that the leap day is the last of its year; 400 years have 146,097 days.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn times_are_written_as_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (pspf::tar::DEFAULT_MTIME, "1980-01-02T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }
}
