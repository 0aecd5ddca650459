//! The launcher as a process: packages made around the built binary, started as users start them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Home, PROGRAM, code, demo, err, launcher, out, package, write_package};

#[test]
fn the_first_start_unpacks_and_the_second_uses_a_receipt() {
    let home = Home::new();
    let start = || home.command(package()).env("FLAVOR_LOG_LEVEL", "debug").output().expect("start");
    let cold = err(&start());
    assert!(cold.contains("cold start:"), "{cold}");
    let warm = start();
    assert!(err(&warm).contains("warm start: receipt"), "{}", err(&warm));
    assert!(!err(&warm).contains("cold start"), "{}", err(&warm));
    // Without being asked the launcher says nothing.
    assert_eq!(err(&home.run(&[])), "");
}

#[test]
fn arguments_exit_codes_standard_input_and_signals_pass_through() {
    let home = Home::new();
    for _ in 0..2 {
        assert_eq!(code(&home.run(&["exit", "7"])), Some(7));
        let words = ["a b", "\"'$x`\\", "line\nbreak", "", "--help", "run"];
        let expected = words.join("|") + "|";
        assert!(out(&home.run(&words)).ends_with(&format!("/bin/run|{expected}")));
        let raw = home.command(package()).arg(OsStr::from_bytes(b"\xff\xfe")).output().expect("start");
        assert!(raw.stdout.ends_with(b"|\xff\xfe|"));
        assert_eq!(home.run(&["kill"]).status.signal(), Some(15));
        let mut reader = home.command(package());
        reader
            .arg("read")
            .stdin(std::fs::File::open("/proc/self/cmdline").expect("open"))
            .stdout(Stdio::piped());
        assert!(!reader.output().expect("start").stdout.is_empty());
    }
}

#[test]
fn s3_the_program_gets_the_documented_environment_and_nothing_else() {
    let home = Home::new();
    for _ in 0..2 {
        let mut command = home.command(package());
        command.arg("env").arg0("typed-name");
        for (name, value) in [
            ("PATH", "/hostile"),
            ("PYTHONPATH", "rubbish"),
            ("PYTHONUNBUFFERED", "1"),
            ("BOTH", "user"),
            ("FLAVOR_VALIDATION", "strict"),
            ("FLAVOR_COMMAND", "demo"),
            ("FLAVOR_LAUNCHER_CLI", "0"),
            ("EMPTY", ""),
        ] {
            command.env(name, value);
        }
        command.env(OsStr::from_bytes(b"RAW\xff"), OsStr::from_bytes(b"\xfe=\x01"));
        let output = command.output().expect("start");
        let mut lines: Vec<&[u8]> =
            output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        // The shell that runs the program adds its own.
        lines.retain(|line| {
            !line.starts_with(b"PWD=")
                && !line.starts_with(b"_=")
                && !line.starts_with(b"OLDPWD=")
                && !line.starts_with(b"SHLVL=")
        });
        lines.sort_unstable();
        let workenv = std::fs::read_dir(home.store().join("v1/envs")).expect("envs");
        let workenv =
            workenv.map(|entry| entry.expect("entry").path()).find(|path| path.is_dir()).expect("one");
        let workenv = workenv.display().to_string();
        let slot = std::fs::read_dir(home.store().join("v1/slots")).expect("slots");
        let slot = slot.map(|entry| entry.expect("entry").path()).find(|path| path.is_dir()).expect("one");
        let arch = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
        let mut expected: Vec<Vec<u8>> = [
            format!("HOME={}", home.0.path().display()),
            format!("PATH={workenv}/scripts:{workenv}/more:/hostile"),
            "PYTHONUNBUFFERED=1".into(),
            "EMPTY=".into(),
            "BOTH=execution".into(),
            "FROM_RUNTIME=1".into(),
            "FROM_EXECUTION=2".into(),
            format!("FROM_COMMAND={}/bin", slot.display()),
            format!("FLAVOR_WORKENV={workenv}"),
            format!("FLAVOR_PACKAGE={}", package().display()),
            "FLAVOR_PACKAGE_NAME=demo".into(),
            "FLAVOR_VERSION=1.0".into(),
            "FLAVOR_COMMAND_NAME=demo".into(),
            "FLAVOR_ORIGINAL_COMMAND=typed-name".into(),
            "FLAVOR_OS=linux".into(),
            format!("FLAVOR_ARCH={arch}"),
            format!("FLAVOR_PLATFORM=linux_{arch}"),
        ]
        .into_iter()
        .map(String::into_bytes)
        .collect();
        expected.push(b"RAW\xff=\xfe=\x01".to_vec());
        expected.sort_unstable();
        // dash drops names that are no identifiers; compare without that one if it did.
        if !lines.iter().any(|line| line.starts_with(b"RAW")) {
            expected.retain(|line| !line.starts_with(b"RAW"));
        }
        assert_eq!(lines, expected.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
}

#[test]
fn commands_are_chosen_by_variable_and_by_the_name_of_a_link() {
    let home = Home::new();
    let link = home.0.path().join("demo-admin");
    symlink(package(), &link).expect("link");
    for _ in 0..2 {
        assert!(out(&home.command(&link).output().expect("start")).ends_with("/bin/run|admin|"));
        let by_variable =
            home.command(package()).env("FLAVOR_COMMAND", "demo-admin").output().expect("start");
        assert!(out(&by_variable).ends_with("/bin/run|admin|"));
        let unknown = home.command(package()).env("FLAVOR_COMMAND", "nope").output().expect("start");
        assert_eq!(code(&unknown), Some(105));
        assert!(err(&unknown).contains("demo, demo-admin"), "{}", err(&unknown));
        assert!(err(&unknown).starts_with("demo: error: "), "{}", err(&unknown));
    }
}

/// What a script sees when `shell` starts it, once as itself and once as the package's program.
fn inherited(home: &Home, shell: &str, switch: &str) -> (String, String) {
    let script = home.0.path().join("direct");
    write_package(&script, PROGRAM.as_bytes());
    let run = |path: &Path| {
        let output =
            home.command("/bin/sh").args(["-c", shell, "sh"]).arg(path).arg(switch).output().expect("start");
        assert_eq!(err(&output), "", "{shell}");
        out(&output)
    };
    (run(&script), run(package()))
}

/// Signals 32 and 33 belong to the C library, which sets them when a process starts threads.
fn without_reserved(text: &str) -> Vec<String> {
    let line =
        |line: &str| match line.split_once(":\t").map(|(name, set)| (name, u64::from_str_radix(set, 16))) {
            Some((name, Ok(set))) => format!("{name} {:x}", set & !0x1_8000_0000),
            _ => line.to_owned(),
        };
    text.lines().map(line).collect()
}

#[test]
fn signals_umask_and_descriptors_are_inherited_as_the_parent_gave_them() {
    for (shell, switch) in [
        (r#"exec "$@""#, "signals"),
        (r#"trap "" PIPE USR1; exec "$@""#, "signals"),
        (r#"umask 027; exec "$@""#, "umask"),
        (r#"exec "$@""#, "descriptors"),
        (r#"exec 0<&- 5</dev/null; exec "$@""#, "descriptors"),
    ] {
        let home = Home::new();
        for start in ["cold", "warm"] {
            let (direct, packaged) = inherited(&home, shell, switch);
            let (mut packaged, direct) = (without_reserved(&packaged), without_reserved(&direct));
            if switch == "descriptors" {
                // The lock on the work environment (LAUNCH.md 7.3).
                let before = packaged.len();
                packaged.retain(|number| number != HELD);
                assert_eq!(packaged.len() + 1, before, "{start}: {shell}");
            }
            assert_eq!(packaged, direct, "{start}: {shell}");
        }
    }
}

/// The number of the descriptor that holds the work environment, with the usual limit.
const HELD: &str = "1023";

#[test]
fn the_lock_has_the_highest_number_that_the_limit_and_other_descriptors_leave() {
    let home = Home::new();
    for (shell, expected) in [
        (r#"ulimit -S -n 64; exec "$@""#, "63"),
        // A package that is started by a packaged program finds the first number taken.
        (r#"exec "$0" "$@""#, "1022"),
    ] {
        for start in ["cold", "warm"] {
            let nested = !shell.starts_with("ulimit");
            let mut command = home.command("/bin/sh");
            command.args(["-c", shell]).arg(if nested { package().as_os_str() } else { "sh".as_ref() });
            if nested {
                command.arg("start");
            }
            let output = command.arg(package()).arg("descriptors").output().expect("start");
            let numbers = out(&output);
            assert!(numbers.lines().any(|number| number == expected), "{start}: {shell}: {output:?}");
        }
    }
}

#[test]
fn a_running_program_keeps_the_collector_from_what_it_runs_from() {
    let home = Home::new();
    for start in ["cold", "warm"] {
        let mut program = home.command(package());
        program.arg("read").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = program.spawn().expect("start");
        let mut input = program.stdin.take().expect("input");
        std::io::Write::write_all(&mut input, b"x").expect("write");
        let mut output = program.stdout.take().expect("output");
        std::io::Read::read_exact(&mut output, &mut [0]).expect("it runs");
        // The launcher is gone, and `cat` is no file of the store: only the lock tells.
        let root = flavor_store::root::Root::open(&home.store()).expect("store").expect("is there");
        let remove =
            || flavor_store::collect::remove(&root, &["demo".into()], false, &|| false).expect("remove");
        let kept = remove();
        assert_eq!((kept.removed.len(), kept.in_use.len()), (0, 1), "{start}");
        drop(input);
        assert!(program.wait().expect("wait").success());
        if start == "warm" {
            assert_eq!(remove().removed.len(), 2);
            assert_eq!(code(&home.run(&["exit", "4"])), Some(4));
        }
    }
}

#[test]
fn a_strict_umask_of_the_user_does_not_change_the_tree() {
    let home = Home::new();
    let output =
        home.command("/bin/sh").args(["-c", r#"umask 077; exec "$@""#, "sh"]).arg(package()).output();
    assert_eq!(code(&output.expect("start")), Some(0));
    let slots = home.store().join("v1/slots");
    let slot = std::fs::read_dir(slots).expect("slots").map(|entry| entry.expect("entry").path());
    let slot = slot.into_iter().find(|path| path.is_dir()).expect("one");
    let mode = |path: &Path| path.metadata().expect("metadata").permissions().mode() & 0o7777;
    assert_eq!(mode(&slot), 0o755);
    assert_eq!(mode(&slot.join("bin/tool")), 0o755);
}

#[test]
fn closed_standard_descriptors_are_no_danger_to_a_cold_start() {
    let home = Home::new();
    let marker = home.0.path().join("marker");
    let shell = format!("exec \"$0\" touch '{}' 0<&- 1>&- 2>&-", marker.display());
    let status = home.command("/bin/sh").args(["-c", &shell]).arg(package()).status().expect("start");
    assert!(status.success());
    assert!(marker.exists());
}

#[test]
fn a_file_without_a_valid_trailer_is_102_whatever_the_arguments() {
    let home = Home::new();
    let bare = home.0.path().join("bare");
    write_package(&bare, &launcher());
    let package = package().display().to_string();
    for arguments in [vec![], vec!["run", &package], vec!["--help"], vec!["verify"]] {
        let output = home.command(&bare).args(&arguments).output().expect("start");
        assert_eq!(code(&output), Some(102), "{arguments:?}");
        assert!(err(&output).contains("[ERR_PSPF_NOT_A_PACKAGE]"), "{}", err(&output));
    }
    let tool = |arguments: &[&str]| {
        home.command(&bare).env("FLAVOR_LAUNCHER_CLI", "1").args(arguments).output().expect("start")
    };
    assert!(out(&tool(&["run", &package, "a b"])).ends_with("/bin/run|a b|"));
    assert_eq!(code(&tool(&["run", &package, "exit", "9"])), Some(9));
    assert!(out(&tool(&["run", &package, "env"])).contains(&format!("\nFLAVOR_PACKAGE={package}\n")));
    assert_eq!(code(&tool(&["run"])), Some(105));
    assert_eq!(code(&tool(&["run", "/nowhere"])), Some(106));
    assert_eq!(code(&tool(&["run", "/dev"])), Some(106));
    assert_eq!(code(&tool(&["run", "/bin/sh"])), Some(102));
    assert_eq!(code(&tool(&["verify"])), Some(102));
    assert_eq!(code(&tool(&["help"])), Some(0));
    assert_eq!(code(&tool(&["nope"])), Some(105));
    assert_eq!(code(&tool(&[])), Some(105));
}

#[test]
fn s6_a_changed_byte_anywhere_stops_the_cold_start_and_runs_nothing() {
    let home = Home::new();
    let bytes = demo().bytes();
    let package = pspf::Package::open(bytes.clone()).expect("package");
    let launcher = launcher().len();
    let slot = |number: usize| usize::try_from(package.descriptors()[number].offset).expect("offset");
    let path = home.0.path().join("changed.psp");
    let marker = home.0.path().join("marker");
    let end = bytes.len();
    let mut positions = vec![launcher, launcher + 12, launcher + 900, slot(0), slot(1) + 7, slot(1) + 300];
    positions.extend([
        end - 1,
        end - 8200,
        end - 8190,
        end - 8180,
        end - 8060,
        end - 7000,
        end - 5,
        slot(0) - 64,
    ]);
    for position in positions {
        let mut changed = bytes.clone();
        changed[position] ^= 0x10;
        write_package(&path, &changed);
        let output = home.command(&path).arg("touch").arg(&marker).output().expect("start");
        assert!(matches!(code(&output), Some(102 | 103 | 107)), "byte {position}: {output:?}");
        assert!(!marker.exists(), "byte {position}");
        std::fs::remove_file(&path).expect("remove");
    }
    // In the launcher's own bytes, where the file's head still starts: a byte of its section names.
    let mut changed = bytes.clone();
    changed[launcher - 1] ^= 1;
    write_package(&path, &changed);
    let output = home.command(&path).arg("touch").arg(&marker).output().expect("start");
    assert_eq!(code(&output), Some(107), "{output:?}");
    // A byte more is no package.
    write_package(&path, &[bytes.as_slice(), b"x"].concat());
    assert_eq!(code(&home.command(&path).output().expect("start")), Some(102));
    assert!(!marker.exists());
}

#[test]
fn a_warm_package_that_was_touched_or_copied_is_verified_again() {
    let home = Home::new();
    home.run(&[]);
    let copy = home.0.path().join("copy.psp");
    write_package(&copy, &std::fs::read(package()).expect("read"));
    let output = home.command(&copy).env("FLAVOR_LOG_LEVEL", "debug").output().expect("start");
    assert!(err(&output).contains("cold start:"), "{}", err(&output));
    assert!(err(&output).contains("slot 0 found"), "{}", err(&output));
}

#[test]
fn s19_a_change_that_keeps_size_and_time_is_noticed_by_starts_and_tools() {
    let home = Home::new();
    let path = home.0.path().join("warm.psp");
    let bytes = demo().bytes();
    write_package(&path, &bytes);
    std::thread::sleep(Duration::from_millis(2100));
    let start = || home.command(&path).env("FLAVOR_LOG_LEVEL", "debug").output().expect("start");
    start();
    assert!(err(&start()).contains("warm start"));

    let package = pspf::Package::open(bytes.clone()).expect("package");
    let position = usize::try_from(package.descriptors()[1].offset).expect("offset") + 50;
    let modified = path.metadata().expect("metadata").modified().expect("time");
    let file = std::fs::File::options().write(true).open(&path).expect("open");
    std::os::unix::fs::FileExt::write_all_at(&file, &[bytes[position] ^ 1], position as u64).expect("write");
    file.set_modified(modified).expect("time");
    drop(file);
    assert_eq!(code(&start()), Some(103));
    let verify = home.command(&path).env("FLAVOR_LAUNCHER_CLI", "1").arg("verify").output().expect("start");
    assert_eq!(code(&verify), Some(103), "{verify:?}");
}

#[test]
fn s20_a_package_written_just_now_gets_no_receipt() {
    let home = Home::new();
    let fresh = home.0.path().join("fresh.psp");
    write_package(&fresh, &demo().bytes());
    let start = || err(&home.command(&fresh).env("FLAVOR_LOG_LEVEL", "debug").output().expect("start"));
    assert!(start().contains("no receipt: the package file was changed less than two seconds ago"));
    std::thread::sleep(Duration::from_millis(2100));
    assert!(start().contains("written"));
    assert!(start().contains("warm start"));
}

#[test]
fn a_missing_slot_or_a_changed_program_leads_back_to_the_full_path() {
    let home = Home::new();
    home.run(&[]);
    let slots = home.store().join("v1/slots");
    std::fs::remove_dir_all(&slots).expect("remove");
    assert_eq!(code(&home.run(&["exit", "3"])), Some(3));
    // A store that is there but lost the program is put in order from the package.
    let envs = std::fs::read_dir(home.store().join("v1/envs")).expect("envs");
    for workenv in envs.map(|entry| entry.expect("entry").path()).filter(|path| path.is_dir()) {
        std::fs::remove_file(workenv.join("bin/run")).expect("remove");
    }
    assert_eq!(code(&home.run(&["exit", "5"])), Some(5));
    std::fs::remove_dir_all(home.store()).expect("remove");
    assert_eq!(code(&home.run(&["exit", "4"])), Some(4));
}

#[test]
fn s4_an_elevated_start_is_refused() {
    // Needs two users: a set-uid file of root, started by somebody else.
    if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) != 0) {
        return;
    }
    let folder = tempfile::tempdir().expect("folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("mode");
    let path = folder.path().join("elevated.psp");
    write_package(&path, &demo().bytes());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o4755)).expect("mode");
    let output =
        Command::new(&path).env_clear().env("FLAVOR_LAUNCHER_CLI", "1").uid(12345).gid(12345).output();
    let output = output.expect("start");
    assert_eq!(code(&output), Some(104), "{output:?}");
    assert!(err(&output).contains("[ERR_LAUNCH_ELEVATED]"));
}

#[test]
fn the_next_place_is_used_when_the_chosen_one_cannot_be() {
    let home = Home::new();
    let blocked = home.0.path().join("file");
    std::fs::write(&blocked, b"").expect("write");
    let run = |temporary: &Path| {
        let mut command = home.command(package());
        command.env("FLAVOR_CACHE", &blocked).env("FLAVOR_CACHE_DIR", "relative").env("TMPDIR", temporary);
        command
    };
    assert_eq!(code(&run(&blocked).args(["exit", "6"]).output().expect("start")), Some(6));
    assert!(home.store().join("v1/receipts").is_dir());
    let none = run(&blocked).env("HOME", &blocked).output().expect("start");
    assert_eq!(code(&none), Some(106));
    for part in ["[ERR_STORE_LOCATION]", "FLAVOR_CACHE", "HOME", "TMPDIR", "demo: hint: set FLAVOR_CACHE"] {
        assert!(err(&none).contains(part), "{part}: {}", err(&none));
    }
}

#[test]
fn without_home_the_temporary_folder_is_used() {
    let home = Home::new();
    let mut command = home.command(package());
    command.env_remove("HOME").env("TMPDIR", home.0.path()).args(["exit", "8"]);
    assert_eq!(code(&command.output().expect("start")), Some(8));
}

#[test]
fn simultaneous_first_starts_unpack_once_and_all_succeed() {
    let home = Home::new();
    let start = || {
        let mut command = home.command(package());
        command.env("FLAVOR_LOG_LEVEL", "debug").stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().expect("start")
    };
    let running: Vec<_> = (0..16).map(|_| start()).collect();
    let outputs: Vec<Output> =
        running.into_iter().map(|child| child.wait_with_output().expect("wait")).collect();
    assert!(outputs.iter().all(|output| output.status.success()));
    let unpacked = outputs.iter().filter(|output| err(output).contains("slot 0 unpacked")).count();
    assert_eq!(unpacked, 1);
}

#[test]
fn a_start_that_was_killed_leaves_nothing_that_a_later_one_believes() {
    for delay in [1, 3, 6, 10, 20, 40] {
        let home = Home::new();
        let mut first = home.command(package()).stdout(Stdio::null()).spawn().expect("start");
        std::thread::sleep(Duration::from_millis(delay));
        let _ = first.kill();
        first.wait().expect("wait");
        assert_eq!(code(&home.run(&["exit", "2"])), Some(2), "after {delay} ms");
        assert_eq!(code(&home.run(&["exit", "2"])), Some(2), "after {delay} ms");
        let workenv = std::fs::read_dir(home.store().join("v1/envs")).expect("envs");
        let workenv =
            workenv.map(|entry| entry.expect("entry").path()).find(|path| path.is_dir()).expect("one");
        assert_eq!(std::fs::metadata(workenv.join("share/data/big")).expect("file").len(), 8 << 20);
    }
}

#[test]
fn tools_answer_only_when_they_are_asked_for() {
    let home = Home::new();
    let info = out(&home.tool(&["info"]));
    for part in ["demo", "1.0", "demo-admin", "slot-0", "linux_"] {
        assert!(info.contains(part), "{part}: {info}");
    }
    let metadata = home.tool(&["metadata"]);
    let document: Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
    assert_eq!(document["package"]["name"], "demo");
    let verify = home.tool(&["verify"]);
    assert_eq!(code(&verify), Some(0));
    assert!(out(&verify).contains("ok     slot 1"), "{}", out(&verify));
    assert!(!home.store().exists());
    assert_eq!(code(&home.tool(&["run", "exit", "7"])), Some(7));
    assert_eq!(code(&home.tool(&["nope"])), Some(105));
    assert_eq!(code(&home.tool(&["help"])), Some(0));
}

#[test]
fn warm_makes_a_durable_store_and_runs_nothing() {
    let home = Home::new();
    let output = home.tool(&["warm"]);
    assert_eq!(code(&output), Some(0), "{}", err(&output));
    assert!(out(&output).starts_with("ready: "));
    let receipts = std::fs::read_dir(home.store().join("v1/receipts")).expect("receipts");
    let receipt =
        std::fs::read(receipts.into_iter().next().expect("one").expect("entry").path()).expect("read");
    assert_eq!(receipt[24..40], [0; 16]);
    let start = home.command(package()).env("FLAVOR_LOG_LEVEL", "debug").output().expect("start");
    assert!(err(&start).contains("warm start"), "{}", err(&start));
}

#[test]
fn packages_that_cannot_run_here_say_what_they_were_built_for() {
    let home = Home::new();
    let path = home.0.path().join("other.psp");
    let start = |edit: fn(&mut Value)| {
        write_package(&path, &demo().edit(edit).bytes());
        let output = home.command(&path).output().expect("start");
        std::fs::remove_file(&path).expect("remove");
        assert!(!home.store().exists());
        output
    };
    let other = start(|document| document["extensions"]["x-flavor"]["target"]["os"] = "windows".into());
    assert_eq!(code(&other), Some(110));
    assert!(err(&other).contains("windows_"), "{}", err(&other));
    let host = start(|document| {
        document["extensions"]["x-flavor"]["commands"]["demo"]["argv"] = json!(["/bin/sh"]);
    });
    assert_eq!(code(&host), Some(109), "{}", err(&host));
    let upward = start(|document| {
        document["extensions"]["x-flavor"]["commands"]["demo"]["argv"] = json!(["{workenv}/../../x"]);
    });
    assert_eq!(code(&upward), Some(109), "{}", err(&upward));
    let name = start(|document| document["runtime"] = json!({"env": {"pass": ["A=B"]}}));
    assert_eq!(code(&name), Some(109), "{}", err(&name));
}
