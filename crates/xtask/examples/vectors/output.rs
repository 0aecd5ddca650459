//! Writes the folder and the worked example of FORMAT.md, or compares them with what would be written.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::draft;
use crate::table::{Body, Outcome, Table, Vector};

const FOLDER: &str = "__test__/vectors";
const FORMAT: &str = "crates/pspf/FORMAT.md";

/// Writes, or with `check` compares, the folder and the worked example of FORMAT.md.
pub(crate) fn write(table: &Table, check: bool) -> Result<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("no workspace")?;
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for vector in &table.vectors {
        if let Body::File(bytes) = &vector.body {
            files.insert(format!("{FOLDER}/{}", path(&vector.name)), bytes.clone());
        }
    }
    files.insert(format!("{FOLDER}/vectors.json"), data(table).into_bytes());
    let readme = format!("{FOLDER}/README.md");
    files.insert(readme.clone(), filled(root, &readme, "vectors", &tables(table)?)?);
    let example =
        files.get(&format!("{FOLDER}/packages/good-worked-example.pspf")).context("no worked example")?;
    let example = crate::example::section(example);
    files.insert(FORMAT.to_owned(), filled(root, FORMAT, "example", &example)?);

    let size: usize = files.values().map(Vec::len).sum();
    let mut stale = Vec::new();
    for name in existing(root)?.into_iter().filter(|name| !files.contains_key(name)) {
        if !check {
            fs::remove_file(root.join(&name)).with_context(|| format!("cannot remove {name}"))?;
        }
        stale.push(name);
    }
    for (name, bytes) in &files {
        let place = root.join(name);
        if fs::read(&place).ok().as_ref() != Some(bytes) {
            stale.push(name.clone());
            if !check {
                fs::create_dir_all(place.parent().context("no folder")?)?;
                fs::write(&place, bytes).with_context(|| format!("cannot write {name}"))?;
            }
        }
    }
    if check && !stale.is_empty() {
        bail!("{} differ from what is made now; run `cargo xtask vectors`", stale.join(", "));
    }
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

/// Packages in the folder, with paths relative to the repository.
fn existing(root: &Path) -> Result<Vec<String>> {
    let folder = format!("{FOLDER}/packages");
    let Ok(entries) = fs::read_dir(root.join(&folder)) else { return Ok(Vec::new()) };
    entries.map(|entry| Ok(format!("{folder}/{}", entry?.file_name().to_string_lossy()))).collect()
}

/// A document with other text between its two markers.
fn filled(root: &Path, document: &str, marker: &str, text: &str) -> Result<Vec<u8>> {
    let old = fs::read_to_string(root.join(document)).with_context(|| format!("cannot read {document}"))?;
    let (begin, end) = (format!("<!-- {marker}:begin -->"), format!("<!-- {marker}:end -->"));
    let (before, rest) = old.split_once(&begin).with_context(|| format!("{document} lacks {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("{document} lacks {end}"))?;
    Ok(format!("{before}{begin}\n\n{}\n{end}{after}", text.trim_end_matches('\n').to_owned() + "\n")
        .into_bytes())
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
    if let Some(code) = vector.compose {
        entry["compose"] = json!(code.as_str());
    }
    if let (Outcome::Good, Body::File(bytes)) = (&vector.outcome, &vector.body)
        && let Some(keys) = crate::slot_keys::of(bytes)
    {
        entry["slot_keys"] = json!(keys);
    }
    entry
}

/// Keys and outcomes, for people.
fn tables(table: &Table) -> Result<String> {
    let mut text = "| Secret | Public key |\n| --- | --- |\n".to_owned();
    for name in ["signer", "other", "foreign"] {
        let seed = format!("flavorpack-native vectors: {name}");
        let public = pspf::hex::encode(&draft::key(&seed).public_key());
        writeln!(text, "| `sha256(\"{seed}\")` | `{public}` |")?;
    }
    text.push_str("\n| Vector | Outcome | Layer | Step | What it is |\n| --- | --- | --- | --- | --- |\n");
    for vector in &table.vectors {
        let (outcome, layer, step) = match &vector.outcome {
            Outcome::Good => ("ok", "", ""),
            Outcome::Refused { code, layer, step } => (code.as_str(), layer.name(), step.as_str()),
        };
        let edits = match &vector.body {
            Body::File(_) => String::new(),
            Body::Edits { base, .. } => format!(", edits of `{base}`"),
        };
        let note = vector.note.replace('|', "\\|");
        writeln!(text, "| `{}`{edits} | {outcome} | {layer} | {step} | {note} |", vector.name)?;
    }
    Ok(text)
}
