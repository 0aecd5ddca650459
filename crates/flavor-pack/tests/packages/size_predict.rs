//! What `predict` says: the length of the package that a build with the same change makes.

use std::fmt::Write as _;
use std::fs;

use flavor_pack::assemble::{Request, assemble};
use flavor_pack::progress::Silent;
use flavor_pack::size::measure;
use flavor_pack::size::predict::{Change, Outcome, predict};
use pspf::ErrorCode;

use crate::support::Stage;

/// Bytes that no other seed gives and that do not compress.
fn noise(seed: usize, length: usize) -> Vec<u8> {
    let mut state = seed as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let next = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 40).to_le_bytes()[0]
    };
    (0..length).map(|_| next(&mut state)).collect()
}

/// A text that compresses as source code does.
fn text(seed: usize, length: usize) -> Vec<u8> {
    let words =
        ["def ", "self.", "return ", "value", " = ", "None\n", "import ", "    ", "class ", "(", ")", ":\n"];
    let mut text = Vec::new();
    for byte in noise(seed, length) {
        text.extend_from_slice(words[usize::from(byte) % words.len()].as_bytes());
        if byte % 5 == 0 {
            text.extend_from_slice(byte.to_string().as_bytes());
        }
    }
    text.truncate(length);
    text
}

/// A package with a distribution that has tests, about 3 MB in all.
fn stage() -> Stage {
    let stage = Stage::new();
    let mut record = String::new();
    for number in 0..60 {
        for (folder, length) in [("pkg", 30_000), ("pkg/tests", 20_000)] {
            let path = format!("{folder}/m{number}.py");
            stage.file(&format!("dependencies/{path}"), &text(number * 7 + folder.len(), length), false);
            writeln!(record, "{path},sha256=0123456789012345678901234567890123456789abc,{length}")
                .expect("text");
        }
    }
    stage.file("dependencies/pkg-1.dist-info/METADATA", b"Name: pkg\nVersion: 1\n", false);
    stage.file("dependencies/pkg-1.dist-info/RECORD", record.as_bytes(), false);
    stage
}

fn packed(request: &Request) -> u64 {
    assemble(request, &Silent).expect("assemble").size
}

fn predicted(stage: &Stage, changes: Vec<Change>) -> Outcome {
    let path = stage.path("out/hello.psp");
    let report = measure(&path, &Silent).expect("measure");
    let outcomes =
        predict(&path, &report.signature, &[changes], stage.root.path(), &Silent).expect("predict");
    outcomes[0]
}

fn tests() -> Vec<String> {
    (0..60).map(|number| format!("pkg/tests/m{number}.py")).collect()
}

#[test]
fn without_a_change_the_package_keeps_its_size() {
    let stage = stage();
    for level in [3, 9, 19] {
        let request = Request { level, ..stage.request(&stage.plan()) };
        let size = packed(&request);
        let unchanged = (0..3).map(|slot| Change { slot, ..Change::default() }).collect();
        let outcome = predicted(&stage, unchanged);
        assert_eq!(outcome.size, size, "level {level}");
        assert_eq!(outcome.tried, outcome.content);
    }
}

#[test]
fn without_files_it_weighs_what_a_build_without_them_weighs() {
    let stage = stage();
    packed(&stage.request(&stage.plan()));
    let outcome = predicted(&stage, vec![Change { slot: 1, without: tests(), ..Change::default() }]);
    fs::remove_dir_all(stage.path("dependencies/pkg/tests")).expect("remove");
    let record = stage.path("dependencies/pkg-1.dist-info/RECORD");
    let lines = fs::read_to_string(&record).expect("record");
    let kept: String =
        lines.lines().filter(|line| !line.contains("/tests/")).flat_map(|line| [line, "\n"]).collect();
    fs::write(&record, kept).expect("record");
    let found = packed(&stage.request(&stage.plan()));
    // Numbers in the metadata are shorter, which may move everything behind to another multiple of 8.
    assert!(outcome.size.abs_diff(found) <= 8, "{} {found}", outcome.size);
}

#[test]
fn at_a_higher_level_it_weighs_what_a_build_at_that_level_weighs() {
    let stage = stage();
    let before = packed(&Request { level: 3, ..stage.request(&stage.plan()) });
    let raised = |slot| Change { slot, level: Some(19), ..Change::default() };
    let outcome = predicted(&stage, (0..3).map(raised).collect());
    let after = packed(&Request { level: 19, ..stage.request(&stage.plan()) });
    assert_eq!(outcome.size, after);
    assert!(after < before);
}

#[test]
fn a_large_slot_is_tried_on_frames_from_all_over_it_slow() {
    let stage = Stage::new();
    for number in 0..36 {
        // Every other file is of the kind that compresses badly.
        let content = if number % 2 == 0 { text(number, 1_000_000) } else { noise(number, 1_000_000) };
        stage.file(&format!("dependencies/data/f{number:02}"), &content, false);
    }
    let before = packed(&Request { level: 3, ..stage.request(&stage.plan()) });
    let outcome = predicted(&stage, vec![Change { slot: 1, level: Some(19), ..Change::default() }]);
    let mut plan = stage.plan();
    plan["slots"][1]["level"] = 19.into();
    let after = packed(&Request { level: 3, ..stage.request(&plan) });
    assert!(outcome.tried < outcome.content && outcome.tried > 8 << 20, "{outcome:?}");
    let found = (before - after, before - outcome.size);
    assert!(found.0.abs_diff(found.1) < found.0 / 10, "{found:?} bytes saved and predicted, {before} before");
}

#[test]
fn in_frames_a_slot_weighs_what_a_build_with_zstd_weighs() {
    let stage = stage();
    let mut plan = stage.plan();
    plan["slots"][1]["operations"] = "tar.gz".into();
    let gzipped = packed(&stage.request(&plan));
    let same = predicted(&stage, vec![Change { slot: 1, ..Change::default() }]);
    assert_eq!(same.size, gzipped);
    let outcome = predicted(&stage, vec![Change { slot: 1, frames: true, ..Change::default() }]);
    let found = packed(&stage.request(&stage.plan()));
    // The name of the chain has another length.
    assert!(outcome.size.abs_diff(found) <= 8, "{} {found}", outcome.size);
}

#[test]
fn another_package_than_the_measured_one_is_refused() {
    let stage = stage();
    packed(&stage.request(&stage.plan()));
    let path = stage.path("out/hello.psp");
    let measured = measure(&path, &Silent).expect("measure");
    let mut plan = stage.plan();
    plan["package"]["version"] = "2".into();
    packed(&stage.request(&plan));
    let error = predict(&path, &measured.signature, &[], stage.root.path(), &Silent).expect_err("refuse");
    assert_eq!(error.code(), ErrorCode::FlavorIo);
    let measured = measure(&path, &Silent).expect("measure");
    let beyond = vec![vec![Change { slot: 3, ..Change::default() }]];
    let error = predict(&path, &measured.signature, &beyond, stage.root.path(), &Silent).expect_err("refuse");
    assert_eq!(error.code(), ErrorCode::FlavorOption);
}
