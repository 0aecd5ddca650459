//! The log of a start (LAUNCH.md 10.3, 10.4).

use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::support::{Home, code, err, out, package};

#[test]
fn nothing_is_logged_unless_it_is_asked_for_and_levels_include_those_before() {
    let home = Home::new();
    let lines = |level: &str| {
        let mut command = home.command(package());
        let output = command.env("FLAVOR_LOG_LEVEL", level).env("SECRET", "hush").output().expect("start");
        assert!(!err(&output).contains("hush"));
        err(&output)
    };
    assert!(lines("debug").contains("flavor-launcher: debug: phase unpack and verify: "));
    for quiet in ["", "off", "error", "warn", "nonsense"] {
        assert_eq!(lines(quiet), "", "{quiet}");
    }
    assert_eq!(lines("info").lines().count(), 1);
    assert!(lines("INFO").contains("info: warm start: receipt"));
    assert!(lines("trace").contains("trace: the program gets the variable `SECRET`"));
    for line in lines("json:debug").lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(value["message"].is_string() && value["level"].is_string(), "{line}");
    }
}

#[test]
fn a_log_file_is_appended_to_is_private_and_never_reached_by_a_link() {
    let home = Home::new();
    let log = home.0.path().join("log");
    let start = |path: &std::path::Path| {
        let mut command = home.command("/bin/sh");
        // Closed descriptors: the log must not become standard output or error of the start.
        command.args(["-c", "umask 0; exec \"$0\" exit 4 1>&- 2>&-"]).arg(package());
        code(&command.env("FLAVOR_LOG_PATH", path).output().expect("start"))
    };
    assert_eq!(start(&log), Some(4));
    assert_eq!(start(&log), Some(4));
    let text = std::fs::read_to_string(&log).expect("log");
    assert!(text.contains("cold start:") && text.contains("warm start:"), "{text}");
    assert_eq!(log.metadata().expect("metadata").permissions().mode() & 0o777, 0o600);

    let target = home.0.path().join("target");
    std::fs::write(&target, "kept").expect("write");
    symlink(&target, home.0.path().join("link")).expect("link");
    let mut command = home.command(package());
    let output = command.env("FLAVOR_LOG_PATH", home.0.path().join("link")).output().expect("start");
    assert!(err(&output).contains("notice: nothing is logged"), "{}", err(&output));
    assert!(out(&output).contains("/bin/run"));
    assert_eq!(std::fs::read_to_string(&target).expect("target"), "kept");
}

#[test]
fn the_failure_that_ends_a_start_is_in_the_log_file() {
    let home = Home::new();
    let log = home.0.path().join("log");
    let mut command = home.command(package());
    command.env("FLAVOR_COMMAND", "nope").env("FLAVOR_LOG_LEVEL", "json:error").env("FLAVOR_LOG_PATH", &log);
    let output = command.output().expect("start");
    assert_eq!(code(&output), Some(105));
    let text = std::fs::read_to_string(&log).expect("log");
    let value: serde_json::Value = serde_json::from_str(&text).expect("one JSON line");
    assert!(value["message"].as_str().is_some_and(|message| message.contains("[ERR_LAUNCH_COMMAND]")));
}
