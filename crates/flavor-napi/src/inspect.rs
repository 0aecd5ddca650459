//! `inspect`: what a package says about itself.

use std::path::PathBuf;

use flavor_pack::inspect::{self, Report, Slot};
use napi::bindgen_prelude::{AsyncTask, Either};
use napi::{Env, Task};
use napi_derive::napi;

use crate::error::{BindingFailure, settle};
use crate::number;

/// A package as its signed metadata describes it.
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
    /// Bytes of the launcher.
    pub launcher_size: f64,
    /// The slots in order.
    pub slots: Vec<BindingSlot>,
    /// Whether another builder made the package.
    pub foreign: bool,
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
    /// Bytes before compression.
    pub content_bytes: f64,
    /// Canonical text form of the operation chain.
    pub operations: String,
    /// What the slot is for; packages of ours only.
    pub role: Option<String>,
    /// Members of any kind; packages of ours only.
    pub members: Option<f64>,
    /// Independently compressed parts.
    pub frames: f64,
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
        Self {
            path: report.path.to_string_lossy().into_owned(),
            size_bytes: number(report.size),
            metadata_json: report.metadata_json,
            fingerprint: report.fingerprint,
            launcher_size: number(report.launcher_size),
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
            role: slot.role,
            members: slot.members.map(number),
            frames: number(slot.frames),
        }
    }
}
