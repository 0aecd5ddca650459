//! The name of a slot in the shared store (STORE.md 4, S16): a digest over everything that decides what the tree looks
//! like, so that two packages share a directory exactly if unpacking would give both the same.

use pspf::operations::OperationChain;
use pspf::{Package, ReadAt, hex};
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::frames::require_frames;

/// Everything besides the bytes that decides what a tree looks like.
const PROFILE: &str = "unix-1";

/// The key of slot `slot`: 64 hex digits. Its frames' digests are checked by whoever publishes under it.
pub fn slot_key<R: ReadAt>(package: &Package<R>, slot: usize) -> Result<String> {
    require_frames(package, slot)?;
    Ok(hex::encode(&Sha256::digest(text(package, slot))))
}

fn text<R: ReadAt>(package: &Package<R>, slot: usize) -> String {
    use std::fmt::Write as _;
    let mut text = format!("flavor-slot 1\n{}\nprofile {PROFILE}\n", OperationChain::tar_zstd().text());
    for frame in package.frames(slot) {
        let _ = writeln!(text, "{} {} {}", frame.stored, frame.content, hex::encode(&frame.sha256.0));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_package::{Builder, file};

    #[test]
    fn s16_the_key_is_the_digest_of_the_documented_lines() {
        let package = Builder::new().slot(true, &[file("a", b"one")]).slot(true, &[file("b", b"two")]).open();
        let frame = &package.frames(0)[0];
        let expected = format!(
            "flavor-slot 1\ntar.zst\nprofile unix-1\n{} {} {}\n",
            frame.stored,
            frame.content,
            hex::encode(&frame.sha256.0)
        );
        assert_eq!(text(&package, 0), expected);
        assert_eq!(slot_key(&package, 0).expect("key"), hex::encode(&Sha256::digest(expected)));
        assert_ne!(slot_key(&package, 0).expect("key"), slot_key(&package, 1).expect("key"));
    }
}
