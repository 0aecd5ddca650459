//! Setup commands of foreign packages as processes (LAUNCH.md 16.7, STORE.md 8.12, 8.13).

use std::time::Duration;

use serde_json::json;

use crate::foreign_package::place::{Place, bare, refused, start};
use crate::foreign_package::{Foreign, RAW, TAR, file, folder, link, slot, tar};
use crate::support::{code, err, out};

#[test]
fn setup_that_fails_says_why_and_keeps_nothing() {
    let setup = json!([
        {"type": "write_file", "path": "{workenv}/before", "content": "x"},
        "/bin/sh -c 'echo trying; echo \"because of \u{1b}[31m\" >&2; test -e \"$HOME/allowed\" || exit 3'",
        {"type": "execute", "command": "/bin/sh -c 'echo later >> \"$HOME/log\"'"},
    ]);
    let place = Place::settled(&Foreign::script("echo started").setup(setup).bytes());
    for _ in 0..2 {
        let output = place.run(&[]);
        refused(&output, 104, "ERR_LAUNCH_SETUP");
        let shown = err(&output);
        assert!(shown.starts_with("trying\nbecause of \\u{1b}[31m\n"), "{shown}");
        assert!(shown.contains("ended with exit code 3"), "{shown}");
        assert_eq!(out(&output), "");
        assert!(place.environments().is_empty());
        let kept = std::fs::read_dir(place.home.store().join("v1/envs")).expect("envs").count();
        let kept =
            kept + std::fs::read_dir(place.home.store().join("v1/receipts")).expect("receipts").count();
        let kept = kept + std::fs::read_dir(place.home.store().join("v1/tmp")).expect("tmp").count();
        assert_eq!(kept, 0);
    }
    assert!(!place.home.0.path().join("log").exists());
    std::fs::write(place.home.0.path().join("allowed"), "").expect("write");
    for _ in 0..2 {
        let output = place.run(&[]);
        assert_eq!((out(&output).as_str(), err(&output).as_str()), ("started\n", ""));
    }
    assert_eq!(std::fs::read_to_string(place.home.0.path().join("log")).expect("log"), "later\n");
    for (command, why) in
        [("/nowhere/x", "No such file"), ("no-such-program", "PATH"), ("sh -c 'kill -9 $$'", "signal 9")]
    {
        let output = Place::new(&Foreign::script("").setup(json!([command])).bytes()).run(&[]);
        refused(&output, 104, "ERR_LAUNCH_SETUP");
        assert!(err(&output).contains(why), "{command}: {}", err(&output));
    }
}

#[test]
fn setup_runs_as_the_user_would_run_it() {
    let setup = json!([
        {"type": "execute", "command": "/bin/sh -c \"(umask; pwd; cat; echo \\$FLAVOR_WORKENV; echo \\$FLAVOR_PACKAGE; echo \\$X; echo \\$FLAVOR_LAUNCHER_CLI) > {workenv}/seen\""},
    ]);
    let package = Foreign::script("umask")
        .setup(setup)
        .edit(|document| document["execution"]["env"] = json!({"X": "from package"}));
    let place = Place::new(&package.bytes());
    let shell = "trap '' CHLD; umask 027; echo input | exec \"$@\"";
    let mut command = place.home.command("/bin/sh");
    command.args(["-c", shell, "sh"]).arg(bare()).arg("run").arg(&place.package);
    command.env("FLAVOR_LAUNCHER_CLI", "1").env("PATH", "/usr/bin:/bin").current_dir("/usr");
    let output = command.output().expect("start");
    assert_eq!((out(&output).as_str(), err(&output).as_str()), ("0027\n", ""));
    let environment = place.environment();
    let expected =
        format!("0027\n/usr\n{}\n{}\nfrom package\n\n", environment.display(), place.package.display());
    assert_eq!(place.read("seen"), expected);
    // What the launcher makes does not depend on the user's umask.
    assert_eq!(place.mode("app.sh"), 0o755);
}

#[test]
fn setup_commands_do_what_they_are_for() {
    let tree = tar(&[
        file("bin/a", 0o644, "a"),
        file("bin/b", 0o644, "b"),
        file("bin/.hidden", 0o644, "h"),
        folder("bin/sub", 0o755),
        link("bin/link", "../data"),
        file("data", 0o640, "data"),
        file("w/2.whl", 0o644, ""),
        file("w/10.whl", 0o644, ""),
        file("w/x y.whl", 0o644, ""),
        file("w/no", 0o644, ""),
    ]);
    let list = "/bin/sh -c 'echo \"$@\" >> \"$FLAVOR_WORKENV/list\"' sh";
    let setup = json!([
        {"type": "chmod", "path": "{workenv}/bin/*", "mode": "0700"},
        {"type": "chmod", "path": "{workenv}/bin/[b]", "mode": "0o750"},
        {"type": "chmod", "path": "{workenv}/data"},
        {"type": "chmod", "path": "{workenv}/none/*"},
        {"type": "enumerate_and_execute", "command": list, "enumerate": {"path": "{workenv}/w", "pattern": "*.whl"}},
        {"type": "enumerate_and_execute", "command": format!("{list} {{file}} end"), "pattern": "w/1?.whl"},
        {"type": "enumerate_and_execute", "command": list, "enumerate": {"path": "{workenv}/none"}},
        {"type": "enumerate_and_execute", "command": list, "enumerate": {"path": "w", "pattern": "*.zip"}},
        {"type": "write_file", "path": "new/deep/file", "content": "{version}|{other}", "mode": 416},
        {"type": "write_file", "path": "bin/a", "content": "again"},
        {"command": "/bin/sh -c 'echo untyped >> \"$FLAVOR_WORKENV/list\"'"},
    ]);
    let place =
        Place::new(&Foreign::new("/bin/true").slot(slot("t", "{workenv}", TAR, &tree)).setup(setup).bytes());
    let output = place.run(&[]);
    assert_eq!(code(&output), Some(0), "{}", err(&output));
    let w = place.environment().join("w");
    let w = w.display();
    assert_eq!(place.read("list"), format!("{w}/10.whl\n{w}/2.whl\n{w}/x y.whl\n{w}/10.whl end\nuntyped\n"));
    let modes: Vec<u32> =
        ["bin/a", "bin/b", "bin/.hidden", "bin/sub", "data"].map(|path| place.mode(path)).into();
    assert_eq!(modes, [0o644, 0o750, 0o700, 0o755, 0o700]);
    assert_eq!((place.read("new/deep/file"), place.mode("new/deep/file")), ("1.2|{other}".into(), 0o640));
    assert_eq!((place.mode("new"), place.read("bin/a")), (0o755, "again".into()));
    for step in [
        json!({"type": "write_file", "path": "bin", "content": "x"}),
        json!({"type": "chmod", "path": "missing", "mode": "700"}),
    ] {
        let package = Foreign::new("/bin/true").slot(slot("t", "{workenv}", TAR, &tree)).setup(json!([step]));
        refused(&Place::new(&package.bytes()).run(&[]), 104, "ERR_LAUNCH_SETUP");
    }
}

#[test]
fn init_slots_are_there_during_setup_only() {
    let tree = tar(&[
        folder("i", 0o755),
        file("i/f", 0o644, "f"),
        link("i/l", "f"),
        folder("shared", 0o755),
        file("shared/i", 0o644, "i"),
    ]);
    let package = Foreign::new("/bin/ls -A {workenv} {workenv}/shared")
        .slot(slot("one", "{workenv}/one", RAW, b"one").init())
        .slot(slot("tree", "{workenv}", TAR, &tree).init())
        .slot(slot("stays", "shared/stays", RAW, b"stays"))
        .slot(slot("added", "added/by-init", RAW, b"x").init())
        .setup(json!([
            "/bin/sh -c 'cat {slot:0} {workenv}/i/l > \"$FLAVOR_WORKENV/copied\"'",
            {"type": "write_file", "path": "added/by-setup", "content": "x"},
        ]));
    let place = Place::new(&package.bytes());
    let output = place.run(&[]);
    let listed = out(&output).replace(&place.environment().display().to_string(), "W");
    assert_eq!(
        listed,
        "W:\n.flavor-private\nadded\ncopied\nshared\n\nW/shared:\nstays\n",
        "{}",
        err(&output)
    );
    assert_eq!(place.read("copied"), "onef");
    assert_eq!(std::fs::read_dir(place.environment().join("added")).expect("added").count(), 1);
    // Without setup they are never seen.
    let place =
        Place::new(&Foreign::new("/bin/ls {workenv}").slot(slot("one", "one", RAW, b"one").init()).bytes());
    assert_eq!(out(&place.run(&[])), "");
}

#[test]
fn many_first_starts_at_once_set_up_once() {
    let setup = json!(["/bin/sh -c 'echo setup >> \"$HOME/log\"; sleep 0.3'"]);
    let place = Place::new(&Foreign::script("cat \"$HOME/log\"").setup(setup).bytes());
    let children: Vec<_> = (0..8)
        .map(|_| place.command(&[]).stdout(std::process::Stdio::piped()).spawn().expect("start"))
        .collect();
    for child in children {
        assert_eq!(out(&child.wait_with_output().expect("end")), "setup\n");
    }
}

#[test]
fn a_start_that_is_killed_during_setup_leaves_nothing_that_is_believed() {
    let setup = json!(["/bin/sh -c 'echo begun >> \"$HOME/log\"; test -e \"$HOME/again\" || exec sleep 60'"]);
    let place = Place::new(&Foreign::script("echo started").setup(setup).bytes());
    let mut child = place.command(&[]).spawn().expect("start");
    let log = place.home.0.path().join("log");
    while !log.exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("kill");
    child.wait().expect("end");
    std::fs::write(place.home.0.path().join("again"), "").expect("write");
    assert_eq!(out(&place.run(&[])), "started\n");
    assert_eq!(std::fs::read_to_string(log).expect("log"), "begun\nbegun\n");
}

#[test]
fn s3_a_lowered_start_makes_a_private_environment_for_itself_alone() {
    let setup = json!([{"type": "write_file", "path": "{workenv}/made", "content": "by setup"}]);
    let program = "cat \"$FLAVOR_WORKENV/made\"; echo; pwd; exit 7";
    let package = Foreign::script(program).setup(setup).bytes();
    for level in ["standard", "relaxed", "minimal", "none"] {
        let place = Place::settled(&package);
        for _ in 0..2 {
            let output = start(place.command(&[]).env("FLAVOR_VALIDATION", level).current_dir("/"));
            assert_eq!(
                (code(&output), out(&output).as_str()),
                (Some(7), "by setup\n/\n"),
                "{}",
                err(&output)
            );
            assert!(err(&output).contains("keeps nothing"), "{}", err(&output));
            for kept in ["envs", "receipts", "slots", "tmp"] {
                let kept = std::fs::read_dir(place.home.store().join("v1").join(kept)).expect(kept);
                assert_eq!(kept.count(), 0, "{level}");
            }
        }
    }
}

#[test]
fn full_validation_reads_every_slot_and_makes_nothing_anew() {
    let setup = json!(["/bin/sh -c 'echo once >> \"$HOME/log\"'"]);
    let place = Place::settled(&Foreign::script("echo started").setup(setup).bytes());
    for _ in 0..2 {
        let output = start(place.command(&[]).env("FLAVOR_VALIDATION", "full"));
        assert_eq!((out(&output).as_str(), err(&output).as_str()), ("started\n", ""));
    }
    assert_eq!(std::fs::read_to_string(place.home.0.path().join("log")).expect("log"), "once\n");
}
