//! Tools at the head of a package of another builder (LAUNCH.md 8 and 16): they read it, and refuse what only ours have.

use std::process::Output;

use serde_json::Value;

use crate::foreign_package::Foreign;
use crate::foreign_package::place::Place;
use crate::support::{code, entries, launcher, out};

const SHOW: &str = "#!/bin/sh\necho \"$0|$*\"\nexit 7\n";

fn place() -> Place {
    Place::new(&Foreign::script(SHOW).launcher(&launcher()).hole().bytes())
}

fn tool(place: &Place, arguments: &[&str]) -> Output {
    let mut command = place.home.command(&place.package);
    command
        .env("FLAVOR_LAUNCHER_CLI", "1")
        .env("PATH", "/usr/bin:/bin")
        .args(arguments)
        .output()
        .expect("start")
}

fn object(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[test]
fn what_every_package_has_is_told() {
    let place = place();
    for name in ["info", "verify", "doctor"] {
        let output = tool(&place, &[name, "--json"]);
        assert_eq!(code(&output), Some(0), "{output:?}");
        assert_eq!(object(&output)["type"], name);
    }
    assert_eq!(code(&tool(&place, &["metadata"])), Some(0));
    assert!(!place.home.store().exists());
    for arguments in [&["commands"][..], &["slot", "0"], &["extract"], &["install-links", "."]] {
        let output = tool(&place, arguments);
        assert_eq!((code(&output), out(&output)), (Some(110), String::new()), "{arguments:?}");
    }
    assert!(!place.home.store().exists());
}

#[test]
fn its_environment_is_made_repaired_and_goes_only_with_the_users_data() {
    let place = place();
    assert_eq!(code(&tool(&place, &["warm"])), Some(0));
    let environment = place.environment();
    let repaired = object(&tool(&place, &["repair", "--json"]));
    assert_eq!((&repaired["compared"], &repaired["repaired"]), (&false.into(), &Value::Array(Vec::new())));
    std::fs::write(environment.join("settings"), "mine").expect("write");
    let kept = object(&tool(&place, &["uninstall", "--json"]));
    assert_eq!(kept["kept"][0], environment.to_str().expect("path"));
    assert_eq!(std::fs::read(environment.join("settings")).expect("read"), b"mine");
    assert_eq!(code(&tool(&place, &["uninstall", "--data"])), Some(0));
    for name in ["envs", "slots", "receipts", "tmp"] {
        assert!(entries(&place.home.store().join("v1").join(name)).is_empty(), "{name}");
    }
}
