//! Operation chains that no reader accepts, as text in packages of ours and packed in those of other builders.

use pspf::ErrorCode;
use serde_json::json;

use super::foreign::Foreign;
use crate::draft::{Draft, SlotDraft};
use crate::encoded::TEXT;
use crate::table::{Table, open};

pub(crate) fn add(table: &mut Table) {
    table.group("operations");
    let refusal = open("json", ErrorCode::PspfOperations);
    let nine = ["gzip"; 9].join("|");
    let eight_and_pair = format!("{}|tgz", ["tar"; 7].join("|"));
    for (name, text, note) in [
        ("unknown-word", "lz4", "an operation of the registry that nobody implements"),
        ("unknown-in-chain", "tar|brotli", "an unknown one behind a known one"),
        ("blank", "tar | gzip", "blanks between the words"),
        ("empty-word", "tar||gzip", "a gap"),
        ("trailing-bar", "gzip|", "a bar at the end"),
        ("raw-in-chain", "tar|none", "no word for raw has a place in a chain"),
        ("nine", &nine, "nine operations"),
        ("nine-with-pair", &eight_and_pair, "nine operations, two of them in one word"),
        ("tar-not-first", "gzip|tar", "tar behind another operation"),
        ("tar-twice", "tar|tar", "tar in the place of the second"),
        ("tar-last", "gzip|tar.zst", "a pair whose tar is not the first"),
    ] {
        let draft = Draft::slot(SlotDraft::file("text", "raw", TEXT.to_vec(), TEXT.len() as u64));
        let draft = draft.set("/slots/0/operations", json!(text));
        table.bad(name, draft.bytes_around(&draft.text()), refusal, note);
    }
    let refusal = open("slot-table", ErrorCode::PspfOperations);
    for (name, packed, note) in [
        ("packed-gap", 0x10_0001, "tar, nothing, gzip"),
        ("packed-leading-gap", 0x1000, "nothing, gzip"),
        ("packed-gap-at-end", 1 << 56, "an operation in the eighth place alone"),
        ("packed-unknown", 0x02, "cpio, which nobody implements"),
        ("packed-encryption", 0x31, "an encryption"),
        ("packed-unknown-last", 0xff00_0000_0000_0010, "an unknown code behind a gap"),
        ("packed-tar-not-first", 0x0110, "tar behind gzip"),
    ] {
        table.bad(name, Foreign::with_operations(packed).bytes(), refusal, note);
    }
}
