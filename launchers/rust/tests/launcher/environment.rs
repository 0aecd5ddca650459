//! The environment that a program gets (LAUNCH.md 6), judged by what it prints.

use serde_json::json;

use crate::support::{Home, Settled, demo, err, out};

fn variables(text: &str) -> Vec<&str> {
    // Variables of the shell that runs the program are its own.
    let own = ["PWD=", "_=", "OLDPWD=", "SHLVL="];
    let mut lines: Vec<&str> =
        text.lines().filter(|line| !own.iter().any(|name| line.starts_with(name))).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn rules_of_the_package_edit_the_users_environment_in_order_cold_and_warm() {
    let package = Settled::new(
        &demo()
            .edit(|document| {
                document["runtime"] = json!({"env": {
                    "unset": ["*"], "pass": ["HOME", "LC_*", "MISSING"],
                    "map": {"USER_TOKEN": "TOKEN", "OLD": "NEW"},
                    "set": {"TOKEN": "package", "FLAVOR_OS": "other", "FLAVOR_NAME": "x"},
                }});
                document["execution"]["env"] = json!({"FLAVOR_COMMAND_NAME": "y"});
            })
            .bytes(),
    );
    let home = Home::new();
    for level in ["warn", "off"] {
        let mut command = home.command(&package.path);
        command.env("LC_ALL", "C").env("LANG", "C").env("USER_TOKEN", "secret").env("PATH", "/hostile");
        let output = command.env("FLAVOR_LOG_LEVEL", level).arg("env").output().expect("start");
        let text = out(&output);
        let lines = variables(&text);
        // The first start is the cold one.
        assert_eq!(err(&output).contains("variable \"MISSING\", which is not set"), level == "warn");
        for kept in ["LC_ALL=C", "TOKEN=package", "FLAVOR_OS=linux", "FLAVOR_COMMAND_NAME=y", "FLAVOR_NAME=x"]
        {
            assert!(lines.contains(&kept), "{kept}: {text}");
        }
        for gone in ["LANG=", "USER_TOKEN=", "OLD=", "NEW=", "FLAVOR_LOG_LEVEL="] {
            assert!(!lines.iter().any(|line| line.starts_with(gone)), "{gone}: {text}");
        }
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("PATH=") && line.ends_with(":/usr/local/bin:/usr/bin:/bin"))
        );
        assert!(!text.contains("secret") && !err(&output).contains("secret"));
    }
}

#[test]
fn a_renamed_variable_arrives_under_its_new_name_only() {
    let package = Settled::new(
        &demo()
            .edit(|document| {
                document["runtime"] =
                    json!({"env": {"unset": ["SECRET_*"], "pass": ["SECRET_KEPT"], "map": {"OLD": "NEW"}}});
            })
            .bytes(),
    );
    let home = Home::new();
    for _ in 0..2 {
        let mut command = home.command(&package.path);
        command.env("OLD", "a=b").env("SECRET_A", "1").env("SECRET_KEPT", "2").arg("env");
        let text = out(&command.output().expect("start"));
        let lines = variables(&text);
        assert!(lines.contains(&"NEW=a=b") && lines.contains(&"SECRET_KEPT=2"), "{text}");
        assert!(!text.contains("\nOLD=") && !text.contains("SECRET_A="), "{text}");
    }
}
