//! Packages whose signer lies, and packages of other builders: what `verify` says when every signature holds.

use std::fs;
use std::io::Write as _;

use flavor_pack::progress::Silent;
use flavor_pack::verify::{Report, verify};
use pspf::keys::SigningKey;
use pspf::layout::{END_MARKER, START_MARKER, TRAILER_SIZE};
use pspf::tar::{END_OF_ARCHIVE, Kind, Member, header, padding};
use pspf::{ErrorCode, IndexBlock, Metadata, Package, SlotDescriptor, hex, keys, metadata, render};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::Stage;

fn key() -> SigningKey {
    SigningKey::from_secret(&Sha256::digest(b"test123").into())
}

/// Renders a file of ours around any JSON and any slots, signed.
fn signed(launcher: &[u8], json: &Value, slots: &[Vec<u8>]) -> Vec<u8> {
    let json = metadata::canonical_json(json);
    let metadata = Metadata::decode(&json).expect("metadata");
    let key = key();
    let rendering = render::render(&json, &metadata, key.public_key(), key.sign(&json)).expect("render");
    let mut bytes = [launcher, &rendering.metadata].concat();
    bytes.resize(usize::try_from(rendering.table_offset).expect("small"), 0);
    bytes.extend_from_slice(&rendering.table);
    for (slot, offset) in slots.iter().zip(&rendering.slot_offsets) {
        bytes.resize(usize::try_from(*offset).expect("small"), 0);
        bytes.extend_from_slice(slot);
    }
    bytes.extend_from_slice(&rendering.trailer);
    bytes
}

/// A good package taken apart, to be changed and signed again.
struct Parts {
    stage: Stage,
    launcher: Vec<u8>,
    json: Value,
    slots: Vec<Vec<u8>>,
}

impl Parts {
    fn new() -> Self {
        let stage = Stage::new();
        let (_, bytes) = stage.assembled();
        let package = Package::open(bytes.clone()).expect("open");
        let slots = package.descriptors().iter().map(|slot| {
            let start = usize::try_from(slot.offset).expect("small");
            bytes[start..start + usize::try_from(slot.size).expect("small")].to_vec()
        });
        let slots = slots.collect();
        let json = serde_json::from_slice(package.metadata_json()).expect("JSON");
        Self { stage, launcher: bytes[..333].to_vec(), json, slots }
    }

    /// Puts frames into slot 1 and states the truth about them, except for `unpacked`.
    fn with_frames(mut self, frames: &[(Vec<u8>, usize)], members: u64, bytes: u64) -> Self {
        let stored: Vec<u8> = frames.iter().flat_map(|(stored, _)| stored.clone()).collect();
        self.json["slots"][1]["size"] = json!(stored.len());
        self.json["slots"][1]["checksum"] =
            json!(format!("sha256:{}", hex::encode(&Sha256::digest(&stored))));
        let table = frames.iter().map(|(stored, content)| {
            json!({"stored": stored.len(), "content": content, "sha256": hex::encode(&Sha256::digest(stored))})
        });
        let slot = &mut self.json["extensions"]["x-flavor"]["slots"][1];
        slot["frames"] = table.collect();
        slot["unpacked"] = json!({"bytes": bytes, "members": members});
        self.slots[1] = stored;
        self
    }

    fn verify(&self) -> Report {
        let path = self.stage.path("out/signed.psp");
        fs::write(&path, signed(&self.launcher, &self.json, &self.slots)).expect("write");
        verify(&path, &Silent).expect("verify must report, not fail")
    }

    fn refused(&self, what: &str) -> ErrorCode {
        let report = self.verify();
        let failure = report.failure.unwrap_or_else(|| panic!("{what}: verify accepted it"));
        assert_eq!(failure.code.cli_exit(), 3, "{what}: {failure:?}");
        failure.code
    }
}

fn file(path: &str, content: &[u8]) -> Vec<u8> {
    let size = content.len() as u64;
    let member = Member { path: path.to_owned(), kind: Kind::File { size, executable: false } };
    let mut bytes = header(&member, 0).expect("header");
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len() + padding(size), 0);
    bytes
}

fn other(path: &str, kind: Kind) -> Vec<u8> {
    header(&Member { path: path.to_owned(), kind }, 0).expect("header")
}

fn link(path: &str, target: &str) -> Vec<u8> {
    other(path, Kind::Symlink { target: target.to_owned() })
}

fn frame(parts: &[&[u8]]) -> (Vec<u8>, usize) {
    let content = parts.concat();
    (zstd::bulk::compress(&content, 3).expect("compress"), content.len())
}

#[test]
fn a_signed_package_made_by_hand_verifies() {
    assert!(Parts::new().verify().ok());
    let frames = [frame(&[&file("a", b"x")]), frame(&[&file("b", b"yz"), &END_OF_ARCHIVE])];
    let report = Parts::new().with_frames(&frames, 2, 3).verify();
    assert!(report.ok(), "{report:?}");
}

#[test]
fn s14_member_lists_that_leave_the_slot_are_refused_although_they_are_signed() {
    let folder = other("d", Kind::Directory);
    let cases: [(&str, Vec<Vec<u8>>, u64); 6] = [
        ("a link upwards", vec![link("up", "..")], 1),
        ("a link through a link", vec![folder.clone(), link("d/one", "../d"), link("e", "d/one/x")], 3),
        ("a path through a link", vec![folder.clone(), link("l", "d"), file("l/x", b"1")], 3),
        ("a path that occurs twice", vec![file("x", b"1"), file("x", b"2")], 2),
        ("a file below a file", vec![file("x", b"1"), file("x/y", b"2")], 2),
        ("a link to nowhere and on", vec![link("x", "gone/../../etc")], 1),
    ];
    for (what, members, count) in cases {
        let bytes = members.iter().filter(|member| member.len() > 512).count() as u64;
        // Across two frames: the rules are about the slot, not about a frame.
        let (first, rest) = members.split_first().expect("members");
        let rest: Vec<&[u8]> = rest.iter().map(Vec::as_slice).chain([END_OF_ARCHIVE.as_slice()]).collect();
        let parts = Parts::new().with_frames(&[frame(&[first]), frame(&rest)], count, bytes);
        assert_eq!(parts.refused(what), ErrorCode::PspfMemberName, "{what}");
    }
}

#[test]
fn s11_frames_that_do_not_begin_and_end_at_member_boundaries_are_refused() {
    let member = file("a", &[b'x'; 2000]);
    let whole = [member.as_slice(), &END_OF_ARCHIVE].concat();
    let cut = [frame(&[&whole[..1024]]), frame(&[&whole[1024..]])];
    assert_eq!(Parts::new().with_frames(&cut, 1, 2000).refused("cut inside a member"), ErrorCode::PspfTar);
    let early = [frame(&[&whole]), frame(&[&file("b", b"1"), &END_OF_ARCHIVE])];
    assert_eq!(
        Parts::new().with_frames(&early, 2, 2001).refused("end before the last frame"),
        ErrorCode::PspfTar
    );
    assert_eq!(Parts::new().with_frames(&[frame(&[&member])], 1, 2000).refused("no end"), ErrorCode::PspfTar);
}

#[test]
fn s11_a_frame_table_that_lies_about_a_frame_is_refused() {
    let (stored, content) = frame(&[&file("a", b"x"), &END_OF_ARCHIVE]);
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9], stored.as_slice()].concat();
    let doubled = [stored.as_slice(), &stored].concat();
    for (what, stored, content) in [
        ("less content than stated", stored.clone(), content + 1),
        ("more content than stated", stored.clone(), content - 1),
        ("a skippable frame in front", skippable, content),
        ("two frames in one entry", doubled, 2 * content),
        ("no zstd at all", b"hello hello".to_vec(), 11),
    ] {
        assert_eq!(
            Parts::new().with_frames(&[(stored, content)], 1, 1).refused(what),
            ErrorCode::PspfFrame,
            "{what}"
        );
    }
}

#[test]
fn a_slot_that_unpacks_to_something_else_than_signed_is_refused() {
    let frames = [frame(&[&file("a", b"xy"), &END_OF_ARCHIVE])];
    for (members, bytes, code) in [
        (2, 2, ErrorCode::PspfTar),
        (1, 1, ErrorCode::PspfTar),
        (1, 3, ErrorCode::PspfTar),
        // No members but content: refused by the numbers alone, before anything is decoded.
        (0, 2, ErrorCode::PspfFrameTable),
    ] {
        let what = format!("{members} members, {bytes} bytes");
        assert_eq!(Parts::new().with_frames(&frames, members, bytes).refused(&what), code, "{what}");
    }
}

/// A package as another builder would make it: deflated JSON, no `x-flavor`, one raw slot a checksum.
fn foreign(checksums: &[(&str, &str)]) -> Vec<u8> {
    let content = b"sixteen bytes!!\n";
    let sha256 = format!("sha256:{}", hex::encode(&Sha256::digest(content)));
    let slots: Vec<Value> = checksums
        .iter()
        .enumerate()
        .map(|(position, (id, checksum))| {
            let checksum = if *checksum == "right" { &sha256 } else { *checksum };
            json!({"slot": position, "id": id, "source": "x", "target": "{workenv}/x", "size": content.len(),
                   "checksum": checksum, "operations": "raw", "purpose": "data", "lifecycle": "runtime"})
        })
        .collect();
    let json =
        json!({"format": "PSPF/2025", "package": {"name": "Foreign_One", "version": "2"}, "slots": slots,
                      "execution": {"primary_slot": 0, "command": "x"}})
        .to_string();
    let mut stored = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    stored.write_all(json.as_bytes()).expect("compress");
    let stored = stored.finish().expect("compress");
    let mut bytes = [b"launcher".as_slice(), &stored].concat();
    let slot_table_offset = bytes.len().next_multiple_of(8);
    bytes.resize(slot_table_offset, 0);
    let data = slot_table_offset + checksums.len() * 64;
    for position in 0..checksums.len() {
        let descriptor = SlotDescriptor {
            id: position as u64,
            name_hash: 0,
            offset: (data + position * content.len()) as u64,
            size: content.len() as u64,
            original_size: content.len() as u64,
            operations: 0,
            checksum: 0,
            purpose: 0,
            lifecycle: 2,
            permissions: 0o600,
        };
        bytes.extend_from_slice(&descriptor.encode());
    }
    bytes.extend_from_slice(&content.repeat(checksums.len()));
    let key = key();
    let index = IndexBlock {
        page_aligned: false,
        package_size: (bytes.len() + TRAILER_SIZE) as u64,
        launcher_size: 8,
        metadata_offset: 8,
        metadata_size: stored.len() as u64,
        slot_table_offset: slot_table_offset as u64,
        slot_count: u32::try_from(checksums.len()).expect("few"),
        public_key: key.public_key(),
        metadata_checksum: Sha256::digest(&stored).into(),
        signature: key.sign(json.as_bytes()),
    };
    [bytes.as_slice(), &START_MARKER, &index.encode(), &END_MARKER].concat()
}

#[test]
fn a_package_of_another_builder_is_checked_with_what_it_has_and_the_rest_is_named() {
    let stage = Stage::new();
    let path = stage.path("out/foreign.psp");
    fs::write(&path, foreign(&[("data", "right"), ("_attestation", "0123456789abcdef")])).expect("write");
    let report = verify(&path, &Silent).expect("verify");
    assert!(report.ok() && report.foreign, "{report:?}");
    assert_eq!(report.fingerprint, Some(hex::encode(&keys::fingerprint(&key().public_key()))));
    let details: Vec<(&str, &str)> = report
        .checks
        .iter()
        .rev()
        .take(3)
        .map(|check| (check.name.as_str(), check.detail.as_str()))
        .collect();
    let [(last, why), (attestation, unchecked), (data, checked)] = details[..] else {
        panic!("three checks")
    };
    assert_eq!((last, attestation, data), ("not checked", "slot 1 (_attestation)", "slot 0 (data)"));
    assert!(why.contains("launcher") && unchecked.starts_with("not checked"), "{details:?}");
    assert!(checked.starts_with("16 bytes as signed"), "{checked}");
    assert!(flavor_pack::inspect::inspect(&path).expect("inspect").foreign);
}

#[test]
fn s21_a_foreign_slot_that_was_changed_or_has_no_full_digest_fails() {
    let stage = Stage::new();
    let path = stage.path("out/foreign.psp");
    let wrong = format!("sha256:{}", "0".repeat(64));
    for (checksum, code) in [(wrong.as_str(), ErrorCode::PspfSlotDigest), ("", ErrorCode::PspfForeign)] {
        fs::write(&path, foreign(&[("data", checksum)])).expect("write");
        let report = verify(&path, &Silent).expect("verify");
        assert_eq!(report.failure.expect("failure").code, code);
    }
}

/// Repairs the checksums that need no key, as whoever changes a foreign package would.
fn repaired(mut bytes: Vec<u8>, metadata: std::ops::Range<usize>) -> Vec<u8> {
    let block = bytes.len() - TRAILER_SIZE + 4;
    let digest = Sha256::digest(&bytes[metadata]);
    bytes[block + 96..block + 128].copy_from_slice(&digest);
    bytes[block + 4..block + 8].fill(0);
    let adler = adler2::adler32_slice(&bytes[block..block + 8192]);
    bytes[block + 4..block + 8].copy_from_slice(&adler.to_le_bytes());
    bytes
}

#[test]
fn p1_the_bytes_of_a_foreign_package_that_are_called_covered_are_and_the_others_are_not() {
    use crate::by_hand::HandSlot;
    let stage = Stage::new();
    let path = stage.path("out/foreign.psp");
    let mut unsigned = HandSlot::new("_attestation", "raw", b"claims that nobody checks", (0, 0), 0);
    unsigned.digest = false;
    let slots = [HandSlot::new("data", "gzip", b"what is to be protected", (0, 0), 0), unsigned];
    let original = crate::by_hand::foreign(&slots);
    fs::write(&path, &original).expect("write");
    let report = flavor_pack::verify::verify_deep(&path, &Silent).expect("verify");
    assert!(report.ok(), "{report:?}");
    let size = |at: u64| usize::try_from(at).expect("small");
    assert_eq!(report.coverage.first().map(|range| range.from), Some(0));
    assert_eq!(report.coverage.last().map(|range| size(range.to)), Some(original.len()));
    assert!(report.coverage.windows(2).all(|pair| pair[0].to == pair[1].from), "{:?}", report.coverage);
    let index = IndexBlock::decode(
        original[original.len() - 8196..][..8192].try_into().expect("block"),
        0,
        original.len() as u64,
    )
    .expect("index");
    let metadata = size(index.metadata_offset)..size(index.metadata_offset + index.metadata_size);
    let mut kinds = std::collections::BTreeMap::new();
    for range in &report.coverage {
        for position in size(range.from)..size(range.to) {
            if range.what == "index block" && position % 97 != 0 {
                continue;
            }
            let mut bytes = original.clone();
            bytes[position] ^= 0xff;
            fs::write(&path, repaired(bytes, metadata.clone())).expect("write");
            let accepted = verify(&path, &Silent).expect("verify").ok();
            // Bytes that nothing vouches for may still break the file; those that something does must always.
            assert!(range.covered_by.is_none() || !accepted, "byte {position} in {}", range.what);
            *kinds.entry((range.what.as_str(), range.covered_by.is_some())).or_insert(false) |= accepted;
        }
    }
    for what in [
        "launcher",
        "gap",
        "gzip header of the metadata",
        "slot table",
        "slot 1 (_attestation)",
        "index block",
    ] {
        assert_eq!(kinds.get(&(what, false)), Some(&true), "{what}: {kinds:?}");
    }
    for what in ["metadata", "slot 0 (data)", "public key", "signature"] {
        assert_eq!(kinds.get(&(what, true)), Some(&false), "{what}: {kinds:?}");
    }
}
