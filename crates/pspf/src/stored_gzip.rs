//! The stored form of the metadata: one gzip member. Packages of ours use stored deflate blocks only, so that the
//! member is a function of its content (security rule S6) and every language renders the same bytes; packages
//! of other builders may be deflated in any way.

use std::io::Read as _;

use crate::layout::{GZIP_HEADER, STORED_BLOCK_MAX, limit};
use crate::{Error, ErrorCode, Result};

/// Renders the member that packages of ours have: fixed header, stored blocks of at most 65535 bytes, CRC-32 and
/// length.
pub fn render(content: &[u8]) -> Vec<u8> {
    let blocks = content.len().div_ceil(STORED_BLOCK_MAX).max(1);
    let mut member = Vec::with_capacity(GZIP_HEADER.len() + content.len() + blocks * 5 + 8);
    member.extend_from_slice(&GZIP_HEADER);
    let mut rest = content;
    loop {
        let (block, tail) = rest.split_at(rest.len().min(STORED_BLOCK_MAX));
        // At most 65535, checked above; the complement follows the length.
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        member.push(u8::from(tail.is_empty()));
        member.extend_from_slice(&length.to_le_bytes());
        member.extend_from_slice(&(!length).to_le_bytes());
        member.extend_from_slice(block);
        rest = tail;
        if rest.is_empty() {
            break;
        }
    }
    member.extend_from_slice(&crc32fast::hash(content).to_le_bytes());
    // gzip's length field is modulo 2^32; the metadata limit keeps it exact.
    member.extend_from_slice(&u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes());
    member
}

/// Expands a member found at absolute `offset`. The content is bounded by the metadata limit, and nothing may
/// follow the member.
pub fn expand(member: &[u8], offset: u64) -> Result<Vec<u8>> {
    let refuse = |message: String| Error::at(ErrorCode::PspfMetadataGzip, offset, message);
    let mut decoder = flate2::bufread::GzDecoder::new(member);
    let mut content = Vec::new();
    (&mut decoder)
        .take(limit::METADATA_BYTES + 1)
        .read_to_end(&mut content)
        .map_err(|error| refuse(format!("metadata is not one gzip member: {error}")))?;
    if content.len() as u64 > limit::METADATA_BYTES {
        let message = format!("metadata expands to more than {} bytes", limit::METADATA_BYTES);
        return Err(Error::at(ErrorCode::PspfLimit, offset, message));
    }
    let rest = decoder.into_inner();
    if !rest.is_empty() {
        return Err(refuse(format!("{} bytes follow the gzip member of the metadata", rest.len())));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rendered_member_expands_to_its_content() {
        for length in [0, 1, 65_535, 65_536, 200_000] {
            let content: Vec<u8> = (0..251_u8).cycle().take(length).collect();
            let member = render(&content);
            assert_eq!(&member[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
            assert_eq!(expand(&member, 0).expect("expand"), content, "{length}");
        }
    }

    #[test]
    fn bytes_behind_the_member_are_refused() {
        let member = render(b"{}");
        for tail in [&b"\0"[..], &member] {
            let error = expand(&[&member, tail].concat(), 7).expect_err("must be refused");
            assert_eq!(error.code(), ErrorCode::PspfMetadataGzip);
            assert_eq!(error.offset(), Some(7));
        }
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for _ in 0..20 {
            encoder.write_all(&vec![b' '; 1 << 20]).expect("compress");
        }
        let error = expand(&encoder.finish().expect("finish"), 0).expect_err("must be refused");
        assert_eq!(error.code(), ErrorCode::PspfLimit);
    }
}
