//! Split members (FORMAT.md §9): files of more than 16 MiB in several frames. The content is zeros, so that the
//! vectors stay small although they unpack to tens of megabytes.

use pspf::ErrorCode;

use crate::draft::{Draft, SlotDraft};
use crate::table::{Table, content};
use crate::{tar, zstd};

/// After so many bytes of a file its first frame ends.
const S: usize = 16 * 1024 * 1024;

/// A file of zeros cut where the list says, counted from the beginning of its header; then the end of the archive.
fn cut(size: usize, cuts: &[usize], end_apart: bool) -> Vec<Vec<u8>> {
    let mut stream = tar::file("large", &vec![0; size]);
    let mut frames = Vec::new();
    for length in cuts.iter().rev() {
        frames.push(stream.split_off(*length));
    }
    frames.push(stream);
    frames.reverse();
    if end_apart {
        frames.push(tar::END.to_vec());
    } else {
        frames.last_mut().expect("frames").extend_from_slice(&tar::END);
    }
    frames
}

fn package(frames: &[Vec<u8>], bytes: usize, members: u64) -> Vec<u8> {
    let stored: Vec<(Vec<u8>, u64)> =
        frames.iter().map(|content| (zstd::frame(content), content.len() as u64)).collect();
    Draft::slot(SlotDraft::stored_frames("app", &stored, bytes as u64, members)).bytes()
}

pub(crate) fn add(table: &mut Table) {
    table.group("split");
    table.good(
        "two-frames",
        package(&cut(S + 1000, &[512 + S], true), S + 1000, 1),
        "one byte of header and data more than S, then the rest",
    );
    table.good(
        "three-frames",
        package(&cut(2 * S + 1000, &[512 + S, 512 + 2 * S], true), 2 * S + 1000, 1),
        "a frame of exactly S in the middle",
    );
    table.good(
        "exact",
        package(&cut(2 * S, &[512 + S], true), 2 * S, 1),
        "the last frame has exactly S, like those in the middle",
    );
    let mut between = cut(S + 1000, &[512 + S], true);
    between.insert(0, tar::file("before", b"1"));
    between.insert(3, tar::file("small", b"2"));
    table.good("between-others", package(&between, S + 1002, 3), "small members before and behind");
    let mut with_member = cut(S + 1000, &[512 + S], true);
    with_member[0] = [tar::file("before", b"1"), with_member[0].clone()].concat();
    table.good(
        "member-before-in-frame",
        package(&with_member, S + 1001, 2),
        "a small member in the frame in which the large one begins",
    );

    let refusal = content(ErrorCode::PspfTar);
    let mut case = |name: &str, frames: Vec<Vec<u8>>, size: usize, note: &str| {
        table.bad(name, package(&frames, size, 1), refusal, note);
    };
    case(
        "first-short",
        cut(S + 1000, &[512 + S - 512], true),
        S + 1000,
        "the first frame ends before S bytes of the file were seen",
    );
    case(
        "first-long",
        cut(S + 1000, &[512 + S + 512], true),
        S + 1000,
        "the first frame ends behind S bytes",
    );
    case(
        "middle-short",
        cut(3 * S, &[512 + S, S + 1024, 512 + 2 * S + 512], true),
        3 * S,
        "a frame in the middle is shorter than S",
    );
    case(
        "last-cut",
        cut(2 * S + 1000, &[512 + S, 512 + 2 * S, 512 + 2 * S + 500], true),
        2 * S + 1000,
        "the rest in two frames",
    );
    case(
        "padding-apart",
        cut(S + 1000, &[512 + S, 512 + S + 1000], true),
        S + 1000,
        "the padding in a frame of its own",
    );
    let mut early = cut(S + 1000, &[512 + S], true);
    early.remove(1);
    case("rest-missing", early, S + 1000, "the frame with the rest is missing");
    let mut longer = cut(S + 1000, &[512 + S], false);
    longer[1].truncate(1024);
    case("end-missing", longer, S + 1000, "no end of the archive behind the rest");
}
