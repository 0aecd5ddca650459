//! `FLAVOR_VALIDATION` (STORE.md 16), judged by what runs and by what is kept.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::support::{Home, code, demo, entries, err, launcher, out, package, write_package};

const LOWERED: [&str; 4] = ["standard", "relaxed", "minimal", "none"];

fn start(home: &Home, package: &Path, level: &str, arguments: &[&str]) -> Output {
    home.command(package).env("FLAVOR_VALIDATION", level).args(arguments).output().expect("start")
}

/// What a start left in the store, beside the folders that every store has.
fn kept(home: &Home) -> Vec<PathBuf> {
    let fixed = ["CACHEDIR.TAG", "v1", "slots", "envs", "receipts", "locks", "tmp"];
    let mut found = entries(&home.store());
    found.retain(|path| !fixed.iter().any(|name| path.ends_with(name)));
    found
}

#[test]
fn s3_a_lowered_start_runs_the_program_says_so_in_one_line_and_keeps_nothing() {
    for level in LOWERED {
        let home = Home::new();
        let output = start(&home, package(), level, &["exit", "5"]);
        assert_eq!(code(&output), Some(5), "{level}: {output:?}");
        assert_eq!(err(&output).lines().count(), 1, "{}", err(&output));
        assert!(err(&output).contains(&format!("notice: FLAVOR_VALIDATION={level} lowers")));
        assert_eq!(kept(&home), [] as [PathBuf; 0], "{level}");
        let environment = out(&start(&home, package(), level, &["env"]));
        assert!(!environment.contains("FLAVOR_VALIDATION"), "{environment}");
        // Links and private files are there, in a folder that is gone by now.
        let listed = out(&start(
            &home,
            package(),
            level,
            &["sh", "cat \"$FLAVOR_WORKENV/share/data/small\" \"$FLAVOR_WORKENV/bin/tool\""],
        ));
        assert_eq!(listed, "x#!/bin/sh\n", "{level}");
    }
}

#[test]
fn s3_a_lowered_start_uses_nothing_that_is_in_the_store() {
    let home = Home::new();
    assert_eq!(code(&start(&home, package(), "strict", &[])), Some(0));
    let before = entries(&home.store());
    for path in before.iter().filter(|path| path.is_file() && path.ends_with("bin/run")) {
        std::fs::write(path, "#!/bin/sh\nexit 66\n").expect("write");
    }
    assert_eq!(code(&start(&home, package(), "none", &["exit", "7"])), Some(7));
    assert_eq!(entries(&home.store()), before);
}

/// Starts at every level; the first one that runs the program.
fn first_that_runs(bytes: &[u8]) -> Option<&'static str> {
    let home = Home::new();
    let path = home.0.path().join("package");
    write_package(&path, bytes);
    let levels = ["full", "strict", "standard", "relaxed", "minimal", "none"];
    let runs: Vec<bool> = levels
        .iter()
        .map(|level| {
            let marker = home.0.path().join(level);
            start(&home, &path, level, &["touch", marker.to_str().expect("path")]);
            marker.exists()
        })
        .collect();
    // What a level puts up with, every lower one does.
    assert!(runs.is_sorted(), "{runs:?}");
    levels.into_iter().zip(runs).find(|(_, runs)| *runs).map(|(level, _)| level)
}

#[test]
fn each_level_puts_up_with_what_the_table_says() {
    let bytes = demo().bytes();
    let end = bytes.len();
    let changed = |position: usize| {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        changed
    };
    assert_eq!(first_that_runs(&bytes), Some("full"));
    // A reserved byte of the index block, repaired as an attacker would.
    let mut index = bytes.clone();
    index[end - 4 - 100] ^= 1;
    let block = end - 8196;
    index[block + 4..block + 8].fill(0);
    let sum = adler(&index[block..end - 4]);
    index[block + 4..block + 8].copy_from_slice(&sum.to_le_bytes());
    assert_eq!(first_that_runs(&index), Some("standard"), "rendering");
    assert_eq!(first_that_runs(&changed(launcher().len() - 1)), Some("standard"), "launcher");
    let mut signature = bytes.clone();
    signature[block + 128] ^= 1;
    signature[block + 4..block + 8].fill(0);
    let sum = adler(&signature[block..end - 4]);
    signature[block + 4..block + 8].copy_from_slice(&sum.to_le_bytes());
    assert_eq!(first_that_runs(&signature), Some("relaxed"), "signature");
    let digest = demo().edit(|document| {
        document["extensions"]["x-flavor"]["slots"][1]["frames"][0]["sha256"] = "0".repeat(64).into();
    });
    assert_eq!(first_that_runs(&digest.bytes()), Some("minimal"), "slot digest");
}

#[test]
fn no_level_puts_up_with_what_unpacking_relies_on() {
    let bytes = demo().bytes();
    let end = bytes.len();
    for position in [end - 1, end - 8200, end - 8190] {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        assert_eq!(first_that_runs(&changed), None, "byte {position}");
    }
    let refused: [fn(&mut Value); 3] = [
        |document| document["extensions"]["x-flavor"]["slots"][1]["unpacked"]["bytes"] = 1.into(),
        |document| document["extensions"]["x-flavor"]["target"]["os"] = "windows".into(),
        |document| document["extensions"]["x-flavor"]["commands"]["demo"]["argv"][0] = "/bin/sh".into(),
    ];
    for edit in refused {
        assert_eq!(first_that_runs(&demo().edit(edit).bytes()), None);
    }
}

/// The checksum of the index block, which nothing signs.
fn adler(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    b << 16 | a
}

#[test]
fn full_compares_every_unpacked_file_with_the_package() {
    let home = Home::new();
    assert_eq!(code(&start(&home, package(), "strict", &[])), Some(0));
    let quiet = start(&home, package(), "full", &[]);
    assert_eq!((code(&quiet), err(&quiet)), (Some(0), String::new()));
    let tool = entries(&home.store().join("v1/slots")).into_iter().find(|path| path.ends_with("bin/tool"));
    let small = entries(&home.store().join("v1/envs")).into_iter().find(|path| path.ends_with("data/small"));
    let (tool, small) = (tool.expect("tool"), small.expect("small"));
    std::fs::write(&tool, "#!/bin/xx\n").expect("write");
    std::fs::write(&small, "y").expect("write");
    // A warm start does not look at them.
    assert_eq!(code(&start(&home, package(), "", &[])), Some(0));
    let full = start(&home, package(), "full", &["exit", "3"]);
    assert_eq!(code(&full), Some(3));
    assert!(err(&full).contains("slot 0 was not as the package says"), "{}", err(&full));
    assert!(err(&full).contains("work environment was not"), "{}", err(&full));
    assert_eq!(std::fs::read(&tool).expect("read"), b"#!/bin/sh\n");
    assert_eq!(std::fs::read(&small).expect("read"), b"x");
}

#[test]
fn a_value_that_is_no_level_is_109_and_nothing_runs() {
    let home = Home::new();
    for level in ["STRICT", "off", "nonsense"] {
        let output = start(&home, package(), level, &[]);
        assert_eq!(code(&output), Some(109), "{level}");
        assert_eq!(out(&output), "");
    }
}

#[test]
fn a_lowered_start_dies_of_the_signal_that_killed_the_program() {
    let home = Home::new();
    assert_eq!(start(&home, package(), "none", &["kill"]).status.signal(), Some(15));
    assert_eq!(kept(&home), [] as [PathBuf; 0]);
}
