//! `inspect`: what a package says about itself.

use std::path::PathBuf;

use flavor_pack::inspect::{self, Descriptor, Report, Slot, SlotFacts};
use napi::bindgen_prelude::{AsyncTask, Either};
use napi::{Env, Task};
use napi_derive::napi;

use crate::coverage::BindingCoverage;
use crate::error::{BindingFailure, settle};
use crate::number;

/// A package as it describes itself.
#[napi(object, object_from_js = false)]
pub struct BindingInspectReport {
    /// The file.
    pub path: String,
    /// Its length in bytes.
    pub size_bytes: f64,
    /// The signed text.
    pub metadata_json: String,
    /// Lower hex SHA-256 of the signer's public key.
    pub fingerprint: String,
    /// Lower hex public key.
    pub public_key: String,
    /// Bytes of the launcher.
    pub launcher_size: f64,
    /// The fields of the index block.
    pub index: Vec<BindingIndexField>,
    /// Every byte of the file in order.
    pub regions: Vec<BindingCoverage>,
    /// The slots in order.
    pub slots: Vec<BindingSlot>,
    /// Whether another builder made the package.
    pub foreign: bool,
}

/// One field of the index block.
#[napi(object, object_from_js = false)]
pub struct BindingIndexField {
    /// Its name in FORMAT.md.
    pub name: String,
    /// Absolute offset in the file.
    pub offset: f64,
    /// Numbers in decimal, marks and bit sets as `0x…`, bytes in lower hex; nothing for bytes that are all zero.
    pub value: String,
}

/// One slot of a package.
#[napi(object, object_from_js = false)]
pub struct BindingSlot {
    /// Position.
    pub index: f64,
    /// Name.
    pub id: String,
    /// Absolute offset of the stored bytes.
    pub offset: f64,
    /// Stored bytes.
    pub stored_bytes: f64,
    /// Bytes before compression, as the slot table says.
    pub content_bytes: f64,
    /// Canonical text form of the operation chain.
    pub operations: String,
    /// Lower hex SHA-256 of the stored bytes, where the metadata has it.
    pub sha256: Option<String>,
    /// Where it came from, in the builder's words.
    pub source: String,
    /// Where it goes, in the builder's words.
    pub target: String,
    /// What it is for, in the format's words.
    pub purpose: String,
    /// When it is there.
    pub lifecycle: String,
    /// Octal mode of a single file.
    pub permissions: Option<String>,
    /// What packages of ours say besides.
    pub facts: Option<BindingSlotFacts>,
    /// Its entry in the slot table.
    pub descriptor: BindingDescriptor,
}

/// What packages of ours say about a slot.
#[napi(object, object_from_js = false)]
pub struct BindingSlotFacts {
    /// What the slot is for.
    pub role: String,
    /// Whether it may live in the shared store.
    pub share: bool,
    /// Bytes of its regular files.
    pub bytes: f64,
    /// Members of any kind.
    pub members: f64,
    /// Independently compressed parts.
    pub frames: Vec<BindingFrame>,
}

/// One frame of a slot.
#[napi(object, object_from_js = false)]
pub struct BindingFrame {
    /// Stored bytes.
    pub stored_bytes: f64,
    /// Bytes after decoding.
    pub content_bytes: f64,
    /// Lower hex SHA-256 of the stored bytes.
    pub sha256: String,
}

/// A slot's entry in the slot table; what is not a size or a place.
#[napi(object, object_from_js = false)]
pub struct BindingDescriptor {
    /// `0x…`.
    pub id: String,
    /// The eight bytes in lower hex.
    pub name_hash: String,
    /// Packed operation chain, `0x…`.
    pub operations: String,
    /// The eight bytes in lower hex.
    pub checksum: String,
    /// Purpose byte.
    pub purpose: u32,
    /// Lifecycle byte.
    pub lifecycle: u32,
    /// Octal mode.
    pub permissions: String,
}

/// An inspection on its way to a worker thread.
pub struct InspectTask {
    path: PathBuf,
}

impl Task for InspectTask {
    type Output = Either<BindingFailure, Report>;
    type JsValue = Either<BindingFailure, BindingInspectReport>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(settle(|| inspect::inspect(&self.path)))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(match output {
            Either::A(failure) => Either::A(failure),
            Either::B(report) => Either::B(report.into()),
        })
    }
}

/// Opens a package, its signature checked, and describes it. A damaged package is a failure.
#[napi(ts_return_type = "Promise<BindingFailure | BindingInspectReport>")]
pub fn inspect(path: String) -> AsyncTask<InspectTask> {
    AsyncTask::new(InspectTask { path: path.into() })
}

impl From<Report> for BindingInspectReport {
    fn from(report: Report) -> Self {
        let index = report.index.into_iter().map(|field| BindingIndexField {
            name: field.name.to_owned(),
            offset: number(field.offset),
            value: field.value,
        });
        Self {
            path: report.path.to_string_lossy().into_owned(),
            size_bytes: number(report.size),
            metadata_json: report.metadata_json,
            fingerprint: report.fingerprint,
            public_key: report.public_key,
            launcher_size: number(report.launcher_size),
            index: index.collect(),
            regions: report.regions.into_iter().map(Into::into).collect(),
            slots: report.slots.into_iter().map(Into::into).collect(),
            foreign: report.foreign,
        }
    }
}

impl From<Slot> for BindingSlot {
    fn from(slot: Slot) -> Self {
        Self {
            index: number(slot.index as u64),
            id: slot.id,
            offset: number(slot.offset),
            stored_bytes: number(slot.stored),
            content_bytes: number(slot.content),
            operations: slot.operations,
            sha256: slot.sha256,
            source: slot.source,
            target: slot.target,
            purpose: slot.purpose,
            lifecycle: slot.lifecycle,
            permissions: slot.permissions,
            facts: slot.facts.map(Into::into),
            descriptor: slot.descriptor.into(),
        }
    }
}

impl From<SlotFacts> for BindingSlotFacts {
    fn from(facts: SlotFacts) -> Self {
        let frames = facts.frames.into_iter().map(|frame| BindingFrame {
            stored_bytes: number(frame.stored),
            content_bytes: number(frame.content),
            sha256: frame.sha256,
        });
        Self {
            role: facts.role,
            share: facts.share,
            bytes: number(facts.bytes),
            members: number(facts.members),
            frames: frames.collect(),
        }
    }
}

impl From<Descriptor> for BindingDescriptor {
    fn from(descriptor: Descriptor) -> Self {
        Self {
            id: descriptor.id,
            name_hash: descriptor.name_hash,
            operations: descriptor.operations,
            checksum: descriptor.checksum,
            purpose: descriptor.purpose.into(),
            lifecycle: descriptor.lifecycle.into(),
            permissions: descriptor.permissions,
        }
    }
}
