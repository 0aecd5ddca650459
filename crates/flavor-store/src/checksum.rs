//! The checksum of records and receipts (STORE.md 9.3). It finds faults, not forgeries: whoever can write the store
//! can write a fitting checksum. It needs no CPU feature probing, which would cost more than the sum itself.

/// Checksum over `bytes`, eight at a time.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(0xcbf2_9ce4_8422_2325, |sum: u64, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        let mixed = (sum ^ u64::from_le_bytes(word)).wrapping_mul(0x0000_0100_0000_01b3);
        mixed ^ mixed >> 32
    })
}

#[cfg(test)]
mod tests {
    use super::checksum;

    #[test]
    fn the_checksum_has_the_values_that_store_md_defines() {
        assert_eq!(checksum(b""), 0xcbf2_9ce4_8422_2325);
        let first = 0xcbf2_9ce4_8422_2325_u64 ^ u64::from_le_bytes(*b"abcdefgh");
        let first = first.wrapping_mul(0x0000_0100_0000_01b3);
        let first = first ^ first >> 32;
        assert_eq!(checksum(b"abcdefgh"), first);
        let second = (first ^ u64::from(b'i')).wrapping_mul(0x0000_0100_0000_01b3);
        assert_eq!(checksum(b"abcdefghi"), second ^ second >> 32);
    }
}
