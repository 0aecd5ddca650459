//! `doctor` (LAUNCH.md 8.8): it says what a start would meet, and a start then meets that. It changes nothing.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::test_package::{directory, file};
use crate::support::{Home, Settled, code, demo, entries, err, out, package, write_package};

/// `doctor`, and the start that it spoke of: they must agree.
fn doctor_and_start(home: &Home, package: &Path, prepare: impl Fn(&mut Command)) -> (Value, Output) {
    let before = entries(home.0.path());
    let mut command = home.command(package);
    prepare(&mut command);
    let output = command.env("FLAVOR_LAUNCHER_CLI", "1").args(["doctor", "--json"]).output().expect("start");
    assert_eq!(entries(home.0.path()), before);
    let object: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&object["type"], &object["schema"]), (&json!("doctor"), &json!(1)));
    assert_eq!(object["ok"], code(&output) == Some(0), "{object}");
    let mut command = home.command(package);
    prepare(&mut command);
    let start = command.output().expect("start");
    assert_eq!(code(&start), code(&output), "{object} {}", err(&start));
    // The failure is told as the start tells it.
    let told = err(&output).split_once(" [").map(|(_, code)| code.to_owned());
    assert_eq!(told, err(&start).split_once(" [").map(|(_, code)| code.to_owned()), "{}", err(&output));
    (object, output)
}

fn states<'a>(object: &'a Value, name: &str) -> Vec<&'a str> {
    let findings = object["findings"].as_array().expect("findings").iter();
    findings
        .filter(|finding| finding["name"] == name)
        .filter_map(|finding| finding["state"].as_str())
        .collect()
}

#[test]
fn a_start_that_would_work_is_said_to_and_whether_it_is_warm() {
    let home = Home::new();
    let text = out(&home.tool(&["doctor"]));
    assert!(text.contains("a store can be made; a start takes this one"), "{text}");
    assert!(text.contains("no receipt vouches"), "{text}");
    let (object, _) = doctor_and_start(&home, package(), |_| {});
    assert_eq!(states(&object, "place"), ["ok", "ok"]);
    assert!(out(&home.tool(&["doctor"])).contains("the next start is warm"));
    assert_eq!(states(&doctor_and_start(&home, package(), |_| {}).0, "slots"), ["ok"]);
}

#[test]
fn what_is_wrong_with_the_package_is_named() {
    type Case = (&'static str, i32, fn(&mut Value));
    let cases: [Case; 4] = [
        ("platform", 110, |document| document["extensions"]["x-flavor"]["target"]["os"] = "windows".into()),
        ("slots", 103, |document| {
            document["extensions"]["x-flavor"]["slots"][1]["frames"][0]["sha256"] = "0".repeat(64).into();
        }),
        ("commands", 109, |document| document["slots"][0]["lifecycle"] = "forever".into()),
        ("commands", 109, |document| {
            document["extensions"]["x-flavor"]["commands"]["demo"]["argv"] = json!(["/bin/sh"]);
        }),
    ];
    for (name, expected, edit) in cases {
        let home = Home::new();
        let path = home.0.path().join("package");
        write_package(&path, &demo().edit(edit).bytes());
        let (object, output) = doctor_and_start(&home, &path, |_| {});
        assert_eq!((code(&output), states(&object, name)), (Some(expected), vec!["FAILED"]), "{object}");
    }
    let home = Home::new();
    let (object, output) = doctor_and_start(&home, package(), |command| {
        command.env("FLAVOR_COMMAND", "nope");
    });
    assert_eq!((code(&output), states(&object, "commands")), (Some(105), vec!["FAILED"]));
}

#[test]
fn a_signer_who_may_not_start_it_is_named() {
    let home = Home::new();
    let trust = home.0.path().join("trust.json");
    std::fs::write(&trust, r#"{"schema":1,"mode":"require"}"#).expect("write");
    let (object, output) = doctor_and_start(&home, package(), |command| {
        command.env("FLAVOR_CONFIG_DIR", home.0.path());
    });
    assert_eq!((code(&output), states(&object, "trust")), (Some(107), vec!["FAILED"]), "{object}");
    // Neither does such a package publish anything.
    let mut slot = home.command(package());
    slot.env("FLAVOR_CONFIG_DIR", home.0.path()).env("FLAVOR_LAUNCHER_CLI", "1").args(["slot", "0"]);
    assert_eq!(code(&slot.output().expect("start")), Some(107));
    assert!(!home.store().exists());
}

#[test]
fn places_that_cannot_be_used_are_named_and_the_next_one_is_taken() {
    let home = Home::new();
    let open = home.0.path().join("open");
    std::fs::create_dir(&open).expect("folder");
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).expect("mode");
    let at = |place: &Path| {
        let place = place.to_path_buf();
        move |command: &mut Command| {
            command.env("FLAVOR_CACHE", &place).env("FLAVOR_CACHE_DIR", "/proc/flavor");
        }
    };
    let (object, _) = doctor_and_start(&home, package(), at(&open.join("store")));
    assert_eq!(states(&object, "place")[..3], ["note", "note", "ok"], "{object}");
    // None at all.
    let nowhere = Home::new();
    let blocked = nowhere.0.path().join("file");
    std::fs::write(&blocked, "").expect("write");
    let (object, output) = doctor_and_start(&nowhere, package(), |command| {
        command.env("HOME", &blocked).env("TMPDIR", &blocked);
    });
    assert_eq!((code(&output), states(&object, "store")), (Some(106), vec!["FAILED"]), "{object}");
}

#[test]
fn a_place_for_data_that_cannot_be_used_ends_a_start() {
    let home = Home::new();
    let data = home.0.path().join("data");
    std::fs::create_dir(&data).expect("folder");
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o777)).expect("mode");
    let path = home.0.path().join("package");
    let builder = demo()
        .slot(true, &[directory("sub"), file("note", b"as packed")])
        .edit(|document| document["slots"][2]["lifecycle"] = "persistent".into());
    write_package(&path, &builder.bytes());
    let (object, output) = doctor_and_start(&home, &path, |command| {
        command.env("XDG_DATA_HOME", &data);
    });
    assert_eq!((code(&output), states(&object, "data")), (Some(106), vec!["FAILED"]), "{object}");
}

#[test]
fn a_folder_that_the_user_may_not_write_is_no_place() {
    // As somebody whom file modes bind.
    let package = Settled::new(&demo().bytes());
    let home = Home::new();
    let root = rustix::process::geteuid().is_root();
    let closed = home.0.path().join("closed");
    std::fs::create_dir(&closed).expect("folder");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).expect("mode");
    let start = |arguments: &[&str], tools: &str| {
        let mut command = home.command("/usr/bin/setpriv");
        if root {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        }
        command.arg(&package.path).args(arguments).env("FLAVOR_LAUNCHER_CLI", tools);
        command.env("HOME", &closed).env("TMPDIR", &closed).output().expect("start")
    };
    if root {
        std::fs::set_permissions(home.0.path(), std::fs::Permissions::from_mode(0o755)).expect("mode");
    }
    let output = start(&["doctor"], "1");
    assert_eq!(code(&output), Some(106), "{output:?}");
    assert!(out(&output).contains("Permission denied"), "{}", out(&output));
    assert_eq!(code(&start(&[], "")), Some(106));
}
