//! P1, the tamper sweep: one byte is changed, **every unkeyed checksum is repaired** (gzip CRC, metadata SHA-256,
//! package size, descriptor checksums, Adler-32), and `verify` must still say no. Then changes that keep the signed
//! text and repair everything around it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;

use flavor_pack::progress::Silent;
use flavor_pack::verify::{Report, verify};
use pspf::ErrorCode;
use pspf::layout::{DESCRIPTOR_SIZE, INDEX_SIZE, MARKER_SIZE, TRAILER_SIZE, descriptor, index};
use sha2::{Digest as _, Sha256};

use crate::support::Stage;

fn number(bytes: &[u8], offset: usize) -> usize {
    let field: [u8; 8] = bytes[offset..offset + 8].try_into().expect("eight bytes");
    usize::try_from(u64::from_le_bytes(field)).unwrap_or(usize::MAX)
}

fn put(bytes: &mut [u8], offset: usize, value: usize) {
    bytes[offset..offset + 8].copy_from_slice(&(value as u64).to_le_bytes());
}

fn region(bytes: &[u8], start: usize, length: usize) -> Option<&[u8]> {
    bytes.get(start..start.checked_add(length)?)
}

/// Where the parts of the file lie, as its own index block and slot table say.
#[derive(Clone)]
struct Map {
    base: usize,
    launcher: usize,
    metadata: (usize, usize),
    table: usize,
    slots: Vec<(usize, usize)>,
}

impl Map {
    fn of(bytes: &[u8]) -> Self {
        let base = bytes.len() - TRAILER_SIZE + MARKER_SIZE;
        let table = number(bytes, base + index::SLOT_TABLE_OFFSET);
        let count = number(bytes, base + index::SLOT_TABLE_SIZE) / DESCRIPTOR_SIZE;
        let slot = |position: usize| {
            let at = table + position * DESCRIPTOR_SIZE;
            (number(bytes, at + descriptor::OFFSET), number(bytes, at + descriptor::SIZE))
        };
        Self {
            base,
            launcher: number(bytes, base + index::LAUNCHER_SIZE),
            metadata: (
                number(bytes, base + index::METADATA_OFFSET),
                number(bytes, base + index::METADATA_SIZE),
            ),
            table,
            slots: (0..count).map(slot).collect(),
        }
    }

    fn region_of(&self, position: usize) -> &'static str {
        let (metadata, metadata_size) = self.metadata;
        if position < self.launcher {
            return "launcher";
        }
        if position < metadata + metadata_size {
            return "metadata";
        }
        if (self.table..self.table + self.slots.len() * DESCRIPTOR_SIZE).contains(&position) {
            return "table";
        }
        if self.slots.iter().any(|(offset, size)| (*offset..offset + size).contains(&position)) {
            return "slots";
        }
        let trailer = self.base - MARKER_SIZE;
        if position < trailer {
            return "gaps";
        }
        let Some(field) = position.checked_sub(self.base).filter(|field| *field < INDEX_SIZE) else {
            return "markers";
        };
        match field {
            index::PUBLIC_KEY..index::METADATA_CHECKSUM => "public key",
            index::SIGNATURE..index::ACCESS_MODE => "signature",
            index::ATTESTATION_KEY..1568 => "attestation",
            1568.. => "reserved",
            _ => "index",
        }
    }
}

/// Repairs whatever a changer without the key can repair.
fn repair(bytes: &mut [u8]) {
    let length = bytes.len();
    let base = length - TRAILER_SIZE + MARKER_SIZE;
    put(bytes, base + index::PACKAGE_SIZE, length);
    let start = number(bytes, base + index::METADATA_OFFSET);
    let size = number(bytes, base + index::METADATA_SIZE);
    if let Some(stored) = region(bytes, start, size) {
        let crc = stored_content(stored).map(|content| crc32fast::hash(&content).to_le_bytes());
        if let Some(crc) = crc {
            bytes[start + size - 8..start + size - 4].copy_from_slice(&crc);
        }
        let digest = Sha256::digest(&bytes[start..start + size]);
        bytes[base + index::METADATA_CHECKSUM..][..32].copy_from_slice(&digest);
    }
    let table = number(bytes, base + index::SLOT_TABLE_OFFSET);
    let count = number(bytes, base + index::SLOT_TABLE_SIZE) / DESCRIPTOR_SIZE;
    for position in 0..count.min(64) {
        let at = table.saturating_add(position * DESCRIPTOR_SIZE);
        let Some(entry) = region(bytes, at, DESCRIPTOR_SIZE) else { break };
        let (offset, size) = (number(entry, descriptor::OFFSET), number(entry, descriptor::SIZE));
        if let Some(stored) = region(bytes, offset, size) {
            let digest = Sha256::digest(stored);
            bytes[at + descriptor::CHECKSUM..][..8].copy_from_slice(&digest[..8]);
        }
    }
    bytes[base + index::CHECKSUM..][..4].fill(0);
    let adler = adler2::adler32_slice(&bytes[base..base + INDEX_SIZE]);
    bytes[base + index::CHECKSUM..][..4].copy_from_slice(&adler.to_le_bytes());
}

/// Content of stored deflate blocks, if the bytes still look like them.
fn stored_content(stored: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let mut rest = stored.get(10..stored.len().checked_sub(8)?)?;
    while !rest.is_empty() {
        let length = usize::from(u16::from_le_bytes([*rest.get(1)?, *rest.get(2)?]));
        content.extend_from_slice(rest.get(5..5 + length)?);
        rest = &rest[5 + length..];
    }
    Some(content)
}

struct Sweep {
    _stage: Stage,
    original: Vec<u8>,
    map: Map,
    path: std::path::PathBuf,
}

impl Sweep {
    fn new() -> Self {
        let stage = Stage::new();
        let (_, original) = stage.assembled();
        assert!(original.len() < 200 * 1024, "{} bytes", original.len());
        let map = Map::of(&original);
        let path = stage.path("out/changed.psp");
        Self { _stage: stage, original, map, path }
    }

    fn verify(&self, bytes: &[u8]) -> Report {
        fs::write(&self.path, bytes).expect("write");
        verify(&self.path, &Silent).expect("verify must report, not fail")
    }

    fn refuses(&self, what: &str, bytes: &[u8]) -> ErrorCode {
        assert!(bytes != self.original, "{what}: nothing was changed");
        let report = self.verify(bytes);
        assert!(!report.ok(), "{what}: verify accepted a changed package");
        let failure = report.failure.expect("failure");
        assert_eq!(failure.code.cli_exit(), 3, "{what}: {failure:?}");
        failure.code
    }

    /// The file with another stored form of the same signed JSON, every offset moved along.
    fn with_stored_metadata(&self, stored: &[u8]) -> Vec<u8> {
        let (start, _) = self.map.metadata;
        let mut bytes = self.original[..start].to_vec();
        bytes.extend_from_slice(stored);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let table = bytes.len();
        let shift = |offset: usize| offset + table - self.map.table;
        bytes.extend_from_slice(&self.original[self.map.table..]);
        for position in 0..self.map.slots.len() {
            let at = table + position * DESCRIPTOR_SIZE + descriptor::OFFSET;
            put(&mut bytes, at, shift(self.map.slots[position].0));
        }
        let base = bytes.len() - TRAILER_SIZE + MARKER_SIZE;
        put(&mut bytes, base + index::METADATA_SIZE, stored.len());
        put(&mut bytes, base + index::SLOT_TABLE_OFFSET, table);
        repair(&mut bytes);
        bytes
    }

    fn stored_metadata(&self) -> &[u8] {
        &self.original[self.map.metadata.0..][..self.map.metadata.1]
    }

    fn json(&self) -> Vec<u8> {
        stored_content(self.stored_metadata()).expect("stored blocks")
    }
}

#[test]
fn p1_any_changed_byte_is_refused_although_every_unkeyed_checksum_is_repaired() {
    let sweep = Sweep::new();
    assert!(sweep.verify(&sweep.original).ok());
    let mut repaired = sweep.original.clone();
    repair(&mut repaired);
    assert!(repaired == sweep.original, "the repair changes an intact package");

    // Every byte of small regions, evenly spaced bytes of large ones.
    let mut regions: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for position in 0..sweep.original.len() {
        regions.entry(sweep.map.region_of(position)).or_default().push(position);
    }
    let mut tried: BTreeMap<&str, usize> = BTreeMap::new();
    for (region, positions) in &regions {
        let step = positions.len().div_ceil(110);
        for (turn, position) in positions.iter().step_by(step).enumerate() {
            let mut bytes = sweep.original.clone();
            bytes[*position] ^= [0x01, 0x80, 0xff, 0x10][turn % 4];
            let flipped = bytes.clone();
            repair(&mut bytes);
            // A byte of an unkeyed checksum is restored by the repair; there the flip itself must be refused.
            let bytes = if bytes == sweep.original { flipped } else { bytes };
            sweep.refuses(&format!("byte {position} in {region}"), &bytes);
            *tried.entry(region).or_default() += 1;
        }
    }
    let total: usize = tried.values().sum();
    println!("tamper sweep: {total} positions of {} bytes: {tried:?}", sweep.original.len());
    assert!(total >= 500, "{total}");
    for region in [
        "launcher",
        "metadata",
        "gaps",
        "table",
        "slots",
        "markers",
        "index",
        "public key",
        "signature",
        "attestation",
        "reserved",
    ] {
        assert!(tried.contains_key(region), "{region}");
    }
}

#[test]
fn p1_s6_the_same_json_in_another_stored_form_is_refused() {
    let sweep = Sweep::new();
    let json = sweep.json();
    assert!(
        sweep.with_stored_metadata(sweep.stored_metadata()) == sweep.original,
        "the rebuild is not faithful"
    );

    let mut deflated = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    deflated.write_all(&json).expect("compress");
    let deflated = deflated.finish().expect("compress");
    let mut extra = sweep.stored_metadata().to_vec();
    extra[3] = 4;
    extra.splice(10..10, [4, 0, b'x', b'f', 0, 0]);
    let mut dated = sweep.stored_metadata().to_vec();
    dated[4] = 1;
    let mut empty = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    empty.write_all(b"").expect("compress");
    let twice = [sweep.stored_metadata(), &empty.finish().expect("compress")].concat();
    let trailing = [sweep.stored_metadata(), b"\0"].concat();
    let mut split = sweep.stored_metadata()[..10].to_vec();
    for (last, block) in [(0, &json[..9]), (1, &json[9..])] {
        let length = u16::try_from(block.len()).expect("short");
        split.push(last);
        split.extend_from_slice(&length.to_le_bytes());
        split.extend_from_slice(&(!length).to_le_bytes());
        split.extend_from_slice(block);
    }
    split.extend_from_slice(&sweep.stored_metadata()[sweep.map.metadata.1 - 8..]);
    for (what, stored) in [
        ("recompressed JSON", deflated),
        ("gzip extra field", extra),
        ("gzip time", dated),
        ("second gzip member", twice),
        ("byte behind the gzip member", trailing),
        ("other stored blocks", split),
    ] {
        let code = sweep.refuses(what, &sweep.with_stored_metadata(&stored));
        assert!(matches!(code, ErrorCode::PspfRendering | ErrorCode::PspfMetadataGzip), "{what}: {code:?}");
    }
}

#[test]
fn p1_s6_everything_outside_the_json_is_what_the_signature_determines() {
    let sweep = Sweep::new();
    let change = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = sweep.original.clone();
        edit(&mut bytes);
        repair(&mut bytes);
        bytes
    };
    let map = &sweep.map;
    let attestation = map.base + index::ATTESTATION_KEY;
    let gap = (0..sweep.original.len()).find(|position| map.region_of(*position) == "gaps").expect("a gap");
    let second = map.table + DESCRIPTOR_SIZE;
    let trailer = sweep.original.len() - TRAILER_SIZE;
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("zeroed attestation fields", change(&|bytes| bytes[attestation..][..192].fill(0))),
        ("attestation of an SBOM", change(&|bytes| bytes[attestation + 64..][..64].fill(b'a'))),
        ("non-zero gap", change(&|bytes| bytes[gap] = 1)),
        ("byte before the trailer", change(&|bytes| bytes.insert(trailer, 0))),
        (
            "two descriptors exchanged",
            change(&|bytes| {
                let (one, two) = bytes[map.table..][..2 * DESCRIPTOR_SIZE].split_at_mut(DESCRIPTOR_SIZE);
                one.swap_with_slice(two);
            }),
        ),
        (
            "descriptor pointing to another slot",
            change(&|bytes| {
                put(bytes, map.table + descriptor::OFFSET, map.slots[1].0);
                put(bytes, map.table + descriptor::SIZE, map.slots[1].1);
            }),
        ),
        ("other operations", change(&|bytes| put(bytes, second + descriptor::OPERATIONS, 0))),
        (
            "table pointing elsewhere",
            change(&|bytes| {
                let table = bytes[map.table..][..map.slots.len() * DESCRIPTOR_SIZE].to_vec();
                let place = trailer.next_multiple_of(8);
                let padding = place - trailer;
                bytes.splice(trailer..trailer, std::iter::repeat_n(0, padding).chain(table));
                let base = bytes.len() - TRAILER_SIZE + MARKER_SIZE;
                put(bytes, base + index::SLOT_TABLE_OFFSET, place);
            }),
        ),
    ];
    for (what, bytes) in cases {
        assert_eq!(sweep.refuses(what, &bytes), ErrorCode::PspfRendering, "{what}");
    }
    let appended = [sweep.original.as_slice(), b"\0"].concat();
    assert_eq!(sweep.refuses("appended byte", &appended), ErrorCode::PspfNotAPackage);
    for length in [0, 1, 100, sweep.original.len() / 2, sweep.original.len() - 1] {
        sweep.refuses(&format!("cut to {length} bytes"), &sweep.original[..length]);
    }
}

#[test]
fn p1_swapped_slots_are_refused() {
    let sweep = Sweep::new();
    let mut bytes = sweep.original.clone();
    let [(one, one_size), (_, two_size), ..] = sweep.map.slots[..] else { panic!("three slots") };
    let (two, _) = sweep.map.slots[1];
    let first = sweep.original[one..][..one_size].to_vec();
    let second = sweep.original[two..][..two_size].to_vec();
    let place = (one + two_size).next_multiple_of(8);
    bytes[one..two + two_size].fill(0);
    bytes[one..][..two_size].copy_from_slice(&second);
    bytes[place..][..one_size.min(two + two_size - place)]
        .copy_from_slice(&first[..one_size.min(two + two_size - place)]);
    for (position, (offset, size)) in [(one, two_size), (place, one_size)].into_iter().enumerate() {
        let at = sweep.map.table + position * DESCRIPTOR_SIZE;
        put(&mut bytes, at + descriptor::OFFSET, offset);
        put(&mut bytes, at + descriptor::SIZE, size);
    }
    repair(&mut bytes);
    assert_eq!(sweep.refuses("slots and descriptors swapped", &bytes), ErrorCode::PspfRendering);

    // The same without touching the table: only the slots' digests can tell.
    let mut bytes = sweep.original.clone();
    let middle = one + one_size / 2;
    bytes[one..=middle].reverse();
    repair(&mut bytes);
    assert_eq!(sweep.refuses("slot rearranged", &bytes), ErrorCode::PspfRendering);
}

#[test]
fn a_package_signed_by_another_key_over_the_same_text_is_refused() {
    let sweep = Sweep::new();
    let key = pspf::keys::SigningKey::from_secret(&[7; 32]);
    let mut bytes = sweep.original.clone();
    let base = sweep.map.base;
    bytes[base + index::PUBLIC_KEY..][..32].copy_from_slice(&key.public_key());
    bytes[base + index::SIGNATURE..][..64].copy_from_slice(&key.sign(&sweep.json()));
    let fingerprint = pspf::hex::encode(&pspf::keys::fingerprint(&key.public_key()));
    bytes[base + index::ATTESTATION_KEY..][..64].copy_from_slice(fingerprint.as_bytes());
    repair(&mut bytes);
    assert_eq!(sweep.refuses("S5 another signer", &bytes), ErrorCode::PspfSignerKey);
}

#[test]
fn an_unrepaired_change_is_named_by_the_check_that_finds_it_and_the_other_slots_are_still_checked() {
    let sweep = Sweep::new();
    let (offset, size) = sweep.map.slots[1];
    for (position, name, code) in [
        (10, "launcher", ErrorCode::PspfLauncherDigest),
        (offset + size / 2, "slot 1 (dependencies)", ErrorCode::PspfSlotDigest),
    ] {
        let mut bytes = sweep.original.clone();
        bytes[position] ^= 1;
        let report = sweep.verify(&bytes);
        let failed: Vec<&str> =
            report.checks.iter().filter(|check| !check.ok).map(|check| check.name.as_str()).collect();
        assert_eq!(failed, [name]);
        assert_eq!(report.checks.last().map(|check| check.name.as_str()), Some("slot 2 (application)"));
        assert_eq!(report.failure.expect("failure").code, code);
    }
}
