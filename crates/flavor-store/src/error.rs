//! What can go wrong in the store. Refusals of the package itself pass through with pspf's codes.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use pspf::ErrorCode;

use crate::system::Errno;

/// Why one place for the store was not taken.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The place.
    pub place: PathBuf,
    /// The variable that it came from.
    pub origin: &'static str,
    /// Why not.
    pub reason: String,
}

/// Everything that this crate can refuse.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The package is at fault.
    #[error(transparent)]
    Package(#[from] pspf::Error),
    /// What the package asks of the store is at fault.
    #[error("{message}")]
    Refused {
        /// Stable code of the rule.
        code: ErrorCode,
        /// What was found and what was expected.
        message: String,
    },
    /// The system refused.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// No place can be used.
    #[error("no place for the store can be used{}", Places(refusals))]
    Location {
        /// Each place that was tried, in order.
        refusals: Vec<Refusal>,
    },
}

struct Places<'a>(&'a [Refusal]);

impl fmt::Display for Places<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, refusal) in self.0.iter().enumerate() {
            let separator = if number == 0 { ": " } else { "; " };
            write!(
                formatter,
                "{separator}`{}` (from {}): {}",
                refusal.place.display(),
                refusal.origin,
                refusal.reason
            )?;
        }
        Ok(())
    }
}

impl Error {
    /// A broken rule.
    pub(crate) fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Refused { code, message: message.into() }
    }

    /// A failed system call, where the error type of the caller is another one.
    pub(crate) fn from_system(action: &'static str, path: &Path, error: Errno) -> Self {
        Self::Io { action, path: path.to_path_buf(), source: error.into() }
    }

    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Package(error) => error.code(),
            Self::Refused { code, .. } => *code,
            Self::Io { source, .. } => match source.raw_os_error().map(Errno::from_raw_os_error) {
                Some(Errno::NOSPC | Errno::DQUOT) => ErrorCode::StoreSpace,
                _ => ErrorCode::StoreIo,
            },
            Self::Location { .. } => ErrorCode::StoreLocation,
        }
    }
}

/// Shorthand of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Says what was tried when a system call fails.
pub(crate) trait During<T> {
    /// Names the action and its object; the object is built only on failure.
    fn during<P: AsRef<Path>>(self, action: &'static str, path: impl FnOnce() -> P) -> Result<T>;
}

impl<T, E: Into<io::Error>> During<T> for std::result::Result<T, E> {
    fn during<P: AsRef<Path>>(self, action: &'static str, path: impl FnOnce() -> P) -> Result<T> {
        self.map_err(|error| Error::Io { action, path: path().as_ref().to_path_buf(), source: error.into() })
    }
}
