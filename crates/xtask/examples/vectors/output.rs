//! Writes the folder, or compares it with what would be written.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::draft;
use crate::table::{Body, Outcome, Table, Vector};

const FOLDER: &str = "__test__/vectors";
const BEGIN: &str = "<!-- vectors:begin -->";
const END: &str = "<!-- vectors:end -->";

/// Everything that the folder holds, by path.
pub(crate) fn write(table: &Table, check: bool) -> Result<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("no workspace")?.join(FOLDER);
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for vector in &table.vectors {
        if let Body::File(bytes) = &vector.body {
            files.insert(path(&vector.name), bytes.clone());
        }
    }
    files.insert("vectors.json".to_owned(), data(table).into_bytes());
    let readme = root.join("README.md");
    let text = fs::read_to_string(&readme).with_context(|| format!("cannot read {}", readme.display()))?;
    files.insert("README.md".to_owned(), readme_with_table(&text, table)?.into_bytes());
    let mut stale: Vec<String> =
        existing(&root)?.into_iter().filter(|name| !files.contains_key(name)).collect();
    for (name, bytes) in &files {
        let place = root.join(name);
        if fs::read(&place).ok().as_ref() != Some(bytes) {
            stale.push(name.clone());
            if !check {
                fs::create_dir_all(place.parent().context("no folder")?)?;
                fs::write(&place, bytes).with_context(|| format!("cannot write {}", place.display()))?;
            }
        }
    }
    if check && !stale.is_empty() {
        bail!("{FOLDER} differs in {}; run `cargo xtask vectors`", stale.join(", "));
    }
    for name in stale.iter().filter(|name| !files.contains_key(*name)) {
        fs::remove_file(root.join(name)).with_context(|| format!("cannot remove {name}"))?;
    }
    let size: usize = files.values().map(Vec::len).sum();
    let good = table.vectors.iter().filter(|vector| matches!(vector.outcome, Outcome::Good)).count();
    Ok(format!(
        "{} vectors, {good} of them right; {} files of {} KB",
        table.vectors.len(),
        files.len(),
        size / 1024
    ))
}

fn path(name: &str) -> String {
    format!("packages/{name}.pspf")
}

/// Files in the folder, with paths relative to it.
fn existing(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries {
            let entry = entry?;
            let place = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(place);
            } else if place.extension().is_some_and(|extension| extension == "pspf" || extension == "json") {
                names.push(place.to_string_lossy().into_owned());
            }
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The table as data: one line a vector.
fn data(table: &Table) -> String {
    let mut text = "[\n".to_owned();
    for (position, vector) in table.vectors.iter().enumerate() {
        let comma = if position + 1 < table.vectors.len() { "," } else { "" };
        // Writing into a string does not fail.
        let _ = writeln!(text, "  {}{comma}", entry(vector));
    }
    text.push_str("]\n");
    text
}

fn entry(vector: &Vector) -> Value {
    let mut entry = json!({"name": vector.name, "note": vector.note});
    match &vector.body {
        Body::File(_) => entry["file"] = json!(path(&vector.name)),
        Body::Edits { base, edits, bytes } => {
            entry["file"] = json!(path(base));
            entry["edits"] = edits
                .iter()
                .map(|edit| json!({"at": edit.at, "remove": edit.remove, "insert": pspf::hex::encode(&edit.insert)}))
                .collect();
            entry["sha256"] = json!(draft::digest(bytes));
        }
    }
    match &vector.outcome {
        Outcome::Good => entry["outcome"] = json!("ok"),
        Outcome::Refused { code, layer, step } => {
            entry["outcome"] = json!(code.as_str());
            entry["layer"] = json!(layer.name());
            entry["step"] = json!(step);
        }
    }
    if let Some(code) = vector.unpack {
        entry["unpack"] = json!(code.as_str());
    }
    entry
}

fn readme_with_table(readme: &str, table: &Table) -> Result<String> {
    let (before, rest) = readme.split_once(BEGIN).with_context(|| format!("README.md lacks {BEGIN}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("README.md lacks {END}"))?;
    let mut text =
        "| Vector | Outcome | Layer | Step | What it is |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for vector in &table.vectors {
        let (outcome, layer, step) = match &vector.outcome {
            Outcome::Good => ("ok", "", String::new()),
            Outcome::Refused { code, layer, step } => (code.as_str(), layer.name(), step.clone()),
        };
        let name = match &vector.body {
            Body::File(_) => format!("`{}`", vector.name),
            Body::Edits { base, .. } => format!("`{}`, edits of `{base}`", vector.name),
        };
        let note = vector.note.replace('|', "\\|");
        writeln!(text, "| {name} | {outcome} | {layer} | {step} | {note} |")?;
    }
    let keys = ["signer", "other", "foreign"].map(|name| {
        let seed = format!("flavorpack-native vectors: {name}");
        let public = pspf::hex::encode(&draft::key(&seed).public_key());
        format!("| `sha256(\"{seed}\")` | `{public}` |\n")
    });
    let keys = format!("| Secret | Public key |\n| --- | --- |\n{}", keys.concat());
    Ok(format!("{before}{BEGIN}\n\n{keys}\n{text}\n{END}{after}"))
}
