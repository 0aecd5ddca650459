//! Packages of any size: memory stays within its bounds, and offsets beyond 4 GiB are right.
#![cfg(target_os = "linux")]

mod support;

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use flavor_pack::assemble::{Request, assemble};
use flavor_pack::keys::KeySource;
use flavor_pack::progress::Silent;
use pspf::Package;
use serde_json::{Value, json};
use support::{Stage, filler, native};

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;
const LARGE: u64 = 4 * GIB + 12_345;

/// One test with a large file at a time: they share the disk.
static ALONE: Mutex<()> = Mutex::new(());

/// A file of zeros with a few words in it, far apart.
fn sparse(path: &Path, length: u64) {
    let file = File::create(path).expect("create");
    file.set_len(length).expect("length");
    for place in [0, GIB + 1, 4 * GIB - 3, length - 5] {
        file.write_all_at(b"words", place).expect("write");
    }
}

/// Peak memory of a process in bytes, as the system counted it.
fn peak(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// Waits for a process and says how much memory it had at its peak.
fn wait(mut child: Child) -> u64 {
    let mut highest = 0;
    loop {
        highest = peak(&child.id().to_string()).unwrap_or(0).max(highest);
        if let Some(status) = child.try_wait().expect("wait") {
            assert!(status.success(), "{status}");
            return highest;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn built(stage: &Stage, plan: &Value) -> u64 {
    stage.file("plan.json", plan.to_string().as_bytes(), false);
    let child = Command::new(env!("CARGO_BIN_EXE_flavor-rs-builder"))
        .args(["-m", "plan.json", "-o", "out/a.psp", "--launcher-bin", "launcher"])
        .current_dir(stage.root.path())
        .stderr(Stdio::null())
        .spawn()
        .expect("spawn");
    wait(child)
}

fn verified(stage: &Stage) -> Package<File> {
    let package = Package::open(File::open(stage.path("out/a.psp")).expect("open")).expect("a package");
    package.verify_launcher().expect("launcher");
    (0..package.descriptors().len()).for_each(|slot| package.verify_slot(slot).expect("slot"));
    package
}

#[test]
fn a_folder_with_a_file_of_more_than_four_gibibytes_is_packed_within_256_megabytes_slow() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let stage = Stage::new();
    stage.folder("tree");
    sparse(&stage.path("tree/large.bin"), LARGE);
    stage.file("tree/small.txt", b"behind it\n", false);
    let slot = json!({"id": "tree", "source": "tree", "target": "{workenv}"});
    let memory = built(&stage, &native(&[slot]));
    assert!(memory > 0 && memory <= 256_000_000, "{memory} bytes at the peak");
    let package = verified(&stage);
    let flavor = package.flavor().expect("ours");
    assert_eq!((flavor.slots[0].unpacked.bytes, flavor.slots[0].unpacked.members), (LARGE + 10, 2));
    let frames = package.frames(0);
    assert_eq!(frames.len(), 258, "257 parts of a file, and what follows");
    assert_eq!(package.descriptors()[0].original_size, (512 + LARGE).next_multiple_of(512) + 1024 + 1024);
}

#[test]
fn a_stored_slot_of_more_than_four_gibibytes_and_one_behind_it_are_found_again_slow() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let stage = Stage::new();
    sparse(&stage.path("large.bin"), LARGE);
    stage.file("small.txt", b"behind the large one\n", false);
    let slots = ["large.bin", "small.txt"].map(|name| json!({"id": name, "source": name, "target": name}));
    let memory = built(&stage, &native(&slots));
    assert!(memory > 0 && memory <= 256_000_000, "{memory} bytes at the peak");
    let package = verified(&stage);
    let [large, small] = package.descriptors() else { panic!("two slots") };
    assert_eq!((large.size, small.size), (LARGE, 21));
    assert!(small.offset > 4 * GIB);
    let mut words = [0; 5];
    for place in [0, GIB + 1, 4 * GIB - 3, LARGE - 5] {
        package.source().read_exact_at(&mut words, large.offset + place).expect("read");
        assert_eq!(&words, b"words", "at {place}");
    }
    let mut text = [0; 21];
    package.source().read_exact_at(&mut text, small.offset).expect("read");
    assert_eq!(&text, b"behind the large one\n");
}

/// Set for the processes that this test measures: the level that they pack at.
const LEVEL: &str = "FLAVOR_TEST_PACK_LEVEL";
/// And where.
const FOLDER: &str = "FLAVOR_TEST_PACK_FOLDER";

#[test]
fn memory_is_bounded_by_the_level_whatever_the_threads_and_the_content_slow() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return pack_with_sixteen_threads(Path::new(&folder));
    }
    let stage = Stage::new();
    // What does not compress: one file is split, the others fill frames of their own.
    stage.file("tree/large.bin", &filler(40 << 20), false);
    for number in 0..24 {
        stage.file(&format!("tree/{number}.bin"), &filler((4 << 20) + number), false);
    }
    for (level, bound) in [("3", 256), ("9", 256), ("19", 512)] {
        let child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "memory_is_bounded_by_the_level_whatever_the_threads_and_the_content_slow"])
            .env(LEVEL, level)
            .env(FOLDER, stage.root.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("spawn");
        let memory = wait(child);
        assert!(memory <= bound * 1_000_000, "level {level}: {memory} bytes at the peak");
        assert!(stage.path(&format!("out/{level}.psp")).exists());
    }
}

fn pack_with_sixteen_threads(folder: &Path) {
    let level = std::env::var(LEVEL).expect("the level");
    let slots = [("tree", "tar.zst", "{workenv}"), ("tree/large.bin", "zstd", "large.bin")].map(
        |(source, operations, target)| {
            json!({"id": operations, "source": source, "target": target, "operations": operations})
        },
    );
    let request = Request {
        manifest_json: native(&slots).to_string(),
        base: folder.to_path_buf(),
        workenv_base: None,
        output: folder.join(format!("out/{level}.psp")),
        launcher: folder.join("launcher"),
        launcher_sha256: None,
        level: level.parse().expect("a number"),
        threads: Some(16),
        key: KeySource::Ephemeral,
        source_date_epoch: None,
        alignment: None,
        build_cache: None,
    };
    assemble(&request, &Silent).expect("assemble");
}
