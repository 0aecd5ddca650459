//! `assemble`: plan, launcher and key in, package file out.

use std::path::PathBuf;

use flavor_pack::Error;
use flavor_pack::assemble::{self, Assembled, AssembledSlot, Request};
use flavor_pack::keys::KeySource;
use napi::bindgen_prelude::{AsyncTask, Either};
use napi::{Env, Task};
use napi_derive::napi;

use crate::cancel::{self, BindingCancelToken};
use crate::error::{BindingFailure, settle};
use crate::number;
use crate::progress::{OnProgress, Reporter};

/// Who signs.
#[napi(object, object_to_js = false)]
pub struct BindingKey {
    /// A key that nobody keeps, a text that a key is derived from, or a key file.
    #[napi(ts_type = "'ephemeral' | 'seed' | 'file'")]
    pub source: String,
    /// The text, for `seed`.
    pub seed: Option<String>,
    /// The key file, for `file`.
    pub path: Option<String>,
    /// A file with the public key that must belong to it.
    pub public_path: Option<String>,
}

/// What to assemble.
#[napi(object, object_to_js = false)]
pub struct BindingAssembleRequest {
    /// The plan as JSON text.
    pub manifest_json: String,
    /// What relative sources are relative to; the working folder of the process by default.
    pub base: Option<String>,
    /// What `{workenv}` in sources stands for; `base` by default.
    pub workenv_base: Option<String>,
    /// The package file; its folder must exist.
    pub output: String,
    /// The launcher to embed.
    pub launcher_path: String,
    /// Lower hex SHA-256 that the launcher must have.
    pub launcher_sha256: Option<String>,
    /// 3, 9 or 19.
    pub level: i32,
    /// Number of compression threads; as many as there are cores by default.
    pub threads: Option<u32>,
    /// Who signs.
    pub key: BindingKey,
    /// Seconds since 1970 for archive members and the build record.
    pub source_date_epoch: Option<i64>,
    /// 4096 or 16384: slots begin at multiples of it. What the plan says by default.
    pub alignment: Option<u32>,
    /// Folder of compressed frames of earlier builds, made for nobody but the user; without it none are used.
    pub build_cache: Option<String>,
}

/// A finished package.
#[napi(object, object_from_js = false)]
pub struct BindingAssembled {
    /// The file.
    pub path: String,
    /// Its length in bytes.
    pub size_bytes: f64,
    /// Lower hex SHA-256 of the file.
    pub sha256: String,
    /// Lower hex SHA-256 of the signer's public key.
    pub fingerprint: String,
    /// What became of each slot.
    pub slots: Vec<BindingAssembledSlot>,
    /// What a person should know although nothing failed.
    pub warnings: Vec<String>,
}

/// One slot of a finished package.
#[napi(object, object_from_js = false)]
pub struct BindingAssembledSlot {
    /// Name of the slot.
    pub id: String,
    /// Bytes in the package.
    pub stored_bytes: f64,
    /// Bytes that the frames hold; those in the package where there are no frames.
    pub content_bytes: f64,
    /// Members of any kind.
    pub members: f64,
    /// Independently compressed parts.
    pub frames: f64,
}

/// An assembly on its way to a worker thread.
pub struct AssembleTask {
    request: Option<BindingAssembleRequest>,
    reporter: Reporter,
}

impl Task for AssembleTask {
    type Output = Either<BindingFailure, Assembled>;
    type JsValue = Either<BindingFailure, BindingAssembled>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let request = self.request.take();
        Ok(settle(|| {
            let request =
                request.ok_or_else(|| Error::Internal { message: "the request ran twice".to_owned() })?;
            assemble::assemble(&convert(request)?, &self.reporter)
        }))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(match output {
            Either::A(failure) => Either::A(failure),
            Either::B(assembled) => Either::B(assembled.into()),
        })
    }
}

/// Assembles a package. The file appears complete or not at all.
#[napi(
    ts_args_type = "request: BindingAssembleRequest, onProgress?: ((event: BindingProgress) => void) | null, token?: BindingCancelToken | null",
    ts_return_type = "Promise<BindingFailure | BindingAssembled>"
)]
pub fn assemble(
    request: BindingAssembleRequest,
    on_progress: Option<OnProgress>,
    token: Option<&BindingCancelToken>,
) -> AsyncTask<AssembleTask> {
    let reporter = Reporter::new(on_progress, cancel::flag(token));
    AsyncTask::new(AssembleTask { request: Some(request), reporter })
}

fn convert(request: BindingAssembleRequest) -> flavor_pack::Result<Request> {
    let option = |message: String| Error::Option { message };
    let source_date_epoch = request.source_date_epoch.map(|epoch| {
        u64::try_from(epoch).map_err(|_| option(format!("SOURCE_DATE_EPOCH {epoch} is before 1970")))
    });
    let key = match (request.key.source.as_str(), request.key.seed, request.key.path) {
        ("ephemeral", None, None) => KeySource::Ephemeral,
        ("seed", Some(seed), None) => KeySource::Seed(seed.into()),
        ("file", None, Some(path)) => KeySource::File(path.into()),
        (source, _, _) => {
            let expected = "expected `ephemeral`, `seed` with `seed`, or `file` with `path`";
            return Err(option(format!("key source {source:?} does not fit its fields, {expected}")));
        }
    };
    let key = match request.key.public_path {
        Some(public) => KeySource::Pair { key: Box::new(key), public: public.into() },
        None => key,
    };
    let base = match request.base {
        Some(base) => PathBuf::from(base),
        None => std::env::current_dir().map_err(|source| Error::Io {
            action: "find out the working folder",
            path: PathBuf::from("."),
            source,
        })?,
    };
    Ok(Request {
        manifest_json: request.manifest_json,
        base,
        workenv_base: request.workenv_base.map(PathBuf::from),
        output: PathBuf::from(request.output),
        launcher: PathBuf::from(request.launcher_path),
        launcher_sha256: request.launcher_sha256,
        level: request.level,
        threads: request.threads.map(|threads| threads as usize),
        key,
        source_date_epoch: source_date_epoch.transpose()?,
        alignment: request.alignment.map(u64::from),
        build_cache: request.build_cache.map(PathBuf::from),
    })
}

impl From<Assembled> for BindingAssembled {
    fn from(assembled: Assembled) -> Self {
        Self {
            path: assembled.path.to_string_lossy().into_owned(),
            size_bytes: number(assembled.size),
            sha256: assembled.sha256,
            fingerprint: assembled.fingerprint,
            slots: assembled.slots.into_iter().map(Into::into).collect(),
            warnings: assembled.warnings,
        }
    }
}

impl From<AssembledSlot> for BindingAssembledSlot {
    fn from(slot: AssembledSlot) -> Self {
        Self {
            id: slot.id,
            stored_bytes: number(slot.stored),
            content_bytes: number(slot.content),
            members: number(slot.members),
            frames: number(slot.frames),
        }
    }
}
