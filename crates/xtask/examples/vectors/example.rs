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
    let at = |number: u64| usize::try_from(number).expect("small");
    let metadata = at(index.metadata_offset);
    let text = metadata + 15;
    let metadata_end = metadata + at(index.metadata_size);
    let table = at(index.slot_table_offset);
    let slot = &package.descriptors()[0];
    let (start, end) = (at(slot.offset), at(slot.offset + slot.size));
    let trailer = bytes.len() - TRAILER_SIZE;
    assert!(json.len() < 65536 && bytes[text..text + json.len()] == *json, "one stored block");

    let mut out = String::new();
    part(&mut out, "Launcher", bytes, 0, metadata, "16 bytes of filler");
    part(
        &mut out,
        "Stored metadata, up to the JSON",
        bytes,
        metadata,
        text,
        "gzip header; one stored block, final, with its length and the complement (§8)",
    );
    let length = json.len();
    // Writing into a string does not fail.
    let _ = writeln!(
        out,
        "**JSON**, {length} bytes at {text}: canonical (§5), signed, on one line without a line end.\n"
    );
    let _ = writeln!(out, "```json\n{}\n```\n", String::from_utf8_lossy(json));
    part(
        &mut out,
        "Stored metadata, behind the JSON",
        bytes,
        text + length,
        metadata_end,
        "CRC-32 and length of the JSON",
    );
    part(&mut out, "Gap", bytes, metadata_end, table, "zeros up to a multiple of 8");
    part(&mut out, "Slot table", bytes, table, start, "one descriptor (§3)");
    let field =
        |name: &str, offset: usize, value: String| format!("| {name} | {} | {value} |\n", table + offset);
    let chain = &package.metadata().slots[0].operations;
    let rows = [
        field("id", descriptor::ID, slot.id.to_string()),
        field("name_hash", descriptor::NAME_HASH, "first 8 bytes of SHA-256 of `app`".to_owned()),
        field("offset", descriptor::OFFSET, slot.offset.to_string()),
        field("size", descriptor::SIZE, slot.size.to_string()),
        field("original_size", descriptor::ORIGINAL_SIZE, slot.original_size.to_string()),
        field("operations", descriptor::OPERATIONS, format!("{:#06x}, `{chain}`", slot.operations)),
        field("checksum", descriptor::CHECKSUM, "first 8 bytes of SHA-256 of the stored bytes".to_owned()),
        field(
            "purpose, lifecycle, priority",
            descriptor::PURPOSE,
            format!("{}, {}, 1", slot.purpose, slot.lifecycle),
        ),
        field("permissions", descriptor::PERMISSIONS, format!("{:#o}", slot.permissions)),
    ];
    let _ = writeln!(out, "| field | at | value |\n|---|---:|---|\n{}", rows.concat());
    part(
        &mut out,
        "Slot 0",
        bytes,
        start,
        end,
        "one zstd frame of raw and run-length blocks; it decodes to a header, 21 bytes of content with their padding, and two zero blocks",
    );
    part(&mut out, "Trailer", bytes, trailer, bytes.len(), "marker, index block, marker (§2)");
    let base = trailer + MARKER_SIZE;
    let field = |name: &str, offset: usize, value: &str| {
        format!("| {name} | {offset} | {} | {value} |\n", base + offset)
    };
    let adler = u32::from_le_bytes(bytes[base + 4..base + 8].try_into().expect("four bytes"));
    let rows = [
        field("format_version", index::FORMAT_VERSION, "`0x20250001`"),
        field("index_checksum", index::CHECKSUM, &format!("`{adler:#010x}`")),
        field("package_size", index::PACKAGE_SIZE, &bytes.len().to_string()),
        field("launcher_size", index::LAUNCHER_SIZE, &index_number(metadata)),
        field("metadata_offset", index::METADATA_OFFSET, &index_number(metadata)),
        field("metadata_size", index::METADATA_SIZE, &index_number(metadata_end - metadata)),
        field("slot_table_offset", index::SLOT_TABLE_OFFSET, &index_number(table)),
        field("slot_table_size", index::SLOT_TABLE_SIZE, "64"),
        field("slot_count", index::SLOT_COUNT, "1"),
        field("public_key", index::PUBLIC_KEY, &format!("`{}`", hex::encode(&package.index().public_key))),
        field(
            "metadata_checksum",
            index::METADATA_CHECKSUM,
            &format!("`{}`", hex::encode(&Sha256::digest(&bytes[metadata..metadata_end]))),
        ),
        field("signature", index::SIGNATURE, &format!("`{}`", hex::encode(&package.index().signature))),
        field(
            "attestation_key_fp",
            index::ATTESTATION_KEY,
            "ASCII of the SHA-256 of public_key, as `signer.key` in the JSON",
        ),
    ];
    let _ = writeln!(
        out,
        "| field | in the block | in the file | value |\n|---|---:|---:|---|\n{}",
        rows.concat()
    );
    let digest = hex::encode(&Sha256::digest(bytes));
    let _ = writeln!(out, "The whole file has {} bytes; its SHA-256 is `{digest}`.", bytes.len());
    out
}

fn index_number(number: usize) -> String {
    number.to_string()
}

fn part(out: &mut String, name: &str, bytes: &[u8], start: usize, end: usize, note: &str) {
    if start == end {
        return;
    }
    let _ = writeln!(out, "**{name}**, bytes {start} to {}: {note}.\n", end - 1);
    let _ = writeln!(out, "```text\n{}```\n", dump(&bytes[start..end], start));
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
