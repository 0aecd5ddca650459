//! The program `flavor-rs-builder`, run as a person or a script runs it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use flavor_pack::keys;
use pspf::Package;
use serde_json::{Value, json};

use crate::support::{Stage, content, filler, native};

/// A stage with a manifest of one slot whose source needs the base of `{workenv}`.
fn stage() -> Stage {
    let stage = Stage::new();
    stage.file("base/data/file.txt", b"the content of one file\n", false);
    let slot = json!({"id": "file", "source": "{workenv}/data/file.txt", "target": "{workenv}/file.txt"});
    stage.file("manifest.json", native(&[slot]).to_string().as_bytes(), false);
    stage
}

/// The builder in the stage's folder, without variables of ours.
fn builder(stage: &Stage, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flavor-rs-builder"));
    command.current_dir(stage.root.path()).args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FLAVOR_") || name == "SOURCE_DATE_EPOCH" {
            command.env_remove(name);
        }
    }
    command
}

const USUAL: [&str; 8] =
    ["-m", "manifest.json", "-o", "out/a.psp", "--launcher-bin", "launcher", "--workenv-base", "base"];

fn usual(stage: &Stage, more: &[&str]) -> Command {
    builder(stage, &[&USUAL, more].concat())
}

fn run(mut command: Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("run");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("exit code"), text(stdout), text(stderr))
}

fn built(path: &Path) -> Package<Vec<u8>> {
    let package = Package::open(fs::read(path).expect("read")).expect("open");
    package.verify_launcher().expect("launcher");
    (0..package.descriptors().len()).for_each(|slot| package.verify_slot(slot).expect("slot"));
    package
}

#[test]
fn a_manifest_becomes_a_package_and_nothing_else_is_written_or_printed() {
    let stage = stage();
    let (code, stdout, stderr) = run(usual(&stage, &["--log-level", "error"]));
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", ""));
    assert_eq!(stage.output_folder(), ["a.psp"]);
    built(&stage.path("out/a.psp"));
    let bytes = fs::read(stage.path("out/a.psp")).expect("read");
    assert_eq!(content(&bytes, 0), b"the content of one file\n");
}

#[test]
fn variables_stand_in_for_options_and_options_win() {
    let stage = stage();
    let mut command = builder(&stage, &["--manifest=manifest.json", "--output=out/a.psp"]);
    command.env("FLAVOR_LAUNCHER_BIN", "launcher").env("FLAVOR_WORKENV_BASE", "base");
    command.env("FLAVOR_LOG_LEVEL", "json:info").env("SOURCE_DATE_EPOCH", "1700000000");
    let (code, _, stderr) = run(command);
    assert_eq!(code, 0, "{stderr}");
    let lines: Vec<Value> =
        stderr.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    assert!(lines.iter().any(|line| line["level"] == "info"
        && line["message"].as_str().is_some_and(|text| text.starts_with("wrote out/a.psp"))));
    let package = built(&stage.path("out/a.psp"));
    assert!(String::from_utf8_lossy(package.metadata_json()).contains("2023-11-14T22:13:20Z"));

    let mut command = usual(&stage, &["--log-level", "off"]);
    command.env("FLAVOR_LAUNCHER_BIN", "nowhere").env("FLAVOR_WORKENV_BASE", "/nowhere");
    command.env("FLAVOR_LOG_LEVEL", "trace");
    assert_eq!(run(command), (0, String::new(), String::new()));
}

#[test]
fn without_a_base_workenv_in_sources_is_the_working_folder() {
    let stage = stage();
    stage.file("data/file.txt", b"of the working folder, not of the manifest's\n", false);
    stage.file("elsewhere/manifest.json", &fs::read(stage.path("manifest.json")).expect("read"), false);
    let arguments = ["-m", "elsewhere/manifest.json", "-o", "out/a.psp", "--launcher-bin", "launcher"];
    assert_eq!(run(builder(&stage, &arguments)).0, 0);
    let bytes = fs::read(stage.path("out/a.psp")).expect("read");
    assert_eq!(content(&bytes, 0), b"of the working folder, not of the manifest's\n");
}

#[test]
fn s25_keys_come_from_files_a_variable_or_standard_input_and_a_seed_in_the_arguments_gets_a_warning() {
    let stage = stage();
    let pair = keys::generate_pair(&stage.path("keys"), false).expect("keys");
    let of_seed = keys::signing_key_of_seed("a long enough seed text").expect("key").public_key();
    let of_seed = pspf::hex::encode(&pspf::keys::fingerprint(&of_seed));
    let fingerprint = || pspf::hex::encode(&built(&stage.path("out/a.psp")).fingerprint());

    let (code, _, stderr) = run(usual(&stage, &["--private-key", "keys/flavor-private.key"]));
    assert_eq!((code, stderr.as_str(), fingerprint()), (0, "", pair.fingerprint.clone()));
    let both = ["--private-key", "keys/flavor-private.key", "--public-key", "keys/flavor-public.key"];
    assert_eq!((run(usual(&stage, &both)).0, fingerprint()), (0, pair.fingerprint.clone()));

    let mut command = usual(&stage, &["--key-seed", "env"]);
    command.env("FLAVOR_KEY_SEED", "a long enough seed text");
    assert_eq!((run(command), fingerprint()), ((0, String::new(), String::new()), of_seed.clone()));
    let mut command = usual(&stage, &["--key-seed", "-"]);
    fs::write(stage.path("seed"), "a long enough seed text\n").expect("seed");
    command.stdin(fs::File::open(stage.path("seed")).expect("open"));
    assert_eq!((run(command), fingerprint()), ((0, String::new(), String::new()), of_seed.clone()));
    let (code, _, stderr) = run(usual(&stage, &["--key-seed", "a long enough seed text"]));
    assert_eq!((code, fingerprint()), (0, of_seed));
    assert!(stderr.contains("warning: a key seed in the arguments"), "{stderr}");
    assert!(!stderr.contains("long enough"), "a secret was printed: {stderr}");
    let (_, _, stderr) = run(usual(&stage, &["--key-seed", "test123"]));
    assert!(stderr.contains("warning: the key seed is short"), "{stderr}");
    let (_, _, stderr) = run(usual(&stage, &[]));
    assert!(stderr.contains("nobody keeps"), "{stderr}");
}

#[test]
fn an_inherited_seed_is_used_only_when_it_is_asked_for() {
    let stage = stage();
    let mut command = usual(&stage, &[]);
    command.env("FLAVOR_KEY_SEED", "a long enough seed text");
    assert_eq!(run(command).0, 0);
    let of_seed = keys::signing_key_of_seed("a long enough seed text").expect("key").public_key();
    assert_ne!(built(&stage.path("out/a.psp")).index().public_key, of_seed);
    let (code, _, stderr) = run(usual(&stage, &["--key-seed", "env"]));
    assert_eq!(code, 109, "{stderr}");
}

#[test]
fn every_failure_has_its_exit_code_a_code_and_leaves_nothing() {
    let stage = stage();
    let other = keys::generate_pair(&stage.path("other"), false).expect("keys");
    keys::generate_pair(&stage.path("keys"), false).expect("keys");
    assert!(other.public_key.exists());
    stage.file("bad.json", b"{\"package\": 1, \"package\": 2}", false);
    let slot = json!({"slot": 1, "id": "x", "source": "launcher", "target": "x"});
    stage.file("number.json", native(&[slot]).to_string().as_bytes(), false);
    let slot = json!({"id": "x", "source": "gone", "target": "x"});
    stage.file("gone.json", native(&[slot]).to_string().as_bytes(), false);
    stage.file("latin.json", b"{\"package\": \"\xe4\"}", false);
    let cases: [(&[&str], i32, &str); 21] = [
        (&[], 2, "--manifest is missing"),
        (&["-m", "manifest.json", "--launcher-bin", "launcher"], 2, "--output is missing"),
        (
            &["-m", "manifest.json", "-o", "out/a.psp"],
            2,
            "--launcher-bin (or FLAVOR_LAUNCHER_BIN) is missing",
        ),
        (&["-m", "a", "-m", "b"], 2, "--manifest is given twice"),
        (&["-m"], 2, "missing argument"),
        (&["--output="], 2, "--output is empty"),
        (&["--frobnicate"], 2, "--frobnicate"),
        (&["manifest.json"], 2, "manifest.json"),
        (&["--log-level", "loud"], 2, "loud"),
        (&["--key-seed", "x", "--private-key", "y"], 2, "two keys"),
        (&["--public-key", "y"], 2, "--public-key needs --private-key"),
        (&["-m", "nowhere.json"], 106, "ERR_FLAVOR_NOT_FOUND"),
        (&["-m", "bad.json"], 109, "ERR_FLAVOR_PLAN"),
        (&["-m", "latin.json"], 109, "ERR_FLAVOR_PLAN"),
        (&["-m", "number.json"], 109, "slots[0].slot"),
        (&["-m", "gone.json"], 106, "gone"),
        (&["-o", "missing/a.psp"], 106, "ERR_FLAVOR_OUTPUT"),
        (&["-o", "out"], 106, "ERR_FLAVOR_OUTPUT"),
        (&["--launcher-bin", "nowhere"], 110, "ERR_FLAVOR_LAUNCHER"),
        (&["--private-key", "launcher"], 107, "ERR_FLAVOR_KEY"),
        (
            &["--private-key", "keys/flavor-private.key", "--public-key", "other/flavor-public.key"],
            107,
            "ERR_FLAVOR_KEY",
        ),
    ];
    for (arguments, expected, text) in cases {
        // What a case does not give is what works.
        let mut all: Vec<&str> = Vec::new();
        if expected != 2 {
            for pair in USUAL.chunks(2) {
                if !arguments.contains(&pair[0]) {
                    all.extend(pair);
                }
            }
        }
        all.extend(arguments);
        let (code, stdout, stderr) = run(builder(&stage, &all));
        assert_eq!(code, expected, "{arguments:?}: {stderr}");
        assert!(stderr.contains(text) && stderr.contains("[ERR_"), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("flavor-rs-builder: "), "{stderr}");
        assert_eq!(stdout, "");
        assert_eq!(stage.output_folder(), [""; 0], "{arguments:?}");
    }
    assert!(!stage.path("missing").exists(), "a folder was created");
    let mut command = usual(&stage, &[]);
    command.env("SOURCE_DATE_EPOCH", "yesterday");
    assert_eq!(run(command).0, 109);
}

#[test]
fn an_older_package_survives_a_failure() {
    let stage = stage();
    stage.file("out/a.psp", b"the older one", false);
    stage.file("manifest.json", b"{}", false);
    assert_eq!(run(usual(&stage, &[])).0, 109);
    assert_eq!(fs::read(stage.path("out/a.psp")).expect("read"), b"the older one");
    assert_eq!(stage.output_folder(), ["a.psp"]);
}

#[test]
fn the_launcher_is_never_executed() {
    let stage = stage();
    let script = format!("#!/bin/sh\ntouch {}\n", stage.path("executed").display());
    stage.file("launcher", script.as_bytes(), true);
    assert_eq!(run(usual(&stage, &[])).0, 0);
    assert!(fs::read(stage.path("out/a.psp")).expect("read").starts_with(script.as_bytes()));
    assert!(!stage.path("executed").exists());
}

#[test]
fn log_lines_go_to_a_file_where_that_is_asked_for_and_failures_are_seen_anyway() {
    let stage = stage();
    let mut command = usual(&stage, &["--log-level", "debug"]);
    command.env("FLAVOR_LOG_PATH", "log.txt");
    assert_eq!(run(command), (0, String::new(), String::new()));
    let log = fs::read_to_string(stage.path("log.txt")).expect("log");
    assert!(log.contains("wrote out/a.psp") && log.contains("debug: "), "{log}");
    let mut command = usual(&stage, &["--key-seed", "env"]);
    command.env("FLAVOR_LOG_PATH", "log.txt").env("FLAVOR_LOG_LEVEL", "loud");
    let (code, _, stderr) = run(command);
    assert!(code == 109 && stderr.contains("FLAVOR_KEY_SEED"), "{stderr}");
    let log = fs::read_to_string(stage.path("log.txt")).expect("log");
    assert!(log.contains("loud") && log.contains("FLAVOR_KEY_SEED"), "{log}");
}

#[test]
fn version_and_help_are_printed_and_every_exit_code_is_in_the_help() {
    let stage = stage();
    for flag in ["--version", "-V"] {
        let (code, stdout, _) = run(builder(&stage, &[flag]));
        assert_eq!(code, 0);
        assert_eq!(stdout, format!("flavor-rs-builder {}\nformat PSPF/2025\n", env!("CARGO_PKG_VERSION")));
    }
    let (code, stdout, _) = run(builder(&stage, &["--help"]));
    assert_eq!(code, 0);
    for word in ["--manifest", "--workenv-base", "FLAVOR_LAUNCHER_BIN", "SOURCE_DATE_EPOCH", "\n  109  "] {
        assert!(stdout.contains(word), "{word}");
    }
}

#[test]
fn an_interrupted_build_leaves_nothing() {
    let stage = Stage::new();
    // Incompressible, so that the build is at it when the signal comes.
    stage.file("large.bin", &filler(48 << 20), false);
    let slot = json!({"id": "x", "source": "large.bin", "target": "x", "operations": "xz"});
    stage.file("manifest.json", native(&[slot]).to_string().as_bytes(), false);
    let mut child = usual(&stage, &["--log-level", "debug"]).stderr(Stdio::piped()).spawn().expect("spawn");
    let mut log = BufReader::new(child.stderr.take().expect("stderr")).lines();
    // Printed once the signals are listened to, just before the work begins.
    assert!(log.any(|line| line.expect("line").contains("the launcher is")));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    assert!(log.any(|line| line.expect("line").contains("ERR_FLAVOR_ABORTED")));
    assert_eq!(child.wait().expect("wait").code(), Some(130));
    assert_eq!(stage.output_folder(), [""; 0]);
}
