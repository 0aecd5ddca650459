//! The worked example of FORMAT.md: one package, dumped region by region.

use std::fmt::Write as _;

use pspf::layout::{MARKER_SIZE, TRAILER_SIZE, descriptor, index};
use pspf::{Package, hex};
use sha2::{Digest, Sha256};

/// The section's generated part.
pub(crate) fn section(bytes: &[u8]) -> String {
    let package = Package::open(bytes).expect("the worked example opens");
    let index = package.index();
    let json = package.metadata_json();
    let metadata = at(index.metadata_offset);
    let text = metadata + 15;
    let metadata_end = metadata + at(index.metadata_size);
    let table = at(index.slot_table_offset);
    let slot = &package.descriptors()[0];
    let (start, end) = (at(slot.offset), at(slot.offset + slot.size));
    let trailer = bytes.len() - TRAILER_SIZE;
    assert!(json.len() < 65536 && bytes[text..text + json.len()] == *json, "one stored block");

    let mut out = String::new();
    let part = |out: &mut String, name: &str, start: usize, end: usize, note: &str| {
        // Writing into a string does not fail.
        let _ = writeln!(out, "**{name}**, bytes {start} to {}: {note}.\n", end - 1);
        let _ = writeln!(out, "```text\n{}```\n", dump(&bytes[start..end], start));
    };
    part(&mut out, "Launcher", 0, metadata, "16 bytes of filler");
    let note = "gzip header; one stored block, final, with its length and the complement (§8)";
    part(&mut out, "Stored metadata, up to the JSON", metadata, text, note);
    let length = json.len();
    let note = "canonical (§5), signed, on one line without a line end";
    let _ = writeln!(out, "**JSON**, {length} bytes at {text}: {note}.\n");
    let _ = writeln!(out, "```json\n{}\n```\n", String::from_utf8_lossy(json));
    let note = "CRC-32 and length of the JSON";
    part(&mut out, "Stored metadata, behind the JSON", text + length, metadata_end, note);
    if metadata_end < table {
        part(&mut out, "Gap", metadata_end, table, "zeros up to a multiple of 8");
    }
    part(&mut out, "Slot table", table, start, "one descriptor (§3)");
    let _ = writeln!(out, "{}", descriptor_rows(&package));
    let note = "one zstd frame of raw and run-length blocks; it decodes to a header, 21 bytes of content with their \
                padding, and two zero blocks";
    part(&mut out, "Slot 0", start, end, note);
    part(&mut out, "Trailer", trailer, bytes.len(), "marker, index block, marker (§2)");
    let _ = writeln!(out, "{}", index_rows(&package));
    let digest = hex::encode(&Sha256::digest(bytes));
    let _ = writeln!(out, "The whole file has {} bytes; its SHA-256 is `{digest}`.", bytes.len());
    out
}

fn at(number: u64) -> usize {
    usize::try_from(number).expect("small")
}

/// The fields of the only descriptor.
fn descriptor_rows(package: &Package<&[u8]>) -> String {
    let slot = &package.descriptors()[0];
    let chain = &package.metadata().slots[0].operations;
    let rows = [
        ("id", descriptor::ID, slot.id.to_string()),
        ("name_hash", descriptor::NAME_HASH, "first 8 bytes of SHA-256 of `app`".to_owned()),
        ("offset", descriptor::OFFSET, slot.offset.to_string()),
        ("size", descriptor::SIZE, slot.size.to_string()),
        ("original_size", descriptor::ORIGINAL_SIZE, slot.original_size.to_string()),
        ("operations", descriptor::OPERATIONS, format!("`{:#06x}`, `{chain}`", slot.operations)),
        ("checksum", descriptor::CHECKSUM, "first 8 bytes of SHA-256 of the stored bytes".to_owned()),
        ("purpose", descriptor::PURPOSE, format!("{}, code", slot.purpose)),
        ("lifecycle", descriptor::LIFECYCLE, format!("{}, runtime", slot.lifecycle)),
        ("priority", descriptor::PRIORITY, "1".to_owned()),
        ("permissions", descriptor::PERMISSIONS, format!("{}, 0755", slot.permissions)),
    ];
    rows_of(&rows, at(package.index().slot_table_offset), "descriptor")
}

/// The fields of the index block that are not the same in every package of ours, and the first.
fn index_rows(package: &Package<&[u8]>) -> String {
    let block = package.index();
    let base = package.trailer().len() - TRAILER_SIZE + MARKER_SIZE;
    let sum = &package.trailer()[base + index::CHECKSUM..][..4];
    let adler = u32::from_le_bytes(sum.try_into().expect("four bytes"));
    let digits = |bytes: &[u8]| format!("`{}`", hex::encode(bytes));
    let rows = [
        ("format_version", index::FORMAT_VERSION, "`0x20250001`".to_owned()),
        ("index_checksum", index::CHECKSUM, format!("`{adler:#010x}`")),
        ("package_size", index::PACKAGE_SIZE, block.package_size.to_string()),
        ("launcher_size", index::LAUNCHER_SIZE, block.launcher_size.to_string()),
        ("metadata_offset", index::METADATA_OFFSET, block.metadata_offset.to_string()),
        ("metadata_size", index::METADATA_SIZE, block.metadata_size.to_string()),
        ("slot_table_offset", index::SLOT_TABLE_OFFSET, block.slot_table_offset.to_string()),
        ("slot_table_size", index::SLOT_TABLE_SIZE, "64".to_owned()),
        ("slot_count", index::SLOT_COUNT, "1".to_owned()),
        ("public_key", index::PUBLIC_KEY, digits(&block.public_key)),
        ("metadata_checksum", index::METADATA_CHECKSUM, digits(&block.metadata_checksum)),
        ("signature", index::SIGNATURE, digits(&block.signature)),
        ("attestation_key_fp", index::ATTESTATION_KEY, "the SHA-256 of public_key as ASCII".to_owned()),
    ];
    rows_of(&rows, at(package.length()) - TRAILER_SIZE + MARKER_SIZE, "block")
}

fn rows_of(rows: &[(&str, usize, String)], base: usize, structure: &str) -> String {
    let mut out = format!("| field | in the {structure} | in the file | value |\n|---|---:|---:|---|\n");
    for (name, offset, value) in rows {
        let _ = writeln!(out, "| {name} | {offset} | {} | {value} |", base + offset);
    }
    out
}

/// Offset, sixteen bytes, their ASCII; `*` for full lines like the one before.
fn dump(bytes: &[u8], start: usize) -> String {
    let mut out = String::new();
    let mut before: Option<&[u8]> = None;
    let mut starred = false;
    for (number, line) in bytes.chunks(16).enumerate() {
        if before == Some(line) && (number + 1) * 16 < bytes.len() {
            if !starred {
                out.push_str("*\n");
            }
            starred = true;
            continue;
        }
        (before, starred) = (Some(line), false);
        let digits: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String = line
            .iter()
            .map(|byte| if matches!(byte, 0x20..=0x7e) { char::from(*byte) } else { '.' })
            .collect();
        let _ = writeln!(out, "{:08x}  {:<47}  |{text}|", start + number * 16, digits.join(" "));
    }
    out
}
