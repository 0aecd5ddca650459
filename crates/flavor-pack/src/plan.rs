//! The plan: what an assembly is told. It is the nested JSON manifest of the native builders with an
//! `extensions.x-flavor` part (FORMAT.md §15). A plan says what goes in; sizes, digests, frames, launcher facts
//! and signer are computed, and a plan that states them is refused. So is whatever this version cannot do, instead
//! of being left out.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use pspf::metadata::{Command, RuntimeEnvironment, Target, Workenv};
use pspf::operations::OperationChain;
use pspf::{layout, strict_json};
use serde::Deserialize;
use serde_json::Value;

use crate::{Error, Result};

/// A checked plan.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    #[serde(default)]
    pub(crate) format: Option<String>,
    pub(crate) package: PlanPackage,
    pub(crate) execution: PlanExecution,
    #[serde(default)]
    pub(crate) runtime: PlanRuntime,
    pub(crate) slots: Vec<PlanSlot>,
    pub(crate) extensions: PlanExtensions,
}

/// Name and version; the name is folded as PEP 503 says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanPackage {
    pub(crate) name: String,
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanExecution {
    #[serde(default)]
    pub(crate) primary_slot: u64,
    pub(crate) command: String,
    #[serde(default)]
    pub(crate) env: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(crate) environment: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanRuntime {
    #[serde(default)]
    pub(crate) env: RuntimeEnvironment,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanSlot {
    #[serde(default)]
    pub(crate) slot: Option<u64>,
    pub(crate) id: String,
    pub(crate) source: PathBuf,
    pub(crate) target: String,
    #[serde(default)]
    pub(crate) operations: Option<String>,
    #[serde(default)]
    pub(crate) purpose: Option<String>,
    #[serde(default)]
    pub(crate) lifecycle: Option<String>,
    #[serde(default)]
    pub(crate) permissions: Option<String>,
    #[serde(default)]
    pub(crate) resolution: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanExtensions {
    #[serde(rename = "x-flavor")]
    pub(crate) flavor: PlanFlavor,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanFlavor {
    pub(crate) schema: u64,
    pub(crate) target: Target,
    pub(crate) launcher: PlanLauncher,
    pub(crate) slots: Vec<PlanFlavorSlot>,
    #[serde(default)]
    pub(crate) workenv: Workenv,
    pub(crate) commands: BTreeMap<String, Command>,
    pub(crate) default: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanLauncher {
    pub(crate) kind: String,
    pub(crate) version: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanFlavorSlot {
    pub(crate) role: String,
    pub(crate) share: bool,
}

/// Keys that only the assembler may fill, by the object that they stand in.
const COMPUTED: [(&str, &[&str]); 5] = [
    ("", &["format_version", "build", "launcher", "compatibility", "verification"]),
    ("/slots/*", &["size", "checksum", "self_ref"]),
    ("/extensions/x-flavor", &["signer"]),
    ("/extensions/x-flavor/launcher", &["size", "sha256"]),
    ("/extensions/x-flavor/slots/*", &["unpacked", "frames"]),
];
/// Keys of the format that this version cannot honour.
const NOT_YET: [&str; 4] = ["setup_commands", "cache_validation", "workenv", "policy"];
/// Lifecycles that mean "unpacked at the first start".
const LIFECYCLES: [&str; 5] = ["runtime", "startup", "eager", "cache", "cached"];
const ROLES: [&str; 4] = ["runtime", "dependencies", "application", "data"];

impl Plan {
    /// Reads and checks a plan. The file system is not looked at.
    pub fn parse(json: &str) -> Result<Self> {
        strict_json::check(json.as_bytes()).map_err(|error| match refuse_computed_text(json) {
            // A stated fact is a clearer message than the strict pass's, if both apply.
            Err(stated) => stated,
            Ok(()) => Error::plan("manifest", error.to_string()),
        })?;
        let value: Value =
            serde_json::from_str(json).map_err(|error| Error::plan("manifest", error.to_string()))?;
        refuse_computed(&value)?;
        for key in NOT_YET {
            if value.get(key).is_some() {
                return Err(Error::plan(key, "cannot be assembled by this version of flavor"));
            }
        }
        let mut plan: Self =
            serde_json::from_value(value).map_err(|error| Error::plan("manifest", error.to_string()))?;
        plan.package.name = folded(&plan.package.name);
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> Result<()> {
        if let Some(format) = self.format.as_deref().filter(|format| *format != layout::FORMAT_NAME) {
            return Err(Error::plan("format", format!("{format:?}, expected {:?}", layout::FORMAT_NAME)));
        }
        let name = &self.package.name;
        if !pspf::metadata::is_folded_name(name) {
            return Err(Error::plan(
                "package.name",
                format!("{name:?}, expected 1 to 64 letters of a-z, digits and `-` inside"),
            ));
        }
        check_text("package.version", &self.package.version)?;
        if self.slots.len() > layout::limit::SLOTS {
            return Err(Error::plan(
                "slots",
                format!("{} slots, at most {} are allowed", self.slots.len(), layout::limit::SLOTS),
            ));
        }
        let mut ids = HashSet::new();
        for (position, slot) in self.slots.iter().enumerate() {
            slot.check(position)?;
            if !ids.insert(&slot.id) {
                return Err(Error::plan(
                    format!("slots[{position}].id"),
                    format!("{:?} is taken already", slot.id),
                ));
            }
        }
        self.check_execution()?;
        crate::compose::check_flavor(&self.extensions.flavor, self.slots.len())?;
        for (position, slot) in self.extensions.flavor.slots.iter().enumerate() {
            if !ROLES.contains(&slot.role.as_str()) {
                let at = format!("extensions.x-flavor.slots[{position}].role");
                return Err(Error::plan(
                    at,
                    format!("{:?}, expected one of {}", slot.role, ROLES.join(", ")),
                ));
            }
        }
        Ok(())
    }

    fn check_execution(&self) -> Result<()> {
        let execution = &self.execution;
        check_text("execution.command", &execution.command)?;
        let slots = self.slots.len() as u64;
        if execution.primary_slot >= slots.max(1) {
            return Err(Error::plan(
                "execution.primary_slot",
                format!("slot {}, the package has {slots} slots", execution.primary_slot),
            ));
        }
        for (at, names) in
            [("execution.env", &execution.env), ("execution.environment", &execution.environment)]
        {
            names.iter().flatten().try_for_each(|(name, _)| check_variable(at, name))?;
        }
        if let (Some(one), Some(other)) = (&execution.env, &execution.environment)
            && one != other
            && !one.is_empty()
            && !other.is_empty()
        {
            return Err(Error::plan(
                "execution.environment",
                "differs from execution.env, which means the same",
            ));
        }
        let rules = &self.runtime.env;
        for (key, stated) in [("pass", rules.pass.is_some()), ("map", rules.map.is_some())] {
            if stated {
                let at = format!("runtime.env.{key}");
                return Err(Error::plan(at, "cannot be assembled by this version of flavor"));
            }
        }
        for name in rules.unset.iter().flatten() {
            if name.contains(['*', '?', '[']) {
                let message = format!("pattern {name:?}, expected an exact name in this version of flavor");
                return Err(Error::plan("runtime.env.unset", message));
            }
            check_variable("runtime.env.unset", name)?;
        }
        rules.set.iter().flatten().try_for_each(|(name, _)| check_variable("runtime.env.set", name))
    }

    /// The program's environment, whichever of its two names the plan used.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        let stated = [&self.execution.env, &self.execution.environment];
        stated.into_iter().flatten().find(|names| !names.is_empty()).cloned().unwrap_or_default()
    }
}

impl PlanSlot {
    fn check(&self, position: usize) -> Result<()> {
        let at = |key: &str| format!("slots[{position}].{key}");
        if let Some(number) = self.slot.filter(|number| *number != position as u64) {
            return Err(Error::plan(
                at("slot"),
                format!("{number}, but the slot stands at position {position}"),
            ));
        }
        check_text(&at("id"), &self.id)?;
        check_text(&at("target"), &self.target)?;
        if self.source.as_os_str().is_empty() {
            return Err(Error::plan(at("source"), "is empty"));
        }
        if let Some(text) = &self.operations {
            let chain = OperationChain::parse(text)
                .map_err(|error| Error::plan(at("operations"), error.to_string()))?;
            if chain != OperationChain::tar_zstd() {
                let message = format!("{text:?}, expected \"tar.zst\" in this version of flavor");
                return Err(Error::plan(at("operations"), message));
            }
        }
        if let Some(purpose) = &self.purpose {
            check_text(&at("purpose"), purpose)?;
        }
        if let Some(word) = self.lifecycle.as_deref().filter(|word| !LIFECYCLES.contains(word)) {
            let message =
                format!("{word:?}, expected one of {} in this version of flavor", LIFECYCLES.join(", "));
            return Err(Error::plan(at("lifecycle"), message));
        }
        if let Some(text) = &self.permissions {
            let digits = text.strip_prefix("0o").unwrap_or(text);
            if !u16::from_str_radix(digits, 8).is_ok_and(|mode| mode <= 0o777) {
                return Err(Error::plan(
                    at("permissions"),
                    format!("{text:?}, expected an octal mode up to 0777"),
                ));
            }
        }
        match self.resolution.as_deref() {
            None | Some("build") => Ok(()),
            Some(word) => Err(Error::plan(at("resolution"), format!("{word:?}, expected \"build\""))),
        }
    }

    pub(crate) fn purpose(&self) -> &str {
        self.purpose.as_deref().unwrap_or("data")
    }

    pub(crate) fn lifecycle(&self) -> &str {
        self.lifecycle.as_deref().unwrap_or("runtime")
    }

    /// Four octal digits, the form that every builder of the original writes.
    pub(crate) fn permissions(&self) -> String {
        let text = self.permissions.as_deref().unwrap_or("0600");
        let mode = u16::from_str_radix(text.strip_prefix("0o").unwrap_or(text), 8).unwrap_or(0o600);
        format!("{mode:04o}")
    }
}

/// PEP 503: lower case, runs of `-`, `_` and `.` become one `-`.
fn folded(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '-' | '_' | '.' if folded.ends_with('-') => {}
            '-' | '_' | '.' => folded.push('-'),
            other => folded.push(other.to_ascii_lowercase()),
        }
    }
    folded
}

pub(crate) fn check_text(at: &str, text: &str) -> Result<()> {
    if text.is_empty() {
        return Err(Error::plan(at, "is empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::plan(at, format!("{text:?} contains a control character")));
    }
    Ok(())
}

pub(crate) fn check_variable(at: &str, name: &str) -> Result<()> {
    check_text(at, name)?;
    if name.contains('=') {
        return Err(Error::plan(at, format!("{name:?} is no name of a variable")));
    }
    Ok(())
}

fn refuse_computed_text(json: &str) -> Result<()> {
    serde_json::from_str::<Value>(json).map_or(Ok(()), |value| refuse_computed(&value))
}

fn refuse_computed(value: &Value) -> Result<()> {
    for (place, keys) in COMPUTED {
        let objects: Vec<(String, &Value)> = match place.strip_suffix("/*") {
            None => value.pointer(place).map(|object| (place.to_owned(), object)).into_iter().collect(),
            Some(array) => value
                .pointer(array)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .enumerate()
                .map(|(position, object)| (format!("{array}[{position}]"), object))
                .collect(),
        };
        for (place, object) in objects {
            if let Some(key) = keys.iter().find(|key| object.get(**key).is_some()) {
                let at = format!("{place}/{key}").trim_start_matches('/').replace('/', ".");
                return Err(Error::plan(at, "is computed by the assembler and may not be stated"));
            }
        }
    }
    Ok(())
}
