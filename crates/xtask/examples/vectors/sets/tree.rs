//! Member lists that no single member betrays (security rule S14): links judged component by component, paths that
//! pass through links, paths that occur twice.

use pspf::ErrorCode;

use crate::draft::{Draft, SlotDraft};
use crate::table::{Table, tree};
use crate::tar::{self, directory, file, link};

pub(crate) fn add(table: &mut Table) {
    table.group("tree");
    let cases: Vec<(&str, Vec<Vec<u8>>, &str)> = vec![
        ("link-upwards", vec![link("l", "..")], "a link to the folder above the slot"),
        ("link-upwards-from-folder", vec![directory("a"), link("a/l", "../..")], "the same from a folder"),
        ("link-upwards-and-on", vec![directory("a"), link("a/l", "../../etc/passwd")], "and on to a file"),
        ("link-far-upwards", vec![link("l", "../../../../../../etc/passwd")], "far upwards"),
        ("link-down-and-up", vec![directory("a"), link("l", "a/../../x")], "down, then up too far"),
        ("link-up-and-back", vec![link("l", "../app/x")], "out and lexically back in"),
        (
            "link-through-link",
            vec![directory("a"), file("a/f", b""), link("l", "a"), link("m", "l/f")],
            "through another link, although it stays inside",
        ),
        (
            "link-through-link-upwards",
            vec![directory("a"), directory("a/b"), link("l", "a/b"), link("m", "l/../../../x")],
            "lexically inside, through the link outside",
        ),
        (
            "link-chain",
            vec![directory("a"), link("a/one", "../a"), link("b", "a/one/one/x")],
            "a chain of links in one target",
        ),
        ("link-through-file", vec![file("f", b""), link("l", "f/x")], "through a file"),
        ("link-through-missing", vec![link("l", "gone/x")], "through a folder that is no member"),
        ("link-through-missing-upwards", vec![link("l", "gone/../../etc")], "the same, and out"),
        ("link-through-itself", vec![link("l", "l/x")], "through itself"),
        ("member-below-link", vec![directory("a"), link("l", "a"), file("l/f", b"")], "a file below a link"),
        (
            "member-below-link-first",
            vec![file("l/f", b""), directory("a"), link("l", "a")],
            "the same, the file first",
        ),
        (
            "member-below-outward-link",
            vec![link("l", "missing"), file("l/f", b"")],
            "a file below a link to nothing",
        ),
        (
            "directory-below-link",
            vec![directory("a"), link("l", "a"), directory("l/d")],
            "a directory below a link",
        ),
        ("member-below-file", vec![file("f", b""), file("f/g", b"")], "a file below a file"),
        ("member-without-folder", vec![file("d/f", b"")], "a file whose folder is no member"),
        ("file-twice", vec![file("f", b""), file("f", b"")], "a file twice"),
        (
            "file-twice-far",
            vec![file("f", b""), file("g", b""), file("f", b"")],
            "a file twice, another between",
        ),
        ("directory-twice", vec![directory("d"), directory("d")], "a directory twice"),
        ("file-and-link", vec![file("f", b""), link("f", "g")], "a file and a link of one name"),
        ("link-and-file", vec![link("f", "g"), file("f", b"")], "a link and a file of one name"),
        ("directory-and-file", vec![directory("d"), file("d", b"")], "a directory and a file of one name"),
    ];
    for (name, members, note) in cases {
        // Each member in a frame of its own: the rules are about the slot, not about a frame.
        let count = members.len() as u64;
        let mut frames = members;
        frames.last_mut().expect("members").extend_from_slice(&tar::END);
        let draft = Draft::slot(SlotDraft::framed("app", &frames, 0, count));
        table.bad(name, draft.bytes(), tree(), note);
        table.unpack(ErrorCode::StoreLink);
    }
}
