//! The tools of a package (LAUNCH.md 8), judged by what they print and leave.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};

use crate::support::test_package::{Builder, directory, file, link};
use crate::support::{Home, PROGRAM, code, demo, entries, err, out, package, write_package};

fn tool(home: &Home, package: &Path, arguments: &[&str]) -> Output {
    home.command(package).env("FLAVOR_LAUNCHER_CLI", "1").args(arguments).output().expect("start")
}

fn object(output: &Output) -> Value {
    assert_eq!(out(output).lines().count(), 1, "{}", out(output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The demo with a third slot of some lifecycle.
fn with_third(edit: fn(&mut Value)) -> Builder {
    let entries = [directory("sub"), file("note", b"as packed"), link("alias", "note")];
    demo().slot(true, &entries).edit(edit)
}

#[test]
fn every_tool_that_reads_prints_one_json_object_on_request() {
    let home = Home::new();
    for name in ["info", "commands", "verify", "warm", "repair", "doctor"] {
        let output = home.tool(&["--json", name]);
        // The tool is the first argument, whatever follows.
        assert_eq!(code(&output), Some(105), "{name}");
        let output = home.tool(&[name, "--json"]);
        assert_eq!(code(&output), Some(0), "{output:?}");
        let object = object(&output);
        assert_eq!(object["type"], name);
        assert_eq!(object["schema"], 1);
    }
    let info = object(&home.tool(&["info", "--json"]));
    assert_eq!(info["commands"], json!(["demo", "demo-admin"]));
    assert_eq!(info["slots"][1]["members"], 3);
    assert_eq!(out(&home.tool(&["commands"])), "* demo\n  demo-admin\n");
}

#[test]
fn wrong_arguments_are_105_and_nothing_is_done() {
    let home = Home::new();
    for arguments in [
        &["info", "more"][..],
        &["info", "--yes"],
        &["info", "--force"],
        &["extract", "--output"],
        &["extract", "--output", "a", "--output", "b"],
        &["extract", "0", "nope"],
        &["slot"],
        &["slot", "0", "1"],
        &["slot", "nope"],
        &["slot", "7"],
        &["install-links"],
        &["nope"],
        &[],
    ] {
        let output = home
            .command(package())
            .current_dir(&home.0)
            .env("FLAVOR_LAUNCHER_CLI", "1")
            .args(arguments)
            .output();
        let output = output.expect("start");
        assert_eq!(code(&output), Some(105), "{arguments:?}");
        assert_eq!(out(&output), "");
    }
    assert_eq!(entries(home.0.path()), [] as [PathBuf; 0]);
}

#[test]
fn whoever_names_no_tool_or_an_unknown_one_is_told_the_known_ones() {
    let home = Home::new();
    let help = out(&home.tool(&["help"]));
    for arguments in [&["nope"][..], &["sbom"], &["--help"], &["INFO"], &[]] {
        let output = home.tool(arguments);
        assert_eq!(code(&output), Some(105), "{arguments:?}");
        let known =
            err(&output).lines().next().and_then(|line| line.split_once("known are ")).map(|(_, names)| {
                names
                    .split(" [")
                    .next()
                    .unwrap_or_default()
                    .split(", ")
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            });
        let known = known.expect("names");
        for name in &known {
            assert!(help.contains(&format!("\n  {name} ")), "{name}: {help}");
            // Each is known indeed: what is wrong is the option.
            let output = home.tool(&[name, "--no-such-option"]);
            let is_refused = err(&output).contains("has no option");
            assert!(is_refused || ["run", "help"].contains(&name.as_str()), "{name}: {}", err(&output));
        }
        assert!(known.len() > 10, "{known:?}");
    }
}

#[test]
fn verify_names_the_check_that_failed_and_gives_its_exit_code() {
    let home = Home::new();
    let mut bytes = demo().bytes();
    let offset = pspf::Package::open(bytes.clone()).expect("open").descriptors()[1].offset;
    bytes[usize::try_from(offset).expect("offset") + 9] ^= 1;
    let path = home.0.path().join("damaged");
    write_package(&path, &bytes);
    let output = tool(&home, &path, &["verify", "--json"]);
    assert_eq!(code(&output), Some(103));
    let object = object(&output);
    assert_eq!(object["ok"], false);
    let checks = object["checks"].as_array().expect("checks");
    let last = checks.last().expect("one");
    assert_eq!((&last["name"], &last["ok"]), (&json!("slot 1 (slot-1)"), &json!(false)));
    assert_eq!(last["code"], "ERR_PSPF_SLOT_DIGEST");
    assert!(checks[..checks.len() - 1].iter().all(|check| check["ok"] == true));
    assert!(out(&tool(&home, &path, &["verify"])).contains("FAILED slot 1"));
}

#[test]
fn extract_unpacks_slots_into_folders_of_their_own_and_overwrites_nothing() {
    let home = Home::new();
    let path = home.0.path().join("package");
    write_package(&path, &with_third(|document| document["slots"][2]["id"] = "../third".into()).bytes());
    let folder = home.0.path().join("out");
    let shown = folder.to_str().expect("path");
    let output = tool(&home, &path, &["extract", "../third", "--output", shown]);
    assert_eq!(out(&output), format!("slot 2 (../third): {shown}/02_.._third\n"), "{output:?}");
    assert_eq!(std::fs::read(folder.join("02_.._third/alias")).expect("read"), b"as packed");
    // Nothing is overwritten, and the store is not touched.
    let note = folder.join("02_.._third/note");
    std::fs::write(&note, "mine").expect("write");
    let again = tool(&home, &path, &["extract", "2", "--output", shown]);
    assert_eq!((code(&again), out(&again)), (Some(106), String::new()), "{again:?}");
    assert_eq!(std::fs::read(&note).expect("read"), b"mine");
    assert!(!home.store().exists());
    // A link to an empty folder is none.
    std::fs::create_dir(home.0.path().join("empty")).expect("folder");
    std::os::unix::fs::symlink("../empty", folder.join("00_slot-0")).expect("link");
    assert_eq!(code(&tool(&home, &path, &["extract", "0", "--output", shown])), Some(106));
    assert_eq!(entries(&home.0.path().join("empty")), [] as [PathBuf; 0]);
    // All of them, below the working folder.
    let here = home.0.path().join("here");
    std::fs::create_dir(&here).expect("folder");
    let mut all = home.command(&path);
    all.env("FLAVOR_LAUNCHER_CLI", "1").current_dir(&here).args(["extract", "--json"]);
    let lines = out(&all.output().expect("start"));
    let objects: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(objects.len(), 3);
    assert!(objects.iter().all(|object| object["type"] == "extract" && object["schema"] == 1));
    assert_eq!(objects[1]["path"], "./01_slot-1");
    assert!(here.join("00_slot-0/bin/tool").exists() && here.join("01_slot-1/data/big").exists());
}

#[test]
fn a_slot_that_cannot_be_extracted_whole_leaves_nothing() {
    let home = Home::new();
    let path = home.0.path().join("package");
    let damaged = with_third(|document| {
        document["extensions"]["x-flavor"]["slots"][2]["frames"][1]["sha256"] = "0".repeat(64).into();
    });
    write_package(&path, &damaged.bytes());
    let folder = home.0.path().join("half");
    let output = tool(&home, &path, &["extract", "0", "2", "--output", folder.to_str().expect("path")]);
    assert_eq!(code(&output), Some(103));
    // The slot before it is complete and was named.
    assert!(out(&output).starts_with("slot 0 (slot-0)") && out(&output).lines().count() == 1);
    assert!(folder.join("00_slot-0/bin/tool").exists() && !folder.join("02_slot-2").exists());
}

#[test]
fn s19_a_lazy_slot_is_unpacked_when_a_program_asks_for_it_and_only_if_its_digests_hold() {
    let home = Home::new();
    let path = home.0.path().join("package");
    let lazy = |document: &mut Value| document["slots"][2]["lifecycle"] = "lazy".into();
    write_package(&path, &with_third(lazy).bytes());
    let script = "cd \"$(FLAVOR_LAUNCHER_CLI=1 \"$FLAVOR_PACKAGE\" slot slot-2)\" && pwd && cat note";
    let mut places = Vec::new();
    for _ in 0..2 {
        let output = home.command(&path).args(["sh", script]).output().expect("start");
        assert!(out(&output).ends_with("\nas packed"), "{output:?}");
        places.push(out(&output));
    }
    assert_eq!(places[0], places[1]);
    assert!(places[0].starts_with(home.store().join("v1/slots").to_str().expect("path")));

    let other = Home::new();
    let damaged = with_third(lazy).edit(|document| {
        document["extensions"]["x-flavor"]["slots"][2]["frames"][0]["sha256"] = "0".repeat(64).into();
    });
    write_package(&path, &damaged.bytes());
    let output = tool(&other, &path, &["slot", "slot-2"]);
    assert_eq!(code(&output), Some(103));
    assert_eq!(out(&output), "");
    assert!(!entries(&other.store()).iter().any(|path| path.ends_with("note")));
}

#[test]
fn slot_tells_where_each_slot_lies_that_outlasts_a_start_and_refuses_others() {
    let home = Home::new();
    let path = home.0.path().join("package");
    write_package(&path, &with_third(|document| document["slots"][2]["lifecycle"] = "config".into()).bytes());
    let config = out(&tool(&home, &path, &["slot", "2"]));
    assert_eq!(std::fs::read(Path::new(config.trim()).join("note")).expect("read"), b"as packed");
    assert!(config.contains("/.config/flavor/demo/"));
    let shared = object(&tool(&home, &path, &["slot", "slot-0", "--json"]));
    assert!(Path::new(shared["path"].as_str().expect("path")).join("bin/tool").exists());
    // A private one lies in the environment, which is composed for it.
    let private = out(&tool(&home, &path, &["slot", "slot-1"]));
    assert_eq!(std::fs::read(Path::new(private.trim()).join("data/small")).expect("read"), b"x");
    assert!(private.trim().ends_with("/share"), "{private}");

    let refused: [fn(&mut Value); 3] = [
        |document| document["slots"][2]["lifecycle"] = "temporary".into(),
        |document| document["slots"][2]["lifecycle"] = "init".into(),
        |document| document["slots"][2]["lifecycle"] = "dev".into(),
    ];
    for edit in refused {
        let other = Home::new();
        write_package(&path, &with_third(edit).bytes());
        let output = tool(&other, &path, &["slot", "2"]);
        assert_eq!((code(&output), out(&output)), (Some(109), String::new()), "{output:?}");
        assert!(!other.store().exists());
    }
}

#[test]
fn slot_prints_the_bytes_of_a_path_that_is_not_utf_8() {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let home = Home::new();
    let cache = home.0.path().join(OsStr::from_bytes(b"caf\xe9"));
    let mut command = home.command(package());
    command.env("FLAVOR_LAUNCHER_CLI", "1").env("FLAVOR_CACHE", &cache).args(["slot", "0"]);
    let mut printed = command.output().expect("start").stdout;
    assert_eq!(printed.pop(), Some(b'\n'));
    let place = PathBuf::from(std::ffi::OsString::from_vec(printed));
    assert!(place.starts_with(&cache) && place.join("bin/tool").exists());
}

#[test]
fn install_links_makes_links_that_start_their_command_and_replaces_nothing() {
    let home = Home::new();
    let folder = home.0.path().join("bin");
    std::fs::create_dir(&folder).expect("folder");
    let shown = folder.to_str().expect("path");
    let first = home.tool(&["install-links", shown]);
    assert_eq!(out(&first).matches("linked").count(), 2, "{first:?}");
    let again = object(&home.tool(&["install-links", "--json", shown]));
    assert!(again["links"].as_array().expect("links").iter().all(|link| link["state"] == "unchanged"));
    let admin = home.command(folder.join("demo-admin")).output().expect("start");
    assert!(out(&admin).ends_with("/bin/run|admin|"));
    let plain = home.command(folder.join("demo")).output().expect("start");
    assert!(out(&plain).ends_with("/bin/run|"));
    // Not even with --force, and all or nothing.
    std::fs::remove_file(folder.join("demo")).expect("remove");
    std::fs::remove_file(folder.join("demo-admin")).expect("remove");
    std::fs::write(folder.join("demo-admin"), "mine").expect("write");
    for arguments in [&["install-links", shown][..], &["install-links", "--force", shown]] {
        assert_eq!(code(&home.tool(arguments)), Some(106));
        assert_eq!(std::fs::read(folder.join("demo-admin")).expect("read"), b"mine");
        assert_eq!(entries(&folder).len(), 1);
    }
}

#[test]
fn install_links_replaces_links_to_other_packages_only_when_it_is_told_to() {
    let home = Home::new();
    let folder = home.0.path().join("bin");
    std::fs::create_dir(&folder).expect("folder");
    let shown = folder.to_str().expect("path");
    let other = home.0.path().join("other.psp");
    write_package(&other, &demo().bytes());
    let gone = home.0.path().join("gone.psp");
    let link = |to: &Path| {
        let _ = std::fs::remove_file(folder.join("demo"));
        std::os::unix::fs::symlink(to, folder.join("demo")).expect("link");
    };
    let tool = PathBuf::from("/bin/sh");
    for (target, replaced) in [(&other, true), (&gone, true), (&tool, false)] {
        link(target);
        assert_eq!(code(&home.tool(&["install-links", shown])), Some(106), "{target:?}");
        assert_eq!(&folder.join("demo").read_link().expect("link"), target);
        let forced = home.tool(&["install-links", "--force", shown]);
        assert_eq!(code(&forced), Some(if replaced { 0 } else { 106 }), "{forced:?}");
        let expected = if replaced { package() } else { target.as_path() };
        assert_eq!(folder.join("demo").read_link().expect("link"), expected);
    }
    assert_eq!(entries(&folder).len(), 2);
}

#[test]
fn repair_puts_in_order_what_was_changed_and_runs_nothing() {
    let home = Home::new();
    assert_eq!(code(&home.run(&[])), Some(0));
    assert_eq!(out(&home.tool(&["repair"])), "everything is as the package says\n");
    let tool = entries(&home.store().join("v1/slots")).into_iter().find(|path| path.ends_with("bin/tool"));
    let tool = tool.expect("tool");
    std::fs::remove_file(&tool).expect("remove");
    std::os::unix::fs::symlink("/bin/false", &tool).expect("link");
    let added = tool.with_file_name("sitecustomize.py");
    let output = home.tool(&["repair", "--json"]);
    assert_eq!(object(&output)["repaired"], json!(["slot 0"]));
    assert_eq!(err(&output), "");
    assert_eq!(std::fs::read(&tool).expect("read"), b"#!/bin/sh\n");
    // What somebody put into a shared slot is no part of it, although every file of the package is there.
    std::fs::write(&added, "import os").expect("write");
    assert_eq!(object(&home.tool(&["repair", "--json"]))["repaired"], json!(["slot 0"]));
    assert!(!added.exists());
    // What programs wrote into their environment is theirs.
    let envs = home.store().join("v1/envs");
    let run = entries(&envs).into_iter().find(|path| path.ends_with("bin/run")).expect("program");
    std::fs::write(run.with_file_name("mine"), "mine").expect("write");
    std::fs::write(&run, "changed").expect("write");
    assert_eq!(object(&home.tool(&["repair", "--json"]))["repaired"], json!(["work environment"]));
    assert_eq!(std::fs::read_to_string(&run).expect("read"), PROGRAM);
    assert!(
        err(&home.command(package()).env("FLAVOR_LOG_LEVEL", "info").output().expect("start"))
            .contains("warm")
    );
}
