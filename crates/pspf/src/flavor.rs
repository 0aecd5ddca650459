//! The `x-flavor` block of the signed metadata: what packages of ours add to the format, and the rules that
//! concern this block and the slots it describes. Unknown keys are refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::layout::{self, limit};
use crate::metadata::{Metadata, Slot, is_folded_name, model};
use crate::operations::OperationChain;
use crate::{Error, ErrorCode, Result, composition, hex};

/// The `x-flavor` block, schema 1.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flavor {
    /// 1.
    pub schema: u64,
    /// Where it runs.
    pub target: Target,
    /// The launcher at the head of the file.
    pub launcher: Launcher,
    /// Slots begin at multiples of this; absent: of 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alignment: Option<u64>,
    /// One entry a slot, parallel to `slots`.
    pub slots: Vec<FlavorSlot>,
    /// How the work environment is composed.
    #[serde(default, skip_serializing_if = "Workenv::is_empty")]
    pub workenv: Workenv,
    /// Commands by name; none in a plain package.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub commands: BTreeMap<String, Command>,
    /// The command that runs unless another is asked for; empty in a plain package.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub default: String,
    /// Who signed.
    pub signer: Signer,
}

/// Where a package runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// `linux`, `darwin`, `windows`.
    pub os: String,
    /// `amd64`, `arm64`.
    pub arch: String,
    /// `gnu`, `musl`; absent where there is no choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libc: Option<String>,
    /// Lowest versions that satisfy every binary inside, for example `glibc`: `2.17`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub floor: BTreeMap<String, String>,
}

/// The launcher at the head of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Launcher {
    /// `rust`, `go`.
    pub kind: String,
    /// Its version.
    pub version: String,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}

/// What our packages know about a slot besides PSPF's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlavorSlot {
    /// `runtime`, `dependencies`, `application`, `data`.
    pub role: String,
    /// Whether it may live in the shared store.
    pub share: bool,
    /// What it unpacks to.
    pub unpacked: Unpacked,
    /// The frames of a slot whose chain ends with zstd; absent otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<Frame>,
}

/// What a slot unpacks to; more than this is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unpacked {
    /// Sum of the lengths of the regular files.
    pub bytes: u64,
    /// Number of members of any kind.
    pub members: u64,
}

/// One independently compressed part of a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// Stored bytes.
    pub stored: u64,
    /// Bytes after decoding.
    pub content: u64,
    /// SHA-256 of the stored bytes.
    pub sha256: Digest,
}

/// Composition of the work environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workenv {
    /// Private slots and the folders they are unpacked into.
    #[serde(default)]
    pub unpack: Vec<Unpack>,
    /// Links to (or copies of) members of shared slots.
    #[serde(default)]
    pub links: Vec<Link>,
    /// Generated files.
    #[serde(default)]
    pub files: Vec<GeneratedFile>,
    /// Folders of the work environment that are put in front of PATH.
    #[serde(default)]
    pub path: Vec<String>,
}

/// A private slot in the work environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unpack {
    /// Position of the slot.
    pub slot: u64,
    /// Relative folder.
    pub into: String,
}

/// A member of a shared slot in the work environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Relative path in the work environment.
    pub path: String,
    /// Position of the slot.
    pub slot: u64,
    /// Member of the slot.
    pub to: String,
    /// `symlink` or `copy`.
    pub kind: LinkKind,
}

/// How a member is brought into the work environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkKind {
    /// A symbolic link with an absolute target.
    Symlink,
    /// A copy of the file.
    Copy,
}

/// A file that is written as it stands here, placeholders replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneratedFile {
    /// Relative path in the work environment.
    pub path: String,
    /// Text, with `{workenv}` and `{slot:N}`.
    pub content: String,
    /// `0644` or `0755`.
    pub mode: String,
}

/// One command: an argument vector, never split and never given to a shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Program and first arguments, with placeholders; the user's arguments follow.
    pub argv: Vec<String>,
    /// Variables for this command.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Working folder; the caller's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signer {
    /// SHA-256 of the raw public key; must match the index block.
    pub key: Digest,
    /// A display name. Never trusted, only shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<String>,
    /// Counts releases under one key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<u64>,
}

/// A SHA-256 that stands in the metadata as 64 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode_digest(&text)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not 64 lower-case hex digits")))
    }
}

impl FlavorSlot {
    /// A slot that is one file unpacks to one member, and a raw one to as many bytes as it stores.
    fn check_unpacked(&self, slot: &Slot) -> Result<()> {
        let chain = OperationChain::parse(&slot.operations)?;
        let Unpacked { bytes, members } = self.unpacked;
        let raw = chain.operations().is_empty();
        let fits = if slot.self_ref {
            raw && (slot.size, bytes, members) == (0, 0, 0)
        } else {
            chain.is_tree() || members == 1 && (!raw || bytes == slot.size)
        };
        if fits {
            return Ok(());
        }
        Err(model(format!(
            "slot {} ({:?}) of {} bytes and operations {:?} unpacks to {bytes} bytes in {members} members",
            slot.slot, slot.id, slot.size, slot.operations
        )))
    }
}

impl Workenv {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Flavor {
    /// Whether the package has no commands of its own kind: it is started as `execution` says, like the packages of
    /// other builders, but each of its bytes is signed.
    pub fn is_plain(&self) -> bool {
        self.commands.is_empty()
    }

    /// What each slot begins at a multiple of.
    pub fn slot_alignment(&self) -> u64 {
        self.alignment.unwrap_or(layout::ALIGNMENT)
    }

    pub(crate) fn check(&self, metadata: &Metadata) -> Result<()> {
        if self.schema != 1 {
            return Err(model(format!("x-flavor schema {}, expected 1", self.schema)));
        }
        if self.slots.len() != metadata.slots.len() {
            return Err(model(format!(
                "x-flavor describes {} slots, the package has {}",
                self.slots.len(),
                metadata.slots.len()
            )));
        }
        for (position, slot) in metadata.slots.iter().enumerate() {
            if slot.slot != position as u64 {
                return Err(model(format!("slot entry {position} calls itself {}", slot.slot)));
            }
            if slot.digest().is_none() {
                return Err(model(format!("slot {position} ({:?}) has no full SHA-256", slot.id)));
            }
            self.slots[position].check_unpacked(slot)?;
        }
        if let Some(alignment) = self.alignment.filter(|own| !layout::PAGE_ALIGNMENTS.contains(own)) {
            return Err(model(format!(
                "alignment {alignment}, expected one of {:?} or none",
                layout::PAGE_ALIGNMENTS
            )));
        }
        if self.is_plain() {
            if !self.default.is_empty() || !self.workenv.is_empty() {
                return Err(model(
                    "x-flavor has a default command or a work environment, but no commands".to_owned(),
                ));
            }
        } else if !self.commands.contains_key(&self.default) {
            return Err(model(format!("default command {:?} is not among the commands", self.default)));
        }
        if let Some((name, _)) = self.commands.iter().find(|(_, command)| command.argv.is_empty()) {
            return Err(model(format!("command {name:?} has no program")));
        }
        if !is_folded_name(&metadata.package.name) {
            return Err(model(format!(
                "package name {:?}, expected 1 to 64 of a-z, 0-9 and `-`",
                metadata.package.name
            )));
        }
        composition::check(self, metadata)?;
        self.check_totals()
    }

    fn check_totals(&self) -> Result<()> {
        let mut bytes = 0_u64;
        let mut members = 0_u64;
        for slot in &self.slots {
            bytes = bytes.saturating_add(slot.unpacked.bytes);
            members = members.saturating_add(slot.unpacked.members);
        }
        if bytes > limit::CONTENT_BYTES || members > limit::MEMBERS {
            return Err(Error::rule(
                ErrorCode::PspfLimit,
                format!(
                    "the package unpacks to {bytes} bytes in {members} members, at most {} and {} are allowed",
                    limit::CONTENT_BYTES,
                    limit::MEMBERS
                ),
            ));
        }
        Ok(())
    }
}
