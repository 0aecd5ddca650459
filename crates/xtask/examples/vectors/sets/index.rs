//! The trailer and the index block: each field, each way of being wrong. None of these needs a key.

use pspf::ErrorCode;
use pspf::layout::{TRAILER_SIZE, index};

use super::good::BASE;
use crate::alter::{altered, broken, index_base, index_number, with_field};
use crate::draft::Draft;
use crate::table::{Table, open};

pub(crate) fn add(table: &mut Table) {
    let base = Draft::new().bytes();
    trailer(table, &base);
    table.group("index");
    let at = index_base(&base);
    let flip = |position: usize| broken(&base, |bytes| bytes[at + position] ^= 1);
    let checksum = open("index", ErrorCode::PspfIndexChecksum);
    table.altered(
        "checksum-zero",
        BASE,
        broken(&base, |bytes| bytes[at + 4..at + 8].fill(0)),
        checksum,
        "a stored 0 is no exemption",
    );
    table.altered("checksum-flipped", BASE, flip(index::CHECKSUM), checksum, "one bit of the Adler-32");
    table.altered(
        "byte-without-repair",
        BASE,
        flip(2000),
        checksum,
        "a byte that nobody acts upon, Adler-32 not repaired",
    );
    let version = open("index", ErrorCode::PspfFormatVersion);
    for (name, value) in [("zero", 0_u32), ("next", 0x2025_0002), ("swapped", 0x0100_2520)] {
        let bytes = with_field(&base, index::FORMAT_VERSION, &value.to_le_bytes());
        table.altered(&format!("version-{name}"), BASE, bytes, version, "another format version");
    }
    let size = open("index", ErrorCode::PspfPackageSize);
    for (name, value) in [("zero", 0), ("short", base.len() - 1), ("long", base.len() + 1)] {
        let bytes = with_field(&base, index::PACKAGE_SIZE, &(value as u64).to_le_bytes());
        table.altered(&format!("package-size-{name}"), BASE, bytes, size, "not the length of the file");
    }
    regions(table, &base);
    let limit = open("index", ErrorCode::PspfLimit);
    let count = with_field(&base, index::SLOT_COUNT, &4097_u32.to_le_bytes());
    table.altered("slot-count-4097", BASE, count, limit, "more slots than 4096");
    let count = with_field(&base, index::SLOT_COUNT, &u32::MAX.to_le_bytes());
    table.altered("slot-count-largest", BASE, count, limit, "a count from which nothing may be allocated");
    let index = open("index", ErrorCode::PspfIndex);
    let count = with_field(&base, index::SLOT_COUNT, &2_u32.to_le_bytes());
    table.altered("slot-count-two", BASE, count, index, "two slots and a table of one");
    for (name, value) in [("zero", 0_u64), ("odd", 65), ("largest", u64::MAX)] {
        let bytes = with_field(&base, index::SLOT_TABLE_SIZE, &value.to_le_bytes());
        table.altered(&format!("table-size-{name}"), BASE, bytes, index, "not 64 times the count");
    }
    for position in [192, 400, 639] {
        let bytes = with_field(&base, position, &[1]);
        table.altered(
            &format!("behind-signature-{position}"),
            BASE,
            bytes,
            index,
            "a byte behind the signature is not zero",
        );
    }
}

fn trailer(table: &mut Table, base: &[u8]) {
    table.group("trailer");
    let refusal = open("trailer", ErrorCode::PspfNotAPackage);
    let end = base.len();
    table.altered("empty-file", BASE, Vec::new(), refusal, "no bytes at all");
    table.altered("only-end-marker", BASE, base[end - 4..].to_vec(), refusal, "four bytes");
    table.altered("one-byte-short", BASE, base[..end - 1].to_vec(), refusal, "the last byte is missing");
    table.altered("one-byte-long", BASE, [base, b"\0"].concat(), refusal, "a byte behind the trailer");
    table.altered(
        "without-first-byte-of-trailer",
        BASE,
        base[end - TRAILER_SIZE + 1..].to_vec(),
        refusal,
        "shorter than a trailer",
    );
    let start = broken(base, |bytes| bytes[end - TRAILER_SIZE] ^= 1);
    table.altered("start-marker", BASE, start, refusal, "one bit of the first marker");
    let last = broken(base, |bytes| bytes[end - 1] ^= 1);
    table.altered("end-marker", BASE, last, refusal, "one bit of the last marker");
    let swapped = broken(base, |bytes| {
        bytes[end - TRAILER_SIZE..][..4].copy_from_slice(&base[end - 4..]);
        bytes[end - 4..].copy_from_slice(&base[end - TRAILER_SIZE..][..4]);
    });
    table.altered("markers-exchanged", BASE, swapped, refusal, "each marker in the place of the other");
    let within = [base, &vec![0; TRAILER_SIZE]].concat();
    table.altered("trailer-not-at-end", BASE, within, refusal, "a trailer is never searched for");
    let alone = broken(base, |bytes| drop(bytes.drain(..end - TRAILER_SIZE)));
    table.altered(
        "trailer-alone",
        BASE,
        alone,
        open("index", ErrorCode::PspfPackageSize),
        "nothing but the trailer",
    );
}

fn regions(table: &mut Table, base: &[u8]) {
    let refusal = open("index", ErrorCode::PspfRegion);
    let end = (base.len() - TRAILER_SIZE) as u64;
    let metadata = index_number(base, index::METADATA_OFFSET) as u64;
    let slots = index_number(base, index::SLOT_TABLE_OFFSET) as u64;
    for (name, field, value, note) in [
        ("launcher-size-beyond", index::LAUNCHER_SIZE, end + 1, "the launcher reaches into the trailer"),
        (
            "launcher-size-over-metadata",
            index::LAUNCHER_SIZE,
            metadata + 1,
            "the launcher overlaps the metadata",
        ),
        ("launcher-size-largest", index::LAUNCHER_SIZE, u64::MAX, "a sum that overflows"),
        ("metadata-offset-zero", index::METADATA_OFFSET, 0, "the metadata overlaps the launcher"),
        ("metadata-offset-beyond", index::METADATA_OFFSET, end, "the metadata reaches into the trailer"),
        ("metadata-offset-largest", index::METADATA_OFFSET, u64::MAX, "a sum that overflows"),
        (
            "metadata-size-over-table",
            index::METADATA_SIZE,
            slots - metadata + 1,
            "the metadata overlaps the table",
        ),
        ("metadata-size-beyond", index::METADATA_SIZE, end, "the metadata reaches into the trailer"),
        ("metadata-size-largest", index::METADATA_SIZE, u64::MAX, "a sum that overflows"),
        ("table-offset-zero", index::SLOT_TABLE_OFFSET, 0, "a table, but no place for it"),
        ("table-offset-in-metadata", index::SLOT_TABLE_OFFSET, slots - 64, "the table overlaps the metadata"),
        ("table-offset-beyond", index::SLOT_TABLE_OFFSET, end - 63, "the table reaches into the trailer"),
        ("table-offset-largest", index::SLOT_TABLE_OFFSET, u64::MAX - 8, "a sum that overflows"),
    ] {
        table.altered(name, BASE, with_field(base, field, &value.to_le_bytes()), refusal, note);
    }
    let refusal = open("metadata", ErrorCode::PspfMetadataGzip);
    let empty = altered(base, |bytes| {
        let at = index_base(bytes) + index::METADATA_SIZE;
        bytes[at..at + 8].fill(0);
    });
    table.altered("metadata-size-zero", BASE, empty, refusal, "no metadata at all");
}
