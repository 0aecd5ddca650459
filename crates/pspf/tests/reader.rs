//! The reader against small packages made here: ours, hostile variants of ours, and the worked example of the
//! original's format, byte for byte.

use pspf::layout::{self, DESCRIPTOR_SIZE, TRAILER_SIZE, index};
use pspf::metadata::canonical_json;
use pspf::tar::{DEFAULT_MTIME, END_OF_ARCHIVE, Kind, Member, header};
use pspf::{Error, ErrorCode, Metadata, Package, index_block, keys::SigningKey, render, stored_gzip};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const LAUNCHER: &[u8] = b"\x7fELF not a real launcher, only bytes that the signature covers";

fn hex(bytes: &[u8]) -> String {
    pspf::hex::encode(bytes)
}

fn slot_bytes() -> (Vec<u8>, Vec<u8>) {
    let member = Member { path: "hello.txt".into(), kind: Kind::File { size: 5, executable: false } };
    let mut tar = header(&member, DEFAULT_MTIME).expect("header");
    tar.extend_from_slice(b"hello");
    tar.resize(1024, 0);
    tar.extend_from_slice(&END_OF_ARCHIVE);
    (zstd::bulk::compress(&tar, 3).expect("compress"), tar)
}

fn document(key: &SigningKey) -> Value {
    let (stored, tar) = slot_bytes();
    let digest = hex(&Sha256::digest(&stored));
    json!({
        "format": "PSPF/2025", "format_version": "1.0.0",
        "package": {"name": "hello", "version": "1.0"},
        "slots": [{"slot": 0, "id": "app", "source": "app", "target": "{workenv}", "size": stored.len(),
            "checksum": format!("sha256:{digest}"), "operations": "tar.zst", "purpose": "code", "lifecycle": "runtime",
            "permissions": "0755"}],
        "execution": {"primary_slot": 0, "command": "hello", "env": {}, "environment": {}},
        "extensions": {"x-flavor": {
            "schema": 1,
            "target": {"os": "linux", "arch": "amd64", "libc": "gnu"},
            "launcher": {"kind": "rust", "version": "0.1.0", "size": LAUNCHER.len(), "sha256": hex(&Sha256::digest(LAUNCHER))},
            "slots": [{"role": "application", "share": false, "unpacked": {"bytes": 5, "members": 1},
                "frames": [{"stored": stored.len(), "content": tar.len(), "sha256": digest}]}],
            "workenv": {"unpack": [{"slot": 0, "into": "app"}], "links": [], "files": [], "path": []},
            "commands": {"hello": {"argv": ["{workenv}/app/hello"]}},
            "default": "hello",
            "signer": {"key": hex(&pspf::keys::fingerprint(&key.public_key()))},
        }},
    })
}

fn key() -> SigningKey {
    SigningKey::from_secret(&[7; 32])
}

/// A package whose signed JSON is `json`, rendered as it should be where the metadata can be decoded.
fn package(json: &[u8]) -> Vec<u8> {
    let key = key();
    let metadata = Metadata::decode(json).expect("metadata");
    let parts = render::render(json, &metadata, key.public_key(), key.sign(json)).expect("rendering");
    let mut file = LAUNCHER.to_vec();
    file.extend_from_slice(&parts.metadata);
    file.resize(usize::try_from(parts.table_offset).expect("small"), 0);
    file.extend_from_slice(&parts.table);
    file.resize(usize::try_from(parts.slot_offsets[0]).expect("small"), 0);
    file.extend_from_slice(&slot_bytes().0);
    file.extend_from_slice(&parts.trailer);
    file
}

fn ours() -> Vec<u8> {
    package(&canonical_json(&document(&key())))
}

fn check_all(file: &[u8]) -> Result<(), Error> {
    let package = Package::open(file.to_vec())?;
    package.verify_launcher()?;
    for slot in 0..package.descriptors().len() {
        package.verify_slot(slot)?;
    }
    Ok(())
}

/// Repairs every checksum that needs no key, as whoever alters a file would.
fn repair(file: &mut [u8]) {
    let length = file.len();
    if length < TRAILER_SIZE {
        return;
    }
    let base = length - TRAILER_SIZE + 4;
    let number = |file: &[u8], field: usize| {
        usize::try_from(u64::from_le_bytes(
            file[base + field..base + field + 8].try_into().expect("eight bytes"),
        ))
        .unwrap_or(usize::MAX)
    };
    file[base + index::PACKAGE_SIZE..base + index::PACKAGE_SIZE + 8]
        .copy_from_slice(&(length as u64).to_le_bytes());
    let (start, size) = (number(file, index::METADATA_OFFSET), number(file, index::METADATA_SIZE));
    if let Some(stored) = start.checked_add(size).and_then(|end| file.get(start..end)) {
        let digest = Sha256::digest(stored);
        file[base + index::METADATA_CHECKSUM..base + index::METADATA_CHECKSUM + 32].copy_from_slice(&digest);
    }
    let block: [u8; layout::INDEX_SIZE] =
        file[base..base + layout::INDEX_SIZE].try_into().expect("an index block");
    let adler = index_block::checksum(&block);
    file[base + index::CHECKSUM..base + index::CHECKSUM + 4].copy_from_slice(&adler.to_le_bytes());
}

#[test]
fn a_package_of_ours_opens_and_every_byte_of_it_checks() {
    let file = ours();
    check_all(&file).expect("a good package");
    let package = Package::open(file).expect("open");
    assert!(!package.is_foreign());
    let mut stored = Vec::new();
    package.read_frame(0, 0, &mut stored).expect("frame");
    assert_eq!(stored, slot_bytes().0);
}

#[test]
fn p1_no_byte_can_change_even_when_all_unkeyed_checksums_are_repaired() {
    let file = ours();
    let mut tried = 0;
    let trailer = file.len() - TRAILER_SIZE;
    for position in 0..file.len() {
        // Behind the fields, the index block is zeros: every 17th of them is enough.
        if position > trailer + 1700 && position < file.len() - 8 && position % 17 != 0 {
            continue;
        }
        let mut altered = file.clone();
        altered[position] ^= 0x55;
        repair(&mut altered);
        if altered == file {
            // The repair undid it: the byte is one of the checksums.
            continue;
        }
        tried += 1;
        assert!(check_all(&altered).is_err(), "byte {position} changed unnoticed");
    }
    assert!(tried > 2000, "{tried} positions");
}

#[test]
fn every_truncation_and_every_appended_byte_is_refused() {
    let file = ours();
    for length in (0..file.len()).step_by(13) {
        assert!(check_all(&file[..length]).is_err(), "{length}");
    }
    for byte in [0, 0x84] {
        let mut longer = file.clone();
        longer.push(byte);
        repair(&mut longer);
        let error = check_all(&longer).expect_err("must be refused");
        assert_eq!(error.code(), ErrorCode::PspfNotAPackage);
    }
}

#[test]
fn s6_other_framings_of_the_same_metadata_are_refused() {
    use std::io::Write as _;
    let json = canonical_json(&document(&key()));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&json).expect("compress");
    let deflated = encoder.finish().expect("finish");
    let mut extra = stored_gzip::render(&json);
    extra[3] = 4;
    extra.splice(10..10, [1, 0, 0]);
    let mut twice = stored_gzip::render(&json);
    twice.extend(stored_gzip::render(b""));
    for (name, stored) in [("deflated", deflated), ("extra field", extra), ("second member", twice)] {
        let file = with_stored_metadata(&stored);
        let error = check_all(&file).expect_err(name);
        assert!(
            matches!(error.code(), ErrorCode::PspfRendering | ErrorCode::PspfMetadataGzip),
            "{name}: {error}"
        );
    }
}

/// Our package with other stored metadata, everything behind it moved and every offset put right.
fn with_stored_metadata(stored: &[u8]) -> Vec<u8> {
    let key = key();
    let json = canonical_json(&document(&key));
    let metadata = Metadata::decode(&json).expect("metadata");
    let parts = render::render(&json, &metadata, key.public_key(), key.sign(&json)).expect("rendering");
    let mut file = LAUNCHER.to_vec();
    file.extend_from_slice(stored);
    file.resize(file.len().next_multiple_of(8), 0);
    let table_offset = file.len();
    let mut table = parts.table.clone();
    let slot_offset = (table_offset + DESCRIPTOR_SIZE) as u64;
    table[16..24].copy_from_slice(&slot_offset.to_le_bytes());
    file.extend_from_slice(&table);
    file.extend_from_slice(&slot_bytes().0);
    let mut trailer = parts.trailer.clone();
    trailer[4 + index::METADATA_SIZE..4 + index::METADATA_SIZE + 8]
        .copy_from_slice(&(stored.len() as u64).to_le_bytes());
    trailer[4 + index::SLOT_TABLE_OFFSET..4 + index::SLOT_TABLE_OFFSET + 8]
        .copy_from_slice(&(table_offset as u64).to_le_bytes());
    file.extend_from_slice(&trailer);
    repair(&mut file);
    file
}

#[test]
fn s5_a_key_other_than_the_one_that_the_metadata_names_is_refused() {
    let mut document = document(&key());
    document["extensions"]["x-flavor"]["signer"]["key"] = json!("00".repeat(32));
    let error = check_all(&package(&canonical_json(&document))).expect_err("must be refused");
    assert_eq!(error.code(), ErrorCode::PspfSignerKey);
}

#[test]
fn s11_a_frame_table_that_does_not_cover_its_slot_exactly_is_refused() {
    let (stored, tar) = slot_bytes();
    let frame = |stored: usize, content: usize| json!({"stored": stored, "content": content, "sha256": "00".repeat(32)});
    let good = (stored.len(), tar.len());
    for (name, frames) in [
        ("none", json!([])),
        ("short", json!([frame(good.0 - 1, good.1)])),
        ("long", json!([frame(good.0 + 1, good.1)])),
        ("empty frame", json!([frame(good.0, good.1), frame(0, 0)])),
        ("too much content", json!([frame(good.0, 1 << 40)])),
    ] {
        let mut document = document(&key());
        document["extensions"]["x-flavor"]["slots"][0]["frames"] = frames;
        let error = check_all(&package(&canonical_json(&document))).expect_err(name);
        assert_eq!(error.code(), ErrorCode::PspfFrameTable, "{name}: {error}");
    }
}

#[test]
fn documents_that_contradict_themselves_are_refused() {
    let cases: [(&str, &str, Value); 9] = [
        ("/format", "another format", json!("PSPF/2024")),
        ("/slots/0/slot", "a slot number that is not the position", json!(1)),
        ("/slots/0/checksum", "a short digest", json!("sha256:00")),
        ("/package/name", "a name that is no name", json!("Hello_World")),
        ("/extensions/x-flavor/schema", "an unknown schema", json!(2)),
        ("/extensions/x-flavor/default", "an unknown default command", json!("other")),
        ("/extensions/x-flavor/commands/hello/argv", "an empty command", json!([])),
        ("/extensions/x-flavor/workenv/unpack/0/slot", "a slot that does not exist", json!(1)),
        ("/extensions/x-flavor/slots", "too few slots", json!([])),
    ];
    for (place, name, value) in cases {
        let mut document = document(&key());
        *document.pointer_mut(place).expect(place) = value;
        let error = Metadata::decode(&canonical_json(&document)).expect_err(name);
        assert_eq!(error.code(), ErrorCode::PspfMetadataModel, "{name}");
    }
}

/// The worked example of the reference, made by the original: a foreign package of 8695 bytes.
fn worked_example() -> Vec<u8> {
    let slot = b"#!/bin/sh\necho \"hello from slot 0: $*\"\n";
    let stored: Vec<u8> = EXAMPLE_METADATA
        .as_bytes()
        .chunks_exact(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex"))
        .collect();
    let mut file = b"\x7fELF".to_vec();
    file.resize(100, 0);
    file.extend_from_slice(&stored);
    let descriptor = pspf::SlotDescriptor {
        id: 0,
        name_hash: pspf::slot::name_hash("app"),
        offset: 456,
        size: 39,
        original_size: 39,
        operations: 0,
        checksum: pspf::slot::short_digest(&Sha256::digest(slot).into()),
        purpose: 0,
        lifecycle: 2,
        permissions: 0o755,
    };
    let mut table = descriptor.encode();
    table[58] = 128;
    file.extend_from_slice(&table);
    file.extend_from_slice(slot);
    let key = SigningKey::from_secret(&Sha256::digest(b"example-seed").into());
    let json = stored_gzip::expand(&stored, 0).expect("metadata");
    let mut trailer = vec![0; TRAILER_SIZE];
    trailer[..4].copy_from_slice(&layout::START_MARKER);
    trailer[TRAILER_SIZE - 4..].copy_from_slice(&layout::END_MARKER);
    for (field, bytes) in [
        (index::FORMAT_VERSION, &layout::FORMAT_VERSION.to_le_bytes()[..]),
        (index::LAUNCHER_SIZE, &100_u64.to_le_bytes()),
        (index::METADATA_OFFSET, &100_u64.to_le_bytes()),
        (index::METADATA_SIZE, &292_u64.to_le_bytes()),
        (index::SLOT_TABLE_OFFSET, &392_u64.to_le_bytes()),
        (index::SLOT_TABLE_SIZE, &64_u64.to_le_bytes()),
        (index::SLOT_COUNT, &1_u32.to_le_bytes()),
        (index::PUBLIC_KEY, &key.public_key()),
        (index::SIGNATURE, &key.sign(&json)),
    ] {
        trailer[4 + field..4 + field + bytes.len()].copy_from_slice(bytes);
    }
    file.extend_from_slice(&trailer);
    repair(&mut file);
    file
}

const EXAMPLE_METADATA: &str = concat!(
    "1f8b08000000000002035550c96e833010fd956ace2898c56c1fd073a41eab2a1a8c095630b66c939422febd438aaaf6349eb7c8efcd0abd711a0334707e3bbfc6294b39440778b94b",
    "e79599884c4eecc488b0286e7895d0ac30a1a609831c4743cc3f2d6c11f8d1040fcdfbfa7c41c322501dd1682dc9bd999d903febc90f8404745719fe225e7d9122ab23108314373f6b",
    "62fd80292f9ab4cef334c756247525baa2486a4c78c544c73396760967655e6095492ceba2aa05f66d2bbb52943ccf7aded2cf11182b1d06ca4c29c1e163af373b6bfc1ecbe2321aec",
    "081b552fc522c61d75f31494decde4d5cafbc3cd4ace61fb88407e4a3187e71d56b04e6974cbe5b7bf305ae3b41f216ed514fbe1657d187793d37d8b8fd6dbf60d107e5d4e93010000"
);

#[test]
fn the_worked_example_of_the_original_is_read_as_a_foreign_package() {
    let file = worked_example();
    assert_eq!(file.len(), 8695);
    let package = Package::open(file).expect("open");
    assert!(package.is_foreign());
    assert_eq!(package.metadata().package.name, "hello");
    assert_eq!(
        hex(&package.index().public_key),
        "1768d5254a2f84d5c4ff1c7266f1cae00edd63364beb4ef8225b40ff6f1512f2"
    );
    assert!(hex(&package.index().signature).starts_with("dfd16ef43c28e8c7729a2e32d3c24061"));
    package.verify_slot(0).expect("slot");
    assert_eq!(package.verify_launcher().expect_err("no digest").code(), ErrorCode::PspfForeign);
}

#[test]
fn a_foreign_table_that_leaves_the_file_is_refused() {
    let file = worked_example();
    for (field, value) in [(16, 9000_u64), (24, u64::MAX), (24, 9000), (40, 0x02)] {
        let mut altered = file.clone();
        altered[392 + field..392 + field + 8].copy_from_slice(&value.to_le_bytes());
        assert!(Package::open(altered).is_err(), "{field} {value}");
    }
}

#[test]
fn each_step_of_opening_is_recorded_and_the_last_one_is_the_one_that_failed() {
    let (checks, result) = Package::open_with_checks(ours());
    result.expect("open");
    let names: Vec<_> = checks.iter().map(|check| check.name).collect();
    assert_eq!(names, ["trailer", "index", "metadata", "signature", "json", "signer-key", "rendering"]);
    assert!(checks.iter().all(|check| check.ok));

    let mut altered = ours();
    altered[LAUNCHER.len() + 40] ^= 1;
    let (checks, result) = Package::open_with_checks(altered);
    assert_eq!(result.expect_err("damaged").code(), ErrorCode::PspfMetadataChecksum);
    let last = checks.last().expect("a check");
    assert_eq!((last.name, last.ok), ("metadata", false));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..9000)) {
        let _ = check_all(&bytes);
    }

    #[test]
    fn no_changes_of_a_package_make_the_reader_panic(
        changes in proptest::collection::vec((0_usize..10_000, proptest::num::u8::ANY), 1..20),
        foreign in proptest::bool::ANY,
    ) {
        let mut file = if foreign { worked_example() } else { ours() };
        for (position, byte) in changes {
            let length = file.len();
            file[position % length] = byte;
        }
        repair(&mut file);
        let _ = check_all(&file);
    }
}
