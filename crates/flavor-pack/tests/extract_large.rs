//! A slot of more than 4 GiB, in bounded memory: packed as a tree in frames, and as a raw slot that lies in a sparse
//! file. A test binary of its own, because the memory of a process is measured.
#![cfg(target_os = "linux")]

#[path = "support/by_hand.rs"]
mod by_hand;

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use flavor_pack::assemble::{Request as AssembleRequest, assemble};
use flavor_pack::extract::{Place, Request, extract};
use flavor_pack::keys::KeySource;
use flavor_pack::progress::Silent;
use flavor_pack::verify::verify;
use sha2::{Digest as _, Sha256};

const SIZE: u64 = (4 << 30) + (64 << 20);
const MEMORY: u64 = 512 << 20;
/// Something to recognise behind the first 4 GiB.
const MARK: (u64, &[u8]) = ((4 << 30) + 4711, b"far out");

fn sparse(path: &Path) {
    let file = File::create(path).expect("create");
    file.set_len(SIZE).expect("length");
    file.write_all_at(MARK.1, MARK.0).expect("write");
}

/// The most memory that this process has had, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("VmHWM");
    let kilobytes = line.split_ascii_whitespace().nth(1).expect("number");
    kilobytes.parse::<u64>().expect("number") * 1024
}

fn check(package: &Path, output: &Path, file: &Path) {
    let report = verify(package, &Silent).expect("verify");
    assert!(report.ok(), "{report:?}");
    let place = Place::At(output.to_path_buf());
    let request = Request { slot: "0".to_owned(), place, raw: false, replace: false };
    let extracted = extract(package, &request, &Silent).expect("extract");
    assert_eq!(extracted.bytes, SIZE);
    let file = File::open(file).expect("open");
    assert_eq!(file.metadata().expect("metadata").len(), SIZE);
    let mut mark = [0; MARK.1.len()];
    file.read_exact_at(&mut mark, MARK.0).expect("read");
    assert_eq!(mark, MARK.1);
    assert!(peak() < MEMORY, "{} bytes of memory", peak());
}

#[test]
fn a_slot_of_more_than_four_gibibytes_is_packed_verified_and_extracted_in_bounded_memory_slow() {
    let folder = tempfile::tempdir().expect("folder");
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("tree")).expect("folder");
    sparse(&path("tree/large"));
    fs::write(path("launcher"), b"launcher").expect("launcher");
    let plan = serde_json::json!({
        "package": {"name": "large", "version": "1"},
        "execution": {"command": "x"},
        "slots": [{"slot": 0, "id": "large", "source": path("tree"), "target": "{workenv}", "operations": "tar.zst"}],
    });
    let request = AssembleRequest {
        manifest_json: plan.to_string(),
        base: folder.path().to_path_buf(),
        workenv_base: None,
        output: path("tree.psp"),
        launcher: path("launcher"),
        launcher_sha256: None,
        level: 3,
        threads: None,
        key: KeySource::Seed("test123".to_owned().into()),
        source_date_epoch: None,
        alignment: None,
        build_cache: None,
    };
    assemble(&request, &Silent).expect("assemble");
    check(&path("tree.psp"), &path("out"), &path("out/large"));
    fs::remove_dir_all(path("out")).expect("remove");

    let raw = by_hand::raw_of_size(SIZE, digest(&path("tree/large")));
    let package = path("raw.psp");
    sparse(&package);
    let file = File::options().write(true).open(&package).expect("open");
    // The mark moves to its place behind the slot's offset.
    file.write_all_at(&[0; MARK.1.len()], MARK.0).expect("write");
    for (offset, bytes) in
        [(0, raw.head.as_slice()), (raw.slot + MARK.0, MARK.1), (raw.slot + SIZE, &raw.trailer)]
    {
        file.write_all_at(bytes, offset).expect("write");
    }
    check(&package, &path("file"), &path("file"));
}

fn digest(path: &Path) -> [u8; 32] {
    let file = File::open(path).expect("open");
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    for number in 0..SIZE >> 20 {
        file.read_exact_at(&mut piece, number << 20).expect("read");
        hasher.update(&piece);
    }
    hasher.finalize().into()
}
