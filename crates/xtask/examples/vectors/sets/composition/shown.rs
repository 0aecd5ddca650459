//! Compositions that the signed document alone shows to be wrong: refused when the package is opened.

use pspf::ErrorCode;
use serde_json::{Value, json};

use super::{APPLICATION, BASE, MORE, RUNTIME, composed, copy, generated, symlink, unpack, usual};
use crate::draft::Draft;
use crate::table::{Table, open};

pub(super) fn add(table: &mut Table) {
    paths(table);
    slots(table);
    relatives(table);
    placeholders(table);
}

/// One document of the wrong kind.
fn case(table: &mut Table, name: &str, draft: &Draft, note: &str) {
    let refusal = open("json", ErrorCode::PspfMetadataModel);
    table.altered(name, BASE, draft.bytes_around(&draft.text()), refusal, note);
}

fn paths(table: &mut Table) {
    let long = format!("{0}/{0}/{0}/{0}/{1}", "n".repeat(250), "n".repeat(21));
    let (name, deep) = ("n".repeat(256), ["d"; 65].join("/"));
    let wrong = [
        ("absolute", "/etc/x", "an absolute path"),
        ("upwards", "../x", "a path out of the environment"),
        ("upwards-inside", "a/../x", "`..` that stays inside"),
        ("dot", "./x", "a component `.`"),
        ("empty-component", "a//x", "an empty component"),
        ("trailing-slash", "a/", "a slash at the end"),
        ("drive", "C:x", "a drive letter"),
        ("long", long.as_str(), "1025 bytes"),
        ("long-name", name.as_str(), "a component of 256 bytes"),
        ("deep", deep.as_str(), "65 components"),
    ];
    for (name, path, note) in wrong {
        for (key, workenv) in [
            ("file", json!({"files": [generated(path)]})),
            ("link", json!({"links": [symlink(path, "lib")]})),
            ("copy", json!({"links": [copy(path, "lib/os.py")]})),
            ("to", json!({"links": [symlink("l", path)]})),
            ("into", json!({"unpack": [unpack(APPLICATION, path)]})),
            ("path", json!({"path": [path]})),
        ] {
            // Every rule for every kind of place, but the two long ones only once.
            if matches!(name, "long" | "deep") && key != "file" {
                continue;
            }
            case(table, &format!("{key}-{name}"), &composed(workenv), note);
        }
    }
    for (name, workenv) in [
        ("file-empty", json!({"files": [generated("")]})),
        ("link-empty", json!({"links": [symlink("", "lib")]})),
        ("path-empty", json!({"path": [""]})),
    ] {
        case(table, name, &composed(workenv), "no path");
    }
    let zero = composed(json!({"files": [generated("a\0b")]}));
    let refusal = open("json", ErrorCode::PspfMetadataJson);
    table.altered("file-zero", BASE, zero.bytes_around(&zero.text()), refusal, "a zero byte");
}

fn slots(table: &mut Table) {
    let link = |slot: u64, to: &str, kind: &str| json!({"links": [{"path": "l", "slot": slot, "to": to, "kind": kind}]});
    let mode = |mode: &str| json!({"files": [{"path": "f", "content": "", "mode": mode}]});
    let cases: Vec<(&str, Value, &str)> = vec![
        ("unpack-shared", json!({"unpack": [unpack(RUNTIME, "a")]}), "a shared slot is unpacked"),
        (
            "unpack-twice",
            json!({"unpack": [unpack(MORE, "a"), unpack(MORE, "b")]}),
            "a slot is unpacked twice",
        ),
        ("unpack-beyond", json!({"unpack": [unpack(3, "a")]}), "a slot that does not exist"),
        (
            "unpack-far-beyond",
            json!({"unpack": [unpack(9_007_199_254_740_991, "a")]}),
            "a slot that does not exist",
        ),
        ("link-private", link(MORE, "pkg", "symlink"), "a link into a private slot"),
        ("link-beyond", link(3, "pkg", "symlink"), "a link into a slot that does not exist"),
        ("copy-private", link(MORE, "pkg/sub/two.py", "copy"), "a copy out of a private slot"),
        ("copy-root", link(RUNTIME, "", "copy"), "a copy of a whole slot"),
        ("mode-setuid", mode("4755"), "a mode with setuid"),
        ("mode-writable", mode("0666"), "a mode that others may write"),
        ("mode-three-digits", mode("644"), "a mode of three digits"),
        ("mode-empty", mode(""), "no mode"),
    ];
    for (name, workenv, note) in cases {
        case(table, name, &composed(workenv), note);
    }
}

/// Paths that cannot stand beside each other.
fn relatives(table: &mut Table) {
    let (f, l) = (generated, |path: &str| symlink(path, "lib"));
    let with = |links: &[Value], files: &[Value]| json!({"links": links, "files": files});
    let app = |into: &str, links: &[Value], files: &[Value]| json!({"unpack": [unpack(APPLICATION, into)], "links": links, "files": files});
    let cases: Vec<(&str, Value, &str)> = vec![
        ("file-twice", with(&[], &[f("a"), f("a")]), "a generated file twice"),
        ("file-twice-far", with(&[], &[f("a"), f("b"), f("a")]), "a generated file twice, another between"),
        ("link-twice", with(&[l("a"), l("a")], &[]), "a link twice"),
        ("copy-twice", with(&[copy("a", "lib/os.py"), copy("a", "lib/os.py")], &[]), "a copy twice"),
        ("link-and-file", with(&[l("a")], &[f("a")]), "a link and a file of one name"),
        ("link-and-copy", with(&[l("a"), copy("a", "lib/os.py")], &[]), "a link and a copy of one name"),
        ("file-below-link", with(&[l("a")], &[f("a/b")]), "a file below a link"),
        ("file-far-below-link", with(&[l("a")], &[f("a/b/c/d")]), "a file far below a link"),
        ("file-below-root-link", with(&[symlink("a", "")], &[f("a/b")]), "a file below a link to a slot"),
        ("file-below-copy", with(&[copy("a", "lib/os.py")], &[f("a/b")]), "a file below a copy"),
        ("file-below-file", with(&[], &[f("a"), f("a/b")]), "a file below a file"),
        ("file-below-file-first", with(&[], &[f("a/b"), f("a-b"), f("a")]), "the same, the lower one first"),
        ("link-below-link", with(&[l("a"), l("a/b")], &[]), "a link below a link"),
        ("link-below-file", with(&[l("a/b")], &[f("a")]), "a link below a file"),
        ("copy-below-link", with(&[l("a"), copy("a/b", "lib/os.py")], &[]), "a copy below a link"),
        ("into-at-file", app("a", &[], &[f("a")]), "a slot in the place of a file"),
        ("into-at-link", app("a", &[l("a")], &[]), "a slot in the place of a link"),
        ("into-below-file", app("a/b", &[], &[f("a")]), "a slot below a file"),
        ("into-below-link", app("a/b", &[l("a")], &[]), "a slot below a link"),
    ];
    for (name, workenv, note) in cases {
        case(table, name, &composed(workenv), note);
    }
}

fn placeholders(table: &mut Table) {
    for (name, text, note) in [
        ("private", "{slot:1}", "a placeholder of a private slot"),
        ("beyond", "{slot:4}", "a placeholder of a slot that does not exist"),
        ("word", "{slot:x}", "a placeholder of no number"),
        ("empty", "{slot:}", "a placeholder without a number"),
        ("sign", "{slot:+0}", "a placeholder with a sign"),
        ("zeros", "{slot:00}", "a placeholder with a zero in front"),
        ("nested", "{slot:{workenv}}", "a placeholder in a placeholder"),
    ] {
        let file = json!({"files": [{"path": "f", "content": text, "mode": "0644"}]});
        case(table, &format!("placeholder-{name}"), &composed(file), note);
    }
    let wrong = "{slot:1}/x";
    let draft = || composed(usual());
    for (name, draft) in [
        ("argv", draft().flavor("/commands/hello/argv", json!(["{workenv}/bin/hello", wrong]))),
        ("env", draft().flavor("/commands/hello/env", json!({"A": wrong}))),
        ("cwd", draft().flavor("/commands/hello/cwd", json!(wrong))),
        ("execution", draft().set("/execution/env", json!({"A": wrong}))),
        ("runtime", draft().set("/runtime", json!({"env": {"set": {"A": wrong}}}))),
    ] {
        case(table, &format!("placeholder-in-{name}"), &draft, "a placeholder of a private slot");
    }
}
