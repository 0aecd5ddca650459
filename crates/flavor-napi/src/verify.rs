//! `verify`: every byte of a package.

use std::path::PathBuf;

use flavor_pack::verify::{self, Check, Report};
use flavor_pack::{Error, trust};
use napi::bindgen_prelude::{AsyncTask, Either};
use napi::{Env, Task};
use napi_derive::napi;

use crate::cancel::{self, BindingCancelToken};
use crate::coverage::BindingCoverage;
use crate::error::{BindingFailure, settle};
use crate::number;
use crate::progress::{OnProgress, Reporter};

/// One thing that was checked.
#[napi(object, object_from_js = false)]
pub struct BindingCheck {
    /// `trailer`, `index`, `metadata`, `signature`, `json`, `signer-key`, `rendering`, `launcher`,
    /// `slot 0 (runtime)`, …
    pub name: String,
    /// Whether it held.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// Code of the failure.
    pub code: Option<String>,
}

/// What verification found. A damaged package is a report whose `ok` is false.
#[napi(object, object_from_js = false)]
pub struct BindingVerifyReport {
    /// The file.
    pub path: String,
    /// Whether every check held.
    pub ok: bool,
    /// Every check, in the order in which they were made.
    pub checks: Vec<BindingCheck>,
    /// Lower hex SHA-256 of the signer's public key, once the signature held.
    pub fingerprint: Option<String>,
    /// Name of the packaged program, once the signature held.
    pub package_name: Option<String>,
    /// Its version, once the signature held.
    pub package_version: Option<String>,
    /// Whether another builder made the package.
    pub foreign: bool,
    /// Every byte of the file in order, once the signature held: what lies there, and what vouches for it.
    pub coverage: Vec<BindingCoverage>,
    /// Code of the first failure.
    pub error_code: Option<String>,
    /// Text of the first failure.
    pub error_message: Option<String>,
    /// Next steps after the first failure.
    pub error_hints: Vec<String>,
    /// Absolute byte offset of the first failure.
    pub error_offset: Option<f64>,
}

/// A verification on its way to a worker thread.
pub struct VerifyTask {
    path: PathBuf,
    deep: bool,
    reporter: Reporter,
}

impl Task for VerifyTask {
    type Output = Either<BindingFailure, Report>;
    type JsValue = Either<BindingFailure, BindingVerifyReport>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(settle(|| {
            let verify = if self.deep { verify::verify_deep } else { verify::verify };
            let mut report = verify(&self.path, &self.reporter)?;
            trust::judge(&mut report, |name| std::env::var_os(name));
            Ok::<_, Error>(report)
        }))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(match output {
            Either::A(failure) => Either::A(failure),
            Either::B(report) => Either::B(report.into()),
        })
    }
}

/// Verifies every byte of a package. Nothing of it runs. With `deep`, slots of other builders are decoded too.
#[napi(
    ts_args_type = "path: string, deep: boolean, onProgress?: ((event: BindingProgress) => void) | null, token?: BindingCancelToken | null",
    ts_return_type = "Promise<BindingFailure | BindingVerifyReport>"
)]
pub fn verify(
    path: String,
    deep: bool,
    on_progress: Option<OnProgress>,
    token: Option<&BindingCancelToken>,
) -> AsyncTask<VerifyTask> {
    let reporter = Reporter::new(on_progress, cancel::flag(token));
    AsyncTask::new(VerifyTask { path: path.into(), deep, reporter })
}

impl From<Report> for BindingVerifyReport {
    fn from(report: Report) -> Self {
        let failure = report.failure.as_ref();
        Self {
            ok: report.ok(),
            error_code: failure.map(|failure| failure.code.as_str().to_owned()),
            error_message: failure.map(|failure| failure.message.clone()),
            error_hints: failure
                .and_then(|failure| failure.code.hint())
                .map(str::to_owned)
                .into_iter()
                .collect(),
            error_offset: failure.and_then(|failure| failure.offset).map(number),
            path: report.path.to_string_lossy().into_owned(),
            checks: report.checks.into_iter().map(Into::into).collect(),
            fingerprint: report.fingerprint,
            package_name: report.package_name,
            package_version: report.package_version,
            foreign: report.foreign,
            coverage: report.coverage.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Check> for BindingCheck {
    fn from(check: Check) -> Self {
        Self {
            name: check.name,
            ok: check.ok,
            detail: check.detail,
            code: check.code.map(|code| code.as_str().to_owned()),
        }
    }
}
