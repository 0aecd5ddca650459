//! Canonical rendering (security rule S6): everything outside launcher, JSON and slots, altered without a key and with
//! every unkeyed checksum repaired; then the bytes of launcher and slots, which digests of the JSON cover (S5).

use pspf::ErrorCode;
use pspf::layout::{DESCRIPTOR_SIZE, TRAILER_SIZE, descriptor, index};
use serde_json::json;

use super::good::BASE;
use crate::alter::{altered, broken, index_base, index_number, with_field};
use crate::draft::{Draft, SlotDraft, checksum, usual_tree};
use crate::encoded::TEXT;
use crate::table::{Table, bytes, open};

pub(crate) fn add(table: &mut Table) {
    table.group("rendering");
    let base = Draft::new().bytes();
    index_fields(table, &base);
    descriptors(table, &base);
    places(table, &base);
    two_slots(table);
    permissions(table);
    content(table, &base);
}

fn index_fields(table: &mut Table, base: &[u8]) {
    let refusal = open("rendering", ErrorCode::PspfRendering);
    for (name, field, value) in [
        ("flags", 60, vec![1]),
        ("access-mode", index::ACCESS_MODE, vec![3]),
        ("cache-strategy", index::CACHE_STRATEGY, vec![0]),
        ("codec", 642, vec![1]),
        ("page-size", index::PAGE_SIZE, 16384_u32.to_le_bytes().to_vec()),
        ("max-memory", index::MAX_MEMORY, 0_u64.to_le_bytes().to_vec()),
        ("min-memory", index::MIN_MEMORY, 0_u64.to_le_bytes().to_vec()),
        ("stream-chunk-size", index::STREAM_CHUNK_SIZE, 0_u32.to_le_bytes().to_vec()),
        ("capabilities-none", index::CAPABILITIES, 0_u64.to_le_bytes().to_vec()),
        ("capabilities-page-aligned", index::CAPABILITIES, 0x83_u64.to_le_bytes().to_vec()),
        ("requirements", 840, vec![1]),
        ("compatibility", index::COMPATIBILITY, 0_u32.to_le_bytes().to_vec()),
        ("protocol-version", index::PROTOCOL_VERSION, 2_u32.to_le_bytes().to_vec()),
        ("attestation-key-zero", index::ATTESTATION_KEY, vec![0; 64]),
        ("attestation-key-other", index::ATTESTATION_KEY, vec![b'0'; 64]),
        ("attestation-sbom", 1440, vec![b'a'; 64]),
        ("attestation-policy", 1504, vec![b'a'; 64]),
        ("reserved-first", 696, vec![1]),
        ("reserved-last", 8191, vec![1]),
    ] {
        table.altered(
            &format!("index-{name}"),
            BASE,
            with_field(base, field, &value),
            refusal,
            "a field that readers do not act upon",
        );
    }
}

fn descriptors(table: &mut Table, base: &[u8]) {
    let refusal = open("rendering", ErrorCode::PspfRendering);
    let at = index_number(base, index::SLOT_TABLE_OFFSET);
    let other = |field: usize| altered(base, |bytes| bytes[at + field] ^= 1);
    for (name, field) in [
        ("id", descriptor::ID),
        ("name-hash", descriptor::NAME_HASH),
        ("offset", descriptor::OFFSET),
        ("size", descriptor::SIZE),
        ("original-size", descriptor::ORIGINAL_SIZE),
        ("operations", descriptor::OPERATIONS),
        ("checksum", descriptor::CHECKSUM),
        ("purpose", descriptor::PURPOSE),
        ("lifecycle", descriptor::LIFECYCLE),
        ("priority", descriptor::PRIORITY),
        ("platform", 59),
        ("reserved", 60),
        ("permissions", descriptor::PERMISSIONS),
    ] {
        table.altered(
            &format!("descriptor-{name}"),
            BASE,
            other(field),
            refusal,
            "one bit of the slot table",
        );
    }
}

fn places(table: &mut Table, base: &[u8]) {
    let refusal = open("rendering", ErrorCode::PspfRendering);
    let start = index_number(base, index::METADATA_OFFSET);
    let table_offset = index_number(base, index::SLOT_TABLE_OFFSET);
    let metadata_end = start + index_number(base, index::METADATA_SIZE);
    let put = |bytes: &mut Vec<u8>, field: usize, value: usize| {
        let at = index_base(bytes) + field;
        bytes[at..at + 8].copy_from_slice(&(value as u64).to_le_bytes());
    };
    let shift = |bytes: &mut Vec<u8>, table: usize, by: u64| {
        let at = table + descriptor::OFFSET;
        let old = u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        bytes[at..at + 8].copy_from_slice(&(old + by).to_le_bytes());
    };
    let end = base.len() - TRAILER_SIZE;
    let before_trailer = altered(base, |bytes| bytes.insert(end, 0));
    table.altered(
        "byte-before-trailer",
        BASE,
        before_trailer,
        refusal,
        "a zero byte between the last slot and the trailer",
    );
    let hole = altered(base, |bytes| {
        drop(bytes.splice(start..start, [0; 8]));
        put(bytes, index::METADATA_OFFSET, start + 8);
        put(bytes, index::SLOT_TABLE_OFFSET, table_offset + 8);
        shift(bytes, table_offset + 8, 8);
    });
    table.altered("hole-before-metadata", BASE, hole, refusal, "eight zero bytes behind the launcher");
    let longer = altered(base, |bytes| {
        drop(bytes.splice(start..start, [0; 8]));
        put(bytes, index::LAUNCHER_SIZE, start + 8);
        put(bytes, index::METADATA_OFFSET, start + 8);
        put(bytes, index::SLOT_TABLE_OFFSET, table_offset + 8);
        shift(bytes, table_offset + 8, 8);
    });
    table.altered(
        "launcher-longer",
        BASE,
        longer,
        refusal,
        "eight bytes more of launcher, and an index block that says so",
    );
    let shorter = altered(base, |bytes| put(bytes, index::LAUNCHER_SIZE, start - 1));
    table.altered(
        "launcher-size-less",
        BASE,
        shorter,
        refusal,
        "a launcher that ends before the metadata begins",
    );
    let gap = altered(base, |bytes| {
        drop(bytes.splice(table_offset..table_offset, [0; 8]));
        put(bytes, index::SLOT_TABLE_OFFSET, table_offset + 8);
        shift(bytes, table_offset + 8, 8);
    });
    table.altered("gap-before-table", BASE, gap, refusal, "eight zero bytes too many before the table");
    let elsewhere = altered(base, |bytes| {
        let place = end.next_multiple_of(8);
        let copy = bytes[table_offset..table_offset + DESCRIPTOR_SIZE].to_vec();
        drop(bytes.splice(end..end, std::iter::repeat_n(0, place - end).chain(copy)));
        put(bytes, index::SLOT_TABLE_OFFSET, place);
    });
    table.altered(
        "table-elsewhere",
        BASE,
        elsewhere,
        refusal,
        "a second copy of the table, and the index block leads to it",
    );
    if metadata_end < table_offset {
        let dirty = altered(base, |bytes| bytes[metadata_end] = 1);
        table.altered("gap-not-zero", BASE, dirty, refusal, "a byte between metadata and table");
    }
    let no_slots = altered(base, |bytes| {
        put(bytes, index::SLOT_TABLE_OFFSET, 0);
        put(bytes, index::SLOT_TABLE_SIZE, 0);
        let at = index_base(bytes) + index::SLOT_COUNT;
        bytes[at..at + 4].fill(0);
    });
    table.altered("table-left-out", BASE, no_slots, refusal, "an index block that knows of no slots");
}

fn two_slots(table: &mut Table) {
    let refusal = open("rendering", ErrorCode::PspfRendering);
    let second = SlotDraft::file("text", "raw", TEXT.to_vec(), TEXT.len() as u64);
    let first = SlotDraft::file("other", "raw", TEXT.iter().rev().copied().collect(), TEXT.len() as u64);
    let base = Draft::of(&[first, second, usual_tree()]).bytes();
    table.good(
        "three-slots",
        base.clone(),
        "the file that the next edits change: two raw slots of one length, and a tree",
    );
    let base_name = "rendering-three-slots";
    let at = index_number(&base, index::SLOT_TABLE_OFFSET);
    let slot = at + 3 * DESCRIPTOR_SIZE;
    let gap = slot + TEXT.len();
    table.altered(
        "gap-between-slots",
        base_name,
        altered(&base, |bytes| bytes[gap] = 1),
        refusal,
        "a byte between two slots",
    );
    let swapped = altered(&base, |bytes| {
        let (one, two) = bytes[at..at + 2 * DESCRIPTOR_SIZE].split_at_mut(DESCRIPTOR_SIZE);
        one.swap_with_slice(two);
    });
    table.altered(
        "descriptors-exchanged",
        base_name,
        swapped,
        refusal,
        "two descriptors in each other's place",
    );
    let pointing = altered(&base, |bytes| {
        let (from, to) = (at + descriptor::OFFSET, at + DESCRIPTOR_SIZE + descriptor::OFFSET);
        bytes.copy_within(from..from + 8, to);
    });
    table.altered(
        "descriptor-of-another-slot",
        base_name,
        pointing,
        refusal,
        "a descriptor that points to another slot",
    );
    let digest = bytes("slot 0", ErrorCode::PspfSlotDigest);
    let place = slot + TEXT.len().next_multiple_of(8);
    let exchanged = altered(&base, |bytes| {
        let (one, two) = bytes.split_at_mut(place);
        one[slot..slot + TEXT.len()].swap_with_slice(&mut two[..TEXT.len()]);
    });
    table.altered(
        "slots-exchanged",
        base_name,
        exchanged,
        digest,
        "two slots in each other's place, table as it was",
    );
    let unaligned = Draft::of(&[usual_tree(), usual_tree()]).flavor("/alignment", json!(4096));
    let text = unaligned.text();
    table.bad(
        "not-aligned",
        unaligned.bytes_around(&text),
        refusal,
        "the metadata asks for page boundaries, the file has multiples of 8",
    );
    let spelled = Draft::new().flavor("/launcher/size", json!(crate::draft::LAUNCHER.len() + 1));
    table.bad(
        "launcher-size-signed",
        spelled.bytes_around(&spelled.text()),
        refusal,
        "the metadata signs another length of the launcher",
    );
    let sized = Draft::new().set("/slots/0/size", json!(1));
    table.bad(
        "slot-size-signed",
        sized.bytes_around(&sized.text()),
        refusal,
        "the metadata signs another length of the slot",
    );
}

fn permissions(table: &mut Table) {
    table.group("model");
    let refusal = open("rendering", ErrorCode::PspfMetadataModel);
    for (name, text) in [
        ("above-0777", "1777"),
        ("not-octal", "0888"),
        ("empty", ""),
        ("plus", "+644"),
        ("words", "rw-r--r--"),
        ("long", "7777777777777777777777"),
    ] {
        let draft = Draft::new().set("/slots/0/permissions", json!(text));
        table.bad(
            &format!("permissions-{name}"),
            draft.bytes_around(&draft.text()),
            refusal,
            "permissions that are not octal digits up to 0777",
        );
    }
}

/// Bytes that only digests of the JSON cover.
fn content(table: &mut Table, base: &[u8]) {
    table.group("launcher");
    let refusal = bytes("launcher", ErrorCode::PspfLauncherDigest);
    let start = index_number(base, index::METADATA_OFFSET);
    table.altered(
        "first-byte",
        BASE,
        broken(base, |bytes| bytes[0] ^= 1),
        refusal,
        "the first bit of the file",
    );
    table.altered(
        "last-byte",
        BASE,
        broken(base, |bytes| bytes[start - 1] ^= 1),
        refusal,
        "the last byte of the launcher",
    );
    table.altered(
        "replaced",
        BASE,
        broken(base, |bytes| bytes[..start].fill(b'X')),
        refusal,
        "another launcher of the same length",
    );
    let signed = Draft::new().flavor("/launcher/sha256", json!("00".repeat(32)));
    table.bad("signed-digest", signed.bytes(), refusal, "the metadata signs another digest");

    table.group("slot");
    let refusal = bytes("slot 0", ErrorCode::PspfSlotDigest);
    let end = base.len() - TRAILER_SIZE;
    table.altered(
        "last-byte",
        BASE,
        broken(base, |bytes| bytes[end - 1] ^= 1),
        refusal,
        "the last byte of the slot",
    );
    let frame = Draft::new().flavor("/slots/0/frames/0/sha256", json!("00".repeat(32)));
    table.bad(
        "frame-digest",
        frame.bytes(),
        refusal,
        "the metadata signs another digest of the frame, and the right one of the slot",
    );
    let whole = Draft::new().set("/slots/0/checksum", json!(checksum(b"other")));
    table.bad(
        "whole-digest",
        whole.bytes(),
        refusal,
        "the metadata signs another digest of the slot, and the right one of the frame",
    );
    let raw = SlotDraft::file("text", "raw", TEXT.to_vec(), TEXT.len() as u64);
    let raw = Draft::slot(raw).set("/slots/0/checksum", json!(checksum(b"other")));
    table.bad("raw-digest", raw.bytes(), refusal, "another digest of a raw slot");
}
