//! The name of a slot in the shared store (STORE.md 4, S16): a digest over everything that decides what the tree looks
//! like, so that two packages share a directory exactly if unpacking would give both the same.

use pspf::{Package, ReadAt, hex};
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::stream::OneFile;

/// Everything besides the bytes that decides what a tree looks like.
const PROFILE: &str = if cfg!(windows) { "windows-1" } else { "unix-1" };

/// The key of slot `slot` of a package of ours: 64 hex digits. The digests in it are checked by whoever publishes under it.
pub fn slot_key<R: ReadAt>(package: &Package<R>, slot: usize) -> Result<String> {
    Ok(hex::encode(&Sha256::digest(text(package, slot)?)))
}

fn text<R: ReadAt>(package: &Package<R>, slot: usize) -> Result<String> {
    use std::fmt::Write as _;
    let mut text = format!("flavor-slot 1\n{}\nprofile {PROFILE}\n", package.chain(slot).text());
    if let Some(file) = OneFile::of_ours(package, slot)? {
        let _ = writeln!(text, "mode {:04o} {}", file.mode, file.path);
    }
    let frames = package.frames(slot);
    for frame in frames {
        let _ = writeln!(text, "{} {} {}", frame.stored, frame.content, hex::encode(&frame.sha256.0));
    }
    if frames.is_empty() {
        let whole = &package.descriptors()[slot];
        let digest = package.metadata().slots[slot].digest().unwrap_or_default();
        let _ = writeln!(text, "{} {} {}", whole.size, whole.original_size, hex::encode(&digest));
    }
    Ok(text)
}

#[cfg(all(test, unix))]
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
        assert_eq!(text(&package, 0).expect("text"), expected);
        assert_eq!(slot_key(&package, 0).expect("key"), hex::encode(&Sha256::digest(expected)));
        assert_ne!(slot_key(&package, 0).expect("key"), slot_key(&package, 1).expect("key"));
    }

    #[test]
    fn s16_one_file_and_a_slot_without_frames_have_their_lines_too() {
        let package = Builder::new()
            .stored_slot(true, "NONE", b"text", (4, 1))
            .one_file("{workenv}/bin/uv", "755")
            .open();
        let digest = hex::encode(&Sha256::digest(b"text"));
        assert_eq!(
            text(&package, 0).expect("text"),
            format!("flavor-slot 1\nraw\nprofile unix-1\nmode 0755 bin/uv\n4 4 {digest}\n")
        );
        let package = Builder::new().stored_slot(true, "TGZ", b"never decoded", (0, 0)).open();
        let digest = hex::encode(&Sha256::digest(b"never decoded"));
        let expected = format!("flavor-slot 1\ntar.gz\nprofile unix-1\n13 13 {digest}\n");
        assert_eq!(text(&package, 0).expect("text"), expected);
    }
}
