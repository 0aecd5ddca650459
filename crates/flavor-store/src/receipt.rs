//! Receipts (STORE.md 9): what a warm start needs and nothing else. Decoding allocates nothing from a number that was
//! not checked; every doubt makes a receipt invalid, and the start takes the full path.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use pspf::layout::{MARKER_SIZE, TRAILER_SIZE, index};

use crate::boot::BootId;
use crate::checksum::checksum;
use crate::error::{During as _, Result};
use crate::identity::{IDENTITY_SIZE, Identity, SIZE};
use crate::plan::Plan;
use crate::root::Root;
use crate::staging::Staging;
use crate::system::{self, FileKind};
use crate::trust_source::{self, STATE_SIZE, TrustRecord};
use crate::usage::Hold;

#[path = "receipt_access.rs"]
mod access;
#[path = "receipt_encode.rs"]
mod encode;
#[path = "receipt_tables.rs"]
mod tables;

/// Longest receipt, in bytes.
pub const MAX_SIZE: usize = 64 * 1024;
const MARK: &[u8; 8] = b"FLVRCP02";
const NO_STRING: u32 = u32::MAX;
/// A receipt that was last used longer ago gets a new time stamp, in seconds.
const STAMP_AGE: i64 = 86_400;
/// A package file changed less than this many seconds ago gets no receipt.
const SETTLE_SECONDS: i64 = 2;

/// Offsets of the fixed part.
mod at {
    use pspf::layout::TRAILER_SIZE;

    pub(super) const CHECKSUM: usize = 8;
    pub(super) const LENGTH: usize = 16;
    pub(super) const STRINGS: usize = 20;
    pub(super) const BOOT: usize = 24;
    pub(super) const CREATED: usize = 40;
    pub(super) const FLAGS: usize = 52;
    pub(super) const EXPIRY: usize = 56;
    pub(super) const PACKAGE: usize = 64;
    pub(super) const PACKAGE_PATH: usize = 112;
    pub(super) const ROOT: usize = 120;
    pub(super) const WORKENV: usize = 128;
    pub(super) const NAME: usize = 136;
    pub(super) const COUNTS: usize = 144;
    pub(super) const RESERVED: usize = 172;
    pub(super) const TRAILER: usize = 176;
    pub(super) const TABLES: usize = TRAILER + TRAILER_SIZE;
}

/// Lengths of the entries of the tables.
const TRUST: usize = 8 + STATE_SIZE;
const COMMAND: usize = 32;
const ARGUMENT: usize = 8;
const EDIT: usize = 20;
const STAT: usize = 8 + IDENTITY_SIZE;
const CONDITION: usize = 20;

/// Each start needs content of the package.
const READS_CONTENT: u32 = 1;
/// The package is known by its path.
const FIXED: u32 = 2;
/// The package's identity has no padding behind it.
const PACKAGE_IDENTITY: usize = at::PACKAGE_PATH - at::PACKAGE;

/// What a receipt must fit to.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Identity of the package's open descriptor.
    pub package: Identity,
    /// The package's path, if it [is out of the user's reach](crate::is_out_of_reach) and known by it.
    pub fixed: Option<&'a Path>,
    /// The trailer as read from it.
    pub trailer: &'a [u8; TRAILER_SIZE],
}

/// A receipt that was found valid.
#[derive(Debug)]
pub struct Receipt {
    bytes: Vec<u8>,
    file: File,
    stamped: i64,
    hold: Option<Hold>,
    /// File name below `receipts`, for logs.
    pub name: String,
}

/// Why there is no valid receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Miss {
    /// For logs.
    pub reason: &'static str,
    /// Whether the receipt was right about the package, but something in the store is not as it was.
    pub store_changed: bool,
}

impl From<&'static str> for Miss {
    fn from(reason: &'static str) -> Self {
        Self { reason, store_changed: false }
    }
}

/// Seconds and nanoseconds since 1970.
pub fn now() -> (i64, u32) {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(time) => (i64::try_from(time.as_secs()).unwrap_or(i64::MAX), time.subsec_nanos()),
        Err(_) => (i64::MIN, 0),
    }
}

/// Whether a package with this identity may get a receipt when it was opened at `opened` (S20): a change within the
/// clock's grain of the last one would leave its identity as it is.
pub fn is_settled(package: &Identity, opened: (i64, u32)) -> bool {
    let newest = package.newest();
    (newest.0.saturating_add(SETTLE_SECONDS), newest.1) <= opened
}

/// The receipt's file name.
pub fn name(expected: &Expected) -> String {
    let signature = MARKER_SIZE + index::SIGNATURE;
    let signature = pspf::hex::encode(&expected.trailer[signature..signature + 8]);
    match expected.fixed {
        Some(path) => format!("{signature}-path-{:016x}", checksum(path.as_os_str().as_encoded_bytes())),
        None => format!("{signature}-{}-{}", expected.package.device, expected.package.inode),
    }
}

/// Looks for a valid receipt in `root`; otherwise the reason, for logs. `trust` names the trust sources of this start,
/// in order; `variable` looks up an environment variable.
pub fn find(
    root: &Root,
    expected: Expected,
    trust: &[PathBuf],
    variable: impl Fn(&OsStr) -> Option<OsString>,
) -> std::result::Result<Receipt, Miss> {
    let name = name(&expected);
    let mut receipt = Receipt::read(root, name).ok_or("there is none")?;
    receipt.check_form().ok_or("it is malformed")?;
    receipt.check_facts(root, expected, trust)?;
    receipt.check_conditions(variable)?;
    // Held before the store is looked at, so that the collector takes nothing away that was just seen (STORE.md 13.2).
    let environment = receipt.environment(root).ok_or("it is malformed")?;
    receipt.hold = Some(Hold::take(root, environment).ok_or("its environment cannot be held")?);
    receipt.check_store(root)?;
    Ok(receipt)
}

/// Writes the receipt of a verified package that lies at `path`; `false` if it would be too long.
pub fn write(
    root: &Root,
    staging: &Staging,
    plan: &Plan,
    path: &OsStr,
    trust: &TrustRecord,
    expected: Expected,
    boot: BootId,
) -> Result<bool> {
    let mut stats = Vec::new();
    for path in &plan.stats {
        let found = system::find(path).during("look at", || path)?;
        stats.push((path.as_path(), found.identity()));
    }
    let Some(bytes) = encode::encode(root.path(), plan, path, &stats, trust, expected, boot) else {
        return Ok(false);
    };
    let name = name(&expected);
    staging.publish_file(&bytes, &root.receipts, &name)?;
    Ok(true)
}

impl Receipt {
    /// Whether the receipt is about this file, this place, this boot and this moment.
    fn check_facts(
        &self,
        root: &Root,
        expected: Expected,
        trust: &[PathBuf],
    ) -> std::result::Result<(), Miss> {
        let malformed = "it is malformed";
        let bytes = &self.bytes;
        let identity = expected.package.encode();
        let is_fixed = self.flags().ok_or(malformed)? & FIXED != 0;
        let same = match expected.fixed {
            Some(path) => {
                is_fixed
                    && self.string(at::PACKAGE_PATH) == Some(path.as_os_str())
                    && bytes[at::PACKAGE..at::PACKAGE_PATH][SIZE] == identity[SIZE]
            }
            None => !is_fixed && bytes[at::PACKAGE..at::PACKAGE_PATH] == identity[..PACKAGE_IDENTITY],
        };
        if !same {
            return Err("the package file is another one or was changed".into());
        }
        if bytes[at::TRAILER..at::TABLES] != *expected.trailer {
            return Err("the trailer is another one".into());
        }
        if self.string(at::ROOT) != Some(root.path().as_os_str()) {
            return Err("the store was moved".into());
        }
        let now = now();
        let nanoseconds = self.number(at::CREATED + 8).ok_or(malformed)?;
        let created =
            (self.long(at::CREATED).ok_or(malformed)?, u32::try_from(nanoseconds).map_err(|_| malformed)?);
        if now < created {
            return Err("the clock is before its creation".into());
        }
        let expiry = self.long(at::EXPIRY).ok_or(malformed)?;
        if expiry != 0 && now.0 >= expiry {
            return Err("it has expired".into());
        }
        let boot: [u8; 16] = bytes[at::BOOT..at::CREATED].try_into().map_err(|_| malformed)?;
        if !BootId(boot).holds_in(BootId::current) {
            return Err("it is of another boot".into());
        }
        let tables = self.tables().ok_or(malformed)?;
        if tables.trust_count != trust.len() {
            return Err("other trust files are consulted".into());
        }
        for (position, named) in trust.iter().enumerate() {
            let (path, state) = self.trust_at(position).ok_or(malformed)?;
            if path != named {
                return Err("other trust files are consulted".into());
            }
            if !trust_source::holds(path, state) {
                return Err("a trust file was added, changed or removed".into());
            }
        }
        Ok(())
    }

    /// Whether what the plan names is as it was.
    fn check_store(&self, root: &Root) -> std::result::Result<(), Miss> {
        let malformed = "it is malformed";
        let bytes = &self.bytes;
        let tables = self.tables().ok_or(malformed)?;
        for position in 0..tables.stat_count {
            let entry = tables.stats + position * STAT;
            let path = self.string(entry).ok_or(malformed)?;
            let changed = |reason| Miss { reason, store_changed: true };
            let found = system::find(path).map_err(|_| changed("a file that it names is missing"))?;
            let (found, recorded) = (found.identity(), &bytes[entry + 8..entry + STAT]);
            let same = found.encode() == *recorded
                || found.encode()[SIZE] == recorded[SIZE] && root.is_read_only_on(found.device);
            if !same {
                return Err(changed("a file that it names was changed"));
            }
        }
        Ok(())
    }

    /// Whether what the plan depends on besides the package is as it was.
    fn check_conditions(
        &self,
        variable: impl Fn(&OsStr) -> Option<OsString>,
    ) -> std::result::Result<(), Miss> {
        let malformed = "it is malformed";
        let tables = self.tables().ok_or(malformed)?;
        for position in 0..tables.condition_count {
            let (kind, name, value) = self.condition_at(&tables, position).ok_or(malformed)?;
            let holds = match kind {
                1 => variable(name).is_none(),
                2 => variable(name).as_deref() == Some(value),
                _ => system::find(name).is_ok_and(|found| found.kind() == FileKind::Folder),
            };
            if !holds {
                return Err("a variable or folder that it depends on is not as it was".into());
            }
        }
        Ok(())
    }

    /// Notes that the package was started, if that was not noted today. Failure harms nothing.
    pub fn stamp(&self) {
        if now().0.saturating_sub(self.stamped) <= STAMP_AGE {
            return;
        }
        let _ = system::touch(&self.file);
    }
}
