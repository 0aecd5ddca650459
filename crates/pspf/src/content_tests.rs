//! Slots of any chain as streams, in packages made here: ours, and the same bytes without what makes them ours.

use std::io::{self, Read as _, Write as _};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::codec::{Encoder, Level, error_of};
use crate::keys::SigningKey;
use crate::layout::{DESCRIPTOR_SIZE, TRAILER_SIZE, index};
use crate::metadata::canonical_json;
use crate::operations::OperationChain;
use crate::slot::{SlotDescriptor, short_digest};
use crate::tar::Profile;
use crate::{ErrorCode, Metadata, Package, hex, index_block, render, stored_gzip};

/// One slot: its chain, its stored bytes, and the parts of it that are frames.
struct Slot {
    operations: &'static str,
    stored: Vec<u8>,
    frames: Vec<(Vec<u8>, u64)>,
    bytes: u64,
}

fn slot(operations: &'static str, content: &[u8]) -> Slot {
    let chain = OperationChain::parse(operations).expect("chain");
    let bytes = content.len() as u64;
    if !chain.ends_with_zstd() {
        let stored = encode(chain.encodings(), content);
        return Slot { operations, stored, frames: Vec::new(), bytes };
    }
    let (_, before) = chain.encodings().split_last().expect("zstd");
    let stream = encode(before, content);
    let mut frames: Vec<_> = stream
        .chunks(70_000)
        .map(|part| (zstd::bulk::compress(part, 3).expect("compress"), part.len() as u64))
        .collect();
    if frames.is_empty() {
        frames.push((zstd::bulk::compress(b"", 3).expect("compress"), 0));
    }
    let stored = frames.iter().flat_map(|(stored, _)| stored.clone()).collect();
    Slot { operations, stored, frames, bytes }
}

fn encode(operations: &[crate::operations::Operation], content: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(operations, Vec::new(), Level::Fast).expect("encoder");
    encoder.write_all(content).expect("encode");
    encoder.finish().expect("finish")
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes))
}

fn document(slots: &[Slot], key: &SigningKey) -> Value {
    let entries: Vec<Value> = slots.iter().enumerate().map(|(number, slot)| json!({
        "slot": number, "id": format!("slot-{number}"), "source": "", "target": "file", "size": slot.stored.len(),
        "checksum": format!("sha256:{}", digest(&slot.stored)), "operations": slot.operations,
        "purpose": "data", "lifecycle": "runtime",
    })).collect();
    let flavor: Vec<Value> = slots
        .iter()
        .map(|slot| {
            let frames: Vec<Value> = slot
                .frames
                .iter()
                .map(|(stored, content)| json!({"stored": stored.len(), "content": content, "sha256": digest(stored)}))
                .collect();
            let mut entry = json!({"role": "data", "share": false, "unpacked": {"bytes": slot.bytes, "members": 1}});
            if !frames.is_empty() {
                entry["frames"] = frames.into();
            }
            entry
        })
        .collect();
    json!({
        "format": "PSPF/2025", "format_version": "1.0.0", "package": {"name": "demo", "version": "1"},
        "slots": entries, "execution": {"primary_slot": 0, "command": "x", "env": {}},
        "extensions": {"x-flavor": {
            "schema": 1, "target": {"os": "linux", "arch": "amd64"},
            "launcher": {"kind": "rust", "version": "1", "size": 5, "sha256": digest(b"\x7fELF\0")},
            "slots": flavor, "signer": {"key": hex::encode(&crate::keys::fingerprint(&key.public_key()))},
        }},
    })
}

fn ours(slots: &[Slot]) -> Vec<u8> {
    let key = SigningKey::from_secret(&[7; 32]);
    let json = canonical_json(&document(slots, &key));
    let metadata = Metadata::decode(&json).expect("metadata");
    let parts = render::render(&json, &metadata, key.public_key(), key.sign(&json)).expect("rendering");
    let mut file = b"\x7fELF\0".to_vec();
    let mut place = |offset: u64, bytes: &[u8]| {
        file.resize(usize::try_from(offset).expect("small"), 0);
        file.extend_from_slice(bytes);
    };
    place(parts.metadata_offset, &parts.metadata);
    place(parts.table_offset, &parts.table);
    for (offset, slot) in parts.slot_offsets.iter().zip(slots) {
        place(*offset, &slot.stored);
    }
    place(parts.trailer_offset, &parts.trailer);
    file
}

/// A package of another builder; `edit` changes each descriptor before the trailer is written.
fn foreign(
    slots: &[Slot],
    edit: impl Fn(usize, &mut SlotDescriptor),
    document: impl Fn(&mut Value),
) -> Vec<u8> {
    let key = SigningKey::from_secret(&[7; 32]);
    let mut value = self::document(slots, &key);
    value["extensions"] = json!({});
    document(&mut value);
    let json = canonical_json(&value);
    let stored = stored_gzip::render(&json);
    let mut file = b"\x7fELF\0".to_vec();
    file.extend_from_slice(&stored);
    let table = file.len();
    let mut offset = (table + slots.len() * DESCRIPTOR_SIZE) as u64;
    for (number, slot) in slots.iter().enumerate() {
        let mut descriptor = SlotDescriptor {
            id: number as u64,
            name_hash: 0,
            offset,
            size: slot.stored.len() as u64,
            original_size: 0,
            operations: OperationChain::parse(slot.operations).expect("chain").pack(),
            checksum: short_digest(&Sha256::digest(&slot.stored).into()),
            purpose: 0,
            lifecycle: 0,
            permissions: 0o644,
        };
        offset += slot.stored.len() as u64;
        edit(number, &mut descriptor);
        file.extend_from_slice(&descriptor.encode());
    }
    for slot in slots {
        file.extend_from_slice(&slot.stored);
    }
    let fields = index_block::IndexBlock {
        package_size: (file.len() + TRAILER_SIZE) as u64,
        launcher_size: 5,
        metadata_offset: 5,
        metadata_size: stored.len() as u64,
        slot_table_offset: table as u64,
        slot_count: u32::try_from(slots.len()).expect("few"),
        public_key: key.public_key(),
        metadata_checksum: Sha256::digest(&stored).into(),
        signature: key.sign(&json),
        page_aligned: false,
    };
    file.extend_from_slice(&crate::layout::START_MARKER);
    file.extend_from_slice(&fields.encode());
    file.extend_from_slice(&crate::layout::END_MARKER);
    assert_eq!(file.len() - TRAILER_SIZE + 4 + index::SIGNATURE, file.len() - 8196 + 128);
    file
}

fn content() -> Vec<u8> {
    (0..60_000_u32).flat_map(|number| (number.wrapping_mul(0x9e37_79b1) >> 16).to_le_bytes()).collect()
}

fn read_all(package: &Package<Vec<u8>>, slot: usize) -> (crate::Result<Vec<u8>>, crate::Result<bool>) {
    let (mut reader, digest) = package.slot_content(slot).expect("chain");
    let mut all = Vec::new();
    let read = reader.read_to_end(&mut all).map(|_| all).map_err(error_of);
    drop(reader);
    (read, digest.settle())
}

/// Changes a descriptor.
type Edit<'a> = &'a dyn Fn(usize, &mut SlotDescriptor);

const CHAINS: [&str; 9] =
    ["raw", "gzip", "bzip2", "xz", "zstd", "tar", "tgz", "gzip|zstd", "gzip|gzip|bzip2|xz|zstd|zstd"];

#[test]
fn slots_of_every_chain_decode_and_settle_in_packages_of_ours_and_of_others() {
    for content in [Vec::new(), content()] {
        let slots: Vec<Slot> = CHAINS.iter().map(|chain| slot(chain, &content)).collect();
        for file in [ours(&slots), foreign(&slots, |_, _| {}, |_| {})] {
            let package = Package::open(file).expect("open");
            for (number, chain) in CHAINS.iter().enumerate() {
                let (read, settled) = read_all(&package, number);
                assert_eq!(read.expect(chain), content, "{chain}");
                assert!(settled.expect(chain), "{chain}");
                let (mut reader, digest) = package.slot_reader(number);
                let mut stored = Vec::new();
                reader.read_to_end(&mut stored).expect(chain);
                assert_eq!(stored, slots[number].stored, "{chain}");
                assert!(digest.settle().expect(chain));
            }
        }
    }
}

#[test]
fn s10_what_nobody_has_asked_for_is_read_when_the_digest_is_settled() {
    let slots = [slot("raw", &content())];
    let package = Package::open(ours(&slots)).expect("open");
    let (mut reader, digest) = package.slot_reader(0);
    reader.read_exact(&mut [0; 10]).expect("read");
    assert!(digest.settle().expect("settle"));
    assert_eq!(reader.read(&mut [0; 10]).expect("read"), 0);
}

#[test]
fn s10_a_changed_byte_is_found_whether_or_not_the_slot_still_decodes() {
    let slots: Vec<Slot> = CHAINS.iter().map(|chain| slot(chain, &content())).collect();
    for file in [ours(&slots), foreign(&slots, |_, _| {}, |_| {})] {
        for (number, chain) in CHAINS.iter().enumerate() {
            let descriptor = Package::open(file.clone()).expect("open").descriptors()[number].clone();
            let mut altered = file.clone();
            altered[usize::try_from(descriptor.offset + descriptor.size / 2).expect("small")] ^= 1;
            let package = Package::open(altered).expect("open");
            let (read, settled) = read_all(&package, number);
            assert_eq!(settled.expect_err(chain).code(), ErrorCode::PspfSlotDigest, "{chain}");
            if !package.frames(number).is_empty() {
                let error = read.expect_err("a frame is compared before it is decoded");
                assert_eq!(error.code(), ErrorCode::PspfSlotDigest, "{chain}");
            }
        }
    }
}

#[test]
fn s11_frames_that_hold_more_or_less_than_they_say_are_refused() {
    for (change, code) in [(1, ErrorCode::PspfFrame), (u64::MAX, ErrorCode::PspfFrame)] {
        let mut bad = slot("zstd", &content());
        bad.frames[1].1 = bad.frames[1].1.wrapping_add(change);
        bad.bytes += 1;
        let package = Package::open(ours(&[bad])).expect("open");
        let (mut reader, _digest) = package.slot_content(0).expect("chain");
        assert_eq!(error_of(io::copy(&mut reader, &mut io::sink()).expect_err("frame")).code(), code);
        assert_eq!(error_of(reader.read(&mut [0; 9]).expect_err("still")).code(), code);
    }
}

#[test]
fn s11_the_frames_of_one_zstd_file_hold_no_more_than_the_file() {
    let mut bad = slot("zstd", &content());
    bad.bytes -= 1;
    assert_eq!(Package::open(ours(&[bad])).expect_err("frames").code(), ErrorCode::PspfFrameTable);
    // What stands between zstd and another encoding may be larger than the file.
    assert!(Package::open(ours(&[slot("gzip|zstd", b"x")])).is_ok());
}

#[test]
fn s12_a_frame_of_more_than_32_mebibytes_is_refused_before_it_is_read() {
    for (stored, content, fits) in
        [(0, 32 << 20, true), (0, (32 << 20) + 1, false), ((33 << 20) + 1, 1, false)]
    {
        let mut large = slot("zstd", b"x");
        large.stored.resize(large.stored.len().max(stored), 0);
        large.frames = vec![(large.stored.clone(), content)];
        large.bytes = 1 << 30;
        let opened = Package::open(ours(&[large]));
        assert_eq!(opened.is_ok(), fits, "{stored} {content}");
        assert!(opened.err().is_none_or(|error| error.code() == ErrorCode::PspfFrameTable));
    }
}

#[test]
fn slots_that_are_one_file_say_what_they_unpack_to() {
    let decode = |slots: &[Slot], edit: &dyn Fn(&mut Value)| {
        let mut document = document(slots, &SigningKey::from_secret(&[7; 32]));
        edit(&mut document);
        Metadata::decode(&canonical_json(&document)).map(drop).map_err(|error| error.code())
    };
    let raw = [slot("raw", b"hello")];
    let unpacked = "/extensions/x-flavor/slots/0/unpacked";
    assert_eq!(decode(&raw, &|_| {}), Ok(()));
    for (bytes, members) in [(5, 2), (5, 0), (4, 1), (6, 1)] {
        let edit = |document: &mut Value| {
            *document.pointer_mut(unpacked).expect("unpacked") = json!({"bytes": bytes, "members": members});
        };
        assert_eq!(decode(&raw, &edit), Err(ErrorCode::PspfMetadataModel), "{bytes} {members}");
    }
    // A slot that stands for the package itself stores nothing and unpacks to nothing.
    let own = |bytes: u64, members: u64| {
        move |document: &mut Value| {
            document["slots"][0]["self_ref"] = json!(true);
            *document.pointer_mut(unpacked).expect("unpacked") = json!({"bytes": bytes, "members": members});
        }
    };
    let empty = [slot("raw", b"")];
    assert_eq!(decode(&empty, &own(0, 0)), Ok(()));
    assert_eq!(decode(&empty, &own(0, 1)), Err(ErrorCode::PspfMetadataModel));
    assert_eq!(decode(&raw, &own(0, 0)), Err(ErrorCode::PspfMetadataModel));
    assert_eq!(decode(&[slot("gzip", b"")], &own(0, 0)), Err(ErrorCode::PspfMetadataModel));
}

#[test]
fn only_frames_of_ours_are_read_with_the_strict_tar_profile() {
    let slots: Vec<Slot> = CHAINS.iter().map(|chain| slot(chain, b"x")).collect();
    let package = Package::open(ours(&slots)).expect("open");
    assert!((0..CHAINS.len()).all(|slot| package.tar_profile(slot) == Profile::Tolerant));
    let trees = [slot("tar.zst", b"x")];
    assert_eq!(Package::open(ours(&trees)).expect("open").tar_profile(0), Profile::Strict);
    let other = Package::open(foreign(&trees, |_, _| {}, |_| {})).expect("open");
    assert_eq!(other.tar_profile(0), Profile::Tolerant);
}

#[test]
fn a_foreign_slot_without_a_full_digest_is_read_and_reported_as_not_compared() {
    let slots = [slot("gzip", b"hello")];
    for checksum in ["", "sha256:00", "adler32:0"] {
        let file = foreign(&slots, |_, _| {}, |document| document["slots"][0]["checksum"] = json!(checksum));
        let (read, settled) = read_all(&Package::open(file).expect("open"), 0);
        assert_eq!(read.expect("read"), b"hello");
        assert!(!settled.expect("settle"), "{checksum}");
    }
}

#[test]
fn foreign_slots_that_share_bytes_or_leave_their_region_are_refused() {
    let slots = [slot("raw", &[1; 100]), slot("raw", &[2; 100])];
    let open = |edit: &dyn Fn(usize, &mut SlotDescriptor)| Package::open(foreign(&slots, edit, |_| {}));
    let refused: [(&str, Edit<'_>); 7] = [
        ("one byte shared", &|number, slot| slot.size += u64::from(number == 0)),
        ("the same bytes", &|number, slot| slot.offset -= 100 * number as u64),
        ("one inside the other", &|number, slot| {
            if number == 1 {
                (slot.offset, slot.size) = (slot.offset - 50, 10);
            }
        }),
        ("into the trailer", &|number, slot| slot.size += number as u64),
        ("before the table", &|number, slot| slot.offset = if number == 0 { 5 } else { slot.offset }),
        ("into the table", &|number, slot| slot.offset -= u64::from(number == 0)),
        ("beyond any file", &|number, slot| slot.offset = if number == 1 { u64::MAX } else { slot.offset }),
    ];
    for (name, edit) in refused {
        assert_eq!(open(edit).expect_err(name).code(), ErrorCode::PspfRegion, "{name}");
    }
    // In any order, with gaps; an empty one anywhere.
    let swapped = |number: usize, slot: &mut SlotDescriptor| {
        slot.offset = if number == 0 { slot.offset + 100 } else { slot.offset - 100 };
    };
    assert!(open(&swapped).is_ok());
    let own = |number: usize, slot: &mut SlotDescriptor| {
        if number == 1 {
            (slot.offset, slot.size) = (0, 0);
        }
    };
    assert!(open(&own).is_ok());
    let anywhere = |number: usize, slot: &mut SlotDescriptor| {
        if number == 1 {
            (slot.offset, slot.size) = (u64::MAX, 0);
        }
    };
    let package = open(&anywhere).expect("open");
    assert_eq!(read_all(&package, 1).0.expect("read"), b"");
}
