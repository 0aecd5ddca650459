//! Foreign and plain packages as processes (LAUNCH.md 16, STORE.md 8.7–8.15): under a launcher without payload, as
//! `flavor run` starts them, and with our launcher at their head.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::foreign_package::place::{Place, bare, refused, start};
use crate::foreign_package::{
    Foreign, GZIP, RAW, TAR, TAR_BZIP2, TGZ, file, folder, gzip, link, of_the_python_builder, slot, tar,
};
use crate::support::test_package::{Builder, directory, executable};
use crate::support::{code, err, launcher, out, write_package};

const SHOW: &str = "#!/bin/sh\necho \"$0|$*|$FLAVOR_WORKENV\"\nexit 7\n";

#[test]
fn packages_of_all_three_builders_start_cold_and_warm() {
    let native = || {
        Foreign::script(SHOW)
            .slot(slot("note", "note.txt", GZIP, &gzip(b"note\n")).with("permissions", "0640"))
    };
    let tree = tar(&[
        folder("./", 0o700),
        folder("./share/", 0o750),
        file("./share/x", 0o604, "x"),
        link("./l", "share/x"),
    ]);
    let packages = [
        ("python", of_the_python_builder(SHOW)),
        (
            "go",
            native().slot(slot("tree", "{workenv}", TGZ, &gzip(&tree))).edit(|document| {
                document["format_version"] = json!("");
                document["execution"]["environment"] = json!({"GREETING": "go"});
                document["setup_commands"] = json!(["/bin/true 'of the host'"]);
            }),
        ),
        (
            "rust",
            native().hole().slot(slot("tree", "elsewhere", TAR, &tree)).edit(|document| {
                document["execution"]["env"] = json!({"GREETING": "rust"});
                document["setup_commands"] = json!([]);
            }),
        ),
    ];
    for (builder, package) in packages {
        let place = Place::settled(&package.bytes());
        for (start, word) in [("cold", "cold start:"), ("warm", "warm start: receipt")] {
            let output = place.run(&["a b", "'\"$x"]);
            assert_eq!(code(&output), Some(7), "{builder} {start}: {}", err(&output));
            assert_eq!(err(&output), "", "{builder} {start}");
            let shown = out(&output);
            assert!(shown.contains("|a b '\"$x|"), "{builder} {start}: {shown}");
            assert!(shown.trim_end().ends_with(place.environment().to_str().expect("text")), "{shown}");
            let again = place.log();
            assert!(again.contains("warm start: receipt"), "{builder} {start} {word}: {again}");
        }
        if builder != "python" {
            assert_eq!(place.read("note.txt"), "note\n");
            assert_eq!((place.mode("note.txt"), place.mode("app.sh")), (0o640, 0o755));
            assert_eq!((place.mode("share"), place.mode("share/x")), (0o750, 0o604));
            assert_eq!(
                std::fs::read_link(place.environment().join("l")).expect("link"),
                Path::new("share/x")
            );
            assert!(!place.environment().join("elsewhere").exists());
        }
        assert!(std::fs::read_dir(place.home.store().join("v1/slots")).expect("slots").next().is_none());
    }
}

#[test]
fn a_package_of_the_python_builder_is_set_up_once_and_its_attestation_is_not_unpacked() {
    let place = Place::settled(&of_the_python_builder("#!/bin/sh\necho \"$HOME $TMPDIR\"\n").bytes());
    let shown = out(&place.run(&[]));
    let environment = place.environment();
    assert_eq!(shown, format!("{0}/home {0}/tmp\n", environment.display()));
    place.run(&[]);
    let wheels = environment.join("wheels");
    let wheels = wheels.display();
    assert_eq!(place.read("installed"), format!("install {wheels}/a-1.whl\ninstall {wheels}/b-1.whl\n"));
    assert_eq!(place.read("metadata/installed"), "Foreign_App-1.2");
    assert_eq!((place.mode("bin/hello"), place.mode("lib/data.txt")), (0o700, 0o640));
    assert_eq!((place.mode("tmp"), place.mode("var"), place.mode("var/log")), (0o700, 0o755, 0o755));
    assert!(!environment.join("_attestation").exists());
    let name = environment.file_name().expect("name").to_string_lossy().into_owned();
    assert!(!name.contains("oreign") && name.contains("-1.2-"), "{name}");
    // A program that removes what it was started from gets it back.
    std::fs::remove_file(environment.join("bin/hello")).expect("remove");
    assert_eq!(out(&place.run(&[])), shown);
    // So does one whose own mark of completeness is gone.
    std::fs::write(environment.join("metadata/installed"), "something else").expect("write");
    std::fs::write(environment.join("home/kept"), "").expect("write");
    assert_eq!(out(&place.run(&[])), shown);
    assert_eq!(place.read("metadata/installed"), "Foreign_App-1.2");
    assert!(!environment.join("home/kept").exists());
}

#[test]
fn an_environment_survives_copies_of_its_package_and_keeps_what_the_program_wrote() {
    let script = "echo \"$1\" >> \"$FLAVOR_WORKENV/kept\"; cat \"$FLAVOR_WORKENV/kept\"";
    let setup = json!([{"type": "write_file", "path": "kept", "content": "setup\n"}]);
    let place = Place::new(&Foreign::script(script).setup(setup).bytes());
    assert_eq!(out(&place.run(&["one"])), "setup\none\n");
    let copy = place.home.0.path().join("copy.psp");
    std::fs::copy(&place.package, &copy).expect("copy");
    let again = || {
        let mut command = place.home.command(bare());
        command.env("FLAVOR_LAUNCHER_CLI", "1").arg("run").arg(&copy).arg("two");
        command.output().expect("start")
    };
    assert_eq!(out(&again()), "setup\none\ntwo\n");
    // A file that the program itself changed, though the receipt watches it, is no reason to make everything anew.
    std::thread::sleep(Duration::from_millis(2100));
    assert_eq!(out(&again()), "setup\none\ntwo\ntwo\n");
    let app = place.environment().join("app.sh");
    std::fs::write(&app, format!("{script}\necho changed")).expect("write");
    assert_eq!(out(&again()), "setup\none\ntwo\ntwo\ntwo\nchanged\n");
    // Gone, it is one.
    std::fs::remove_file(&app).expect("remove");
    assert_eq!(out(&again()), "setup\ntwo\n");
    std::fs::remove_file(place.environment().join(".flavor-private")).expect("remove");
    assert_eq!(out(&again()), "setup\ntwo\n");
}

#[test]
fn with_our_launcher_at_its_head_it_starts_by_itself() {
    let place = Place::settled(&Foreign::script(SHOW).launcher(&launcher()).hole().bytes());
    for word in ["cold start:", "warm start: receipt"] {
        let mut command = place.home.command(&place.package);
        let output = start(command.arg("x").env("FLAVOR_LOG_LEVEL", "info").env("PATH", "/bin"));
        assert_eq!(code(&output), Some(7), "{}", err(&output));
        assert!(out(&output).contains("|x|"));
        assert!(err(&output).contains(word), "{}", err(&output));
    }
}

/// A package of ours without commands.
fn plain(edit: fn(&mut Value)) -> Builder {
    let strip = |document: &mut Value| {
        let arch = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
        document["execution"]["command"] = json!("{workenv}/bin/tool");
        document["setup_commands"] =
            json!([{"type": "write_file", "path": "{workenv}/state/mark", "content": "{slot:0}"}]);
        let flavor = document["extensions"]["x-flavor"].as_object_mut().expect("flavor");
        flavor["target"] = json!({"os": "linux", "arch": arch});
        for key in ["commands", "default", "workenv"] {
            flavor.remove(key);
        }
    };
    Builder::new()
        .slot(true, &[directory("bin"), executable("bin/tool", SHOW.as_bytes(), true)])
        .launcher(&launcher())
        .edit(strip)
        .edit(edit)
}

#[test]
fn plain_packages_of_ours_start_from_a_private_environment_too() {
    let bytes = plain(|_| ()).bytes();
    let place = Place::settled(&bytes);
    for _ in 0..2 {
        let output = start(place.home.command(&place.package).arg("x"));
        assert_eq!(code(&output), Some(7), "{}", err(&output));
        assert!(out(&output).contains("/bin/tool|x|"), "{}", out(&output));
    }
    assert_eq!(place.read("state/mark"), place.environment().display().to_string());
    assert!(std::fs::read_dir(place.home.store().join("v1/slots")).expect("slots").next().is_none());
    // Each of their bytes is signed, the launcher's too.
    let mut changed = bytes;
    changed[launcher().len() - 1] ^= 1;
    refused(&Place::new(&changed).run(&[]), 107, "ERR_PSPF_LAUNCHER_DIGEST");
    let other = plain(|document| document["extensions"]["x-flavor"]["target"]["os"] = json!("windows"));
    refused(&Place::new(&other.bytes()).run(&[]), 110, "ERR_LAUNCH_TARGET");
    refused(&Place::new(&plain(|_| ()).claiming(1, 2).bytes()).run(&[]), 103, "ERR_STORE_UNPACKED");
}

#[test]
fn the_environment_has_the_documented_layers_in_their_order() {
    let package = Foreign::new("/usr/bin/env").slot(slot("x", "x", RAW, b"x")).edit(|document| {
        document["runtime"] = json!({"env": {
            "unset": ["SECRET", "DROP_*"], "pass": ["DROP_NOT"], "map": {"OLD": "NEW"},
            "set": {"A": "{workenv}", "B": "runtime", "C": "runtime", "D": "runtime"},
        }});
        document["workenv"] = json!({"env": {"B": "{workenv}/w", "C": "workenv", "D": "workenv"}});
        document["execution"]["environment"] = json!({"C": "{slot:0}", "D": "environment"});
        document["execution"]["env"] =
            json!({"D": "{package_name} {version}", "FLAVOR_VERSION": "9", "PATH": "/from/package", "U": "{unknown}"});
    });
    let place = Place::settled(&package.bytes());
    for _ in 0..2 {
        let mut command = place.command(&[]);
        for (name, value) in [
            ("SECRET", "s"),
            ("DROP_ME", "1"),
            ("DROP_NOT", "2"),
            ("OLD", "old"),
            ("KEPT", "=x"),
            ("FLAVOR_COMMAND", ""),
        ] {
            command.env(name, value);
        }
        let output = command.output().expect("start");
        let shown = out(&output);
        let mut lines: Vec<&str> = shown.lines().collect();
        lines.sort_unstable();
        let environment = place.environment();
        let workenv = environment.display();
        let package = place.package.display();
        let arch = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
        let mut expected = vec![
            "A={workenv}".to_owned(),
            format!("B={workenv}/w"),
            format!("C={workenv}/x"),
            "D=Foreign_App 1.2".into(),
            "U={unknown}".into(),
            "DROP_NOT=2".into(),
            "NEW=old".into(),
            "KEPT==x".into(),
            format!("HOME={}", place.home.0.path().display()),
            format!("PATH={workenv}/bin:/from/package"),
            format!("FLAVOR_WORKENV={workenv}"),
            format!("FLAVOR_PACKAGE={package}"),
            format!("FLAVOR_ORIGINAL_COMMAND={package}"),
            "FLAVOR_PACKAGE_NAME=Foreign_App".into(),
            "FLAVOR_COMMAND_NAME=Foreign_App".into(),
            "FLAVOR_VERSION=1.2".into(),
            "FLAVOR_OS=linux".into(),
            format!("FLAVOR_ARCH={arch}"),
            format!("FLAVOR_PLATFORM=linux_{arch}"),
        ];
        expected.sort_unstable();
        assert_eq!(lines, expected, "{}", err(&output));
    }
    let all =
        Foreign::new("/usr/bin/env").edit(|document| document["runtime"] = json!({"env": {"unset": ["*"]}}));
    let place = Place::new(&all.bytes());
    let shown = out(&place.run(&[]));
    assert!(!shown.contains("HOME=") && shown.contains("FLAVOR_WORKENV="), "{shown}");
    let path = format!("PATH={}/bin:/usr/local/bin:/usr/bin:/bin\n", place.environment().display());
    assert!(shown.contains(&path), "{shown}");
}

#[test]
fn the_packages_own_programs_come_first_and_the_hosts_only_where_it_names_one() {
    let programs = || {
        let tool = "#!/bin/sh\necho \"package $0\"\n";
        let tree =
            tar(&[file("bin/tool", 0o755, tool), file("tools/tool", 0o755, tool), folder("bin/sh", 0o755)]);
        slot("programs", "{workenv}", TAR, &tree)
    };
    for (command, shown) in [
        ("{workenv}/bin/tool", "package W/bin/tool\n"),
        ("{workenv}/tools/tool", "package W/tools/tool\n"),
        ("tools/tool", "package W/tools/tool\n"),
        ("tool", "package W/bin/tool\n"),
        // A folder of that name in the package hides nothing.
        ("sh -c 'echo host; command -v tool'", "host\nW/bin/tool\n"),
        ("only-on-host", "hostile only-on-host\n"),
        (
            "/bin/echo '' \"a  b\" c\\ d {platform}",
            &format!(" a  b c d linux_{}\n", if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" }),
        ),
    ] {
        let place = Place::settled(&Foreign::new(command).slot(programs()).bytes());
        let hostile = place.home.0.path().join("hostile");
        std::fs::create_dir(&hostile).expect("folder");
        // By a child: a file that this process had open for writing may be busy when the launcher starts it.
        let write = "for name in tool only-on-host; do printf '#!/bin/sh\necho hostile %s\n' $name > $name; \
                     chmod 755 $name; done";
        let status = Command::new("/bin/sh").args(["-c", write]).current_dir(&hostile).status();
        assert!(status.expect("shell").success());
        for _ in 0..2 {
            let path = format!("{}:/usr/bin:/bin", hostile.display());
            let output = place.command(&[]).env("PATH", path).output().expect("start");
            let found = out(&output).replace(&place.environment().display().to_string(), "W");
            assert_eq!(found, shown, "{command}: {}", err(&output));
        }
    }
    // Nothing is taken from the folder that the user happens to be in.
    let place = Place::new(&Foreign::new("local").slot(programs()).bytes());
    write_package(&place.home.0.path().join("local"), b"#!/bin/sh\necho wrong\n");
    let mut command = place.command(&[]);
    command.current_dir(place.home.0.path()).env("PATH", "::.:/bin");
    let output = command.output().expect("start");
    refused(&output, 104, "ERR_LAUNCH_EXECUTE");
    assert_eq!(out(&output), "");
}

#[test]
fn placeholders_are_replaced_once_and_never_become_words() {
    let package = Foreign::new(
        "/usr/bin/printf '%s\\n' {package_name} '{slot:0}' x{version}x {primary} {{os}} {other}",
    )
    .slot(slot("data", "a b/data", RAW, b"data"))
    .edit(|document| document["package"] = json!({"name": "{version} '$(x)", "version": "{workenv}/ 1"}));
    let bytes = package.bytes();
    let place = Place::new(&bytes);
    let cache = place.home.0.path().join("a 'b\" $c");
    let output = place.command(&[]).env("FLAVOR_CACHE", &cache).output().expect("start");
    let environments =
        std::fs::read_dir(cache.join("v1/envs")).expect("envs").map(|entry| entry.expect("entry").path());
    let data = environments.into_iter().find(|path| path.is_dir()).expect("one").join("a b/data");
    let data = data.display();
    let expected = format!("{{version}} '$(x)\n{data}\nx{{workenv}}/ 1x\n{data}\n{{linux}}\n{{other}}\n");
    assert_eq!(out(&output), expected, "{}", err(&output));
}

#[test]
fn what_cannot_be_carried_out_is_refused_before_anything_is_unpacked() {
    let with = |command: &str| Foreign::new(command).slot(slot("data", "data", RAW, b"data"));
    let setup = |step: Value| with("/bin/true").setup(json!([step]));
    for (package, name) in [
        (with(""), "no words"),
        (with("a 'b"), "not closed"),
        (with("a \\"), "backslash"),
        (with("/bin/echo {slot:9}"), "`{slot:9}`"),
        (with("/bin/echo {slot:x}"), "`{slot:x}`"),
        (
            with("/bin/echo {primary}").edit(|document| document["execution"]["primary_slot"] = json!(4)),
            "`{primary}`",
        ),
        (with("/bin/echo {slot:1}").slot(slot("i", "i", RAW, b"i").init()), "during setup only"),
        (with("/bin/echo {slot:1}").slot(slot("_attestation", "a", RAW, b"i")), "not unpacked"),
        (setup(json!({"type": "download", "command": "x"})), "\"download\""),
        (setup(json!({"type": "execute"})), "no `command`"),
        (setup(json!({"type": "write_file", "path": "x"})), "no `content`"),
        (setup(json!({"type": "chmod"})), "no `path`"),
        (setup(json!({"type": "enumerate_and_execute", "command": "x"})), "no `enumerate`"),
    ] {
        let place = Place::new(&package.bytes());
        let output = place.run(&[]);
        refused(&output, 109, "ERR_LAUNCH_FOREIGN");
        assert!(err(&output).contains(name), "{name}: {}", err(&output));
        assert!(!place.home.store().exists(), "{name}");
    }
    let wrong = setup(json!({"type": "execute", "command": 5}));
    refused(&Place::new(&wrong.bytes()).run(&[]), 102, "ERR_PSPF_METADATA_MODEL");
    let name = with("/bin/true").edit(|document| document["execution"]["env"] = json!({"A=B": "x"}));
    refused(&Place::new(&name.bytes()).run(&[]), 109, "ERR_LAUNCH_ENVIRONMENT");
    let kind = with("/bin/true").slot(slot("t", "t", TAR_BZIP2, b"BZh9"));
    refused(&Place::new(&kind.bytes()).run(&[]), 110, "ERR_STORE_SLOT_KIND");
}
