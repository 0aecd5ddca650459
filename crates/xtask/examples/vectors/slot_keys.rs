//! Slot keys (STORE.md 4, security rule S16), straight from the signed document: nothing of the store is asked, so that a
//! key in the table is a second opinion.

use std::fmt::Write as _;

use serde_json::Value;

use crate::draft;

/// The keys of a right package by slot, `None` for slots without frames; nothing where no slot has any.
pub(crate) fn of(package: &[u8]) -> Option<Vec<Option<String>>> {
    let package = pspf::Package::open(package).expect("a right package");
    let document: Value = serde_json::from_slice(package.metadata_json()).expect("JSON");
    let described = document.pointer("/extensions/x-flavor/slots")?.as_array()?;
    let slots = document["slots"].as_array()?.iter().zip(described);
    let keys: Vec<_> = slots.map(|(slot, described)| key(slot, described["frames"].as_array()?)).collect();
    keys.iter().any(Option::is_some).then_some(keys)
}

fn key(slot: &Value, frames: &[Value]) -> Option<String> {
    let operations = slot["operations"].as_str()?;
    // The spellings that the vectors use.
    let canonical = match operations.to_ascii_lowercase().as_str() {
        "tar.zst" | "tzst" => "tar.zst",
        "zstd" | "zst" => "zstd",
        "gzip|zstd" => "gzip|zstd",
        other => panic!("the canonical spelling of {other:?} is not known here"),
    };
    let mut lines = format!("flavor-slot 1\n{canonical}\nprofile unix-1\n");
    if canonical != "tar.zst" {
        let target = slot["target"].as_str()?;
        let name = target.strip_prefix("{workenv}/").unwrap_or(target);
        let _ = writeln!(lines, "mode {:0>4} {name}", slot["permissions"].as_str()?);
    }
    for frame in frames {
        let _ = writeln!(lines, "{} {} {}", frame["stored"], frame["content"], frame["sha256"].as_str()?);
    }
    Some(draft::digest(lines.as_bytes()))
}
