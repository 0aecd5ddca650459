//! Frame tables (security rule S11): they can only cause refusal. First tables that do not cover their slot, then
//! frames that are not what their entry says.

use pspf::ErrorCode;
use serde_json::{Value, json};

use crate::draft::{Draft, SlotDraft, digest, usual_tree};
use crate::encoded::TEXT;
use crate::table::{Table, content, open};
use crate::{tar, zstd};

pub(crate) fn add(table: &mut Table) {
    table.group("frames");
    tables(table);
    entries(table);
    cuts(table);
    ends(table);
    borders(table);
    totals(table);
}

fn entry(stored: u64, content: u64) -> Value {
    json!({"stored": stored, "content": content, "sha256": "00".repeat(32)})
}

fn tables(table: &mut Table) {
    let refusal = open("rendering", ErrorCode::PspfFrameTable);
    let slot = usual_tree();
    let (stored, content, _) = slot.frames[0].clone();
    for (name, frames, note) in [
        ("none", json!([]), "a chain that ends with zstd without frames"),
        ("short", json!([entry(stored - 1, content)]), "the table ends before the slot"),
        ("long", json!([entry(stored + 1, content)]), "the table reaches beyond the slot"),
        ("empty-entry", json!([entry(stored, content), entry(0, 0)]), "an entry of no bytes"),
        (
            "empty-entry-first",
            json!([entry(0, 0), entry(stored, content)]),
            "an entry of no bytes at the beginning",
        ),
        ("twice", json!([entry(stored, content), entry(stored, content)]), "the slot twice"),
        ("content-33-mib", json!([entry(stored, (32 << 20) + 1)]), "a frame of more than 32 MiB of content"),
        ("stored-34-mib", json!([entry((33 << 20) + 1, content)]), "a frame of more than 33 MiB"),
        ("content-large", json!([entry(stored, 1 << 40)]), "more content than members and headers can need"),
    ] {
        table.bad(name, Draft::new().flavor("/slots/0/frames", frames).bytes(), refusal, note);
    }
    let without = Draft::new().without("/extensions/x-flavor/slots/0/frames");
    table.bad("key-missing", without.bytes(), refusal, "no `frames` at all");
    let length = TEXT.len() as u64;
    for operations in ["raw", "gzip", "zstd|gzip"] {
        let slot = SlotDraft::file("text", operations, TEXT.to_vec(), length);
        let draft = Draft::slot(slot).flavor("/slots/0/frames", json!([entry(length, length)]));
        let name = format!("for-{}", operations.replace('|', "-"));
        table.bad(&name, draft.bytes(), refusal, "frames for a chain that does not end with zstd");
    }
}

/// One frame of the slot's only file, stated with that content length.
fn stored(frames: &[(Vec<u8>, u64)]) -> Vec<u8> {
    Draft::slot(SlotDraft::stored_frames("app", frames, 1, 1)).bytes()
}

fn entries(table: &mut Table) {
    let refusal = content(ErrorCode::PspfFrame);
    let whole = [tar::file("a", b"1").as_slice(), &tar::END].concat();
    let frame = zstd::frame(&whole);
    let length = whole.len() as u64;
    let changed = |position: usize, byte: u8| {
        let mut bytes = frame.clone();
        bytes[position] = byte;
        bytes
    };
    let dictionary = {
        // A dictionary id of one byte behind the window descriptor.
        let mut bytes = changed(4, 0x81);
        bytes.insert(6, 1);
        bytes
    };
    let half = whole.len() / 2;
    let two_frames = [zstd::frame(&whole[..half]), zstd::frame(&whole[half..])].concat();
    for (name, bytes, length, note) in [
        ("content-less", frame.clone(), length - 1, "it decodes to one byte more"),
        ("content-more", frame.clone(), length + 1, "it decodes to one byte less"),
        (
            "skippable-in-front",
            [zstd::skippable(b"x"), frame.clone()].concat(),
            length,
            "a skippable frame in front",
        ),
        (
            "skippable-behind",
            [frame.clone(), zstd::skippable(b"x")].concat(),
            length,
            "a skippable frame behind",
        ),
        ("skippable-alone", zstd::skippable(&whole), length, "nothing but a skippable frame"),
        ("two-in-one-entry", two_frames, length, "two frames in one entry"),
        ("byte-behind", [frame.as_slice(), b"\0"].concat(), length, "a byte behind the frame"),
        ("truncated", frame[..frame.len() - 1].to_vec(), length, "the last byte is missing"),
        ("header-only", frame[..5].to_vec(), length, "a frame that ends in its header"),
        ("magic", changed(0, 0x29), length, "another magic number"),
        ("old-magic", changed(0, 0x27), length, "the magic of version 0.7"),
        ("reserved-block", changed(10, frame[10] | 6), length, "a block of the reserved kind"),
        ("reserved-bit", changed(4, 0x88), length, "the reserved bit of the frame header"),
        ("dictionary", dictionary, length, "a frame that needs a dictionary"),
        ("content-size-field", changed(6, frame[6] ^ 1), length, "the frame's own content size is another"),
        ("window-16-mib", zstd::frame_with_window(&whole, 24), length, "a window of 16 MiB"),
        ("window-1-gib", zstd::frame_with_window(&whole, 30), length, "a window of 1 GiB"),
        ("not-zstd", whole.clone(), length, "the tar stream itself"),
        ("gzip", pspf::stored_gzip::render(&whole), length, "gzip instead"),
    ] {
        table.bad(name, stored(&[(bytes, length)]), refusal, note);
    }
}

/// Where frames may not be cut.
fn cuts(table: &mut Table) {
    let refusal = content(ErrorCode::PspfTar);
    let member = tar::file("a", &[b'x'; 1000]);
    let short = tar::file("b", b"1");
    let pax = tar::pax(&tar::record("path", "c"));
    let end = tar::END.as_slice();
    for (name, frames, bytes, note) in [
        (
            "cut-in-header",
            vec![member[..100].to_vec(), [&member[100..], end].concat()],
            1000,
            "cut inside a header",
        ),
        (
            "cut-behind-header",
            vec![member[..512].to_vec(), [&member[512..], end].concat()],
            1000,
            "cut between a header and its data",
        ),
        (
            "cut-in-data",
            vec![member[..1024].to_vec(), [&member[1024..], end].concat()],
            1000,
            "cut inside a file's data",
        ),
        (
            "cut-in-padding",
            vec![member[..1520].to_vec(), [&member[1520..], end].concat()],
            1000,
            "cut inside the padding",
        ),
        (
            "pax-across",
            vec![pax.clone(), [short.as_slice(), end].concat()],
            1,
            "a pax record at the end of a frame, its member in the next",
        ),
    ] {
        table.bad(name, Draft::slot(SlotDraft::framed("app", &frames, bytes, 1)).bytes(), refusal, note);
    }
}

/// Where the archive ends.
fn ends(table: &mut Table) {
    let refusal = content(ErrorCode::PspfTar);
    let member = tar::file("a", &[b'x'; 1000]);
    let short = tar::file("b", b"1");
    let end = tar::END.as_slice();
    for (name, frames, bytes, members, note) in [
        (
            "end-too-early",
            vec![[member.as_slice(), end].concat(), [short.as_slice(), end].concat()],
            1001,
            2,
            "the archive ends in the first frame, and again",
        ),
        (
            "end-across",
            vec![[member.as_slice(), &end[..512]].concat(), end[512..].to_vec()],
            1000,
            1,
            "a zero block in each of two frames",
        ),
        ("end-missing", vec![member.clone()], 1000, 1, "no end of the archive"),
        ("end-one-block", vec![[member.as_slice(), &end[..512]].concat()], 1000, 1, "one zero block"),
        (
            "end-three-blocks",
            vec![[member.as_slice(), end, &end[..512]].concat()],
            1000,
            1,
            "three zero blocks",
        ),
        (
            "end-half-block",
            vec![[member.as_slice(), end, &end[..100]].concat()],
            1000,
            1,
            "two zero blocks and a piece of a third",
        ),
        ("byte-behind-end", vec![[member.as_slice(), end, b"x"].concat()], 1000, 1, "a byte behind the end"),
        ("member-behind-end", vec![[end, short.as_slice(), end].concat()], 1, 1, "a member behind the end"),
        (
            "empty-last",
            vec![[member.as_slice(), end].concat(), Vec::new()],
            1000,
            1,
            "an empty frame behind the end",
        ),
    ] {
        table.bad(
            name,
            Draft::slot(SlotDraft::framed("app", &frames, bytes, members)).bytes(),
            refusal,
            note,
        );
    }
}

/// Frames in another order, and cut elsewhere than their entries say.
fn borders(table: &mut Table) {
    let frames = [tar::file("a", &[b'x'; 1000]), [tar::file("b", b"1").as_slice(), &tar::END].concat()];
    let right = SlotDraft::framed("app", &frames, 1001, 2);
    let mut wrong = right.clone();
    wrong.stored = [zstd::frame(&frames[1]), zstd::frame(&frames[0])].concat();
    let digest_only =
        Draft::slot(SlotDraft { frames: right.frames.iter().rev().cloned().collect(), ..wrong.clone() });
    table.bad(
        "exchanged",
        digest_only.bytes(),
        content(ErrorCode::PspfTar),
        "two frames exchanged, the table with them: the end comes first",
    );
    let shorter: Vec<(Vec<u8>, u64)> = vec![
        (zstd::frame(&frames[0]), frames[0].len() as u64),
        (zstd::frame(&frames[1]), frames[1].len() as u64),
    ];
    let mut moved = SlotDraft::stored_frames("app", &shorter, 1001, 2);
    moved.frames[0].0 -= 1;
    moved.frames[1].0 += 1;
    let cut = usize::try_from(moved.frames[0].0).expect("small");
    moved.frames[0].2 = digest(&moved.stored[..cut]);
    moved.frames[1].2 = digest(&moved.stored[cut..]);
    table.bad(
        "border-moved",
        Draft::slot(moved).bytes(),
        content(ErrorCode::PspfFrame),
        "the border between two entries is a byte too early",
    );
}

/// More or less than the signed totals.
fn totals(table: &mut Table) {
    let members = [tar::file("a", b"12345"), tar::file("b", b"678"), tar::directory("c")];
    let whole = [members.concat().as_slice(), &tar::END].concat();
    for (bytes, count) in [(7, 3), (9, 3), (8, 2), (8, 4)] {
        let slot = SlotDraft::framed("app", std::slice::from_ref(&whole), bytes, count);
        table.bad(
            &format!("unpacks-to-{bytes}-in-{count}"),
            Draft::slot(slot).bytes(),
            content(ErrorCode::PspfTar),
            "it unpacks to 8 bytes in 3 members",
        );
        table.unpack(ErrorCode::StoreUnpacked);
    }
}
