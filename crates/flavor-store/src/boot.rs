//! The identity of the running boot (STORE.md 7.3): what was written in another one may not have reached the disk.

use std::time::SystemTime;

/// Sixteen bytes that differ between boots; zero marks what was synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootId(pub(crate) [u8; 16]);

impl BootId {
    /// Marks records and receipts that hold across boots.
    pub const DURABLE: Self = Self([0; 16]);

    /// This boot. Where the system does not say, a value that no other process will have.
    pub fn current() -> Self {
        crate::platform::boot_id().map_or_else(Self::unrepeatable, Self)
    }

    /// Whether something that carries `self` was written in `current` or synced.
    pub(crate) fn holds_in(self, current: impl FnOnce() -> Self) -> bool {
        self == Self::DURABLE || self == current()
    }

    fn unrepeatable() -> Self {
        let time =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |time| time.as_nanos() | 1);
        let mut bytes = time.to_le_bytes();
        bytes[8..12].copy_from_slice(&std::process::id().to_le_bytes());
        bytes[12] = 0xff;
        Self(bytes)
    }
}
