//! `measureSize` and `predictSizes`: where the bytes of a package are, and what it would weigh after a change.

use std::path::PathBuf;

use flavor_pack::size::predict::{self, Change, Outcome};
use flavor_pack::size::{self, Duplicate, Report, Row, SlotSize};
use napi::bindgen_prelude::{AsyncTask, Either};
use napi::{Env, Task};
use napi_derive::napi;

use crate::cancel::{self, BindingCancelToken};
use crate::error::{BindingFailure, settle};
use crate::number;
use crate::progress::{OnProgress, Reporter};

/// Where the bytes of a package are.
#[napi(object, object_from_js = false)]
pub struct BindingSizeReport {
    /// The file.
    pub path: String,
    /// Its length in bytes.
    pub size_bytes: f64,
    /// Name of the packaged program.
    pub package_name: String,
    /// Its version.
    pub package_version: String,
    /// Whether another builder made the package.
    pub foreign: bool,
    /// Lower hex signature.
    pub signature: String,
    /// The slots in order.
    pub slots: Vec<BindingSlotSize>,
    /// Parents before their children; the first is the package.
    pub rows: Vec<BindingSizeRow>,
    /// Files by what their names end with.
    pub types: Vec<BindingFileType>,
    /// Contents that are there more than once.
    pub duplicates: Vec<BindingDuplicate>,
    /// Folders of tests that other modules import: paths of a slot, or their ends.
    pub imported_tests: Vec<String>,
}

/// One slot.
#[napi(object, object_from_js = false)]
pub struct BindingSlotSize {
    /// Position.
    pub index: f64,
    /// Name.
    pub id: String,
    /// What it is for; only in packages of ours.
    pub role: Option<String>,
    /// Canonical text form of the operation chain.
    pub operations: String,
    /// Whether it holds a tree.
    pub tree: bool,
    /// Stored bytes.
    pub stored_bytes: f64,
    /// Bytes of its files.
    pub unpacked_bytes: f64,
    /// Number of its files.
    pub files: f64,
    /// Level of its frames.
    pub level: Option<i32>,
}

/// One row.
#[napi(object, object_from_js = false)]
pub struct BindingSizeRow {
    /// Position of the row that it is a part of.
    pub parent: Option<f64>,
    /// What it stands for.
    #[napi(
        ts_type = "'package' | 'launcher' | 'metadata' | 'slot-table' | 'slot' | 'trailer' | 'padding' | 'distribution' | 'part' | 'folder' | 'file' | 'archive'"
    )]
    pub kind: String,
    /// What it is called below its parent.
    pub name: String,
    /// Version of a distribution.
    pub version: Option<String>,
    /// Position of its slot.
    pub slot: Option<f64>,
    /// Path of a file in its slot.
    pub path: Option<String>,
    /// Its bytes of the package file.
    pub stored_bytes: f64,
    /// Bytes of its files.
    pub unpacked_bytes: f64,
    /// Number of its files.
    pub files: f64,
}

/// Files whose names end alike.
#[napi(object, object_from_js = false)]
pub struct BindingFileType {
    /// `.py`, `.so`; empty for names without such an end.
    pub suffix: String,
    /// How many.
    pub files: f64,
    /// Their part of the stored bytes.
    pub stored_bytes: f64,
    /// Their bytes.
    pub unpacked_bytes: f64,
}

/// A content that is there more than once.
#[napi(object, object_from_js = false)]
pub struct BindingDuplicate {
    /// Lower hex.
    pub sha256: String,
    /// Bytes of one file.
    pub size_bytes: f64,
    /// Stored bytes of all copies but the largest.
    pub extra_bytes: f64,
    /// The files.
    pub copies: Vec<BindingDuplicateCopy>,
}

/// One of several files with the same content.
#[napi(object, object_from_js = false)]
pub struct BindingDuplicateCopy {
    /// Position of its slot.
    pub slot: f64,
    /// Path in the slot.
    pub path: String,
    /// Its part of the stored bytes.
    pub stored_bytes: f64,
}

/// What is different in one slot.
#[napi(object, object_to_js = false)]
pub struct BindingSizeChange {
    /// Position of the slot.
    pub slot: u32,
    /// Paths of files that are left out.
    pub without: Vec<String>,
    /// A higher level than it has.
    pub level: Option<i32>,
    /// Whether it is stored in frames.
    pub frames: bool,
}

/// What a package would weigh.
#[napi(object, object_from_js = false)]
pub struct BindingSizeOutcome {
    /// Bytes of the file.
    pub size_bytes: f64,
    /// Bytes of content whose compressed length is known.
    pub tried_bytes: f64,
    /// Bytes of content in the slots that change.
    pub content_bytes: f64,
}

/// What a package would weigh after each set of changes.
#[napi(object, object_from_js = false)]
pub struct BindingSizeOutcomes {
    /// In the order of the sets.
    pub outcomes: Vec<BindingSizeOutcome>,
}

/// A measurement on its way to a worker thread.
pub struct MeasureTask {
    path: PathBuf,
    reporter: Reporter,
}

impl Task for MeasureTask {
    type Output = Either<BindingFailure, Report>;
    type JsValue = Either<BindingFailure, BindingSizeReport>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(settle(|| size::measure(&self.path, &self.reporter)))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(match output {
            Either::A(failure) => Either::A(failure),
            Either::B(report) => Either::B(report.into()),
        })
    }
}

/// A prediction on its way to a worker thread.
pub struct PredictTask {
    path: PathBuf,
    signature: String,
    trials: Vec<Vec<Change>>,
    scratch: PathBuf,
    reporter: Reporter,
}

impl Task for PredictTask {
    type Output = Either<BindingFailure, Vec<Outcome>>;
    type JsValue = Either<BindingFailure, BindingSizeOutcomes>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let Self { path, signature, trials, scratch, reporter } = self;
        Ok(settle(|| predict::predict(path, signature, trials, scratch, reporter)))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(match output {
            Either::A(failure) => Either::A(failure),
            Either::B(outcomes) => {
                Either::B(BindingSizeOutcomes { outcomes: outcomes.into_iter().map(Into::into).collect() })
            }
        })
    }
}

/// Verifies a package and tells where its bytes are. A damaged package is a failure.
#[napi(
    ts_args_type = "path: string, onProgress?: ((event: BindingProgress) => void) | null, token?: BindingCancelToken | null",
    ts_return_type = "Promise<BindingFailure | BindingSizeReport>"
)]
pub fn measure_size(
    path: String,
    on_progress: Option<OnProgress>,
    token: Option<&BindingCancelToken>,
) -> AsyncTask<MeasureTask> {
    let reporter = Reporter::new(on_progress, cancel::flag(token));
    AsyncTask::new(MeasureTask { path: path.into(), reporter })
}

/// Tells what the package with this signature would weigh after each set of changes. Contents wait in `scratch`.
#[napi(
    ts_args_type = "path: string, signature: string, trials: BindingSizeChange[][], scratch: string, onProgress?: ((event: BindingProgress) => void) | null, token?: BindingCancelToken | null",
    ts_return_type = "Promise<BindingFailure | BindingSizeOutcomes>"
)]
pub fn predict_sizes(
    path: String,
    signature: String,
    trials: Vec<Vec<BindingSizeChange>>,
    scratch: String,
    on_progress: Option<OnProgress>,
    token: Option<&BindingCancelToken>,
) -> AsyncTask<PredictTask> {
    let reporter = Reporter::new(on_progress, cancel::flag(token));
    let trials = trials.into_iter().map(|trial| trial.into_iter().map(Into::into).collect()).collect();
    AsyncTask::new(PredictTask { path: path.into(), signature, trials, scratch: scratch.into(), reporter })
}

impl From<BindingSizeChange> for Change {
    fn from(change: BindingSizeChange) -> Self {
        Self {
            slot: change.slot as usize,
            without: change.without,
            level: change.level,
            frames: change.frames,
        }
    }
}

impl From<Outcome> for BindingSizeOutcome {
    fn from(outcome: Outcome) -> Self {
        Self {
            size_bytes: number(outcome.size),
            tried_bytes: number(outcome.tried),
            content_bytes: number(outcome.content),
        }
    }
}

impl From<Report> for BindingSizeReport {
    fn from(report: Report) -> Self {
        let types = report.types.into_iter().map(|kind| BindingFileType {
            suffix: kind.suffix,
            files: number(kind.files),
            stored_bytes: number(kind.stored),
            unpacked_bytes: number(kind.unpacked),
        });
        Self {
            path: report.path.to_string_lossy().into_owned(),
            size_bytes: number(report.size),
            package_name: report.package_name,
            package_version: report.package_version,
            foreign: report.foreign,
            signature: report.signature,
            slots: report.slots.into_iter().map(Into::into).collect(),
            rows: report.rows.into_iter().map(Into::into).collect(),
            types: types.collect(),
            duplicates: report.duplicates.into_iter().map(Into::into).collect(),
            imported_tests: report.imported_tests,
        }
    }
}

impl From<SlotSize> for BindingSlotSize {
    fn from(slot: SlotSize) -> Self {
        Self {
            index: number(slot.index as u64),
            id: slot.id,
            role: slot.role,
            operations: slot.operations,
            tree: slot.tree,
            stored_bytes: number(slot.stored),
            unpacked_bytes: number(slot.unpacked),
            files: number(slot.files),
            level: slot.level,
        }
    }
}

impl From<Row> for BindingSizeRow {
    fn from(row: Row) -> Self {
        Self {
            parent: row.parent.map(|parent| number(parent as u64)),
            kind: row.kind.name().to_owned(),
            name: row.name,
            version: row.version,
            slot: row.slot.map(|slot| number(slot as u64)),
            path: row.path,
            stored_bytes: number(row.stored),
            unpacked_bytes: number(row.unpacked),
            files: number(row.files),
        }
    }
}

impl From<Duplicate> for BindingDuplicate {
    fn from(same: Duplicate) -> Self {
        let copies = same.copies.into_iter().map(|copy| BindingDuplicateCopy {
            slot: number(copy.slot as u64),
            path: copy.path,
            stored_bytes: number(copy.stored),
        });
        Self {
            sha256: same.sha256,
            size_bytes: number(same.size),
            extra_bytes: number(same.extra),
            copies: copies.collect(),
        }
    }
}
