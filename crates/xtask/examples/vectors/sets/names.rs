//! Names that file systems which ignore case cannot tell apart, and names that Windows takes for something else
//! (security rule S13): refused in packages for such systems, right in packages for Linux.

use serde_json::json;

use crate::draft::{Draft, SlotDraft};
use crate::table::{Table, tree};
use crate::tar::{directory, file};

pub(crate) fn add(table: &mut Table) {
    table.group("names");
    let case: [(&str, Vec<Vec<u8>>, &str); 4] = [
        ("ascii", vec![file("A", b""), file("a", b"")], "two names that differ by case"),
        (
            "folder",
            vec![directory("Lib"), file("Lib/x", b""), directory("lib"), file("lib/y", b"")],
            "two folders that do",
        ),
        (
            "sharp-s",
            vec![file("strasse", b""), file("stra\u{df}e", b"")],
            "equal once folded, of unequal length",
        ),
        ("nfkc", vec![file("\u{e9}", b""), file("e\u{301}", b"")], "one letter, composed and not"),
    ];
    for (name, members, note) in case {
        table.good(&format!("{name}-linux"), package("linux", &members), note);
        for os in ["darwin", "windows"] {
            table.bad(&format!("{name}-{os}"), package(os, &members), tree(), note);
        }
    }
    let windows = [
        ("dot", "name.", "a dot at the end"),
        ("space", "name ", "a blank at the end"),
        ("colon", "ab:c", "a colon"),
        ("backslash", "a\\b", "a backslash"),
        ("control", "a\u{1}b", "a control character"),
        ("device", "con", "a device"),
        ("device-extension", "Aux.tar.gz", "a device with an extension"),
        ("device-number", "com\u{b9}", "a device with a raised digit"),
    ];
    for (name, path, note) in windows {
        let members = [file(path, b"")];
        for os in ["linux", "darwin"] {
            table.good(&format!("{name}-{os}"), package(os, &members), note);
        }
        table.bad(&format!("{name}-windows"), package("windows", &members), tree(), note);
    }
}

fn package(os: &str, members: &[Vec<u8>]) -> Vec<u8> {
    let draft = Draft::slot(SlotDraft::tree("app", members, 0));
    draft.flavor("/target", json!({"os": os, "arch": "amd64"})).bytes()
}
