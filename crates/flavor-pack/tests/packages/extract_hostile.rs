//! Archives that want out (security rules S12 to S14), in packages whose every signature and digest holds. Effects are
//! judged (P3): the world around the destination is the same afterwards, and nothing is left behind.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use flavor_pack::extract::{Place, Request, extract, extract_all};
use flavor_pack::progress::Silent;
use flavor_pack::verify;
use pspf::ErrorCode;

use crate::by_hand::{HandSlot, file, folder, foreign, link, member, ours};

/// A folder around a destination, with things in it that an archive might want to change.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new(package: &[u8]) -> Self {
        let world = Self { folder: tempfile::tempdir().expect("folder") };
        fs::create_dir_all(world.path("around/inner")).expect("folder");
        fs::write(world.path("around/victim"), b"untouched").expect("file");
        fs::write(world.path("victim"), b"untouched").expect("file");
        fs::write(world.path("app.psp"), package).expect("package");
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Path, kind, mode, links and content of everything.
    fn state(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut pending = vec![self.folder.path().to_path_buf()];
        while let Some(path) = pending.pop() {
            let metadata = path.symlink_metadata().expect("metadata");
            let content = if metadata.is_file() { fs::read(&path).expect("read") } else { Vec::new() };
            found.push(format!(
                "{} {:o} {} {content:?}",
                path.display(),
                metadata.mode(),
                metadata.is_dir() || metadata.nlink() == 1
            ));
            if metadata.is_dir() {
                pending.extend(fs::read_dir(&path).expect("read").map(|entry| entry.expect("entry").path()));
            }
        }
        found.sort();
        found
    }

    fn extract(&self) -> flavor_pack::Result<flavor_pack::extract::Extracted> {
        let place = Place::At(self.path("around/inner/out"));
        let request = Request { slot: "0".to_owned(), place, raw: false, replace: false };
        extract(&self.path("app.psp"), &request, &Silent)
    }
}

/// Extracts one hostile tree in every form that a slot can have, and verifies it.
fn refused(what: &str, os: &str, members: &[Vec<u8>], unpacked: (u64, u64)) {
    for operations in ["tar.zst", "tar.gz", "tar", "tar|xz|zstd"] {
        let slot = HandSlot::tree(operations, members, unpacked);
        for (form, package) in
            [("ours", ours(os, std::slice::from_ref(&slot))), ("foreign", foreign(&[slot]))]
        {
            if form == "foreign" && os != "linux" {
                continue;
            }
            let world = World::new(&package);
            let before = world.state();
            let what = format!("{what}, {operations}, {form}");
            let error = world.extract().err().unwrap_or_else(|| panic!("{what}: extracted"));
            assert_eq!(error.code().cli_exit(), 3, "{what}: {error}");
            assert_eq!(world.state(), before, "{what}");
            let all = extract_all(&world.path("app.psp"), &world.path("around/inner/all"), false, &Silent);
            assert!(all.is_err(), "{what}");
            assert_eq!(world.state(), before, "{what}");
            let report = verify::verify_deep(&world.path("app.psp"), &Silent).expect("verify");
            assert_eq!(report.failure.map(|failure| failure.code), Some(error.code()), "{what}: verify");
        }
    }
}

#[test]
fn s13_names_that_lead_out_are_refused() {
    for name in [
        "../victim",
        "../../victim",
        "a/../../victim",
        "/tmp/flavor-hostile",
        "//victim",
        "..",
        "C:/victim",
        "c:victim",
        "a\\..\\..\\victim/..",
    ] {
        refused(name, "linux", &[file("first", b"1"), file(name, b"gotcha")], (7, 2));
    }
    assert!(!Path::new("/tmp/flavor-hostile").exists());
}

#[test]
fn s14_links_that_lead_out_are_refused() {
    for target in ["..", "../victim", "/etc/passwd", "a/../../victim", "../../../../../../etc/passwd"] {
        refused(target, "linux", &[folder("a"), link("out", target)], (0, 2));
    }
}

#[test]
fn s14_nothing_is_written_through_a_link() {
    let through = [link("door", "../../around"), file("door/victim", b"gotcha")];
    refused("a file behind a link", "linux", &through, (6, 2));
    refused(
        "a file behind a link inside",
        "linux",
        &[folder("a"), link("l", "a"), file("l/f", b"x")],
        (1, 3),
    );
    refused("a folder over a link", "linux", &[link("l", "."), folder("l"), file("l/f", b"x")], (1, 3));
    refused("a link over a folder", "linux", &[folder("l"), link("l", "../.."), file("l/f", b"x")], (1, 3));
    refused("a file over a link", "linux", &[link("l", "../../victim"), file("l", b"gotcha")], (6, 2));
}

#[test]
fn s14_chains_of_links_are_followed_when_they_are_judged() {
    let chain = [folder("a"), folder("a/b"), link("step", "a/b"), link("z", "step/../../../victim")];
    refused("a chain upwards", "linux", &chain, (0, 4));
    let long = [folder("d"), link("d/one", "../d"), link("d/two", "one/../.."), link("e", "d/two/x")];
    refused("a longer chain", "linux", &long, (0, 4));
}

#[test]
fn s14_hard_links_devices_and_pipes_are_refused() {
    refused("a hard link", "linux", &[file("a", b"x"), member(b'1', "b", "a", 0o644, b"")], (1, 2));
    refused("a hard link outside", "linux", &[member(b'1', "b", "../../victim", 0o644, b"")], (0, 1));
    for kind in [b'3', b'4', b'6', b'S', b'V'] {
        refused(&format!("kind {}", char::from(kind)), "linux", &[member(kind, "x", "", 0o644, b"")], (0, 1));
    }
}

#[test]
fn s14_a_path_occurs_once() {
    refused("two files", "linux", &[file("f", b"1"), file("f", b"2")], (2, 2));
    refused("a file and a folder", "linux", &[folder("d"), file("d", b"")], (0, 2));
    refused("a file and a link", "linux", &[file("f", b"1"), link("f", "g")], (1, 2));
    refused("a file below a file", "linux", &[file("d", b""), file("d/e", b"")], (0, 2));
}

#[test]
fn s13_names_that_differ_only_by_case_are_refused_where_they_would_be_one() {
    let pairs = [("README", "readme"), ("stra\u{df}e", "STRASSE"), ("caf\u{e9}", "cafe\u{301}")];
    for (one, other) in pairs {
        for os in ["darwin", "windows"] {
            refused(&format!("{one} and {other}"), os, &[file(one, b"1"), file(other, b"2")], (2, 2));
        }
        let slot = HandSlot::tree("tar.zst", &[file(one, b"1"), file(other, b"2")], (2, 2));
        let world = World::new(&ours("linux", &[slot]));
        // Legal on Linux, where this file system keeps them apart: real runtimes have such names.
        let is_case_sensitive = !world.path("APP.PSP").exists();
        assert_eq!(world.extract().is_ok(), is_case_sensitive, "{one} and {other}");
    }
    for name in ["a.", "b ", "nul", "Com1.txt", "x:y", "d\\e"] {
        refused(name, "windows", &[file(name, b"1")], (1, 1));
    }
}

#[test]
fn s14_set_id_and_sticky_bits_are_dropped() {
    let members = [folder("d"), member(b'0', "d/su", "", 0o6755, b"x"), member(b'5', "t/", "", 0o7777, b"")];
    for operations in ["tar.gz", "tar"] {
        let slot = HandSlot::tree(operations, &members, (1, 3));
        for package in [ours("linux", std::slice::from_ref(&slot)), foreign(&[slot])] {
            let world = World::new(&package);
            world.extract().expect("extract");
            for (path, mode) in [("d/su", 0o755), ("t", 0o755)] {
                let metadata = fs::metadata(world.path("around/inner/out").join(path)).expect("metadata");
                assert_eq!(metadata.permissions().mode() & 0o7777, mode, "{path}");
            }
        }
    }
}

#[test]
fn s11_more_or_less_than_the_signed_totals_is_refused() {
    let members = [file("a", b"12345"), file("b", b"678"), file("c", b"")];
    for claim in [(7, 3), (8, 2), (9, 3), (8, 4)] {
        for operations in ["tar.zst", "tar.gz"] {
            let world = World::new(&ours("linux", &[HandSlot::tree(operations, &members, claim)]));
            let before = world.state();
            assert!(world.extract().is_err(), "{claim:?}");
            assert_eq!(world.state(), before);
        }
    }
    for claim in [(4, 1), (6, 1)] {
        for operations in ["gzip", "bzip2"] {
            let world = World::new(&ours("linux", &[HandSlot::new("f", operations, b"12345", claim, 0)]));
            let before = world.state();
            assert!(world.extract().is_err(), "{claim:?}");
            assert_eq!(world.state(), before);
        }
    }
}

/// A zstd frame of zeros, four bytes for each 128 KiB, behind `first`.
fn zeros(first: &[u8], length: u64) -> Vec<u8> {
    const BLOCK: u64 = 128 * 1024;
    let blocks = length / BLOCK;
    // Window of 128 KiB, no content size, no checksum; then a raw block.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
    let header = u32::try_from(first.len()).expect("short") << 3;
    frame.extend_from_slice(&header.to_le_bytes()[..3]);
    frame.extend_from_slice(first);
    for block in 0..blocks {
        let header = u32::from(block + 1 == blocks) | 1 << 1 | u32::try_from(BLOCK).expect("small") << 3;
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

/// Ten kilobytes or less that want to be ten gigabytes.
fn bomb(first: &[u8], outer: &str) -> Vec<u8> {
    const TEN_GIGABYTES: u64 = 10 * 1024 * 1024 * 1024;
    let inner = zeros(first, TEN_GIGABYTES);
    let stored = HandSlot::new("x", outer, &inner, (0, 0), 0).stored;
    assert!(stored.len() <= 10 * 1024, "{} bytes", stored.len());
    stored
}

fn bomb_header() -> Vec<u8> {
    let mut header = member(b'0', "zeros", "", 0o644, b"");
    header[124..136].copy_from_slice(format!("{:012o}", (10_u64 << 30) - 512).as_bytes());
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header
}

#[test]
fn s12_bombs_that_lie_about_their_size_are_refused_before_they_are_written() {
    for (operations, stored) in [
        ("tar|zstd|gzip", bomb(&bomb_header(), "gzip")),
        ("tar|zstd|xz", bomb(&bomb_header(), "xz")),
        ("zstd|bzip2", bomb(b"", "bzip2")),
    ] {
        let world =
            World::new(&ours("linux", &[HandSlot::stored("bomb", operations, stored, (1_000_000, 1))]));
        let before = world.state();
        let error = world.extract().expect_err("must be refused");
        assert_eq!(error.code().cli_exit(), 3, "{operations}: {error}");
        assert_eq!(world.state(), before);
    }
}

#[test]
fn s12_bombs_that_say_what_they_are_end_at_the_ratio_slow() {
    let claim = (10 << 30, 1);
    for (operations, first) in [("tar|zstd|gzip", bomb_header()), ("zstd|gzip", Vec::new())] {
        let slot = HandSlot::stored("bomb", operations, bomb(&first, "gzip"), claim);
        for package in [ours("linux", std::slice::from_ref(&slot)), foreign(&[slot])] {
            let world = World::new(&package);
            let before = world.state();
            let error = world.extract().expect_err("must be refused");
            assert_eq!(error.code(), ErrorCode::PspfLimit, "{operations}: {error}");
            assert_eq!(world.state(), before);
        }
    }
}
