//! The identity of a file at one moment, as records and receipts store it: whoever cannot set the change time cannot
//! alter the file and keep its identity.

use rustix::fs::Stat;

/// Length of the encoded form.
pub const IDENTITY_SIZE: usize = 52;
/// Where the size stands in it.
pub(crate) const SIZE: std::ops::Range<usize> = 16..24;

/// Type and permission bits; the field's width differs between systems.
#[allow(clippy::useless_conversion, reason = "the width of stat fields depends on the system")]
pub(crate) fn mode_bits(stat: &Stat) -> u32 {
    u32::from(stat.st_mode)
}

/// Device, inode, size and times of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Length in bytes; 0 for directories.
    pub size: u64,
    /// Modification time: seconds, nanoseconds.
    pub modified: (i64, u32),
    /// Change time: seconds, nanoseconds.
    pub changed: (i64, u32),
}

impl Identity {
    /// From the answer of a stat call.
    // The fields' types differ between systems; all fit.
    #[allow(
        clippy::useless_conversion,
        clippy::unnecessary_cast,
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        clippy::cast_lossless,
        reason = "the width of stat fields depends on the system"
    )]
    pub fn of(stat: &Stat) -> Self {
        let directory = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir();
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            size: if directory { 0 } else { stat.st_size as u64 },
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u32),
        }
    }

    /// The later of modification and change.
    pub fn newest(&self) -> (i64, u32) {
        self.modified.max(self.changed)
    }

    /// The 52 bytes of STORE.md 9.2.
    pub(crate) fn encode(&self) -> [u8; IDENTITY_SIZE] {
        let mut bytes = [0; IDENTITY_SIZE];
        bytes[..8].copy_from_slice(&self.device.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.inode.to_le_bytes());
        bytes[SIZE].copy_from_slice(&self.size.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.modified.0.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.modified.1.to_le_bytes());
        bytes[36..44].copy_from_slice(&self.changed.0.to_le_bytes());
        bytes[44..48].copy_from_slice(&self.changed.1.to_le_bytes());
        bytes
    }
}
