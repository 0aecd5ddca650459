//! What `extract` writes: the same trees and files that were packed, through every chain, where it was asked to and
//! nowhere else; and nothing when something fails.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use flavor_pack::extract::{Extracted, Kind, Place, Request, extract, extract_all};
use flavor_pack::progress::{Event, Progress, Silent};
use flavor_pack::{Error, Result, verify};
use pspf::ErrorCode;

use crate::by_hand::{HandSlot, file, folder, foreign, link, member, ours};
use crate::support::{Stage, filler};

/// Everything below a folder: kind, mode and content by path.
fn tree(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut pending = vec![folder.to_path_buf()];
    while let Some(path) = pending.pop() {
        for entry in fs::read_dir(&path).expect("read") {
            let path = entry.expect("entry").path();
            let metadata = path.symlink_metadata().expect("metadata");
            let name = path.strip_prefix(folder).expect("below").display().to_string();
            let mode = metadata.permissions().mode() & 0o7777;
            let what = if metadata.is_symlink() {
                format!("-> {}", fs::read_link(&path).expect("link").display())
            } else if metadata.is_dir() {
                pending.push(path);
                format!("folder {mode:o}")
            } else {
                format!("file {mode:o} {}", pspf::hex::encode(&fs::read(&path).expect("file")))
            };
            found.insert(name, what);
        }
    }
    found
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("read")
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A folder with a package in it.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(package: &[u8]) -> Self {
        let bench = Self { folder: tempfile::tempdir().expect("folder") };
        fs::write(bench.package(), package).expect("package");
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn package(&self) -> PathBuf {
        self.path("app.psp")
    }

    fn extract(&self, slot: &str, to: &str) -> Result<Extracted> {
        self.run(slot, to, false, false)
    }

    fn run(&self, slot: &str, to: &str, raw: bool, replace: bool) -> Result<Extracted> {
        let request = Request { slot: slot.to_owned(), place: Place::At(self.path(to)), raw, replace };
        extract(&self.package(), &request, &Silent)
    }
}

/// The content of a tar stream with a folder, a file, a program and a link, and what it unpacks to.
fn small_tree() -> (Vec<Vec<u8>>, (u64, u64)) {
    let members = vec![
        folder("bin"),
        member(b'0', "bin/run", "", 0o755, &filler(9000)),
        link("bin/start", "run"),
        folder("empty"),
        file("note.txt", b"hello\n"),
    ];
    (members, (9006, 5))
}

#[test]
fn a_tree_comes_out_as_it_was_packed() {
    let stage = Stage::new();
    let (_, package) = stage.assembled();
    let bench = Bench::new(&package);
    let extracted = bench.extract("0", "runtime").expect("extract");
    assert_eq!(tree(&bench.path("runtime")), tree(&stage.path("runtime")));
    assert_eq!((extracted.kind, extracted.slot, extracted.id.as_str()), (Kind::Tree, 0, "runtime"));
    assert!(extracted.signed && extracted.path == bench.path("runtime"));
    let by_id = bench.extract("dependencies", "deps").expect("extract");
    assert_eq!((by_id.slot, by_id.bytes), (1, 21_008));
    assert_eq!(tree(&bench.path("deps")), tree(&stage.path("dependencies")));
    assert_eq!(names(bench.folder.path()), ["app.psp", "deps", "runtime"]);
}

#[test]
fn trees_of_every_chain_and_of_every_builder_come_out_alike() {
    let (members, unpacked) = small_tree();
    let mut seen = Vec::new();
    for operations in
        ["tar.zst", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar|gzip|zstd", "tar|zstd|gzip", "tar|xz|bzip2"]
    {
        let slot = HandSlot::tree(operations, &members, unpacked);
        for package in [ours("linux", std::slice::from_ref(&slot)), foreign(&[slot])] {
            let bench = Bench::new(&package);
            let extracted =
                bench.extract("tree", "out").unwrap_or_else(|error| panic!("{operations}: {error}"));
            assert_eq!((extracted.bytes, extracted.members), unpacked, "{operations}");
            seen.push(tree(&bench.path("out")));
            let report = verify::verify_deep(&bench.package(), &Silent).expect("verify");
            assert!(report.ok(), "{operations}: {report:?}");
        }
    }
    assert_eq!(seen[0].len(), 5);
    assert_eq!(seen[0]["bin/start"], "-> run");
    assert!(seen.iter().all(|tree| *tree == seen[0]));
}

#[test]
fn files_of_every_chain_come_out_as_they_were() {
    let content = filler(300_000);
    for operations in
        ["raw", "gzip", "bzip2", "xz", "zstd", "gzip|zstd", "zstd|gzip", "gzip|gzip|gzip|gzip|gzip"]
    {
        let mut slot = HandSlot::new("data", operations, &content, (300_000, 1), 70_000);
        slot.permissions = "0755".to_owned();
        let mut set_id = slot.clone();
        set_id.permissions = "4755".to_owned();
        for package in [ours("linux", std::slice::from_ref(&slot)), foreign(&[set_id])] {
            let bench = Bench::new(&package);
            let extracted =
                bench.extract("0", "data").unwrap_or_else(|error| panic!("{operations}: {error}"));
            assert_eq!((extracted.kind, extracted.bytes), (Kind::File, 300_000));
            assert!(fs::read(bench.path("data")).expect("read") == content, "{operations}");
            let mode = fs::metadata(bench.path("data")).expect("metadata").mode();
            assert_eq!(mode & 0o7777, 0o755, "set-id bits are dropped");
            bench.run("0", "stored", true, false).expect("raw");
            assert!(fs::read(bench.path("stored")).expect("read") == slot.stored, "{operations}");
        }
    }
}

#[test]
fn a_file_that_another_builder_calls_an_archive_is_extracted_as_the_file_that_it_is() {
    let content = b"#!/bin/sh\necho no archive at all\n".repeat(50);
    for operations in ["tar.gz", "tar", "tar.zst", "tar|gzip|xz"] {
        let slot = HandSlot::new("script", operations, &content, (0, 0), 0);
        let bench = Bench::new(&foreign(std::slice::from_ref(&slot)));
        let extracted = bench.extract("0", "out").unwrap_or_else(|error| panic!("{operations}: {error}"));
        assert_eq!((extracted.kind, extracted.bytes), (Kind::File, content.len() as u64));
        assert_eq!(fs::read(bench.path("out")).expect("read"), content);
        assert!(verify::verify_deep(&bench.package(), &Silent).expect("verify").ok());
        // Ours say what they hold.
        let claimed = HandSlot::new("script", operations, &content, (content.len() as u64, 1), usize::MAX);
        let bench = Bench::new(&ours("linux", &[claimed]));
        assert_eq!(bench.extract("0", "out").expect_err("must be refused").code(), ErrorCode::PspfTar);
    }
}

#[test]
fn an_empty_slot_is_an_empty_file() {
    for unpacked in [(0, 1), (0, 0)] {
        let bench = Bench::new(&ours("linux", &[HandSlot::new("self", "raw", b"", unpacked, 0)]));
        assert_eq!(bench.extract("0", "out").expect("extract").members, unpacked.1);
        assert_eq!(fs::read(bench.path("out")).expect("read"), b"");
        assert!(verify::verify(&bench.package(), &Silent).expect("verify").ok());
    }
}

#[test]
fn all_slots_go_into_numbered_places_whatever_they_are_called() {
    let (members, unpacked) = small_tree();
    let mut slots = vec![
        HandSlot { id: "a/../../x".to_owned(), ..HandSlot::tree("tar.gz", &members, unpacked) },
        HandSlot::new("..", "gzip", b"two", (3, 1), 0),
        HandSlot::new("metadata.json", "raw", b"three", (5, 1), 0),
    ];
    slots[1].permissions = "0755".to_owned();
    let bench = Bench::new(&foreign(&slots));
    let all = extract_all(&bench.package(), &bench.path("out"), false, &Silent).expect("extract");
    assert_eq!(names(&bench.path("out")), ["00_a_.._.._x", "01__", "02_metadata.json", "metadata.json"]);
    assert_eq!(fs::read(bench.path("out/01__")).expect("read"), b"two");
    assert_eq!(all.slots.len(), 3);
    let package = pspf::Package::open(fs::read(bench.package()).expect("read")).expect("open");
    assert_eq!(fs::read(all.metadata).expect("read"), package.metadata_json());
    extract_all(&bench.package(), &bench.path("raw"), true, &Silent).expect("extract");
    assert_eq!(
        names(&bench.path("raw")),
        ["00_a_.._.._x.tar.gz", "01__.gz", "02_metadata.json", "metadata.json"]
    );
    assert_eq!(names(bench.folder.path()), ["app.psp", "out", "raw"]);
}

#[test]
fn digits_are_a_position_and_an_unknown_slot_is_told_with_those_that_are_there() {
    let slots = [HandSlot::new("1", "raw", b"zero", (4, 1), 0), HandSlot::new("b", "raw", b"one", (3, 1), 0)];
    let bench = Bench::new(&ours("linux", &slots));
    bench.extract("1", "out").expect("extract");
    assert_eq!(fs::read(bench.path("out")).expect("read"), b"one");
    for name in ["2", "c", "", "-1", "99999999999999999999999"] {
        let error = bench.extract(name, "other").expect_err("must be refused");
        assert_eq!(error.code(), ErrorCode::FlavorOption);
        assert!(error.to_string().contains("0 \"1\", 1 \"b\""), "{error}");
    }
}

#[test]
fn nothing_that_exists_is_replaced_unless_that_was_asked_for() {
    let (members, unpacked) = small_tree();
    let slots = [HandSlot::tree("tar.gz", &members, unpacked), HandSlot::new("f", "raw", b"new", (3, 1), 0)];
    let bench = Bench::new(&ours("linux", &slots));
    fs::write(bench.path("file"), b"old").expect("write");
    fs::create_dir(bench.path("full")).expect("folder");
    fs::write(bench.path("full/mine"), b"mine").expect("write");
    std::os::unix::fs::symlink("full", bench.path("link")).expect("link");
    let before = tree(bench.folder.path());
    for (slot, to) in
        [("0", "file"), ("0", "full"), ("0", "link"), ("1", "file"), ("1", "full"), ("1", "link")]
    {
        for replace in [false, true] {
            if replace && slot == "1" && to != "full" {
                continue;
            }
            let error = bench.run(slot, to, false, replace).expect_err("must be refused");
            assert_eq!(error.code(), ErrorCode::FlavorOutput, "{slot} {to}: {error}");
        }
    }
    for to in ["file", "full", "link"] {
        assert!(extract_all(&bench.package(), &bench.path(to), false, &Silent).is_err(), "{to}");
    }
    assert_eq!(tree(bench.folder.path()), before);
    bench.run("1", "file", false, true).expect("replace");
    assert_eq!(fs::read(bench.path("file")).expect("read"), b"new");
    // The link itself is replaced, not what it leads to.
    bench.run("1", "link", false, true).expect("replace");
    assert_eq!(
        (fs::read(bench.path("link")).expect("read"), names(&bench.path("full"))),
        (b"new".to_vec(), vec!["mine".to_owned()])
    );
    assert!(bench.extract("1", "no/such/folder/x").is_err());
}

#[test]
fn an_empty_folder_is_filled_and_stays_the_same_folder() {
    let (members, unpacked) = small_tree();
    let bench = Bench::new(&ours("linux", &[HandSlot::tree("tar.zst", &members, unpacked)]));
    fs::create_dir(bench.path("out")).expect("folder");
    let before = fs::metadata(bench.path("out")).expect("metadata").ino();
    bench.extract("0", "out").expect("extract");
    assert_eq!(fs::metadata(bench.path("out")).expect("metadata").ino(), before);
    assert_eq!(names(&bench.path("out")), ["bin", "empty", "note.txt"]);
}

#[test]
fn a_changed_byte_in_any_chain_leaves_nothing_and_is_told_as_a_digest() {
    let (members, unpacked) = small_tree();
    let content = filler(200_000);
    for (operations, slot) in [
        ("tar.zst", HandSlot::tree("tar.zst", &members, unpacked)),
        ("tar", HandSlot::tree("tar", &members, unpacked)),
        ("tar.gz", HandSlot::tree("tar.gz", &members, unpacked)),
        ("tar.xz", HandSlot::tree("tar.xz", &members, unpacked)),
        ("raw", HandSlot::new("f", "raw", &content, (200_000, 1), 0)),
        ("bzip2", HandSlot::new("f", "bzip2", &content, (200_000, 1), 0)),
        ("gzip|zstd", HandSlot::new("f", "gzip|zstd", &content, (200_000, 1), 60_000)),
    ] {
        for package in [ours("linux", std::slice::from_ref(&slot)), foreign(std::slice::from_ref(&slot))] {
            let start =
                package.windows(slot.stored.len()).position(|part| part == slot.stored).expect("slot");
            for offset in [0, slot.stored.len() / 2, slot.stored.len() - 1] {
                let mut changed = package.clone();
                changed[start + offset] ^= 0x10;
                let bench = Bench::new(&changed);
                for raw in [false, true] {
                    let error = bench.run("0", "out", raw, false).expect_err("must be refused");
                    assert_eq!(error.code(), ErrorCode::PspfSlotDigest, "{operations} at {offset}: {error}");
                }
                assert!(extract_all(&bench.package(), &bench.path("all"), false, &Silent).is_err());
                assert_eq!(names(bench.folder.path()), ["app.psp"], "{operations} at {offset}");
            }
        }
    }
}

#[test]
fn s21_a_foreign_slot_without_a_digest_is_not_extracted_unless_it_is_the_attestation() {
    let mut slot = HandSlot::new("data", "raw", b"data", (4, 1), 0);
    slot.digest = false;
    let bench = Bench::new(&foreign(&[slot.clone()]));
    let error = bench.extract("0", "out").expect_err("must be refused");
    assert_eq!(error.code(), ErrorCode::PspfForeign);
    assert_eq!(names(bench.folder.path()), ["app.psp"]);
    slot.id = "_attestation".to_owned();
    let bench = Bench::new(&foreign(&[slot]));
    assert!(!bench.extract("0", "out").expect("extract").signed);
}

/// Cancels at the n-th question.
struct Impatient(AtomicUsize);

impl Progress for Impatient {
    fn event(&self, _: Event<'_>) {}

    fn is_cancelled(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
    }
}

#[test]
fn a_cancelled_extraction_leaves_nothing_wherever_it_is_stopped() {
    let stage = Stage::new();
    let (_, package) = stage.assembled();
    let bench = Bench::new(&package);
    let mut stopped = 0;
    for patience in 0..200 {
        let progress = Impatient(AtomicUsize::new(patience));
        match extract_all(&bench.package(), &bench.path("out"), false, &progress) {
            Ok(_) => break,
            Err(error) => assert!(matches!(error, Error::Aborted), "{error}"),
        }
        assert_eq!(names(bench.folder.path()), ["app.psp"], "after {patience} questions");
        stopped += 1;
    }
    assert!(stopped > 5, "{stopped}");
}
