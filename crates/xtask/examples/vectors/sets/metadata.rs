//! The stored metadata: its digest, and every other framing of the same signed text (security rule S6).

use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use pspf::ErrorCode;
use pspf::layout::{DESCRIPTOR_SIZE, descriptor, index};
use pspf::stored_gzip;

use super::good::BASE;
use crate::alter::{altered, broken, index_base, index_number, with_field};
use crate::draft::Draft;
use crate::table::{Table, open};

pub(crate) fn add(table: &mut Table) {
    table.group("metadata");
    let base = Draft::new().bytes();
    let start = index_number(&base, index::METADATA_OFFSET);
    let size = index_number(&base, index::METADATA_SIZE);
    let checksum = open("metadata", ErrorCode::PspfMetadataChecksum);
    let flipped = broken(&base, |bytes| bytes[start + 40] ^= 1);
    table.altered("byte-without-repair", BASE, flipped, checksum, "a byte of the JSON, digest not repaired");
    let digest = with_field(&base, index::METADATA_CHECKSUM, &[0; 32]);
    table.altered("checksum-zero", BASE, digest, checksum, "zeros are no exemption");
    let shorter = with_field(&base, index::METADATA_SIZE, &(size as u64 - 1).to_le_bytes());
    table.altered("one-byte-less", BASE, shorter, checksum, "the last byte is not part of it");
    let json = Draft::new().text();
    framings(table, &base, &json);
    broken_members(table, &base, &json);
}

/// What decodes to the signed text, but is not its canonical rendering.
fn framings(table: &mut Table, base: &[u8], json: &[u8]) {
    let member = stored_gzip::render(json);
    let (body, end) = (&member[10..member.len() - 8], &member[member.len() - 8..]);
    let with_header = |header: &[u8]| [header, body, end].concat();
    let mut split = member[..10].to_vec();
    for (last, block) in [(0, &json[..9]), (1, &json[9..])] {
        split.extend_from_slice(&stored_block(last, block));
    }
    split.extend_from_slice(end);
    let mut trailing_block = member[..10].to_vec();
    trailing_block.extend_from_slice(&stored_block(0, json));
    trailing_block.extend_from_slice(&stored_block(1, b""));
    trailing_block.extend_from_slice(end);
    for (name, stored, note) in [
        ("deflated", deflated(json, GzBuilder::new()), "deflated instead of stored"),
        ("gzip-time", with_header(&[0x1f, 0x8b, 8, 0, 1, 0, 0, 0, 0, 0xff]), "a time in the gzip header"),
        ("gzip-system", with_header(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), "Unix as operating system"),
        ("gzip-extra-flags", with_header(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff]), "XFL is 2"),
        ("gzip-text-flag", with_header(&[0x1f, 0x8b, 8, 1, 0, 0, 0, 0, 0, 0xff]), "the flag FTEXT"),
        (
            "gzip-extra-field",
            with_header(&[0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 4, 0, b'x', b'f', 0, 0]),
            "an extra field",
        ),
        ("gzip-name", with_header(b"\x1f\x8b\x08\x08\0\0\0\0\0\xffa.json\0"), "a file name"),
        ("gzip-comment", with_header(b"\x1f\x8b\x08\x10\0\0\0\0\0\xffhello\0"), "a comment"),
        ("gzip-two-blocks", split, "two stored blocks where one suffices"),
        ("gzip-empty-block", trailing_block, "an empty last block"),
    ] {
        table.altered(name, BASE, reframed(base, &stored), open("rendering", ErrorCode::PspfRendering), note);
    }
}

fn broken_members(table: &mut Table, base: &[u8], json: &[u8]) {
    let member = stored_gzip::render(json);
    let length = member.len();
    let refusal = open("metadata", ErrorCode::PspfMetadataGzip);
    let changed = |position: usize| broken(&member, |bytes| bytes[position] ^= 1);
    let bomb = deflated(&vec![b' '; (8 << 20) + 1], GzBuilder::new());
    for (name, stored, note) in [
        (
            "gzip-second-member",
            [member.as_slice(), &stored_gzip::render(b"")].concat(),
            "an empty second member",
        ),
        (
            "gzip-second-document",
            [member.as_slice(), &stored_gzip::render(b" ")].concat(),
            "a second member that decodes to a blank",
        ),
        ("gzip-byte-behind", [member.as_slice(), b"\0"].concat(), "a byte behind the member"),
        ("gzip-crc", changed(length - 8), "one bit of the CRC-32"),
        ("gzip-length", changed(length - 4), "one bit of the length"),
        ("gzip-truncated", member[..length - 9].to_vec(), "no end"),
        ("gzip-magic", changed(0), "no gzip magic"),
        ("gzip-method", changed(2), "a method that is not deflate"),
        ("gzip-reserved-flag", changed_flag(&member, 0x20), "a reserved flag"),
        ("gzip-complement", changed(13), "a block length that does not match its complement"),
        ("gzip-block-type", broken(&member, |bytes| bytes[10] |= 6), "a reserved block type"),
        ("not-gzip", json.to_vec(), "the JSON itself"),
    ] {
        table.altered(name, BASE, reframed(base, &stored), refusal, note);
    }
    let refusal = open("metadata", ErrorCode::PspfLimit);
    let note = "8 MiB and one byte of blanks in a few KB";
    table.altered("gzip-bomb", BASE, reframed(base, &bomb), refusal, note);
}

fn changed_flag(member: &[u8], flag: u8) -> Vec<u8> {
    broken(member, |bytes| bytes[3] |= flag)
}

fn stored_block(last: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("a short block");
    [&[last], &length.to_le_bytes()[..], &(!length).to_le_bytes(), content].concat()
}

/// One deflated gzip member.
pub(crate) fn deflated(content: &[u8], builder: GzBuilder) -> Vec<u8> {
    let mut encoder = builder.write(Vec::new(), Compression::best());
    encoder.write_all(content).expect("compress");
    encoder.finish().expect("compress")
}

/// The package with another stored form of its metadata; everything behind it moves along, and every number and
/// checksum that needs no key follows.
pub(crate) fn reframed(base: &[u8], stored: &[u8]) -> Vec<u8> {
    let start = index_number(base, index::METADATA_OFFSET);
    let table = index_number(base, index::SLOT_TABLE_OFFSET);
    let mut bytes = [&base[..start], stored].concat();
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let moved = bytes.len();
    bytes.extend_from_slice(&base[table..]);
    let count = index_number(base, index::SLOT_TABLE_SIZE) / DESCRIPTOR_SIZE;
    for position in 0..count {
        let at = moved + position * DESCRIPTOR_SIZE + descriptor::OFFSET;
        let old = u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let new = old + moved as u64 - table as u64;
        bytes[at..at + 8].copy_from_slice(&new.to_le_bytes());
    }
    altered(&bytes, |bytes| {
        let base = index_base(bytes);
        for (field, value) in [(index::METADATA_SIZE, stored.len()), (index::SLOT_TABLE_OFFSET, moved)] {
            bytes[base + field..][..8].copy_from_slice(&(value as u64).to_le_bytes());
        }
    })
}
