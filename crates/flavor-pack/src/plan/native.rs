//! The keys of the original's manifests that only packages without commands have: what happens before the first
//! start, and how its launchers know that it happened. They are written as given, after a check of their shape.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One step before the first start.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum SetupCommand {
    /// Run a command.
    Execute { command: String },
    /// Run a command for the files that a pattern finds.
    EnumerateAndExecute { command: String, enumerate: Enumerate },
    /// Write a text file.
    WriteFile {
        path: String,
        content: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<Mode>,
    },
    /// Set the mode of a file.
    Chmod {
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<String>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Enumerate {
    pub(crate) path: String,
    pub(crate) pattern: String,
}

/// The original's Go launcher reads a decimal number here, people write octal text.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Mode {
    Number(u16),
    Text(String),
}

/// A file whose content tells that the work environment is complete.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CacheValidation {
    pub(crate) check_file: String,
    #[serde(default)]
    pub(crate) expected_content: Option<String>,
}

/// Folders and variables of the work environment.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanWorkenv {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) directories: Option<Vec<Directory>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) env: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Directory {
    pub(crate) path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<String>,
}

/// Top-level keys that the original's builders ignore.
const IGNORED: [&str; 6] = ["command", "environment", "launcher", "name", "signature", "version"];

/// Takes out what the original's builders ignore; each becomes a warning. A plan with an `x-flavor` part was never
/// meant for them, and nothing in it is ignored.
pub(super) fn take_ignored(plan: &mut Value) -> Vec<String> {
    let mut warnings = Vec::new();
    if plan.pointer("/extensions/x-flavor").is_some() {
        return warnings;
    }
    let Some(top) = plan.as_object_mut() else { return warnings };
    for key in IGNORED {
        // An object under `launcher` is the record of a finished package, not a name.
        if top.get(key).is_some_and(|value| key != "launcher" || value.is_string()) {
            top.remove(key);
            warnings.push(format!("{key} is ignored: what counts stands in package and execution"));
        }
    }
    let execution = top.get_mut("execution").and_then(Value::as_object_mut);
    if execution.is_some_and(|execution| execution.remove("args").is_some()) {
        warnings.push("execution.args is ignored: arguments are a part of execution.command".to_owned());
    }
    warnings
}

/// A command that is a text, and one without a type, are what the original's Go launcher takes them for; written
/// with their type, they are the same for every launcher.
/// An array where an object must stand: typed decoding would take its elements for the values of the keys.
pub(super) fn misplaced_array(plan: &Value) -> Option<String> {
    let inner =
        |pointer: &str| plan.pointer(pointer).filter(|value| value.is_array()).map(|_| pointer.to_owned());
    let elements = |pointer: &str| {
        let all = plan.pointer(pointer).and_then(Value::as_array)?;
        let number = all
            .iter()
            .position(|value| value.is_array() || value.pointer("/enumerate").is_some_and(Value::is_array))?;
        Some(format!("{pointer}/{number}"))
    };
    inner("/workenv")
        .or_else(|| inner("/cache_validation"))
        .or_else(|| elements("/workenv/directories"))
        .or_else(|| elements("/setup_commands"))
}

pub(super) fn spell_out_commands(plan: &mut Value) {
    let commands = plan.get_mut("setup_commands").and_then(Value::as_array_mut);
    for command in commands.into_iter().flatten() {
        if let Value::String(text) = command {
            *command = json!({"type": "execute", "command": text});
        } else if let Some(fields) = command.as_object_mut() {
            fields.entry("type").or_insert_with(|| json!("execute"));
        }
    }
}
