//! Trust sources in a receipt (STORE.md 9.2 and 9.4 g): a start may skip the decision only while each file that entered
//! it, or was looked for and absent, is as it was. What such files say is flavor-trust's part.

use std::path::{Path, PathBuf};

use crate::guarded_file::is_absent;
use crate::identity::{IDENTITY_SIZE, Identity};

const ABSENT: u32 = 0;
const PRESENT: u32 = 1;
/// Length of an entry behind the reference to its path.
pub(crate) const STATE_SIZE: usize = 4 + IDENTITY_SIZE;

/// A file that was consulted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustSource {
    /// Absolute path.
    pub path: PathBuf,
    /// As it was read; `None`: it was absent.
    pub identity: Option<Identity>,
}

/// What a decision about trust leaves in a receipt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustRecord {
    /// Every source, in the order in which a start names them.
    pub sources: Vec<TrustSource>,
    /// When the decision ends, in seconds since 1970.
    pub expiry: Option<i64>,
}

impl TrustSource {
    /// State and identity.
    pub(crate) fn encode(&self) -> [u8; STATE_SIZE] {
        let mut bytes = [0; STATE_SIZE];
        if let Some(identity) = self.identity {
            bytes[..4].copy_from_slice(&PRESENT.to_le_bytes());
            bytes[4..].copy_from_slice(&identity.encode());
        }
        bytes
    }
}

/// Whether encoded bytes are of one of the two forms.
pub(crate) fn is_well_formed(state: &[u8]) -> bool {
    let Some((word, identity)) = state.split_first_chunk() else { return false };
    match u32::from_le_bytes(*word) {
        ABSENT => identity.iter().all(|byte| *byte == 0),
        PRESENT => true,
        _ => false,
    }
}

/// Whether the file at `path` is as the encoded bytes say.
pub(crate) fn holds(path: &Path, state: &[u8]) -> bool {
    if state.starts_with(&ABSENT.to_le_bytes()) {
        return is_absent(path) == Ok(true);
    }
    crate::system::find(path).is_ok_and(|found| found.identity().encode() == state[4..])
}
