//! Assembly with compressed frames of earlier builds: the same package in every case, whatever the folder holds.

use std::fs;
use std::path::PathBuf;

use flavor_pack::assemble::{Assembled, Request, assemble};
use flavor_pack::progress::Silent;
use flavor_pack::verify::verify;

use crate::support::{Stage, filler};

/// A project of several frames, and a folder for them.
fn staged() -> (Stage, PathBuf) {
    let stage = Stage::new();
    for number in 0..6 {
        fs::write(stage.path(&format!("runtime/lib/python3.14/large{number}")), filler(2_000_000 + number))
            .expect("write");
    }
    let folder = stage.path("frames");
    fs::create_dir(&folder).expect("folder");
    (stage, folder)
}

fn built(request: &Request) -> (Assembled, Vec<u8>) {
    let assembled = assemble(request, &Silent).expect("assemble");
    let bytes = fs::read(&assembled.path).expect("read");
    (assembled, bytes)
}

fn entries(folder: &PathBuf) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("list").map(|entry| entry.expect("entry").path()).collect();
    paths.sort();
    paths
}

#[test]
fn packages_are_equal_without_a_cache_with_an_empty_one_and_with_a_full_one() {
    let (stage, folder) = staged();
    for threads in [1, 3] {
        for level in [3, 9] {
            let plain = Request { threads: Some(threads), level, ..stage.request(&stage.plan()) };
            let (_, expected) = built(&plain);
            let cached = Request { build_cache: Some(folder.clone()), ..plain };
            for _ in 0..2 {
                let (assembled, bytes) = built(&cached);
                assert!(bytes == expected);
                assert_eq!(assembled.warnings, Vec::<String>::new());
            }
        }
    }
    assert!(verify(&stage.path("out/hello.psp"), &Silent).expect("verify").ok());
}

#[test]
fn a_changed_file_costs_the_frame_that_it_lies_in() {
    let (stage, folder) = staged();
    let request = Request { build_cache: Some(folder.clone()), ..stage.request(&stage.plan()) };
    built(&request);
    let before = entries(&folder);
    assert!(before.len() > 4, "{before:?}");
    fs::write(stage.path("runtime/lib/python3.14/large3"), vec![1; 2_000_003]).expect("write");
    let (_, bytes) = built(&request);
    let added = entries(&folder).into_iter().filter(|path| !before.contains(path)).count();
    assert_eq!(added, 1);
    assert!(bytes == built(&Request { build_cache: None, ..request }).1);
}

#[test]
fn entries_that_were_cut_short_or_altered_are_written_anew() {
    let (stage, folder) = staged();
    let request = Request { build_cache: Some(folder.clone()), ..stage.request(&stage.plan()) };
    let (_, expected) = built(&request);
    let whole: Vec<Vec<u8>> = entries(&folder).iter().map(|path| fs::read(path).expect("read")).collect();
    for (number, path) in entries(&folder).iter().enumerate() {
        let mut bytes = whole[number].clone();
        if number % 2 == 0 {
            bytes.truncate(bytes.len() / 2);
        } else if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        fs::write(path, bytes).expect("write");
    }
    assert!(built(&request).1 == expected);
    let now: Vec<Vec<u8>> = entries(&folder).iter().map(|path| fs::read(path).expect("read")).collect();
    assert!(now == whole);
}

#[test]
fn a_folder_that_is_not_there_is_one_warning_and_the_package_is_the_same() {
    let (stage, _) = staged();
    let request = stage.request(&stage.plan());
    let (_, expected) = built(&request);
    let (assembled, bytes) = built(&Request { build_cache: Some(stage.path("nowhere")), ..request });
    assert!(bytes == expected);
    assert_eq!(assembled.warnings.len(), 1, "{:?}", assembled.warnings);
    assert!(!stage.path("nowhere").exists());
}

#[test]
fn builds_may_share_a_folder_at_the_same_time() {
    let (stage, folder) = staged();
    let plan = stage.plan();
    let (_, expected) = built(&stage.request(&plan));
    std::thread::scope(|scope| {
        for number in 0..4 {
            let request = Request {
                build_cache: Some(folder.clone()),
                output: stage.path(&format!("out/{number}.psp")),
                ..stage.request(&plan)
            };
            let expected = &expected;
            scope.spawn(move || assert!(built(&request).1 == *expected));
        }
    });
}
