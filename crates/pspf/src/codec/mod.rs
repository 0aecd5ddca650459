//! The encodings of operation chains (FORMAT.md §4): gzip, bzip2, xz and zstd, undone by [`decoder`] and applied by
//! `Encoder`, both streaming and in chains of up to eight. Without the feature `all-codecs` nothing is applied, and what
//! [`can_decode`] says no to is not undone either.
//!
//! Guaranteed: a decoder accepts whole streams only, one or several after another, and nothing behind them; each stage
//! obeys [`Limits`] on its own; encoded bytes depend on the content and the level alone. A leading tar is not undone
//! here (`tar` does that), frames are not cut or checked here (`frame` does that), and no digest is compared.

mod decode;
#[cfg(feature = "all-codecs")]
mod encode;
#[cfg(all(test, feature = "all-codecs"))]
mod tests;
mod zstd_stream;

pub use decode::{decoder, error_of};
#[cfg(feature = "all-codecs")]
pub use encode::{Encoder, Level};

use crate::layout::limit;
use crate::operations::Operation;
use crate::{Error, ErrorCode, Result};

/// What one stage of a chain may cost (security rule S12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest zstd window, as a power of two.
    pub zstd_window_log: u32,
    /// Most memory that an xz decoder may take, in bytes.
    pub xz_memory: u64,
    /// Highest ratio of content to encoded bytes once there are `ratio_free_bytes` of content.
    pub ratio: u64,
    /// Below this many content bytes the ratio is not looked at.
    pub ratio_free_bytes: u64,
}

impl Limits {
    /// For packages of ours.
    pub const OURS: Self = Self {
        zstd_window_log: limit::ZSTD_WINDOW_LOG,
        xz_memory: limit::XZ_MEMORY,
        ratio: limit::RATIO,
        ratio_free_bytes: limit::RATIO_FREE_BYTES,
    };
    /// For packages of other builders and for archives that people give to a builder.
    pub const FOREIGN: Self = Self { zstd_window_log: limit::ZSTD_WINDOW_LOG_FOREIGN, ..Self::OURS };
}

/// Whether this build can undo an operation.
pub const fn can_decode(operation: Operation) -> bool {
    match operation {
        Operation::Tar | Operation::Gzip | Operation::Zstd => true,
        Operation::Bzip2 | Operation::Xz => cfg!(feature = "all-codecs"),
    }
}

/// The operations behind a leading tar. tar anywhere else is refused: it is no encoding.
fn encodings(operations: &[Operation]) -> Result<&[Operation]> {
    let encodings = match operations {
        [Operation::Tar, rest @ ..] => rest,
        all => all,
    };
    if encodings.contains(&Operation::Tar) {
        return Err(Error::rule(ErrorCode::PspfOperations, "tar stands behind another operation of a chain"));
    }
    if operations.len() > limit::OPERATIONS {
        return Err(Error::rule(
            ErrorCode::PspfOperations,
            format!("chain of {} operations, expected at most {}", operations.len(), limit::OPERATIONS),
        ));
    }
    Ok(encodings)
}
