//! What can be wrong with a package. Each variant knows its stable code and, where there is one, the absolute
//! byte offset in the file. The text never contains its cause; hints come from the code (`errors.json`).

use crate::ErrorCode;

/// Everything that this crate can refuse.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is too short or does not end with the trailer's marker.
    #[error("not a PSPF/2025 package: {reason} (file of {length} bytes)")]
    NotAPackage {
        /// Length of the file in bytes.
        length: u64,
        /// What was missing.
        reason: &'static str,
    },
    /// A structural rule is broken at a known place.
    #[error("{message} at byte {offset}")]
    Malformed {
        /// Stable code of the rule.
        code: ErrorCode,
        /// Absolute offset in the file.
        offset: u64,
        /// What was found and what was expected.
        message: String,
    },
    /// A rule is broken at no single byte.
    #[error("{message}")]
    Invalid {
        /// Stable code of the rule.
        code: ErrorCode,
        /// What was found and what was expected.
        message: String,
    },
    /// The package could not be read.
    #[error("cannot read {length} bytes at byte {offset} of the package")]
    Io {
        /// Absolute offset in the file.
        offset: u64,
        /// Number of bytes wanted.
        length: u64,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// A broken rule at an absolute offset.
    pub fn at(code: ErrorCode, offset: u64, message: impl Into<String>) -> Self {
        Self::Malformed { code, offset, message: message.into() }
    }

    /// A broken rule that has no single offset.
    pub fn rule(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Invalid { code, message: message.into() }
    }

    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotAPackage { .. } => ErrorCode::PspfNotAPackage,
            Self::Malformed { code, .. } | Self::Invalid { code, .. } => *code,
            Self::Io { .. } => ErrorCode::PspfIo,
        }
    }

    /// Absolute byte offset in the file, where there is one.
    pub fn offset(&self) -> Option<u64> {
        match self {
            Self::Malformed { offset, .. } | Self::Io { offset, .. } => Some(*offset),
            Self::NotAPackage { .. } | Self::Invalid { .. } => None,
        }
    }
}

/// Shorthand of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
