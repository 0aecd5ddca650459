//! Packages of ours that every reader accepts.

use serde_json::{Value, json};

use crate::draft::{Draft, LAUNCHER, SlotDraft, checksum, usual_tree};
use crate::encoded::{self, TEXT};
use crate::table::Table;
use crate::{tar, zstd};

/// The vector whose edits most wrong packages are.
pub(crate) const BASE: &str = "good-one-slot";

pub(crate) fn add(table: &mut Table) {
    table.group("good");
    table.good(
        "worked-example",
        worked_example().bytes(),
        "the worked example of FORMAT.md, with every key that a writer adds",
    );
    table.good(
        "one-slot",
        Draft::new().bytes(),
        "the file that most edits change: a tree of three members in one frame",
    );
    table.good("no-slots", Draft::of(&[]).bytes(), "no table, no slots: the trailer follows the metadata");
    table.good("plain", Draft::new().plain().bytes(), "no commands, no default, no work environment");
    let launcher = Draft { launcher: Vec::new(), ..Draft::new() };
    let launcher = launcher
        .flavor("/launcher/size", json!(0))
        .flavor("/launcher/sha256", json!(crate::draft::digest(b"")));
    table.good("launcher-empty", launcher.bytes(), "a launcher of no bytes: the metadata begins the file");
    table.good("all-keys", all_keys().bytes(), "every optional key of x-flavor");
    spellings(table);
    slots(table);
    chains(table);
    trees(table);
}

/// The worked example: everything that FORMAT.md §13 asks of a writer, as small as it can be.
fn worked_example() -> Draft {
    let slot = SlotDraft::tree("app", &[tar::program("hello", b"#!/bin/sh\necho hello\n")], 21);
    let digest = checksum(LAUNCHER);
    Draft::slot(slot)
        .set("/package", json!({"name": "hello", "version": "1.0", "description": ""}))
        .set("/slots/0/target", json!("{workenv}"))
        .set("/slots/0/purpose", json!("code"))
        .set("/slots/0/permissions", json!("0755"))
        .set("/slots/0/resolution", json!("build"))
        .set("/execution/command", json!("{workenv}/app/hello"))
        .set("/runtime", json!({"env": {}}))
        .set("/setup_commands", json!([]))
        .set(
            "/build",
            json!({"tool": "flavorpack-native", "tool_version": "0.1.0", "timestamp": "1980-01-02T00:00:00Z",
                "deterministic": true, "platform": {"os": "linux", "arch": "amd64", "host": ""}}),
        )
        .set(
            "/launcher",
            json!({"tool": "flavor-rs-launcher", "tool_version": "0.1.0", "size": LAUNCHER.len(), "checksum": digest,
                "capabilities": []}),
        )
        .set("/compatibility", json!({"min_format_version": "1.0.0", "features": []}))
        .set(
            "/verification",
            json!({"integrity_seal": {"required": true, "algorithm": "ed25519"}, "signed": true,
                "require_verification": true}),
        )
        .flavor("/slots/0/role", json!("application"))
        .flavor("/workenv/unpack", json!([{"slot": 0, "into": "app"}]))
        .flavor("/commands/hello/argv", json!(["{workenv}/app/hello"]))
}

fn all_keys() -> Draft {
    Draft::new()
        .set("/package/description", Value::Null)
        .set(
            "/runtime",
            json!({"env": {"unset": ["A"], "pass": ["B"], "map": {"C": "D"}, "set": {"E": "F"}}}),
        )
        .flavor("/target/floor", json!({"glibc": "2.17"}))
        .flavor("/alignment", json!(4096))
        .flavor("/slots/0/share", json!(true))
        .flavor(
            "/workenv/links",
            json!([{"path": "bin/hello", "slot": 0, "to": "bin/hello", "kind": "copy"}]),
        )
        .flavor("/workenv/files", json!([{"path": "etc/place", "content": "{slot:0}\n", "mode": "0644"}]))
        .flavor("/workenv/path", json!(["bin"]))
        .flavor("/commands/hello/env", json!({"GREETING": "hello"}))
        .flavor("/commands/hello/cwd", json!("{workenv}"))
        .flavor("/signer/claims", json!("Vectors, Ltd."))
        .flavor("/signer/serial", json!(7))
}

/// The same document in other spellings: what is signed is the bytes.
fn spellings(table: &mut Table) {
    let draft = Draft::new();
    let pretty = serde_json::to_vec_pretty(&draft.json).expect("JSON");
    table.good("json-white-space", draft.bytes_of(&pretty), "white space between the tokens");
    let text = String::from_utf8(draft.text()).expect("UTF-8");
    let escaped = text.replace("\"name\":\"vector\"", "\"n\\u0061me\":\"v\\u0065ctor\"");
    table.good(
        "json-escapes",
        draft.bytes_of(escaped.as_bytes()),
        "escapes where none is needed, in a key too",
    );
    let solidus = text.replace("{workenv}/bin/hello", "{workenv}\\/bin\\/hello");
    table.good("json-solidus", draft.bytes_of(solidus.as_bytes()), "an escaped solidus");
    let swapped = text.replacen(
        "\"package\":{\"name\":\"vector\",\"version\":\"1.0\"}",
        "\"package\":{\"version\":\"1.0\",\"name\":\"vector\"}",
        1,
    );
    table.good("json-key-order", draft.bytes_of(swapped.as_bytes()), "keys in another order");
    let inner = (0..30).fold(json!(1), |inner, _| json!([inner]));
    let extra = json!({"max": 9_007_199_254_740_991_u64, "min": -9_007_199_254_740_991_i64, "nothing": null, "deep": inner});
    let unknown = Draft::new().set("/x_unknown", extra).set("/package/x_unknown", json!([null, true]));
    table.good(
        "json-unknown-keys",
        unknown.bytes(),
        "unknown keys outside x-flavor: null, depth 32 and the largest integers below them",
    );
    let case = Draft::new().set("/execution/env", json!({"COMMAND": "1", "Command": "2", "command": "3"}));
    let case = case.set("/execution/environment", json!({"COMMAND": "1", "Command": "2", "command": "3"}));
    table.good("json-names-are-no-keys", case.bytes(), "names of variables may differ in case only");
    let nulls = Draft::new()
        .set("/package/description", Value::Null)
        .set("/slots/0/permissions", Value::Null)
        .set("/execution/environment", Value::Null)
        .set("/runtime", json!({"env": null}))
        .set("/workenv", json!({"directories": null, "env": null}));
    let nulls = ["cache_validation", "verification", "build", "launcher", "compatibility", "policy"]
        .iter()
        .fold(nulls, |draft, key| draft.set(&format!("/{key}"), Value::Null));
    table.good("json-nulls", nulls.bytes(), "null wherever FORMAT.md lists it");
    let long = Draft::new().set("/package/description", json!("ä".repeat(40_000)));
    table.good("json-two-blocks", long.bytes(), "a document of more than 65535 bytes: two stored blocks");
}

fn slots(table: &mut Table) {
    let empty = SlotDraft::file("empty", "raw", Vec::new(), 0);
    table.good("slot-empty-file", Draft::slot(empty).bytes(), "a raw slot of no bytes: an empty file");
    let own = SlotDraft { members: 0, ..SlotDraft::file("self", "raw", Vec::new(), 0) };
    table.good(
        "slot-self",
        Draft::slot(own).set("/slots/0/self_ref", json!(true)).bytes(),
        "a $SELF slot: no bytes, no members",
    );
    let many: Vec<SlotDraft> = (0..130)
        .map(|number| SlotDraft::file(&format!("s{number}"), "raw", vec![b'0' + number % 10], 1))
        .collect();
    table.good(
        "slots-130",
        Draft::of(&many).bytes(),
        "130 slots; the descriptor of slot 123 does not begin with 0x7B",
    );
    for alignment in [4096, 16384] {
        let slots = [usual_tree(), SlotDraft::file("data", "raw", TEXT.to_vec(), TEXT.len() as u64)];
        let draft = Draft::of(&slots).flavor("/alignment", json!(alignment));
        table.good(
            &format!("aligned-{alignment}"),
            draft.bytes(),
            "slots at page boundaries, capability bit 1",
        );
    }
    let named = Draft::slot(SlotDraft { id: "größe-日本".to_owned(), ..usual_tree() });
    table.good("slot-name-not-ascii", named.bytes(), "a slot whose id is not ASCII");
    let words = [
        "init",
        "startup",
        "runtime",
        "shutdown",
        "cache",
        "cached",
        "temporary",
        "temp",
        "volatile",
        "lazy",
        "eager",
        "dev",
        "config",
        "platform",
        "attestation",
        "other",
    ];
    let slots: Vec<SlotDraft> =
        words.iter().map(|word| SlotDraft::file(word, "raw", b"x".to_vec(), 1)).collect();
    let mut draft = Draft::of(&slots);
    for (position, word) in words.iter().enumerate() {
        let purpose = ["code", "config", "media", "data"][position % 4];
        draft = draft
            .set(&format!("/slots/{position}/lifecycle"), json!(word))
            .set(&format!("/slots/{position}/purpose"), json!(purpose))
            .set(&format!("/slots/{position}/permissions"), json!(format!("{:o}", 0o600 + position)));
    }
    table.good("slot-words", draft.bytes(), "every lifecycle and purpose, and permissions of several modes");
}

/// Every operation, alone and chained, as the reference programs encode.
fn chains(table: &mut Table) {
    let length = TEXT.len() as u64;
    let gzip = encoded::bytes(encoded::GZIP);
    let two_members = [pspf::stored_gzip::render(&TEXT[..7]), pspf::stored_gzip::render(&TEXT[7..])].concat();
    let twice = pspf::stored_gzip::render(&gzip);
    let eight = (0..7).fold(gzip.clone(), |inner, _| pspf::stored_gzip::render(&inner));
    for (name, operations, stored, note) in [
        ("raw", "raw", TEXT.to_vec(), "a file as it is"),
        ("raw-none", "NONE", TEXT.to_vec(), "another word for raw; case does not matter"),
        ("gzip", "gzip", gzip.clone(), "a deflated gzip member"),
        ("gzip-two-members", "gz", two_members, "two gzip members are one content"),
        ("gzip-gzip", "gzip|gzip", twice, "a chain of two, joined by `|`"),
        (
            "eight-operations",
            "gzip,gzip,gzip,gzip,gzip,gzip,gzip,gzip",
            eight,
            "the longest chain, joined by `,`",
        ),
        ("bzip2", "bzip2", encoded::bytes(encoded::BZIP2), "a bzip2 stream"),
        (
            "bzip2-two-streams",
            "bz2",
            encoded::bytes(encoded::BZIP2_TWO_STREAMS),
            "two bzip2 streams are one content",
        ),
        ("xz", "xz", encoded::bytes(encoded::XZ), "an xz stream"),
        ("xz-two-streams", "xz", encoded::bytes(encoded::XZ_TWO_STREAMS), "two xz streams are one content"),
    ] {
        let draft = Draft::slot(SlotDraft::file("text", operations, stored, length));
        table.good(&format!("chain-{name}"), draft.bytes(), note);
    }
    let frames: Vec<(Vec<u8>, u64)> =
        [&TEXT[..7], &TEXT[7..]].map(|part| (zstd::frame(part), part.len() as u64)).to_vec();
    let single =
        SlotDraft { operations: "zstd".to_owned(), ..SlotDraft::stored_frames("text", &frames, length, 1) };
    table.good("chain-zstd", Draft::slot(single).bytes(), "a file in two frames, cut anywhere");
    let empty = SlotDraft {
        operations: "zst".to_owned(),
        ..SlotDraft::stored_frames("text", &[(zstd::frame(b""), 0)], 0, 1)
    };
    table.good("chain-zstd-empty", Draft::slot(empty).bytes(), "an empty file is one frame");
    let nested: Vec<(Vec<u8>, u64)> =
        [&gzip[..20], &gzip[20..]].map(|part| (zstd::frame(part), part.len() as u64)).to_vec();
    let nested = SlotDraft {
        operations: "gzip|zstd".to_owned(),
        ..SlotDraft::stored_frames("text", &nested, length, 1)
    };
    table.good(
        "chain-gzip-zstd",
        Draft::slot(nested).bytes(),
        "frames cut the stream before zstd, which is gzip's",
    );
    let archive = [tar::file("a", TEXT), tar::END.to_vec()].concat();
    let tree = |operations: &str, stored: Vec<u8>| SlotDraft::file("tree", operations, stored, length);
    table.good("chain-tar", Draft::slot(tree("tar", archive.clone())).bytes(), "a tar stream as it is");
    let gzipped = pspf::stored_gzip::render(&archive);
    table.good("chain-tgz", Draft::slot(tree("TGZ", gzipped)).bytes(), "tar, then gzip, by its short name");
    let level = zstd_library(&archive);
    let level = SlotDraft::stored_frames("tree", &[(level, archive.len() as u64)], length, 1);
    table.good(
        "frame-of-libzstd",
        Draft::slot(level).bytes(),
        "a frame with compressed blocks and a content checksum",
    );
}

/// A frame of the reference library, level 9, as bytes.
fn zstd_library(content: &[u8]) -> Vec<u8> {
    let mut encoder = ::zstd::stream::Encoder::new(Vec::new(), 9).expect("an encoder");
    encoder.include_checksum(true).expect("a checksum");
    std::io::Write::write_all(&mut encoder, content).expect("compress");
    encoder.finish().expect("compress")
}

fn trees(table: &mut Table) {
    let tree = |members: &[Vec<u8>], bytes: u64| Draft::slot(SlotDraft::tree("app", members, bytes)).bytes();
    table.good("tree-empty", tree(&[], 0), "no members, only the end of the archive");
    let frames =
        [tar::directory("a"), tar::file("a/b", b"1"), [tar::file("c", b"").as_slice(), &tar::END].concat()];
    let frames = Draft::slot(SlotDraft::framed("app", &frames, 1, 3));
    table.good("tree-frames", frames.bytes(), "a frame for each member");
    let names = [
        tar::directory("é"),
        tar::file("é/日本.txt", b"1"),
        tar::file("a b", b"2"),
        tar::file("\u{1f4e6}", b"3"),
    ];
    table.good("tree-names-not-ascii", tree(&names, 3), "names outside ASCII, a blank in a name");
    let deep = "d".repeat(90);
    let split = tar::Header {
        prefix: deep.clone().into_bytes(),
        size: 1,
        ..tar::Header::new(b'0', "f".repeat(100).as_bytes())
    };
    let long = format!("{deep}/{}", "p".repeat(200));
    let long_target = format!("{deep}/{}", "f".repeat(100));
    let pax = |key: &str, value: &str, header: tar::Header, data: &[u8]| {
        [tar::pax(&tar::record(key, value)), tar::padded(&header.block(), data)].concat()
    };
    let members = [
        tar::directory(&deep),
        tar::padded(&split.block(), b"1"),
        pax("path", &long, tar::Header { size: 1, ..tar::Header::new(b'0', &[b'p'; 100]) }, b"2"),
        pax(
            "linkpath",
            &long_target,
            tar::Header { target: vec![b'd'; 100], ..tar::Header::new(b'2', b"link") },
            b"",
        ),
        pax("size", "1", tar::Header::new(b'0', b"sized"), b"3"),
    ];
    table.good(
        "tree-long-names",
        tree(&members, 3),
        "a name split into prefix and name, and pax records for path, linkpath and size",
    );
    let set = tar::Header { mode: 0o7755, size: 1, ..tar::Header::new(b'0', b"setuid") };
    table.good(
        "tree-setuid",
        tree(&[tar::padded(&set.block(), b"1")], 1),
        "setuid, setgid and sticky mean nothing: the member is executable and no more",
    );
    let links = [
        tar::directory("a"),
        tar::directory("a/b"),
        tar::file("a/b/f", b"1"),
        tar::link("a/b/up", "../../a/b/f"),
        tar::link("a/parent", ".."),
        tar::link("chain", "dots"),
        tar::link("dots", "./a//b/"),
        tar::link("gone", "missing"),
        tar::link("round", "a/b/../b/f"),
    ];
    table.good("tree-links", tree(&links, 1), "links that stay inside: upwards, chained, to nothing");
    let deepest = (1..=64).map(|depth| directory_of(&vec!["d"; depth].join("/"))).collect::<Vec<_>>();
    table.good("tree-depth-64", tree(&deepest, 0), "64 components");
    // No component is longer than file systems allow.
    let path = format!("{}{}", format!("{}/", "x".repeat(200)).repeat(5), "y".repeat(19));
    assert_eq!(path.len(), 1024);
    let mut members: Vec<Vec<u8>> = (1..=5).map(|depth| directory_of(&path[..depth * 201 - 1])).collect();
    members.push([tar::pax(&tar::record("path", &path)), tar::file("y", b"")].concat());
    table.good("tree-name-255", tree(&[directory_of(&"n".repeat(255))], 0), "a component of 255 bytes");
    table.good("tree-path-1024", tree(&members, 0), "a path of 1024 bytes");
    let same = Draft::of(&[usual_tree(), SlotDraft { id: "again".to_owned(), ..usual_tree() }]);
    table.good("slots-same-content", same.bytes(), "two slots of the same bytes");
}

/// A directory, its name in a pax record where the header is too short for it.
fn directory_of(path: &str) -> Vec<u8> {
    if path.len() < 100 {
        return tar::directory(path);
    }
    [tar::pax(&tar::record("path", &format!("{path}/"))), tar::directory("d")].concat()
}
