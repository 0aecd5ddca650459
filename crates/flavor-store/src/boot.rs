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
        crate::system::boot_id().map_or_else(Self::unrepeatable, Self)
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

/// The bytes of a UUID as systems print it; anything but 32 hex digits between other signs is none.
#[cfg(any(unix, test))]
pub(crate) fn uuid(text: &[u8]) -> Option<[u8; 16]> {
    let mut digits = text.iter().filter_map(|byte| char::from(*byte).to_digit(16));
    let mut id = [0; 16];
    for byte in &mut id {
        *byte = u8::try_from(digits.next()? << 4 | digits.next()?).ok()?;
    }
    (digits.next().is_none() && id != [0; 16]).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::uuid;

    #[test]
    fn a_boot_is_told_by_the_uuid_that_the_system_prints_in_either_case() {
        let id = [0x9f, 0x4e, 0x8a, 0x1b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xa, 0xbc];
        assert_eq!(uuid(b"9f4e8a1b-0001-0203-0405-060708090abc\n"), Some(id));
        assert_eq!(uuid(b"9F4E8A1B-0001-0203-0405-060708090ABC\0"), Some(id));
        for text in [&b""[..], b"9f4e8a1b", b"00000000-0000-0000-0000-000000000000", &[b'1'; 33]] {
            assert_eq!(uuid(text), None);
        }
    }
}
