//! What enters the key of a slot (STORE.md 4, security rule S16): everything that decides what the tree looks like,
//! and nothing else. `key-tree` is the one that the others are compared with, by their names.

use serde_json::{Value, json};

use crate::draft::{Draft, SlotDraft};
use crate::table::Table;
use crate::{tar, zstd};

fn members() -> [Vec<u8>; 2] {
    [tar::file("a", b"one"), tar::program("b", b"two")]
}

fn tree() -> SlotDraft {
    SlotDraft::tree("app", &members(), 6)
}

/// The same stored bytes as a slot that is one file.
fn as_file() -> Draft {
    let tree = tree();
    let content = tree.frames[0].1;
    let file = SlotDraft { operations: "zstd".to_owned(), bytes: content, members: 1, ..tree };
    Draft::slot(file)
}

pub(crate) fn add(table: &mut Table) {
    table.group("key");
    table.good(
        "tree",
        Draft::slot(tree()).bytes(),
        "the slot that the others of this group are compared with",
    );

    let same: [(&str, Draft, &str); 6] = [
        ("slot-id", Draft::slot(SlotDraft { id: "other".to_owned(), ..tree() }), "another id and source"),
        ("shared", Draft::slot(tree()).flavor("/slots/0/share", json!(true)), "shared"),
        (
            "package",
            Draft::slot(tree()).set("/package", json!({"name": "other", "version": "2"})),
            "in another package",
        ),
        (
            "words",
            Draft::slot(tree())
                .set("/slots/0/permissions", json!("0755"))
                .set("/slots/0/lifecycle", json!("cache"))
                .flavor("/slots/0/role", json!("runtime")),
            "other permissions, lifecycle and role, which mean nothing for a tree",
        ),
        (
            "target",
            Draft::slot(tree()).flavor("/target", json!({"os": "linux", "arch": "arm64"})),
            "for another machine",
        ),
        (
            "operations-spelling",
            Draft::slot(tree()).set("/slots/0/operations", json!("TZST")),
            "another spelling of the same chain",
        ),
    ];
    for (name, draft, note) in same {
        table.good(&format!("same-{name}"), draft.bytes(), note);
    }

    let [one, two] = members();
    let cut = SlotDraft::framed("app", &[one.clone(), [two.as_slice(), &tar::END].concat()], 6, 2);
    let content = [one, two, tar::END.to_vec()].concat();
    let length = content.len() as u64;
    let encoded = SlotDraft::stored_frames("app", &[(zstd::frame_with_window(&content, 18), length)], 6, 2);
    let executable: Value = json!("0755");
    let other: [(&str, Draft, &str); 5] = [
        ("cut", Draft::slot(cut), "the same content in two frames"),
        ("encoding", Draft::slot(encoded), "the same content in a frame of other bytes"),
        ("operations", as_file(), "the same stored bytes as one file"),
        ("mode", as_file().set("/slots/0/permissions", executable), "that file, executable"),
        ("name", as_file().set("/slots/0/target", json!("{workenv}/other")), "that file under another name"),
    ];
    for (name, draft, note) in other {
        table.good(&format!("other-{name}"), draft.bytes(), note);
    }
}
