//! `extract` and `extractAll`: slots as files and folders.

use std::path::PathBuf;

use flavor_pack::Error;
use flavor_pack::extract::{self, Extracted, ExtractedAll, Place, Request};
use napi::bindgen_prelude::{AsyncTask, Either};
use napi::{Env, Task};
use napi_derive::napi;

use crate::cancel::{self, BindingCancelToken};
use crate::error::{BindingFailure, settle};
use crate::number;
use crate::progress::{OnProgress, Reporter};

/// What to extract.
#[napi(object, object_to_js = false)]
pub struct BindingExtractRequest {
    /// Position or id of the slot; digits are a position.
    pub slot: String,
    /// The file or folder to write.
    pub output: Option<String>,
    /// Without `output`: the folder in which a name is made from the slot's.
    pub folder: Option<String>,
    /// Whether the stored bytes are wanted as they are.
    pub raw: bool,
    /// Whether an existing file may be replaced.
    pub replace: bool,
}

/// One extracted slot.
#[napi(object, object_from_js = false)]
pub struct BindingExtracted {
    /// Position.
    pub slot: f64,
    /// Name.
    pub id: String,
    /// The file or folder.
    pub path: String,
    /// What it became.
    #[napi(ts_type = "'tree' | 'file' | 'stored'")]
    pub kind: String,
    /// Bytes written as regular files.
    pub bytes: f64,
    /// Files, folders and links.
    pub members: f64,
    /// Whether the signature covers it.
    pub signed: bool,
}

/// All slots of a package.
#[napi(object, object_from_js = false)]
pub struct BindingExtractedAll {
    /// The folder.
    pub folder: String,
    /// A copy of the signed text, in the folder.
    pub metadata_path: String,
    /// The slots in order.
    pub slots: Vec<BindingExtracted>,
    /// Lower hex SHA-256 of the signer's public key.
    pub fingerprint: String,
}

/// An extraction of one slot on its way to a worker thread.
pub struct ExtractTask {
    path: PathBuf,
    request: Option<BindingExtractRequest>,
    reporter: Reporter,
}

impl Task for ExtractTask {
    type Output = Either<BindingFailure, Extracted>;
    type JsValue = Either<BindingFailure, BindingExtracted>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let request = self.request.take();
        Ok(settle(|| {
            let request =
                request.ok_or_else(|| Error::Internal { message: "the request ran twice".to_owned() })?;
            let BindingExtractRequest { slot, output, folder, raw, replace } = request;
            let place = match (output, folder) {
                (Some(output), None) => Place::At(output.into()),
                (None, Some(folder)) => Place::In(folder.into()),
                _ => {
                    let message = "expected either `output` or `folder`".to_owned();
                    return Err(Error::Option { message });
                }
            };
            extract::extract(&self.path, &Request { slot, place, raw, replace }, &self.reporter)
        }))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(match output {
            Either::A(failure) => Either::A(failure),
            Either::B(extracted) => Either::B(extracted.into()),
        })
    }
}

/// An extraction of all slots on its way to a worker thread.
pub struct ExtractAllTask {
    path: PathBuf,
    folder: PathBuf,
    raw: bool,
    reporter: Reporter,
}

impl Task for ExtractAllTask {
    type Output = Either<BindingFailure, ExtractedAll>;
    type JsValue = Either<BindingFailure, BindingExtractedAll>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(settle(|| extract::extract_all(&self.path, &self.folder, self.raw, &self.reporter)))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(match output {
            Either::A(failure) => Either::A(failure),
            Either::B(all) => Either::B(all.into()),
        })
    }
}

/// Extracts one slot. What it becomes appears complete or not at all.
#[napi(
    ts_args_type = "path: string, request: BindingExtractRequest, onProgress?: ((event: BindingProgress) => void) | null, token?: BindingCancelToken | null",
    ts_return_type = "Promise<BindingFailure | BindingExtracted>"
)]
pub fn extract(
    path: String,
    request: BindingExtractRequest,
    on_progress: Option<OnProgress>,
    token: Option<&BindingCancelToken>,
) -> AsyncTask<ExtractTask> {
    let reporter = Reporter::new(on_progress, cancel::flag(token));
    AsyncTask::new(ExtractTask { path: path.into(), request: Some(request), reporter })
}

/// Extracts every slot into a folder that does not exist or is empty. It is filled completely or not at all.
#[napi(
    ts_args_type = "path: string, folder: string, raw: boolean, onProgress?: ((event: BindingProgress) => void) | null, token?: BindingCancelToken | null",
    ts_return_type = "Promise<BindingFailure | BindingExtractedAll>"
)]
pub fn extract_all(
    path: String,
    folder: String,
    raw: bool,
    on_progress: Option<OnProgress>,
    token: Option<&BindingCancelToken>,
) -> AsyncTask<ExtractAllTask> {
    let reporter = Reporter::new(on_progress, cancel::flag(token));
    AsyncTask::new(ExtractAllTask { path: path.into(), folder: folder.into(), raw, reporter })
}

impl From<Extracted> for BindingExtracted {
    fn from(extracted: Extracted) -> Self {
        Self {
            slot: number(extracted.slot as u64),
            id: extracted.id,
            path: extracted.path.to_string_lossy().into_owned(),
            kind: extracted.kind.name().to_owned(),
            bytes: number(extracted.bytes),
            members: number(extracted.members),
            signed: extracted.signed,
        }
    }
}

impl From<ExtractedAll> for BindingExtractedAll {
    fn from(all: ExtractedAll) -> Self {
        Self {
            folder: all.folder.to_string_lossy().into_owned(),
            metadata_path: all.metadata.to_string_lossy().into_owned(),
            slots: all.slots.into_iter().map(Into::into).collect(),
            fingerprint: all.fingerprint,
        }
    }
}
