//! What is too large to be stored as a vector: metadata around the limit of 8 MiB, in stored blocks.

mod support;

use pspf::layout::{TRAILER_SIZE, index, limit};
use pspf::{ErrorCode, Package, stored_gzip};

/// The package `good-no-slots` with other stored metadata and everything put right but the signature.
fn with_metadata(stored: &[u8]) -> Vec<u8> {
    let original = support::bytes_of("good-no-slots");
    let package = Package::open(original.as_slice()).expect("open");
    let start = usize::try_from(package.index().metadata_offset).expect("small");
    let trailer = original.len() - TRAILER_SIZE;
    let mut bytes = [&original[..start], stored, &original[trailer..]].concat();
    let field = bytes.len() - TRAILER_SIZE + 4 + index::METADATA_SIZE;
    bytes[field..field + 8].copy_from_slice(&(stored.len() as u64).to_le_bytes());
    support::repair(&mut bytes);
    bytes
}

fn code(stored: &[u8]) -> (ErrorCode, String) {
    let refusal = support::judge(&with_metadata(stored)).expect_err("must be refused");
    (refusal.code, refusal.step)
}

#[test]
fn s9_s12_metadata_beyond_8_mib_is_refused_before_its_signature_is_looked_at() {
    let most = usize::try_from(limit::METADATA_BYTES).expect("small");
    // As long as it may be: the next step refuses.
    assert_eq!(
        code(&stored_gzip::render(&vec![b' '; most])),
        (ErrorCode::PspfSignature, "signature".to_owned())
    );
    let beyond = stored_gzip::render(&vec![b' '; most + 1]);
    assert_eq!(code(&beyond), (ErrorCode::PspfLimit, "metadata".to_owned()));
    // Longer than any stored form of metadata within the limit: not even read.
    let far_beyond = stored_gzip::render(&vec![b' '; most + most / 512]);
    assert_eq!(code(&far_beyond), (ErrorCode::PspfLimit, "metadata".to_owned()));
}
