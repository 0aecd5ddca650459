//! Files that are cut into several frames (FORMAT.md §9), unpacked and compared.

use pspf::ErrorCode;
use pspf::layout::SPLIT_CONTENT;
use pspf::tar::END_OF_ARCHIVE;

use super::*;
use crate::publish::{Presence, Records, publish_slot};
use crate::slot_key::slot_key;
use crate::staging::Staging;
use crate::test_package::{Entry, tar};

const S: usize = 16 << 20;

/// Blocks that differ, so that no two parts of a file are equal.
fn content(size: usize) -> Vec<u8> {
    let mut bytes = vec![7; size];
    for (number, block) in (0_u64..).zip(bytes.chunks_exact_mut(4096)) {
        block[..8].copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

fn entries() -> Vec<Entry> {
    vec![
        directory("lib"),
        executable("lib/big.so", &content(2 * S + 700), true),
        // A file of two times S ends with a frame of exactly S; what follows is read by the same worker.
        file("lib/even", &content(2 * S)),
        file("lib/small", b"small"),
    ]
}

/// The slot cut at `places` of its stream; the end of the archive is a frame of its own.
fn slot(places: &[usize]) -> Builder {
    let entries = entries();
    let stream = tar(&entries);
    let mut frames = Vec::new();
    let mut from = 0;
    for place in places.iter().chain([&stream.len()]) {
        frames.push(&stream[from..*place]);
        from = *place;
    }
    frames.push(&END_OF_ARCHIVE);
    Builder::new().cut_slot(true, &entries, &frames)
}

/// Where our writer cuts.
fn right() -> [usize; 6] {
    let big = 512;
    let even = big + 512 + 2 * S + 1024;
    [big, big + 512 + S, big + 512 + 2 * S, even, even + 512 + S, even + 512 + 2 * S]
}

fn publish(store: &Store, package: &Package<Vec<u8>>) -> crate::Result<Presence> {
    let staging = Staging::create(&store.root)?;
    publish_slot(&store.root, &staging, package, 0, Records::Believed).map(|published| published.presence)
}

#[test]
fn a_file_of_several_frames_is_unpacked_and_compared_by_one_worker() {
    assert_eq!(SPLIT_CONTENT, S as u64);
    let store = Store::new();
    let package = open(slot(&right()));
    assert_eq!(publish(&store, &package).expect("publish"), Presence::Made);
    let path = store.root.slot_path(&slot_key(&package, 0).expect("key"));
    assert!(std::fs::read(path.join("lib/big.so")).expect("file") == content(2 * S + 700));
    assert!(std::fs::read(path.join("lib/even")).expect("file") == content(2 * S));
    assert_eq!(std::fs::read(path.join("lib/small")).expect("file"), b"small");

    forget_boot(&store.path().join("v1/slots"));
    assert_eq!(publish(&store, &package).expect("compare"), Presence::Compared);

    // One byte in the second part of the file.
    let mut bytes = content(2 * S + 700);
    bytes[S + 5] ^= 1;
    std::fs::write(path.join("lib/big.so"), &bytes).expect("write");
    forget_boot(&store.path().join("v1/slots"));
    assert_eq!(publish(&store, &package).expect("unpack anew"), Presence::Repaired);
    assert!(std::fs::read(path.join("lib/big.so")).expect("file") == content(2 * S + 700));
}

#[test]
fn s11_a_file_that_is_cut_elsewhere_publishes_nothing() {
    for (name, number, place) in [
        ("one byte early", 1, 1023 + S),
        ("in the third part", 2, 1023 + 2 * S),
        ("in the padding", 3, right()[3] - 1),
    ] {
        let mut places = right();
        places[number] = place;
        let store = Store::new();
        let error = publish(&store, &open(slot(&places))).expect_err(name);
        assert_eq!(error.code(), ErrorCode::PspfTar, "{name}: {error}");
        assert!(names(&store.path().join("v1/slots")).is_empty(), "{name}");
    }
}
