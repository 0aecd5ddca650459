//! The typed model of the metadata, read only after the signature held and the strict pass accepted the bytes,
//! and the canonical JSON that our writer emits. Keys that no reader of ours acts upon are not modelled; the
//! `x-flavor` block is in `flavor`.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::layout::{self, limit};
use crate::{Error, ErrorCode, Result, hex};

pub use crate::flavor::{
    Command, Digest, Flavor, FlavorSlot, Frame, GeneratedFile, Launcher, Link, LinkKind, Signer, Target,
    Unpack, Unpacked, Workenv,
};

/// The metadata document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Metadata {
    /// `PSPF/2025`.
    pub format: String,
    /// `1.0.0`; empty in packages of the original's Go builder.
    #[serde(default)]
    pub format_version: String,
    /// What the package is.
    pub package: PackageInfo,
    /// One entry a slot, in the order of the slot table.
    #[serde(default)]
    pub slots: Vec<Slot>,
    /// What runs.
    pub execution: Execution,
    /// Rules for the program's environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<Runtime>,
    /// Additions to the format.
    #[serde(default, skip_serializing_if = "Extensions::is_empty")]
    pub extensions: Extensions,
}

/// Name and version of the packaged program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PackageInfo {
    /// Name, folded as PEP 503 says in packages of ours.
    pub name: String,
    /// Version, as the project states it.
    pub version: String,
    /// One line about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// One slot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Slot {
    /// Position.
    pub slot: u64,
    /// Name, unique in the package.
    pub id: String,
    /// Where it came from; the slot's id in packages of ours, so that no build path leaks.
    #[serde(default)]
    pub source: String,
    /// Where it goes.
    #[serde(default)]
    pub target: String,
    /// Stored bytes (in foreign packages sometimes the size of the source).
    #[serde(default)]
    pub size: u64,
    /// `sha256:` and 64 hex digits of the stored bytes.
    #[serde(default)]
    pub checksum: String,
    /// Text form of the operation chain.
    #[serde(default)]
    pub operations: String,
    /// What it is for.
    #[serde(default)]
    pub purpose: String,
    /// When it is there.
    #[serde(default)]
    pub lifecycle: String,
    /// Where a slot of lifecycle `platform` is there: an operating system, or that and an architecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Unix mode of a single file, octal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<String>,
    /// Whether the slot stands for the package file itself and stores nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub self_ref: bool,
}

/// What runs, in the words of the format. Packages of ours say it again, without word splitting, as commands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Execution {
    /// Slot of the program.
    #[serde(default)]
    pub primary_slot: u64,
    /// Command text.
    pub command: String,
    /// Environment of the program.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The same, as the original's Go side names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<BTreeMap<String, String>>,
}

/// Rules of the runtime.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Runtime {
    /// Rules for the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<RuntimeEnvironment>,
}

/// Edits of the inherited environment, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeEnvironment {
    /// Names (or patterns) to keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<Vec<String>>,
    /// Names (or patterns) to remove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unset: Option<Vec<String>>,
    /// Names to rename.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<BTreeMap<String, String>>,
    /// Names to set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<BTreeMap<String, String>>,
}

/// `extensions`; other names than ours are ignored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Extensions {
    /// What packages of ours add.
    #[serde(default, rename = "x-flavor", skip_serializing_if = "Option::is_none")]
    pub flavor: Option<Flavor>,
}

impl Extensions {
    fn is_empty(&self) -> bool {
        self.flavor.is_none()
    }
}

impl Slot {
    /// The full digest of the stored bytes, if the entry has one.
    pub fn digest(&self) -> Option<[u8; 32]> {
        hex::decode_digest(self.checksum.strip_prefix("sha256:")?)
    }
}

/// The types of what only those act upon who start packages of other builders; they judge what is inside.
#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded for the types alone")]
struct ActedUponLater {
    workenv: Option<AnyObject>,
    cache_validation: Option<AnyObject>,
    setup_commands: Option<Vec<IgnoredAny>>,
}

/// An object whatever is in it. The strict pass has refused an array in its place.
#[derive(Deserialize)]
struct AnyObject {}

impl Metadata {
    /// Decodes JSON that the strict pass has accepted, and checks what concerns the document alone.
    pub fn decode(json: &[u8]) -> Result<Self> {
        let wrong = |error| Error::rule(ErrorCode::PspfMetadataModel, format!("metadata: {error}"));
        let metadata: Self = serde_json::from_slice(json).map_err(wrong)?;
        serde_json::from_slice::<ActedUponLater>(json).map_err(wrong)?;
        if metadata.format != layout::FORMAT_NAME {
            return Err(model(format!("format {:?}, expected {:?}", metadata.format, layout::FORMAT_NAME)));
        }
        if metadata.slots.len() > limit::SLOTS {
            return Err(Error::rule(
                ErrorCode::PspfLimit,
                format!("{} slots, at most {} are allowed", metadata.slots.len(), limit::SLOTS),
            ));
        }
        if let Some(flavor) = &metadata.extensions.flavor {
            flavor.check(&metadata)?;
        }
        Ok(metadata)
    }

    /// The `x-flavor` block; absent in packages of other builders.
    pub fn flavor(&self) -> Option<&Flavor> {
        self.extensions.flavor.as_ref()
    }
}

/// Whether a package name obeys security rule S22.
pub fn is_folded_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !name.starts_with('-')
        && !name.ends_with('-')
}

pub(crate) fn model(message: String) -> Error {
    Error::rule(ErrorCode::PspfMetadataModel, message)
}

/// Canonical JSON: keys sorted by their bytes, no white space, integers only.
#[cfg(feature = "write")]
pub fn canonical_json(value: &serde_json::Value) -> Vec<u8> {
    // `serde_json::Map` is a `BTreeMap` here (feature `preserve_order` is off), so keys come out sorted by bytes.
    value.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_sorts_keys_by_their_bytes_and_has_no_white_space() {
        let value = serde_json::json!({"b": 1, "B": [true, "ä\n"], "a": {"z": 0, "": 2}});
        assert_eq!(
            String::from_utf8(canonical_json(&value)).expect("UTF-8"),
            "{\"B\":[true,\"ä\\n\"],\"a\":{\"\":2,\"z\":0},\"b\":1}"
        );
    }

    #[test]
    fn s22_only_folded_names_are_package_names() {
        for good in ["a", "hello-2", &"x".repeat(64)] {
            assert!(is_folded_name(good), "{good}");
        }
        for bad in ["", "Hello", "a_b", "a.b", "../x", "-a", "a-", "ä", &"x".repeat(65)] {
            assert!(!is_folded_name(bad), "{bad}");
        }
    }
}
