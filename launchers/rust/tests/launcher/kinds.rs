//! Packages with commands whose slots are of other chains than `tar.zst` (STORE.md 5.8–5.10), started as users start them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::test_package::{Builder, executable, file, tar};
use crate::support::{Home, PROGRAM, Settled, code, entries, err, launcher, out};

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).expect("gzip");
    encoder.finish().expect("gzip")
}

/// The program is a shared slot of one file; beside it a shared tree of another tar program, a private file and the
/// package's stand-in.
fn mixed() -> Builder {
    let content =
        [tar(&[executable("deep/tool", b"#!/bin/sh\n", true), file("deep/x", b"x")]), vec![0; 1024]];
    let program = PROGRAM.as_bytes();
    Builder::new()
        .stored_slot(true, "raw", program, (program.len() as u64, 1))
        .one_file("{workenv}/bin/run", "0755")
        .stored_slot(true, "tar.gz", &gzip(&content.concat()), (11, 2))
        .stored_slot(false, "gzip|zstd", &[], (5, 1))
        .framed(&[&gzip(b"notes")])
        .one_file("notes.txt", "0640")
        .stored_slot(true, "raw", b"", (0, 0))
        .workenv(&json!({
            "unpack": [{"slot": 2, "into": "share"}],
            "links": [{"path": "bin/tool", "slot": 1, "to": "deep/tool", "kind": "symlink"}],
        }))
        .launcher(&launcher())
        .edit(|document| {
            document["slots"][3]["self_ref"] = json!(true);
            document["extensions"]["x-flavor"]["target"]["arch"] =
                json!(if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" });
            document["extensions"]["x-flavor"]["commands"] = json!({"demo": {"argv": ["{slot:0}/bin/run"]}});
        })
}

fn start(home: &Home, package: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = home.command(package);
    command.args(arguments).envs(variables.iter().copied()).output().expect("start")
}

fn below(home: &Home, folder: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(home.store().join("v1").join(folder))
        .expect("folder")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

#[test]
fn slots_of_any_chain_run_warm_after_the_first_start_and_are_put_in_order_by_full_validation() {
    let (home, package) = (Home::new(), Settled::new(&mixed().bytes()));
    let log = [("FLAVOR_LOG_LEVEL", "info")];
    let first = start(&home, &package.path, &log, &["a b"]);
    assert_eq!(code(&first), Some(0), "{first:?}");
    assert!(err(&first).contains("cold start") && out(&first).ends_with("/bin/run|a b|"), "{first:?}");
    assert_eq!(below(&home, "slots").len(), 2);
    let second = start(&home, &package.path, &log, &["a b"]);
    assert!(err(&second).contains("warm start") && out(&second) == out(&first), "{second:?}");

    let private = below(&home, "envs").remove(0).join("share/notes.txt");
    std::fs::write(&private, b"other").expect("write");
    for slot in below(&home, "slots") {
        let tool = slot.join("deep/tool");
        if tool.exists() {
            std::fs::write(tool, b"other").expect("write");
        }
    }
    let full = start(&home, &package.path, &[("FLAVOR_VALIDATION", "full")], &["a b"]);
    assert_eq!(code(&full), Some(0), "{full:?}");
    assert_eq!(err(&full).matches("was not as the package says").count(), 2, "{}", err(&full));
    assert_eq!(std::fs::read(&private).expect("file"), b"notes");
    assert_eq!(std::fs::read(private.with_file_name("../bin/tool")).expect("file"), b"#!/bin/sh\n");
    // One start alone, from a folder of its own.
    let lowered = start(&home, &package.path, &[("FLAVOR_VALIDATION", "relaxed")], &["exit", "7"]);
    assert_eq!(code(&lowered), Some(7), "{lowered:?}");
}

#[test]
fn tools_know_slots_of_any_chain_and_leave_out_the_one_that_holds_nothing() {
    let (home, package) = (Home::new(), Settled::new(&mixed().bytes()));
    let tool = |arguments: &[&str]| start(&home, &package.path, &[("FLAVOR_LAUNCHER_CLI", "1")], arguments);
    let folder = home.0.path().join("out");
    let extracted = tool(&["extract", "--output", folder.to_str().expect("text")]);
    assert_eq!(code(&extracted), Some(0), "{extracted:?}");
    let files = ["00_slot-0/bin/run", "01_slot-1/deep/tool", "01_slot-1/deep/x", "02_slot-2/notes.txt"];
    let files: Vec<PathBuf> = files.iter().map(|file| folder.join(file)).collect();
    let found: Vec<PathBuf> = entries(&folder).into_iter().filter(|path| path.is_file()).collect();
    assert_eq!(found, files);
    assert_eq!(std::fs::read(folder.join("00_slot-0/bin/run")).expect("file"), PROGRAM.as_bytes());
    assert_eq!(std::fs::read(folder.join("02_slot-2/notes.txt")).expect("file"), b"notes");

    let place = tool(&["slot", "0"]);
    assert_eq!(code(&place), Some(0), "{place:?}");
    let place = PathBuf::from(out(&place).trim_end());
    assert_eq!(std::fs::read(place.join("bin/run")).expect("file"), PROGRAM.as_bytes());
    assert_eq!(code(&tool(&["slot", "3"])), Some(109));
    assert_eq!(code(&tool(&["verify"])), Some(0));
    assert_eq!(code(&tool(&["warm"])), Some(0));
    std::fs::write(place.join("bin/run"), b"other").expect("write");
    assert!(out(&tool(&["repair"])).contains("slot 0"));
    assert_eq!(std::fs::read(place.join("bin/run")).expect("file"), PROGRAM.as_bytes());
    assert_eq!(code(&tool(&["uninstall"])), Some(0));
    assert!(below(&home, "slots").is_empty());
}

#[test]
fn a_chain_that_launchers_do_not_decode_is_110_before_anything_is_unpacked() {
    let xz: fn(&mut Value) = |document| document["slots"][0]["operations"] = json!("xz");
    let home = Home::new();
    let package = Settled::new(&mixed().edit(xz).bytes());
    for level in ["strict", "minimal"] {
        let refused = start(&home, &package.path, &[("FLAVOR_VALIDATION", level)], &[]);
        assert_eq!(code(&refused), Some(110), "{refused:?}");
        assert!(err(&refused).contains("ERR_STORE_SLOT_KIND"), "{refused:?}");
        assert!(below(&home, "slots").is_empty() && below(&home, "envs").is_empty());
    }
    // A lazy slot of that kind harms nobody until somebody asks for it.
    let lazy: fn(&mut Value) = |document| {
        document["slots"][1]["operations"] = json!("tar|xz");
        document["slots"][1]["lifecycle"] = json!("lazy");
    };
    let package = Settled::new(&mixed().edit(lazy).bytes());
    let started = start(&home, &package.path, &[], &["exit", "3"]);
    assert_eq!(code(&started), Some(3), "{started:?}");
    let asked = start(&home, &package.path, &[("FLAVOR_LAUNCHER_CLI", "1")], &["slot", "1"]);
    assert_eq!(code(&asked), Some(110), "{asked:?}");
    assert_eq!(below(&home, "slots").len(), 1);
}

#[test]
fn s11_a_frame_of_a_stream_that_is_not_the_signed_one_is_told_unless_the_level_does_not_compare() {
    let bytes = Builder::new()
        .stored_slot(true, "raw", PROGRAM.as_bytes(), (PROGRAM.len() as u64, 1))
        .one_file("bin/run", "0755")
        .stored_slot(true, "zstd", &[], (9, 1))
        .framed(&[b"something"])
        .one_file("note", "0644")
        .launcher(&launcher())
        .edit(|document| {
            document["extensions"]["x-flavor"]["target"]["arch"] =
                json!(if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" });
            document["extensions"]["x-flavor"]["commands"] =
                json!({"demo": {"argv": ["{slot:0}/bin/run", "sh", "cat {slot:1}/note"]}});
        })
        .bytes();
    let at = bytes.windows(9).rposition(|piece| piece == b"something").expect("the frame holds it as it is");
    let mut damaged = bytes;
    damaged[at] = b'S';
    let (home, package) = (Home::new(), Settled::new(&damaged));
    for level in ["full", "strict", "standard", "relaxed"] {
        let refused = start(&home, &package.path, &[("FLAVOR_VALIDATION", level)], &[]);
        assert_eq!(code(&refused), Some(103), "{level}: {refused:?}");
        assert!(err(&refused).contains("ERR_PSPF_SLOT_DIGEST"), "{level}: {refused:?}");
        assert!(below(&home, "envs").is_empty());
    }
    let put_up_with = start(&home, &package.path, &[("FLAVOR_VALIDATION", "minimal")], &[]);
    assert!(out(&put_up_with).contains("Something"), "{put_up_with:?}");
}
