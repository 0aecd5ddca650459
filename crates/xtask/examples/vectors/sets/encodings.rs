//! Stored bytes that their chain of operations does not decode (FORMAT.md §4), and a bomb of two stages.

use flate2::GzBuilder;
use pspf::ErrorCode;

use super::metadata::deflated;
use crate::draft::{Draft, SlotDraft};
use crate::encoded::{self, TEXT};
use crate::table::{Table, content};
use crate::zstd;

pub(crate) fn add(table: &mut Table) {
    table.group("encoding");
    let refusal = content(ErrorCode::PspfEncoding);
    let mut case = |name: &str, operations: &str, stored: Vec<u8>, note: &str| {
        let slot = SlotDraft::file("text", operations, stored, TEXT.len() as u64);
        table.bad(name, Draft::slot(slot).bytes(), refusal, note);
    };
    for (name, right) in [("gzip", encoded::GZIP), ("bzip2", encoded::BZIP2), ("xz", encoded::XZ)] {
        let right = encoded::bytes(right);
        let changed = |position: usize| {
            let mut bytes = right.clone();
            bytes[position] ^= 1;
            bytes
        };
        let length = right.len();
        case(&format!("{name}-empty"), name, Vec::new(), "no stream at all");
        case(&format!("{name}-truncated"), name, right[..length - 1].to_vec(), "the last byte is missing");
        case(&format!("{name}-half"), name, right[..length / 2].to_vec(), "the second half is missing");
        case(
            &format!("{name}-byte-behind"),
            name,
            [right.as_slice(), b"x"].concat(),
            "a byte behind the stream",
        );
        case(
            &format!("{name}-zeros-behind"),
            name,
            [right.as_slice(), &[0; 5]].concat(),
            "five zero bytes behind the stream",
        );
        case(&format!("{name}-magic"), name, changed(0), "another magic number");
        case(&format!("{name}-content"), name, changed(length / 2), "a bit in the middle");
        case(&format!("{name}-raw"), name, TEXT.to_vec(), "the content itself");
    }
    for (name, right) in [("gzip", encoded::GZIP), ("bzip2", encoded::BZIP2), ("xz", encoded::XZ)] {
        let right = encoded::bytes(right);
        let stored = [right.as_slice(), &right[..right.len() - 1]].concat();
        let slot = SlotDraft::file("text", name, stored, 2 * TEXT.len() as u64);
        let note = "a second stream without its last byte";
        table.bad(&format!("{name}-second-truncated"), Draft::slot(slot).bytes(), refusal, note);
    }
    let mut case = |name: &str, operations: &str, stored: Vec<u8>, note: &str| {
        let slot = SlotDraft::file("text", operations, stored, TEXT.len() as u64);
        table.bad(name, Draft::slot(slot).bytes(), refusal, note);
    };
    let gzip = encoded::bytes(encoded::GZIP);
    let length = gzip.len();
    let flipped = |position: usize| {
        let mut bytes = gzip.clone();
        bytes[position] ^= 1;
        bytes
    };
    case("gzip-crc", "gzip", flipped(length - 8), "another CRC-32");
    case("gzip-length", "gzip", flipped(length - 4), "another length");
    case("gzip-inner", "gzip|gzip", pspf::stored_gzip::render(TEXT), "the inner stage is no gzip member");
    case(
        "zstd-inner-truncated",
        "zstd|gzip",
        pspf::stored_gzip::render(&zstd::frame(TEXT)[..12]),
        "the inner frame is cut",
    );
    case(
        "zstd-inner-window",
        "zstd|gzip",
        pspf::stored_gzip::render(&zstd::frame_with_window(TEXT, 24)),
        "the inner frame asks for 16 MiB, although it holds 15 bytes",
    );
    case(
        "lzma",
        "xz",
        encoded::bytes("5d00008000ffffffffffffffff0034194aee8def5b40"),
        "the format of before xz",
    );

    table.group("limit");
    // 1 GiB and 1 MiB of zeros in a few hundred bytes.
    let blocks = (1 << 30) / (128 << 10) + 8;
    let bomb = deflated(&zstd::zeros(blocks), GzBuilder::new());
    let slot = SlotDraft::file("bomb", "zstd|gzip", bomb, (blocks as u64) * (128 << 10));
    table.bad(
        "ratio",
        Draft::slot(slot).bytes(),
        content(ErrorCode::PspfLimit),
        "more than 1 GiB in a few hundred bytes, by two stages",
    );
}
