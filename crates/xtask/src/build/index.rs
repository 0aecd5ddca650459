//! `dist/launchers/index.json`: the launchers and builders of an installation, each with its size and SHA-256, by which it is
//! known before it is embedded. One part of a build replaces its own entries and leaves the others.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::place::place;

/// The lists of the index.
const LISTS: [&str; 2] = ["builders", "launchers"];

/// A built program on its way into `dist`.
pub(super) struct Built<'a> {
    /// The list that it stands in.
    pub(super) list: &'static str,
    /// `rust` or `go`.
    pub(super) kind: &'static str,
    pub(super) target: &'a str,
    /// The target whose folder holds the file, which may serve several.
    pub(super) folder: &'a str,
    pub(super) file_name: &'a str,
}

/// Copies a program to its place and puts it into the index.
pub(super) fn publish(root: &Path, built: &Built, from: &Path) -> Result<()> {
    let bytes = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    let launchers = root.join("dist/launchers");
    place(&launchers.join(built.folder).join(built.file_name), &bytes, true)?;
    let sha256 = Sha256::digest(&bytes).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let entry = json!({
        "kind": built.kind,
        "target": built.target,
        "version": env!("CARGO_PKG_VERSION"),
        "path": format!("{}/{}", built.folder, built.file_name),
        "size": bytes.len(),
        "sha256": sha256,
    });
    record(&launchers.join("index.json"), built.list, &entry)
}

/// Puts a program in the place of the one of the same kind and target.
fn record(index: &Path, list: &str, entry: &Value) -> Result<()> {
    let old = fs::read(index).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    let entries = |list: &str| -> Vec<Value> {
        let entries = old.as_ref().and_then(|old| old[list].as_array());
        entries.cloned().unwrap_or_default()
    };
    let mut document = json!({"schema": 1});
    for name in LISTS {
        let mut entries = entries(name);
        if name == list {
            entries.retain(|old| old["kind"] != entry["kind"] || old["target"] != entry["target"]);
            entries.push(entry.clone());
            entries.sort_by_key(|entry| ["path", "target"].map(|key| entry[key].as_str().map(str::to_owned)));
        }
        document[name] = entries.into();
    }
    let text = serde_json::to_string_pretty(&document)? + "\n";
    place(index, text.as_bytes(), false)
}

#[cfg(test)]
mod tests {
    use super::record;
    use serde_json::{Value, json};
    use std::fs;

    #[test]
    fn an_entry_replaces_the_one_of_its_kind_and_target_and_leaves_the_others() {
        let folder = std::env::temp_dir().join(format!("xtask-index-{}", std::process::id()));
        let index = folder.join("index.json");
        fs::create_dir_all(&folder).unwrap();
        let entry = |kind: &str, path: &str| json!({"kind": kind, "target": "linux_amd64", "path": path});
        record(&index, "launchers", &entry("rust", "old")).unwrap();
        record(&index, "launchers", &entry("go", "go")).unwrap();
        record(&index, "builders", &entry("rust", "builder")).unwrap();
        record(&index, "launchers", &entry("rust", "new")).unwrap();
        let found: Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
        let launchers = [entry("go", "go"), entry("rust", "new")];
        assert_eq!(
            found,
            json!({"schema": 1, "launchers": launchers, "builders": [entry("rust", "builder")]})
        );
        fs::remove_dir_all(&folder).unwrap();
    }
}
