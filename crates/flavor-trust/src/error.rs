//! Why nobody is believed. Texts of the package and of trust files are quoted and escaped.

use std::path::PathBuf;

use pspf::ErrorCode;

/// Everything that this crate can refuse.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A trust file that is there cannot be used.
    #[error("the trust file `{}` cannot be used: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The signer is not one of those that a trust file requires.
    #[error("{message}")]
    Signer {
        /// What was found and what is pinned.
        message: String,
    },
    /// Everybody can sign with the signer's key.
    #[error("{message}")]
    PublicKey {
        /// Which key it is, and what requires another one.
        message: String,
    },
}

impl Error {
    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::File { .. } => ErrorCode::TrustFile,
            Self::Signer { .. } => ErrorCode::TrustSigner,
            Self::PublicKey { .. } => ErrorCode::TrustPublicKey,
        }
    }
}

/// Shorthand of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
