//! Slots of every kind: what is stored, and that it unpacks to what was given.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flavor_pack::assemble::{Assembled, Request, assemble};
use flavor_pack::progress::Silent;
use flavor_pack::verify::verify;
use pspf::codec::{Encoder, Level};
use pspf::operations::OperationChain;
use pspf::tar::{self, Kind, Member};
use pspf::{ErrorCode, Package};
use serde_json::{Value, json};

use crate::support::{Stage, content, filler, members, native, stored, unpack};

const MIB: usize = 1024 * 1024;
const ENCODINGS: [&str; 4] = ["gzip", "bzip2", "xz", "zstd"];

fn assembled(stage: &Stage, slots: &[Value]) -> (Assembled, Vec<u8>) {
    let assembled = assemble(&stage.request(&native(slots)), &Silent).expect("assemble");
    let report = verify(&assembled.path, &Silent).expect("verify");
    assert!(report.ok(), "{report:?}");
    let bytes = fs::read(&assembled.path).expect("read");
    (assembled, bytes)
}

fn refused(stage: &Stage, slots: &[Value]) -> flavor_pack::Error {
    let error = assemble(&stage.request(&native(slots)), &Silent).expect_err("must be refused");
    assert_eq!(stage.output_folder(), [""; 0]);
    error
}

fn slot(id: &str, source: &str, operations: &str) -> Value {
    json!({"id": id, "source": source, "target": format!("{{workenv}}/{id}"), "operations": operations})
}

fn encoded(operations: &str, content: &[u8]) -> Vec<u8> {
    let chain = OperationChain::parse(operations).expect("chain");
    let mut encoder = Encoder::new(chain.operations(), Vec::new(), Level::Fast).expect("encoder");
    encoder.write_all(content).expect("encode");
    encoder.finish().expect("finish")
}

/// A tar archive as another tool writes it: unsorted, without entries for folders, padded to a record.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (path, content) in files {
        let kind = Kind::File { size: content.len() as u64, executable: path.starts_with("bin/") };
        bytes.extend(tar::header(&Member { path: (*path).to_owned(), kind }, 1_600_000_000).expect("header"));
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize((bytes.len() + 1024).next_multiple_of(10_240), 0);
    bytes
}

#[test]
fn a_folder_unpacks_from_every_chain_that_begins_with_tar() {
    let stage = Stage::new();
    let chains =
        ["tar", "tgz", "tar.bz2", "tar.xz", "tar.zst", "tar|gzip|zstd", "tar|zstd|gzip", "tar|xz|bzip2|gzip"];
    let slots: Vec<Value> = chains.iter().map(|chain| slot(chain, "runtime", chain)).collect();
    let (assembled, bytes) = assembled(&stage, &slots);
    let expected = members(&bytes, 4);
    assert_eq!(expected["lib/python3.14/os.py"].1, filler(9000));
    assert_eq!(expected, unpack(&bytes, 4));
    let package = Package::open(bytes.clone()).expect("open");
    for (position, chain) in chains.iter().enumerate() {
        assert_eq!(members(&bytes, position), expected, "{chain}");
        assert_eq!(package.frames(position).is_empty(), !chain.ends_with("zstd") && *chain != "tar.zst");
        let unpacked = package.flavor().expect("ours").slots[position].unpacked;
        assert_eq!((unpacked.bytes, unpacked.members), (9000 + 11, 6), "{chain}");
        assert_eq!(assembled.slots[position].members, 6);
    }
    assert_eq!(content(&bytes, 0), content(&bytes, 1), "the tar stream is the same under every encoding");
}

#[test]
fn a_file_unpacks_from_every_chain_and_an_empty_one_does_too() {
    let stage = Stage::new();
    stage.file("data.bin", &filler(300_000), false);
    stage.file("empty.bin", b"", false);
    let chains = ["raw", "gzip", "bzip2", "xz", "zstd", "gzip|gzip", "zstd|xz", "bzip2|zstd"];
    for (source, expected) in [("data.bin", filler(300_000)), ("empty.bin", Vec::new())] {
        let slots: Vec<Value> = chains.iter().map(|chain| slot(chain, source, chain)).collect();
        let (_, bytes) = assembled(&stage, &slots);
        let package = Package::open(bytes.clone()).expect("open");
        for (position, chain) in chains.iter().enumerate() {
            assert_eq!(content(&bytes, position), expected, "{chain}");
            let unpacked = package.flavor().expect("ours").slots[position].unpacked;
            assert_eq!((unpacked.bytes, unpacked.members), (expected.len() as u64, 1), "{chain}");
        }
        assert_eq!(stored(&bytes, 0), expected, "raw bytes are stored as they are");
        assert_eq!(package.frames(4).len(), 1);
        assert_eq!(package.frames(4)[0].content, expected.len() as u64);
    }
}

#[test]
fn a_chain_that_ends_with_zstd_is_cut_every_four_mebibytes_and_eight_at_level_19() {
    let stage = Stage::new();
    let data = filler(9 * MIB + 5);
    stage.file("data.bin", &data, false);
    let plan = native(&[slot("data", "data.bin", "zstd"), slot("twice", "data.bin", "gzip|zstd")]);
    for (level, step) in [(3, 4 * MIB as u64), (9, 4 * MIB as u64), (19, 8 * MIB as u64)] {
        let mut whole = None;
        for threads in [1, 3] {
            let request = Request { level, threads: Some(threads), ..stage.request(&plan) };
            let assembled = assemble(&request, &Silent).expect("assemble");
            let bytes = fs::read(&assembled.path).expect("read");
            assert!(*whole.get_or_insert_with(|| bytes.clone()) == bytes, "threads change bytes at {level}");
        }
        let bytes = whole.expect("assembled");
        let package = Package::open(bytes.clone()).expect("open");
        for position in [0, 1] {
            let frames = package.frames(position);
            let (last, before) = frames.split_last().expect("frames");
            assert!(before.iter().all(|frame| frame.content == step) && last.content <= step, "{frames:?}");
            assert!(content(&bytes, position) == data);
        }
    }
}

#[test]
fn a_file_of_more_than_sixteen_mebibytes_is_split_and_comes_back() {
    let stage = Stage::new();
    for (name, length) in
        [("a.bin", 16 * MIB), ("b.bin", 16 * MIB + 1), ("c.bin", 32 * MIB), ("d.bin", 40 * MIB)]
    {
        stage.file(&format!("large/{name}"), &filler(length / 64).repeat(64), false);
    }
    stage.file("large/e.txt", b"behind them\n", false);
    let plan = native(&[slot("large", "large", "tar.zst")]);
    let mut results = Vec::new();
    for threads in [1, 4] {
        let request = Request { level: 3, threads: Some(threads), ..stage.request(&plan) };
        let assembled = assemble(&request, &Silent).expect("assemble");
        let report = verify(&assembled.path, &Silent).expect("verify");
        assert!(report.ok(), "{report:?}");
        results.push(fs::read(&assembled.path).expect("read"));
    }
    assert!(results[0] == results[1], "threads change bytes");
    let package = Package::open(results[0].clone()).expect("open");
    assert!(package.frames(0).iter().all(|frame| frame.content <= 16 * MIB as u64 + 2048));
    for members in [unpack(&results[0], 0), members(&results[0], 0)] {
        for entry in fs::read_dir(stage.path("large")).expect("list") {
            let path = entry.expect("entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("name").to_owned();
            assert!(members[&name].1 == fs::read(&path).expect("read"), "{name}");
        }
    }
}

#[test]
fn what_is_encoded_already_is_stored_byte_for_byte() {
    let stage = Stage::new();
    let tar = archive(&[("z.txt", b"last"), ("bin/run", b"#!/bin/sh\n"), ("a/b/c.txt", b"deep")]);
    stage.file("tree.tar", &tar, false);
    let mut slots = vec![slot("tar", "tree.tar", "tar")];
    for operation in &ENCODINGS[..3] {
        stage.file(&format!("tree.{operation}"), &encoded(operation, &tar), false);
        stage.file(&format!("file.{operation}"), &encoded(operation, b"hello"), false);
        slots.push(slot(&format!("t{operation}"), &format!("tree.{operation}"), &format!("tar|{operation}")));
        slots.push(slot(&format!("f{operation}"), &format!("file.{operation}"), operation));
    }
    // Two members one after another are one stream, as any gzip program has it.
    let two = [encoded("gzip", b"hello "), encoded("gzip", b"world")].concat();
    stage.file("two.gz", &two, false);
    slots.push(slot("two", "two.gz", "gzip"));
    let (assembled, bytes) = assembled(&stage, &slots);
    let package = Package::open(bytes.clone()).expect("open");
    for (position, slot) in slots.iter().enumerate() {
        let source = fs::read(stage.path(slot["source"].as_str().expect("source"))).expect("read");
        assert!(stored(&bytes, position) == source, "{slot}");
        let unpacked = package.flavor().expect("ours").slots[position].unpacked;
        let expected = match slot["id"].as_str().expect("id").as_bytes()[0] {
            b't' if slot["id"] == "two" => (11, 1),
            b't' => (4 + 10 + 4, 3),
            _ => (5, 1),
        };
        assert_eq!((unpacked.bytes, unpacked.members), expected, "{slot}");
    }
    assert_eq!(content(&bytes, 7), b"hello world");
    assert_eq!(assembled.warnings, [""; 0]);
}

#[test]
fn an_archive_under_tar_zst_is_framed_anew_and_in_order_whatever_it_was_encoded_with() {
    let stage = Stage::new();
    let tar = archive(&[("z.txt", b"last"), ("bin/run", b"#!/bin/sh\n"), ("a/b/c.txt", &filler(200_000))]);
    stage.file("tree.tar", &tar, false);
    stage.file("tree.tar.zst", &encoded("zstd", &tar), false);
    stage.file("same/z.txt", b"last", false);
    stage.file("same/bin/run", b"#!/bin/sh\n", true);
    stage.file("same/a/b/c.txt", &filler(200_000), false);
    let slots = ["tree.tar", "tree.tar.zst", "same"];
    let (_, bytes) = assembled(&stage, &slots.map(|source| slot(source, source, "tar.zst")));
    assert_eq!(stored(&bytes, 0), stored(&bytes, 2), "an archive gives what the folder gives");
    assert_eq!(stored(&bytes, 1), stored(&bytes, 2));
    let unpacked = unpack(&bytes, 1);
    assert_eq!(unpacked.keys().collect::<Vec<_>>(), ["a", "a/b", "a/b/c.txt", "bin", "bin/run", "z.txt"]);
    assert_eq!(unpacked["a/b/c.txt"].1, filler(200_000));
}

#[test]
fn other_chains_that_end_with_zstd_are_framed_anew_too() {
    let stage = Stage::new();
    let data = filler(5 * MIB);
    stage.file("data.zst", &encoded("zstd", &data), false);
    stage.file("data.gz.zst", &encoded("gzip|zstd", &data), false);
    let tar = archive(&[("a.txt", b"a")]);
    stage.file("tree.tar.gz.zst", &encoded("gzip|zstd", &tar), false);
    let slots = [
        slot("one", "data.zst", "zstd"),
        slot("two", "data.gz.zst", "gzip|zstd"),
        slot("tree", "tree.tar.gz.zst", "tar|gzip|zstd"),
    ];
    let (_, bytes) = assembled(&stage, &slots);
    let package = Package::open(bytes.clone()).expect("open");
    assert_eq!(package.frames(0).iter().map(|frame| frame.content).collect::<Vec<_>>(), [4 << 20, 1 << 20]);
    assert!(content(&bytes, 0) == data && content(&bytes, 1) == data);
    assert_eq!(content(&bytes, 2), tar);
}

#[test]
fn a_tar_file_under_a_longer_chain_is_encoded_as_it_is() {
    let stage = Stage::new();
    let tar = archive(&[("z.txt", b"last"), ("a.txt", b"first")]);
    stage.file("tree.tar", &tar, false);
    let chains = ["tgz", "tar.bz2", "tar.xz", "tar|gzip|zstd"];
    let (_, bytes) = assembled(&stage, &chains.map(|chain| slot(chain, "tree.tar", chain)));
    for (position, chain) in chains.iter().enumerate() {
        assert_eq!(content(&bytes, position), tar, "{chain}");
    }
}

#[test]
fn a_file_that_only_looks_encoded_is_encoded_and_a_person_is_told() {
    let stage = Stage::new();
    let mut cut = encoded("gzip", &filler(5000));
    cut.truncate(2000);
    stage.file("cut.gz", &cut, false);
    let (assembled, bytes) = assembled(&stage, &[slot("cut", "cut.gz", "gzip")]);
    assert_eq!(content(&bytes, 0), cut);
    assert_eq!(assembled.warnings.len(), 1);
    assert!(assembled.warnings[0].contains("cut.gz"), "{:?}", assembled.warnings);
}

#[test]
fn a_source_that_does_not_fit_its_chain_is_refused_by_name() {
    let stage = Stage::new();
    stage.file("plain.txt", &filler(3000), false);
    stage.file("cut.tar.gz", &encoded("gzip", &archive(&[("a", b"a")]))[..40], false);
    stage.file("text.gz", &encoded("gzip", &filler(3000)), false);
    let twice = archive(&[("a", b"1"), ("a", b"2")]);
    stage.file("twice.tar", &twice, false);
    for (source, operations) in [
        ("plain.txt", "tar"),
        ("plain.txt", "tgz"),
        ("plain.txt", "tar.zst"),
        ("cut.tar.gz", "tgz"),
        ("text.gz", "tgz"),
        ("twice.tar", "tar"),
        ("twice.tar", "tgz"),
        ("runtime", "raw"),
        ("runtime", "gzip"),
        ("runtime", "gzip|tar"),
    ] {
        let error = refused(&stage, &[slot("it", source, operations)]);
        assert_eq!(error.code(), ErrorCode::FlavorPlan, "{source} {operations}: {error}");
        let named = error.to_string().contains(source) || operations == "gzip|tar";
        assert!(named && error.to_string().contains("slots[0]"), "{source} {operations}: {error}");
    }
    let error = refused(&stage, &[slot("it", "twice.tar", "tar.zst")]);
    assert_eq!(error.code(), ErrorCode::FlavorMember);
    assert!(error.to_string().contains("twice.tar"), "{error}");
    assert_eq!(refused(&stage, &[slot("it", "gone", "raw")]).code(), ErrorCode::FlavorNotFound);
    let folder = json!({"id": "it", "source": "plain.txt", "target": "{workenv}"});
    assert_eq!(refused(&stage, &[folder]).code(), ErrorCode::FlavorPlan);
}

#[test]
fn the_package_itself_is_a_slot_without_bytes() {
    let stage = Stage::new();
    let me = json!({"id": "me", "source": "$SELF", "target": "{workenv}/me.psp"});
    let (assembled, bytes) = assembled(&stage, &[slot("tree", "runtime", "tgz"), me]);
    let package = Package::open(bytes.clone()).expect("open");
    let json: Value = serde_json::from_slice(package.metadata_json()).expect("JSON");
    assert_eq!(json["slots"][1]["self_ref"], true);
    assert_eq!(json["slots"][0].get("self_ref"), None);
    assert_eq!((&json["slots"][1]["size"], &json["slots"][1]["operations"]), (&json!(0), &json!("raw")));
    assert_eq!(stored(&bytes, 1), b"");
    package.verify_slot(1).expect("the digest of nothing");
    assert_eq!((assembled.slots[1].members, assembled.slots[1].stored), (0, 0));
    assert!(assembled.warnings.iter().any(|text| text.contains("\"me\"")), "{:?}", assembled.warnings);
}

#[test]
fn a_package_has_no_slot_one_slot_or_hundreds() {
    let stage = Stage::new();
    for count in [0, 1, 123, 124, 300] {
        let slots: Vec<Value> = (0..count)
            .map(|number| {
                stage.file(&format!("many/{number}.bin"), &filler(100 + number), false);
                slot(&format!("slot {number}"), &format!("many/{number}.bin"), "raw")
            })
            .collect();
        let (_, bytes) = assembled(&stage, &slots);
        let package = Package::open(bytes.clone()).expect("open");
        assert_eq!(package.descriptors().len(), count);
        for (number, descriptor) in package.descriptors().iter().enumerate() {
            assert_eq!(stored(&bytes, number), filler(100 + number));
            // The original's Rust launcher takes such a descriptor for JSON or gzip.
            let id = descriptor.id.to_le_bytes();
            assert!(id[0] != b'{' && id[..2] != [0x1f, 0x8b]);
        }
    }
}

#[test]
fn names_are_any_text_and_long_where_the_format_allows_it() {
    let stage = Stage::new();
    let long = format!("{}/{}", "d".repeat(200), "ü".repeat(100));
    stage.file(&format!("tree/{long}"), b"long", false);
    stage.file("tree/Grüße 你好 🎁.txt", b"text", false);
    stage.link("tree/link", &format!("{}/{}", "d".repeat(200), "ü".repeat(100)));
    stage.file("Ελλάς.txt", b"file of one slot", false);
    let slots = [
        json!({"id": "日本語 slot", "source": "tree", "target": "{workenv}", "operations": "tgz"}),
        json!({"id": "s".repeat(300), "source": "Ελλάς.txt", "target": "{workenv}/Ελλάς/ä.txt"}),
        slot("framed", "tree", "tar.zst"),
    ];
    let (_, bytes) = assembled(&stage, &slots);
    for members in [members(&bytes, 0), unpack(&bytes, 2)] {
        assert_eq!(members[&long].1, b"long");
        assert_eq!(members["Grüße 你好 🎁.txt"].1, b"text");
        assert_eq!(members["link"].0, Kind::Symlink { target: long.clone() });
    }
    assert_eq!(content(&bytes, 1), b"file of one slot");
    let package = Package::open(bytes).expect("open");
    assert_eq!(package.metadata().slots[0].id, "日本語 slot");
    assert_eq!(package.metadata().slots[1].target, "{workenv}/Ελλάς/ä.txt");
}

#[test]
fn slots_begin_at_pages_where_that_is_asked_for() {
    let stage = Stage::new();
    let plan = native(&[slot("a", "runtime", "tgz"), slot("b", "launcher", "raw")]);
    let mut request = stage.request(&plan);
    for (asked, alignment) in [(None, 8), (Some(4096), 4096), (Some(16384), 16384)] {
        request.alignment = asked;
        let assembled = assemble(&request, &Silent).expect("assemble");
        let package = Package::open(fs::read(&assembled.path).expect("read")).expect("open");
        assert!(package.descriptors().iter().all(|slot| slot.offset % alignment == 0), "{alignment}");
        assert_eq!(package.flavor().expect("ours").alignment, asked);
    }
    request.alignment = Some(512);
    assert_eq!(assemble(&request, &Silent).expect_err("refused").code(), ErrorCode::FlavorOption);
    let mut plan = stage.plan();
    plan["extensions"]["x-flavor"]["alignment"] = json!(4096);
    let mut request = stage.request(&plan);
    let assembled = assemble(&request, &Silent).expect("assemble");
    let package = Package::open(fs::read(&assembled.path).expect("read")).expect("open");
    assert!(package.descriptors().iter().all(|slot| slot.offset % 4096 == 0));
    request.alignment = Some(16384);
    assert_eq!(assemble(&request, &Silent).expect_err("refused").code(), ErrorCode::FlavorOption);
}

fn launcher_with(head: &[u8]) -> Vec<u8> {
    let mut launcher = filler(5000);
    launcher[..head.len()].copy_from_slice(head);
    launcher
}

#[test]
fn every_kind_of_launcher_is_embedded_byte_for_byte_and_says_the_target() {
    let stage = Stage::new();
    let mut elf = [0; 64];
    elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
    elf[18] = 183;
    let mut pe = [0; 0x60];
    pe[..2].copy_from_slice(b"MZ");
    pe[0x3c] = 0x40;
    pe[0x40..0x46].copy_from_slice(b"PE\0\0\x64\x86");
    let macho = [0xcf, 0xfa, 0xed, 0xfe, 0x0c, 0, 0, 1];
    let cases: [(&[u8], &str, &str); 3] =
        [(&elf, "linux", "arm64"), (&pe, "windows", "amd64"), (&macho, "darwin", "arm64")];
    for (head, os, arch) in cases {
        let launcher = launcher_with(head);
        stage.file("launcher", &launcher, false);
        let (_, bytes) = assembled(&stage, &[slot("tree", "runtime", "tgz")]);
        assert!(bytes.starts_with(&launcher), "{os}");
        let package = Package::open(bytes).expect("open");
        package.verify_launcher().expect("launcher");
        let target = &package.flavor().expect("ours").target;
        assert_eq!((target.os.as_str(), target.arch.as_str()), (os, arch));
    }
    elf[18] = 243;
    stage.file("launcher", &launcher_with(&elf), false);
    let error = assemble(&stage.request(&native(&[])), &Silent).expect_err("refused");
    assert_eq!(error.code(), ErrorCode::FlavorLauncher);
}

#[test]
fn a_source_that_changes_while_it_is_packed_is_refused() {
    struct Saboteur<'a>(&'a Path);
    impl flavor_pack::progress::Progress for Saboteur<'_> {
        fn event(&self, event: flavor_pack::progress::Event<'_>) {
            if event.detail == "first" {
                fs::write(self.0, filler(70)).expect("change");
            }
        }
    }
    for (operations, before) in
        [("raw", filler(60)), ("gzip", encoded("gzip", &filler(60))), ("zstd", encoded("zstd", &filler(60)))]
    {
        let stage = Stage::new();
        stage.file("second.bin", &before, false);
        let plan = native(&[slot("first", "launcher", "raw"), slot("second", "second.bin", operations)]);
        let path = stage.path("second.bin");
        let error = assemble(&stage.request(&plan), &Saboteur(&path)).expect_err("must be refused");
        assert!(
            matches!(error.code(), ErrorCode::FlavorMember | ErrorCode::PspfEncoding),
            "{operations}: {error}"
        );
        assert_eq!(stage.output_folder(), [""; 0]);
    }
}

/// A plan with commands: the interpreter under gzip, one shared file, and an archive of another tool unpacked into `share`.
fn with_commands(stage: &Stage) -> Value {
    stage.file("model.bin", &filler(5000), false);
    fs::write(stage.path("notes.tar"), archive(&[("doc/readme.txt", b"read me\n")])).expect("archive");
    let mut plan = stage.plan();
    plan["slots"][0]["operations"] = json!("tar.gz");
    let slots = plan["slots"].as_array_mut().expect("slots");
    slots.push(json!({"id": "model", "source": stage.path("model.bin"), "target": "{workenv}/model.bin",
                      "operations": "gzip", "permissions": "0755"}));
    slots.push(
        json!({"id": "notes", "source": stage.path("notes.tar"), "target": "{workenv}", "operations": "tar"}),
    );
    let flavor = &mut plan["extensions"]["x-flavor"];
    let roles = flavor["slots"].as_array_mut().expect("roles");
    roles.push(json!({"role": "data", "share": true}));
    roles.push(json!({"role": "data", "share": false}));
    flavor["workenv"]["unpack"].as_array_mut().expect("unpack").push(json!({"slot": 4, "into": "share"}));
    let link = json!({"path": "bin/model", "slot": 3, "to": "model.bin", "kind": "copy"});
    flavor["workenv"]["links"].as_array_mut().expect("links").push(link);
    plan
}

#[test]
fn a_package_with_commands_holds_files_and_archives_of_every_chain_that_all_launchers_undo() {
    let stage = Stage::new();
    let assembled = assemble(&stage.request(&with_commands(&stage)), &Silent).expect("assemble");
    let report = verify(&assembled.path, &Silent).expect("verify");
    assert!(report.ok(), "{report:?}");
    let bytes = fs::read(&assembled.path).expect("read");
    assert_eq!(members(&bytes, 0)["lib/python3.14/os.py"].1, filler(9000));
    assert_eq!(content(&bytes, 3), filler(5000));
    let counts: Vec<u64> = assembled.slots.iter().map(|slot| slot.members).collect();
    assert_eq!(counts[3..], [1, 1], "a file, and an archive without its folder");
}

#[test]
fn s15_what_links_lead_to_and_what_lies_in_archives_of_others_is_judged_when_a_package_is_made() {
    let stage = Stage::new();
    let links = "/extensions/x-flavor/workenv/links/1/to";
    let files = "/extensions/x-flavor/workenv/files/0/path";
    for (pointer, value, expected) in [
        (links, "other.bin", "does not hold"),
        (files, "share/doc/readme.txt", "occurs twice"),
        (files, "share/doc/readme.txt/x", "is no folder"),
        (files, "share/doc", "occurs twice"),
    ] {
        let mut plan = with_commands(&stage);
        *plan.pointer_mut(pointer).expect("place") = json!(value);
        let error = assemble(&stage.request(&plan), &Silent).expect_err(value);
        assert_eq!(error.code(), ErrorCode::FlavorPlan, "{value}: {error}");
        assert!(error.to_string().contains(expected), "{value}: {error}");
    }
    assert_eq!(stage.output_folder(), [""; 0]);
}
