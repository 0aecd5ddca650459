//! Lifecycles of slots (LAUNCH.md 14), judged by what is on the disk during a start and after it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use pspf::hex;
use serde_json::{Value, json};

use crate::support::test_package::{Builder, directory, file};
use crate::support::{Home, Settled, code, demo, entries, err, out, write_package};

/// The demo with a third slot, which has a file `note`, and a variable that names it.
fn with_third(edit: fn(&mut Value)) -> Builder {
    demo().slot(true, &[directory("sub"), file("note", b"as packed"), file("sub/more", b"more")]).edit(edit)
}

fn named_by_variable(document: &mut Value, lifecycle: &str) {
    document["slots"][2]["lifecycle"] = lifecycle.into();
    document["execution"]["env"]["THIRD"] = "{slot:2}".into();
}

fn sh(home: &Home, package: &Path, script: &str) -> Command {
    let mut command = home.command(package);
    command.args(["sh", script]).env("FLAVOR_LOG_LEVEL", "info");
    command
}

/// Files called `note`, wherever they are.
fn notes(home: &Home) -> Vec<PathBuf> {
    entries(home.0.path()).into_iter().filter(|path| path.ends_with("note")).collect()
}

#[test]
fn a_temporary_slot_is_fresh_for_each_start_and_gone_afterwards() {
    for word in ["temporary", "temp", "volatile"] {
        let package = match word {
            "temporary" => {
                Settled::new(&with_third(|document| named_by_variable(document, "temporary")).bytes())
            }
            "temp" => Settled::new(&with_third(|document| named_by_variable(document, "temp")).bytes()),
            _ => Settled::new(&with_third(|document| named_by_variable(document, "volatile")).bytes()),
        };
        let home = Home::new();
        let mut places = Vec::new();
        for kind in ["cold start", "warm start", "warm start"] {
            let script =
                "echo \"$THIRD\"; cat \"$THIRD/note\" \"$THIRD/sub/more\" && echo x > \"$THIRD/note\"";
            let output = sh(&home, &package.path, script).output().expect("start");
            assert_eq!(code(&output), Some(0), "{output:?}");
            assert!(err(&output).contains(kind), "{}", err(&output));
            let text = out(&output);
            let (place, content) = text.split_once('\n').expect("lines");
            assert_eq!(content, "as packedmore");
            assert!(!Path::new(place).exists());
            assert!(!places.contains(&place.to_owned()), "{place}");
            places.push(place.to_owned());
            assert_eq!(notes(&home), [] as [PathBuf; 0]);
        }
        // Also after a failure, and nobody takes the exit code.
        assert_eq!(code(&sh(&home, &package.path, "exit 3").output().expect("start")), Some(3));
        assert_eq!(entries(&home.store().join("v1/tmp")), [] as [PathBuf; 0]);
    }
}

#[test]
fn s23_data_is_copied_once_and_edits_survive_starts_and_new_versions() {
    type Case = (&'static str, &'static str, &'static str, fn(&mut Value));
    let cases: [Case; 2] = [
        ("XDG_DATA_HOME", ".local/share", "persistent", |document| named_by_variable(document, "persistent")),
        ("XDG_CONFIG_HOME", ".config", "config", |document| named_by_variable(document, "config")),
    ];
    for (variable, default, lifecycle, edit) in cases {
        let package = Settled::new(&with_third(edit).bytes());
        let home = Home::new();
        let show = "echo \"$THIRD\"; cat \"$THIRD/note\"";
        let start = |path: &Path, place: Option<&str>| {
            let mut command = sh(&home, path, show);
            if let Some(place) = place {
                command.env(variable, home.0.path().join(place));
            }
            let output = command.output().expect("start");
            assert_eq!(code(&output), Some(0), "{lifecycle}: {output:?}");
            (out(&output), err(&output))
        };
        let (text, _) = start(&package.path, None);
        let place = PathBuf::from(text.lines().next().expect("place"));
        let key = hex::encode(&pspf::keys::fingerprint(
            &pspf::keys::SigningKey::from_secret(&[7; 32]).public_key(),
        ));
        assert_eq!(place, home.0.path().join(default).join("flavor/demo").join(&key[..16]).join("slot-2"));
        std::fs::write(place.join("note"), "edited").expect("write");
        let (text, log) = start(&package.path, None);
        assert!(text.ends_with("edited") && log.contains("warm start"), "{text} {log}");
        // A new version: other bytes, the same name and signer.
        let newer = home.0.path().join("newer");
        let bytes = with_third(edit).edit(|document| document["package"]["version"] = "2.0".into()).bytes();
        write_package(&newer, &bytes);
        assert!(start(&newer, None).0.ends_with("edited"));
        // What is gone is brought back, also by a start that was warm.
        std::fs::remove_dir_all(&place).expect("remove");
        assert!(start(&package.path, None).0.ends_with("as packed"));
        // Another place for data is another condition than the receipt's.
        let (text, log) = start(&package.path, Some("elsewhere"));
        assert!(text.contains("/elsewhere/flavor/demo/") && log.contains("cold start"), "{text} {log}");
    }
}

#[test]
fn a_folder_for_data_that_others_may_write_is_refused() {
    let home = Home::new();
    let data = home.0.path().join("data");
    std::fs::create_dir(&data).expect("folder");
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o777)).expect("mode");
    let path = home.0.path().join("package");
    write_package(&path, &with_third(|document| named_by_variable(document, "persistent")).bytes());
    let output = home.command(&path).env("XDG_DATA_HOME", &data).output().expect("start");
    assert_eq!(code(&output), Some(106));
    assert!(err(&output).contains("[ERR_STORE_DATA]"), "{}", err(&output));
    assert_eq!(out(&output), "");
}

#[test]
fn a_slot_for_developers_is_there_only_with_flavor_dev() {
    let package = Settled::new(
        &with_third(|document| {
            named_by_variable(document, "dev");
            let flavor = &mut document["extensions"]["x-flavor"];
            flavor["commands"]["debug"] = json!({"argv": ["{workenv}/bin/run", "{slot:2}/note"]});
            let link = json!({"path": "dev", "slot": 2, "to": "", "kind": "symlink"});
            flavor["workenv"]["links"].as_array_mut().expect("links").push(link);
        })
        .bytes(),
    );
    let home = Home::new();
    let script = "echo \"${THIRD-none}\"; cat \"$FLAVOR_WORKENV/dev/note\"";
    for (development, expected) in [(None, 1), (Some("1"), 0), (Some("0"), 1), (Some("1"), 0)] {
        let mut command = sh(&home, &package.path, script);
        if let Some(value) = development {
            command.env("FLAVOR_DEV", value);
        }
        let output = command.output().expect("start");
        assert_eq!(code(&output), Some(expected), "{development:?} {output:?}");
        assert_eq!(out(&output).contains("none\n"), expected == 1);
        let mut debug = home.command(&package.path);
        debug.env("FLAVOR_COMMAND", "debug").envs(development.map(|value| ("FLAVOR_DEV", value)));
        let debug = debug.output().expect("start");
        assert_eq!(code(&debug), Some(if expected == 0 { 0 } else { 105 }), "{debug:?}");
    }
}

#[test]
fn a_slot_of_another_platform_is_not_unpacked() {
    for (platform, there) in [("linux", true), ("darwin", false), ("linux_vax", false)] {
        let home = Home::new();
        let path = home.0.path().join("package");
        let builder = match platform {
            "linux" => with_third(|document| {
                named_by_variable(document, "platform");
                document["slots"][2]["platform"] = "linux".into();
            }),
            "darwin" => with_third(|document| {
                named_by_variable(document, "platform");
                document["slots"][2]["platform"] = "darwin".into();
            }),
            _ => with_third(|document| {
                named_by_variable(document, "platform");
                document["slots"][2]["platform"] = "linux_vax".into();
            }),
        };
        write_package(&path, &builder.bytes());
        let text = out(&sh(&home, &path, "cat \"${THIRD-/nowhere}/note\"").output().expect("start"));
        assert_eq!(text == "as packed", there, "{platform}: {text}");
        assert_eq!(notes(&home).len(), usize::from(there), "{platform}");
    }
}

#[test]
fn an_init_slot_is_there_while_the_environment_is_composed_and_gone_afterwards() {
    let home = Home::new();
    let path = home.0.path().join("package");
    let with_link = |edit: fn(&mut Value)| {
        with_third(|document| {
            document["slots"][2]["lifecycle"] = "init".into();
            let link = json!({"path": "etc/note.txt", "slot": 2, "to": "note", "kind": "copy"});
            document["extensions"]["x-flavor"]["workenv"]["links"].as_array_mut().expect("links").push(link);
        })
        .edit(edit)
        .bytes()
    };
    write_package(&path, &with_link(|_| {}));
    let text = out(&sh(&home, &path, "cat \"$FLAVOR_WORKENV/etc/note.txt\"").output().expect("start"));
    assert_eq!(text, "as packed");
    assert_eq!(notes(&home), [] as [PathBuf; 0]);
    // Compared and put in order like everything else.
    let copy = entries(&home.store()).into_iter().find(|path| path.ends_with("note.txt")).expect("copy");
    std::fs::write(&copy, "changed!!").expect("write");
    let full =
        sh(&home, &path, "cat \"$FLAVOR_WORKENV/etc/note.txt\"").env("FLAVOR_VALIDATION", "full").output();
    assert_eq!(out(&full.expect("start")), "as packed");
    assert_eq!(notes(&home), [] as [PathBuf; 0]);
    // A link would lead nowhere, and so would a placeholder.
    let refused: [fn(&mut Value); 2] = [
        |document| document["extensions"]["x-flavor"]["workenv"]["links"][1]["kind"] = "symlink".into(),
        |document| document["execution"]["env"]["THIRD"] = "{slot:2}".into(),
    ];
    for edit in refused {
        write_package(&path, &with_link(edit));
        let output = home.command(&path).output().expect("start");
        assert_eq!(code(&output), Some(103), "{output:?}");
        assert_eq!(out(&output), "");
    }
}

#[test]
fn a_lazy_slot_is_verified_but_not_unpacked() {
    let home = Home::new();
    let path = home.0.path().join("package");
    let lazy = |document: &mut Value| document["slots"][2]["lifecycle"] = "lazy".into();
    write_package(&path, &with_third(lazy).bytes());
    assert_eq!(code(&home.command(&path).output().expect("start")), Some(0));
    assert_eq!(notes(&home), [] as [PathBuf; 0]);
    let damaged = with_third(lazy).edit(|document| {
        document["extensions"]["x-flavor"]["slots"][2]["frames"][0]["sha256"] = "0".repeat(64).into();
    });
    write_package(&path, &damaged.bytes());
    assert_eq!(code(&home.command(&path).output().expect("start")), Some(103));
}

#[test]
fn the_command_of_a_shutdown_slot_runs_after_the_program_whatever_became_of_it() {
    let package = Settled::new(
        &with_third(|document| {
            document["slots"][2]["lifecycle"] = "shutdown".into();
            let script = "cat \"$NOTE\" > \"$HOME/after\"; cat \"$HOME/during\" >> \"$HOME/after\"; exit 9";
            document["extensions"]["x-flavor"]["commands"]["slot-2"] =
                json!({"argv": ["{workenv}/bin/run", "sh", script], "env": {"NOTE": "{slot:2}/note"}, "cwd": "{slot:2}"});
        })
        .bytes(),
    );
    let home = Home::new();
    for (script, expected) in [("exit 5", Some(5)), ("kill -KILL $$", None)] {
        let script = format!("echo during > \"$HOME/during\"; ls \"$HOME\"; {script}");
        let output = sh(&home, &package.path, &script).output().expect("start");
        assert_eq!(code(&output), expected, "{output:?}");
        assert_eq!(out(&output), "during\n");
        let after = home.0.path().join("after");
        assert_eq!(std::fs::read_to_string(&after).expect("after"), "as packedduring\n");
        assert!(err(&output).contains("notice: the shutdown command \"slot-2\" ended with exit code 9"));
        std::fs::remove_file(after).expect("remove");
        assert_eq!(notes(&home), [] as [PathBuf; 0]);
    }
}

#[test]
fn a_shutdown_command_gets_the_signal_mask_that_the_start_was_given() {
    let home = Home::new();
    let path = home.0.path().join("package");
    let builder = with_third(|document| {
        document["slots"][2]["lifecycle"] = "shutdown".into();
        document["extensions"]["x-flavor"]["commands"]["slot-2"] =
            json!({"argv": ["{workenv}/bin/run", "signals"]});
    });
    write_package(&path, &builder.bytes());
    for shell in [r#"exec "$@""#, r#"trap "" USR1 CHLD; exec "$@""#] {
        let mut command = home.command("/bin/sh");
        command.args(["-c", shell, "sh"]).arg(&path).arg("signals");
        let text = out(&command.output().expect("start"));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        // With SIGCHLD blocked, a shell that waits for its jobs would sleep forever.
        assert_eq!(lines[..2], lines[2..]);
    }
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_is_unpacked() {
    let refused: [fn(&mut Value); 5] = [
        |document| document["slots"][2]["lifecycle"] = "forever".into(),
        |document| document["slots"][1]["lifecycle"] = "lazy".into(),
        |document| document["slots"][2]["lifecycle"] = "shutdown".into(),
        |document| {
            document["slots"][2]["lifecycle"] = "persistent".into();
            document["slots"][2]["id"] = "../up".into();
            document["slots"][2]["source"] = "../up".into();
        },
        |document| {
            document["slots"][2]["lifecycle"] = "dev".into();
            document["extensions"]["x-flavor"]["commands"]["demo"]["argv"] = json!(["{slot:2}/note"]);
        },
    ];
    for (number, edit) in refused.into_iter().enumerate() {
        let home = Home::new();
        let path = home.0.path().join("package");
        write_package(&path, &with_third(edit).bytes());
        let output = home.command(&path).output().expect("start");
        assert_eq!(code(&output), Some(109), "{number}: {output:?}");
        assert!(err(&output).contains("[ERR_LAUNCH_LIFECYCLE]"), "{}", err(&output));
        assert!(!home.store().exists());
    }
}
