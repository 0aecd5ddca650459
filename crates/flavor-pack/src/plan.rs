//! The plan: what an assembly is told. It is the nested JSON manifest of the original's native builders, with or
//! without an `extensions.x-flavor` part (FORMAT.md §15; `crates/pspf/plan.schema.json` has every key). A plan says
//! what goes in; sizes, digests, frames, launcher facts and signer are computed, and a plan that states them is
//! refused. So is whatever this version cannot do, instead of being left out; the few keys that the original's
//! builders ignore are warnings.

use std::collections::BTreeMap;

use pspf::metadata::{Command, RuntimeEnvironment, Target, Workenv};
use pspf::strict_json;
use serde::Deserialize;
use serde_json::Value;

use crate::{Error, Result};

mod lifecycles;
mod native;
mod rules;
#[cfg(test)]
mod schema_tests;

pub(crate) use native::{CacheValidation, PlanWorkenv, SetupCommand};
pub(crate) use rules::{check_text, check_variable};

/// A checked plan.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    #[serde(default)]
    pub(crate) format: Option<String>,
    pub(crate) package: PlanPackage,
    pub(crate) execution: PlanExecution,
    #[serde(default)]
    pub(crate) runtime: Option<PlanRuntime>,
    #[serde(default)]
    pub(crate) setup_commands: Option<Vec<SetupCommand>>,
    #[serde(default)]
    pub(crate) cache_validation: Option<CacheValidation>,
    #[serde(default)]
    pub(crate) workenv: Option<PlanWorkenv>,
    pub(crate) slots: Vec<PlanSlot>,
    #[serde(default)]
    pub(crate) extensions: PlanExtensions,
    /// What was accepted without effect.
    #[serde(skip)]
    pub(crate) warnings: Vec<String>,
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanRuntime {
    #[serde(default)]
    pub(crate) env: Option<PlanRuntimeEnvironment>,
}

/// The same keys as in the metadata; there, others are ignored.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanRuntimeEnvironment {
    #[serde(default)]
    pass: Option<Vec<String>>,
    #[serde(default)]
    unset: Option<Vec<String>>,
    #[serde(default)]
    map: Option<BTreeMap<String, String>>,
    #[serde(default)]
    set: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanSlot {
    #[serde(default)]
    pub(crate) slot: Option<u64>,
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) target: String,
    #[serde(default)]
    pub(crate) operations: Option<String>,
    #[serde(default)]
    purpose: Option<String>,
    #[serde(default)]
    lifecycle: Option<String>,
    #[serde(default)]
    pub(crate) platform: Option<String>,
    #[serde(default)]
    permissions: Option<String>,
    /// How hard this slot is compressed; as the others when absent.
    #[serde(default)]
    pub(crate) level: Option<i32>,
    #[serde(default)]
    resolution: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanExtensions {
    #[serde(default, rename = "x-flavor")]
    pub(crate) flavor: Option<PlanFlavor>,
}

/// What packages of ours add, without the facts. A plan that does not state it gets one made up from the launcher.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanFlavor {
    pub(crate) schema: u64,
    pub(crate) target: Target,
    pub(crate) launcher: PlanLauncher,
    #[serde(default)]
    pub(crate) alignment: Option<u64>,
    pub(crate) slots: Vec<PlanFlavorSlot>,
    #[serde(default)]
    pub(crate) workenv: Workenv,
    #[serde(default)]
    pub(crate) commands: BTreeMap<String, Command>,
    #[serde(default)]
    pub(crate) default: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanLauncher {
    pub(crate) kind: String,
    pub(crate) version: String,
}

#[derive(Debug, Clone, Deserialize)]
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
const NOT_YET: [&str; 1] = ["policy"];

impl Plan {
    /// Reads and checks a plan. The file system is not looked at.
    pub fn parse(json: &str) -> Result<Self> {
        let parsed: serde_json::Result<Value> = serde_json::from_str(json);
        let mut warnings = Vec::new();
        let parsed = parsed.map(|mut value| {
            warnings = native::take_ignored(&mut value);
            value
        });
        strict_json::check(json.as_bytes()).map_err(|error| {
            // A stated fact is a clearer message than the strict pass's, if both apply.
            let stated = parsed.as_ref().ok().and_then(|value| refuse_computed(value).err());
            stated.unwrap_or_else(|| Error::plan("manifest", error.to_string()))
        })?;
        let malformed = |error: serde_json::Error| Error::plan("manifest", error.to_string());
        let mut value = parsed.map_err(malformed)?;
        refuse_computed(&value)?;
        for key in NOT_YET {
            if value.get(key).is_some() {
                return Err(Error::plan(key, "cannot be assembled by this version of flavor"));
            }
        }
        if let Some(place) = native::misplaced_array(&value) {
            return Err(Error::plan(place[1..].replace('/', "."), "is an array, expected an object"));
        }
        native::spell_out_commands(&mut value);
        let mut plan: Self = serde_json::from_value(value).map_err(malformed)?;
        plan.package.name = folded(&plan.package.name);
        plan.warnings = warnings;
        plan.check()?;
        if plan.cache_validation.as_ref().is_some_and(|rule| rule.expected_content.is_none()) {
            plan.cache_validation = None;
            plan.warnings.push(
                "cache_validation without expected_content is left out: no launcher can act upon it"
                    .to_owned(),
            );
        }
        Ok(plan)
    }

    /// Whether the package is started as `execution` says, like those of the original.
    pub(crate) fn is_plain(&self) -> bool {
        self.extensions.flavor.as_ref().is_none_or(|flavor| flavor.commands.is_empty())
    }

    /// The program's environment, whichever of its two names the plan used.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        let stated = [&self.execution.env, &self.execution.environment];
        stated.into_iter().flatten().find(|names| !names.is_empty()).cloned().unwrap_or_default()
    }

    /// Edits of the inherited environment.
    pub(crate) fn runtime_environment(&self) -> RuntimeEnvironment {
        let Some(rules) = self.runtime.as_ref().and_then(|runtime| runtime.env.as_ref()) else {
            return RuntimeEnvironment::default();
        };
        RuntimeEnvironment {
            pass: rules.pass.clone(),
            unset: rules.unset.clone(),
            map: rules.map.clone(),
            set: rules.set.clone(),
        }
    }

    /// The stated `x-flavor` part, or one for a package without commands.
    pub(crate) fn flavor(&self, target: Target) -> PlanFlavor {
        if let Some(stated) = &self.extensions.flavor {
            return stated.clone();
        }
        let role = |slot: &PlanSlot| if slot.purpose() == "runtime" { "runtime" } else { "data" };
        PlanFlavor {
            schema: 1,
            target,
            launcher: PlanLauncher { kind: "other".to_owned(), version: "unknown".to_owned() },
            alignment: None,
            slots: self
                .slots
                .iter()
                .map(|slot| PlanFlavorSlot { role: role(slot).to_owned(), share: false })
                .collect(),
            workenv: Workenv::default(),
            commands: BTreeMap::new(),
            default: String::new(),
        }
    }
}

impl PlanSlot {
    /// Whether it stands for the package file itself and holds nothing.
    pub(crate) fn is_self(&self) -> bool {
        self.source == "$SELF"
    }

    /// Where a slot that is one file goes; empty where the target names no file.
    pub(crate) fn path(&self) -> Result<&str> {
        rules::inside("target", &self.target)
    }

    /// Whether the permissions let the owner execute the one file of the slot.
    pub(crate) fn is_executable(&self) -> bool {
        let mode = self.permissions.as_deref().and_then(rules::octal_mode);
        mode.is_some_and(|mode| mode & 0o100 != 0)
    }

    pub(crate) fn purpose(&self) -> &str {
        self.purpose.as_deref().filter(|word| !word.is_empty()).unwrap_or("data")
    }

    pub(crate) fn lifecycle(&self) -> &str {
        self.lifecycle.as_deref().filter(|word| !word.is_empty()).unwrap_or("runtime")
    }

    pub(crate) fn resolution(&self) -> &str {
        self.resolution.as_deref().filter(|word| !word.is_empty()).unwrap_or("build")
    }

    /// Four octal digits, the form that every builder of the original writes.
    pub(crate) fn permissions(&self) -> String {
        let stated = self.permissions.as_deref().filter(|text| !text.is_empty());
        format!("{:04o}", stated.and_then(rules::octal_mode).unwrap_or(0o600))
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
