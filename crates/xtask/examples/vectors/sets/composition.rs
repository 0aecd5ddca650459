//! Work environments (FORMAT.md §6, STORE.md 8, security rule S15): what the signed document alone shows, and what only
//! the members of the slots do.

mod shown;

use pspf::ErrorCode;
use serde_json::{Value, json};

use crate::draft::{Draft, SlotDraft};
use crate::table::{Table, environment};
use crate::tar::{directory, file, link, program};

/// The vector without a composition, whose file most wrong ones edit.
pub(super) const BASE: &str = "composition-empty";
/// The shared slot with an interpreter.
pub(super) const RUNTIME: u64 = 0;
/// A private slot.
pub(super) const APPLICATION: u64 = 1;
/// Another private slot, of whose folders the first has some too.
pub(super) const MORE: u64 = 2;
/// A package of three slots, two of them private, without a composition yet.
pub(super) fn package() -> Draft {
    of(&slots())
}

pub(super) fn slots() -> [SlotDraft; 3] {
    let runtime = [
        directory("bin"),
        link("bin/python", "python3"),
        program("bin/python3", b"#!interpreter"),
        directory("lib"),
        file("lib/os.py", b"os"),
    ];
    let application =
        [directory("pkg"), link("pkg/alias", "main.py"), file("pkg/main.py", b"main"), file("top", b"t")];
    let more = [directory("pkg"), directory("pkg/sub"), file("pkg/sub/two.py", b"two")];
    [
        SlotDraft::tree("runtime", &runtime, 15),
        SlotDraft::tree("application", &application, 5),
        SlotDraft::tree("more", &more, 3),
    ]
}

/// A package whose first slot is shared.
pub(super) fn of(slots: &[SlotDraft]) -> Draft {
    Draft::of(slots).flavor("/slots/0/share", json!(true))
}

/// The composition that most vectors alter in one place.
pub(super) fn usual() -> Value {
    json!({
        "unpack": [{"slot": APPLICATION, "into": "lib/site"}, {"slot": MORE, "into": "lib/site"}],
        "links": [
            {"path": "bin/python", "slot": RUNTIME, "to": "bin/python3", "kind": "symlink"},
            {"path": "bin/alias", "slot": RUNTIME, "to": "bin/python", "kind": "symlink"},
            {"path": "bin/copy", "slot": RUNTIME, "to": "bin/python3", "kind": "copy"},
            {"path": "lib/std", "slot": RUNTIME, "to": "lib", "kind": "symlink"},
            {"path": "runtime", "slot": RUNTIME, "to": "", "kind": "symlink"},
        ],
        "files": [
            {"path": "env.cfg", "content": "home = {slot:0}/bin\nenv = {workenv}\n", "mode": "0644"},
            {"path": "bin/hello", "content": "#!/bin/sh\n", "mode": "0755"},
        ],
        "path": ["bin", "not/there"],
    })
}

pub(super) fn composed(workenv: Value) -> Draft {
    package().flavor("/workenv", workenv)
}

pub(super) fn generated(path: &str) -> Value {
    json!({"path": path, "content": "text", "mode": "0644"})
}

pub(super) fn symlink(path: &str, to: &str) -> Value {
    json!({"path": path, "slot": RUNTIME, "to": to, "kind": "symlink"})
}

pub(super) fn copy(path: &str, to: &str) -> Value {
    json!({"path": path, "slot": RUNTIME, "to": to, "kind": "copy"})
}

pub(super) fn unpack(slot: u64, into: &str) -> Value {
    json!({"slot": slot, "into": into})
}

pub(crate) fn add(table: &mut Table) {
    table.group("composition");
    right(table);
    shown::add(table);
    private_members(table);
    targets(table);
    two_slots(table);
    other_systems(table);
}

fn right(table: &mut Table) {
    let deep = ["d"; 64].join("/");
    let long = format!("{0}/{0}/{0}/{0}/{1}", "n".repeat(250), "n".repeat(20));
    let cases: [(&str, Value, &str); 9] = [
        (
            "usual",
            usual(),
            "links to a file, a link, a folder and the slot's root, a copy, two slots in one folder, placeholders",
        ),
        ("empty", json!({}), "nothing is composed, private slots stay packed"),
        (
            "root",
            json!({"unpack": [unpack(APPLICATION, ""), unpack(MORE, "")]}),
            "two slots in the environment itself, with a folder in common",
        ),
        (
            "below-a-member",
            json!({"unpack": [unpack(APPLICATION, ""), unpack(MORE, "pkg/sub")]}),
            "a slot in a folder of another one",
        ),
        (
            "folders",
            json!({"unpack": [unpack(APPLICATION, "a/one"), unpack(MORE, "a/two")], "files": [generated("a/three")], "links": [symlink("a/one/pkg/std", "lib")]}),
            "slots in folders of their own, a file beside them, a link in one of them",
        ),
        (
            "names-not-ascii",
            json!({"links": [symlink("bïn/πython", "bin/python3")], "files": [generated("leer zeichen/日本")], "path": ["bïn"]}),
            "names outside ASCII, a blank in a name",
        ),
        (
            "deep",
            json!({"files": [generated(&deep)], "links": [copy(&long, "lib/os.py")]}),
            "64 components; a path of 1024 bytes",
        ),
        (
            "neighbours",
            json!({"files": [generated("a"), generated("a.b"), generated("ab"), generated("a-b/c")], "links": [symlink("a!", "lib")]}),
            "names that begin alike",
        ),
        (
            "braces",
            json!({"files": [{"path": "f", "content": "{other} {slot} {workenv {{workenv}} {\"a\":{\"b\":1}} {slot:0", "mode": "0644"}]}),
            "braces that are no placeholders",
        ),
    ];
    for (name, workenv, note) in cases {
        table.good(name, composed(workenv).bytes(), note);
    }
}

/// What only the members of private slots show.
fn private_members(table: &mut Table) {
    let with = |unpacked: &[Value], links: &[Value], files: &[Value]| json!({"unpack": unpacked, "links": links, "files": files});
    let app = || [unpack(APPLICATION, "app")];
    let long = format!("{0}/{0}/{0}/{0}/{1}", "n".repeat(250), "n".repeat(16));
    let cases: Vec<(&str, Value, &str)> = vec![
        (
            "file-at-member",
            with(&app(), &[], &[generated("app/pkg/main.py")]),
            "a generated file in the place of a private one",
        ),
        (
            "file-at-folder",
            with(&app(), &[], &[generated("app/pkg")]),
            "a generated file in the place of a private folder",
        ),
        (
            "file-at-private-link",
            with(&app(), &[], &[generated("app/pkg/alias")]),
            "a generated file in the place of a private link",
        ),
        (
            "file-below-member",
            with(&app(), &[], &[generated("app/top/x")]),
            "a generated file below a private file",
        ),
        (
            "file-below-private-link",
            with(&app(), &[], &[generated("app/pkg/alias/x")]),
            "a generated file below a private link",
        ),
        (
            "link-at-member",
            with(&app(), &[symlink("app/top", "lib")], &[]),
            "a link in the place of a private file",
        ),
        (
            "link-at-folder",
            with(&app(), &[symlink("app/pkg", "lib")], &[]),
            "a link in the place of a private folder",
        ),
        (
            "link-below-member",
            with(&app(), &[symlink("app/top/x", "lib")], &[]),
            "a link below a private file",
        ),
        (
            "copy-at-member",
            with(&app(), &[copy("app/top", "lib/os.py")], &[]),
            "a copy in the place of a private file",
        ),
        (
            "copy-below-private-link",
            with(&app(), &[copy("app/pkg/alias/x", "lib/os.py")], &[]),
            "a copy below a private link",
        ),
        (
            "into-at-member",
            with(&[unpack(APPLICATION, ""), unpack(MORE, "pkg/main.py")], &[], &[]),
            "a slot in the place of a file of another",
        ),
        (
            "into-below-member",
            with(&[unpack(APPLICATION, ""), unpack(MORE, "top/x")], &[], &[]),
            "a slot below a file of another",
        ),
        (
            "into-at-private-link",
            with(&[unpack(APPLICATION, ""), unpack(MORE, "pkg/alias")], &[], &[]),
            "a slot in the place of a link of another",
        ),
        (
            "into-below-private-link",
            with(&[unpack(MORE, "pkg/alias/x"), unpack(APPLICATION, "")], &[], &[]),
            "a slot below a link of another that is unpacked later",
        ),
        (
            "long-together",
            with(&[unpack(APPLICATION, &long)], &[], &[]),
            "folder and member have more than 1024 bytes together",
        ),
        (
            "deep-together",
            with(&[unpack(APPLICATION, &["d"; 63].join("/"))], &[], &[]),
            "folder and member have 65 components together",
        ),
    ];
    let refusal = environment(ErrorCode::PspfMetadataModel);
    for (name, workenv, note) in cases {
        table.altered(name, BASE, composed(workenv).bytes(), refusal, note);
        table.compose(ErrorCode::StoreComposition);
    }
}

/// Links and copies that lead to no fitting member.
fn targets(table: &mut Table) {
    let with = |link: Value| json!({"links": [link]});
    let cases: Vec<(&str, Value, &str)> = vec![
        ("to-nothing", with(symlink("l", "lib/none.py")), "a link to no member"),
        ("to-below-file", with(symlink("l", "lib/os.py/x")), "a link to something below a file"),
        ("to-through-link", with(symlink("l", "bin/python/x")), "a link through a link"),
        ("to-other-case", with(symlink("l", "LIB/os.py")), "a link to a name in another case"),
        ("copy-nothing", with(copy("l", "lib/none.py")), "a copy of no member"),
        ("copy-folder", with(copy("l", "lib")), "a copy of a folder"),
        ("copy-link", with(copy("l", "bin/python")), "a copy of a link"),
        ("copy-through-link", with(copy("l", "bin/python/x")), "a copy through a link"),
    ];
    let refusal = environment(ErrorCode::PspfMetadataModel);
    for (name, workenv, note) in cases {
        table.altered(name, BASE, composed(workenv).bytes(), refusal, note);
        table.compose(ErrorCode::StoreComposition);
    }
}

/// Two private slots that do not go together.
fn two_slots(table: &mut Table) {
    let refusal = environment(ErrorCode::PspfMetadataModel);
    let clashing: [(&str, Vec<Vec<u8>>, &str); 4] = [
        ("slots-one-file", vec![file("f", b"")], "two slots with a file of one name in one folder"),
        (
            "slots-folder-and-file",
            vec![directory("f")],
            "a folder in one slot, a file of its name in the other",
        ),
        ("slots-link-and-file", vec![link("f", "g")], "a link in one slot, a file of its name in the other"),
        (
            "slots-below-file",
            vec![directory("f"), file("f/g", b"")],
            "a member of one slot below a file of the other",
        ),
    ];
    for (name, other, note) in clashing {
        let slots = [
            SlotDraft::tree("runtime", &[directory("bin")], 0),
            SlotDraft::tree("application", &[file("f", b"")], 0),
            SlotDraft::tree("more", &other, 0),
        ];
        let workenv = json!({"unpack": [unpack(APPLICATION, "d"), unpack(MORE, "d")]});
        table.bad(name, of(&slots).flavor("/workenv", workenv).bytes(), refusal, note);
        table.compose(ErrorCode::StoreComposition);
    }
}

/// Names that file systems of other targets take for one (security rule S13).
fn other_systems(table: &mut Table) {
    let target = |os: &str, workenv: &Value| {
        composed(workenv.clone()).flavor("/target", json!({"os": os, "arch": "amd64"})).bytes()
    };
    let cases = [
        (
            "files",
            json!({"files": [generated("A"), generated("a")]}),
            "two generated files that differ by case",
        ),
        ("folders", json!({"files": [generated("D/x"), generated("d/y")]}), "two implied folders that do"),
        (
            "member",
            json!({"unpack": [unpack(APPLICATION, "")], "files": [generated("TOP")]}),
            "a generated file and a private one that do",
        ),
    ];
    let refusal = environment(ErrorCode::PspfMemberName);
    for (name, workenv, note) in cases {
        table.good(&format!("case-{name}-linux"), target("linux", &workenv), note);
        for os in ["darwin", "windows"] {
            let name = format!("case-{name}-{os}");
            table.altered(&name, BASE, target(os, &workenv), refusal, note);
        }
    }
    let device = json!({"links": [symlink("bin/aux.txt", "lib/os.py")]});
    table.altered(
        "device-windows",
        BASE,
        target("windows", &device),
        refusal,
        "a link that Windows takes for a device",
    );
}
