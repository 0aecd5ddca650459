//! The identity of a file at one moment, as records and receipts store it: whoever cannot set the change time cannot
//! alter the file and keep its identity.

use std::fs::File;
use std::io;

use crate::system::status_of;

/// Length of the encoded form.
pub const IDENTITY_SIZE: usize = 52;
/// Where the size stands in it.
pub(crate) const SIZE: std::ops::Range<usize> = 16..24;

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
    /// Of an open file.
    pub fn of_file(file: &File) -> io::Result<Self> {
        Ok(status_of(file)?.identity())
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
