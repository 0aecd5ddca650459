//! Failures as data, and the one place where panics are caught.

use std::panic::{AssertUnwindSafe, catch_unwind};

use flavor_pack::Error;
use napi::bindgen_prelude::Either;
use napi_derive::napi;

/// Why an operation failed.
#[napi(object, object_from_js = false)]
pub struct BindingFailure {
    /// Tells a failure from a result.
    #[napi(ts_type = "true")]
    pub is_binding_failure: bool,
    /// Stable code, `ERR_…`.
    pub code: String,
    /// What failed, without its causes.
    pub message: String,
    /// Next steps for the person who sees the message.
    pub hints: Vec<String>,
    /// The file that the failure is about.
    pub path: Option<String>,
    /// Absolute byte offset in the package.
    pub offset: Option<f64>,
    /// Texts of the causes, nearest first.
    pub causes: Vec<String>,
}

impl From<&Error> for BindingFailure {
    fn from(error: &Error) -> Self {
        Self {
            is_binding_failure: true,
            code: error.code().as_str().to_owned(),
            message: error.to_string(),
            hints: error.hints().into_iter().map(str::to_owned).collect(),
            path: error.path().map(|path| path.to_string_lossy().into_owned()),
            offset: error.offset().map(crate::number),
            causes: error.causes(),
        }
    }
}

impl From<Error> for BindingFailure {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

#[cfg(unix)]
impl From<flavor_store::Error> for BindingFailure {
    fn from(error: flavor_store::Error) -> Self {
        use flavor_store::Error;
        let path = match &error {
            Error::Io { path, .. } => Some(path.to_string_lossy().into_owned()),
            _ => None,
        };
        let offset = match &error {
            Error::Package(error) => error.offset(),
            _ => None,
        };
        let first = std::error::Error::source(&error);
        Self {
            is_binding_failure: true,
            code: error.code().as_str().to_owned(),
            message: error.to_string(),
            hints: error.code().hint().into_iter().map(str::to_owned).collect(),
            path,
            offset: offset.map(crate::number),
            causes: std::iter::successors(first, |cause| cause.source()).map(ToString::to_string).collect(),
        }
    }
}

/// Runs an operation; its error and its panic become a failure.
pub(crate) fn settle<T, E: Into<BindingFailure>>(
    operation: impl FnOnce() -> Result<T, E>,
) -> Either<BindingFailure, T> {
    let result = catch_unwind(AssertUnwindSafe(operation)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Error::Internal { message: text.unwrap_or_else(|| "a panic without a text".to_owned()) }
    });
    match result {
        Ok(Ok(value)) => Either::B(value),
        Ok(Err(error)) => Either::A(error.into()),
        Err(panic) => Either::A(panic.into()),
    }
}
