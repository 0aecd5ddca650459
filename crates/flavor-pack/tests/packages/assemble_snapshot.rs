//! The bytes of a package, whoever makes it and wherever: one digest for a fixed tree, a launcher of filler and a known
//! key. A change of a digest is a change of what every user's next build gives; say why in the commit.

use std::fs;
use std::process::{Command, Stdio};

use flavor_pack::assemble::{Request, assemble};
use flavor_pack::progress::Silent;
use serde_json::{Value, json};

use crate::support::{Stage, filler, native};

const WITH_COMMANDS: [(i32, &str); 3] = [
    (3, "45aaa4a4a8e8f6e292a6be256620596e363f89e6bca4e5aec327babf320c0ce5"),
    (9, "c1ff038b816841f91a115257f06447d206706f5ce641e5767e92e71d60015284"),
    (19, "ad1bcccd08667d71c4180cbbd4f1aaa538f83d07834d2e331908802e444300d9"),
];
const PLAIN: &str = "bccfbb5f52f63f525ae6360d68f8ca3509269bb8b4dc159701b3341a3e4b757d";

/// A launcher whose header says where it runs, so that the host does not matter.
fn launcher() -> Vec<u8> {
    let mut launcher = filler(777);
    launcher[..64].fill(0);
    launcher[..6].copy_from_slice(b"\x7fELF\x02\x01");
    launcher[18] = 62;
    launcher
}

fn stage() -> Stage {
    let stage = Stage::new();
    stage.file("launcher", &launcher(), false);
    for number in 0..30 {
        stage.file(&format!("dependencies/many/{number:02}.bin"), &filler(250_000 + number * 77), false);
    }
    // Split over three frames.
    stage.file("dependencies/large.bin", &filler(1 << 20).repeat(34), false);
    stage.file("Grüße.txt", "Grüße\n".as_bytes(), false);
    stage
}

fn plain_plan() -> Value {
    let slot = |operations: &str, source: &str| {
        json!({"id": format!("{source} {operations}"), "source": source, "operations": operations,
               "target": if source == "runtime" { "{workenv}" } else { "{workenv}/file" }})
    };
    let trees = ["tar", "tgz", "tar.bz2", "tar.xz", "tar.zst", "tar|gzip|zstd"];
    let files = ["raw", "gzip", "bzip2", "xz", "zstd"];
    let mut slots: Vec<Value> = trees.iter().map(|operations| slot(operations, "runtime")).collect();
    slots.extend(files.iter().map(|operations| slot(operations, "Grüße.txt")));
    slots.push(json!({"id": "self", "source": "$SELF", "target": "self"}));
    let mut plan = native(&slots);
    plan["setup_commands"] = json!(["true"]);
    plan
}

fn digest(request: &Request) -> String {
    assemble(request, &Silent).expect("assemble").sha256
}

#[test]
fn packages_with_commands_have_the_known_bytes_at_every_level_with_one_and_with_many_threads() {
    let (one, two) = (stage(), stage());
    for (level, expected) in WITH_COMMANDS {
        for (stage, threads) in [(&one, 1), (&two, 3)] {
            // The snapshots at level 19 are of the small trees: the large ones take minutes in a debug build.
            if level == 19 {
                let _ = fs::remove_dir_all(stage.path("dependencies/many"));
                let _ = fs::remove_file(stage.path("dependencies/large.bin"));
            }
            let mut plan = stage.plan();
            plan["extensions"]["x-flavor"]["target"] = json!({"os": "linux", "arch": "amd64"});
            let request = Request { level, threads: Some(threads), ..stage.request(&plan) };
            assert_eq!(digest(&request), expected, "level {level}, {threads} threads");
        }
    }
}

#[test]
fn plain_packages_of_every_chain_have_the_known_bytes() {
    let stage = stage();
    for threads in [1, 3] {
        let request = Request { threads: Some(threads), ..stage.request(&plain_plan()) };
        assert_eq!(digest(&request), PLAIN, "{threads} threads");
    }
}

#[test]
fn two_folders_two_umasks_and_two_zones_give_the_same_bytes() {
    let mut results = Vec::new();
    for (umask, zone, locale) in [("022", "UTC", "C"), ("077", "Asia/Kathmandu", "tr_TR.UTF-8")] {
        let stage = Stage { root: tempfile::tempdir().expect("temporary folder") };
        let source = self::stage();
        fs::write(stage.path("plan.json"), plain_plan().to_string()).expect("plan");
        let script = format!(
            "umask {umask} && mkdir out && cp -R {source}/runtime {source}/launcher {source}/Grüße.txt . && \
             exec {builder} -m plan.json -o out/a.psp --launcher-bin launcher --key-seed test123",
            source = source.root.path().display(),
            builder = env!("CARGO_BIN_EXE_flavor-rs-builder")
        );
        let status = Command::new("sh")
            .args(["-c", &script])
            .current_dir(stage.root.path())
            .envs([("TZ", zone), ("LC_ALL", locale), ("HOME", "/nowhere")])
            .env_remove("SOURCE_DATE_EPOCH")
            .stderr(Stdio::null())
            .status();
        assert!(status.expect("run").success());
        results.push(fs::read(stage.path("out/a.psp")).expect("read"));
    }
    assert!(results[0] == results[1], "the packages differ");
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&results[0]);
    assert_eq!(pspf::hex::encode(&<[u8; 32]>::from(digest)), PLAIN, "the builder and the library agree");
}
