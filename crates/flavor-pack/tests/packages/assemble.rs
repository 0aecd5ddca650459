//! Assembly: what comes out, that it is repeatable, and that nothing is left when it fails.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use flavor_pack::Error;
use flavor_pack::assemble::{Request, assemble};
use flavor_pack::progress::{Event, Progress, Silent};
use flavor_pack::verify::verify;
use pspf::tar::Kind;
use pspf::{ErrorCode, Package};
use serde_json::{Value, json};

use crate::support::{Stage, filler, put, set_mode, unpack};

fn refused(request: &Request) -> Error {
    assemble(request, &Silent).expect_err("must be refused")
}

#[test]
fn a_package_verifies_and_unpacks_to_the_staged_trees() {
    let stage = Stage::new();
    let (assembled, bytes) = stage.assembled();
    let report = verify(&assembled.path, &Silent).expect("verify");
    assert!(report.ok(), "{report:?}");
    let names: Vec<&str> = report.checks.iter().map(|check| check.name.as_str()).collect();
    let steps = ["trailer", "index", "metadata", "signature", "json", "signer-key", "rendering", "launcher"];
    assert_eq!(names[..steps.len()], steps);
    let slots = ["slot 0 (runtime)", "slot 1 (dependencies)", "slot 2 (application)", "workenv"];
    assert_eq!(names[steps.len()..], slots);
    assert_eq!(report.fingerprint.as_deref(), Some(assembled.fingerprint.as_str()));

    let runtime = unpack(&bytes, 0);
    let paths: Vec<&str> = runtime.keys().map(String::as_str).collect();
    let all = ["bin", "bin/python", "bin/python3.14", "lib", "lib/python3.14", "lib/python3.14/os.py"];
    assert_eq!(paths, all);
    assert_eq!(runtime["bin/python"].0, Kind::Symlink { target: "python3.14".to_owned() });
    assert!(matches!(runtime["bin/python3.14"].0, Kind::File { executable: true, .. }));
    assert_eq!(runtime["lib/python3.14/os.py"].1, filler(9000));
    assert_eq!(unpack(&bytes, 1)["empty"].0, Kind::Directory);
    assert_eq!(unpack(&bytes, 2)["hello/data.txt"].0, Kind::File { size: 0, executable: false });
}

#[test]
fn the_file_is_executable_and_its_digest_is_reported() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::new();
    let (assembled, bytes) = stage.assembled();
    let mode = fs::metadata(&assembled.path).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
    assert_eq!(assembled.size, bytes.len() as u64);
    assert_eq!(
        assembled.sha256,
        pspf::hex::encode(&<[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(&bytes)))
    );
    assert_eq!(stage.output_folder(), ["hello.psp"]);
}

#[test]
fn the_signed_json_has_every_key_that_the_originals_readers_need_and_no_build_path() {
    let stage = Stage::new();
    let (_, bytes) = stage.assembled();
    let package = Package::open(bytes.clone()).expect("open");
    let text = String::from_utf8(package.metadata_json().to_vec()).expect("UTF-8");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    for pointer in [
        "/format",
        "/package/name",
        "/package/version",
        "/execution/primary_slot",
        "/execution/command",
        "/execution/env/A",
        "/execution/environment/A",
        "/slots/0/slot",
        "/slots/0/id",
        "/slots/0/source",
        "/slots/0/target",
        "/slots/0/size",
        "/slots/0/checksum",
        "/slots/0/operations",
        "/slots/0/purpose",
        "/slots/0/lifecycle",
        "/verification/integrity_seal/required",
        "/verification/integrity_seal/algorithm",
        "/build/tool",
        "/build/tool_version",
        "/build/timestamp",
        "/build/platform/os",
        "/build/platform/arch",
        "/build/platform/host",
        "/launcher/tool",
        "/launcher/tool_version",
        "/launcher/size",
        "/launcher/checksum",
        "/launcher/capabilities",
        "/compatibility/min_format_version",
        "/compatibility/features",
    ] {
        assert!(json.pointer(pointer).is_some_and(|value| !value.is_null()), "{pointer}");
    }
    assert_eq!(json["slots"][0]["source"], "runtime");
    assert_eq!(json["build"]["timestamp"], "1980-01-02T00:00:00Z");
    let root = stage.root.path().to_string_lossy().into_owned();
    assert!(!text.contains(&root), "the signed JSON names the build folder");
    assert_eq!(pspf::metadata::canonical_json(&json), text.as_bytes());
}

#[test]
fn two_trees_that_differ_only_in_place_order_modes_and_links_give_identical_bytes() {
    let one = Stage::new();
    let two = Stage { root: tempfile::tempdir().expect("temporary folder") };
    // The same files, made in the reverse order, with other modes, one of them as a hard link.
    two.folder("out");
    two.file("application/hello/data.txt", b"", false);
    two.file("application/hello/__init__.py", b"def main(): ...\n", false);
    two.folder("dependencies/empty");
    two.file("elsewhere", &filler(21_000), false);
    two.folder("dependencies/click");
    fs::hard_link(two.path("elsewhere"), two.path("dependencies/click/core.py")).expect("hard link");
    two.file("dependencies/click/__init__.py", b"# click\n", false);
    two.link("runtime/bin/python", "python3.14");
    two.file("runtime/lib/python3.14/os.py", &filler(9000), false);
    two.file("runtime/bin/python3.14", b"\x7fELF python", true);
    fs::write(two.path("launcher"), filler(333)).expect("launcher");
    for (path, mode) in
        [("runtime/lib", 0o700), ("dependencies/click/__init__.py", 0o600), ("runtime/bin/python3.14", 0o700)]
    {
        set_mode(&two.path(path), mode);
    }
    assert!(one.assembled().1 == two.assembled().1, "the packages differ");
}

#[test]
fn the_number_of_threads_does_not_change_a_byte() {
    let stage = Stage::new();
    for number in 0..40 {
        stage.file(&format!("dependencies/many/{number:02}.bin"), &filler(300_000 + number * 7), false);
    }
    stage.file("dependencies/one.bin", &filler(9_000_000), false);
    let mut results = Vec::new();
    for threads in [1, 4] {
        let request = Request { threads: Some(threads), level: 3, ..stage.request(&stage.plan()) };
        let assembled = assemble(&request, &Silent).expect("assemble");
        let report = verify(&assembled.path, &Silent).expect("verify");
        assert!(report.ok(), "{report:?}");
        assert!(assembled.slots[1].frames >= 5, "{:?}", assembled.slots[1]);
        results.push(fs::read(&assembled.path).expect("read"));
    }
    assert!(results[0] == results[1], "the packages differ");
    assert_eq!(unpack(&results[0], 1)["one.bin"].1, filler(9_000_000));
}

#[test]
fn every_level_stays_within_the_window_that_readers_allow() {
    let stage = Stage::new();
    stage.file("dependencies/one.bin", &filler(40).repeat(600_000), false);
    for level in [3, 9, 19] {
        let request = Request { level, ..stage.request(&stage.plan()) };
        let assembled = assemble(&request, &Silent).expect("assemble");
        assert!(verify(&assembled.path, &Silent).expect("verify").ok(), "level {level}");
    }
    let request = Request { level: 10, ..stage.request(&stage.plan()) };
    assert_eq!(refused(&request).code(), ErrorCode::FlavorOption);
}

#[test]
fn a_slot_with_a_level_of_its_own_is_stored_as_a_package_of_that_level_would_store_it() {
    let stage = Stage::new();
    stage.file("dependencies/one.bin", &filler(9_000_000), false);
    let stored = |request: &Request| {
        let bytes = fs::read(assemble(request, &Silent).expect("assemble").path).expect("read");
        let package = Package::open(bytes.as_slice()).expect("open");
        package.descriptors().iter().map(|slot| slot.checksum).collect::<Vec<_>>()
    };
    let hard = stored(&Request { level: 19, ..stage.request(&stage.plan()) });
    let mut plan = stage.plan();
    plan["slots"][1]["level"] = json!(19);
    let one = stored(&Request { level: 3, ..stage.request(&plan) });
    assert_eq!(one[1], hard[1]);
    assert_ne!(one[0], hard[0]);
    plan["slots"][1]["level"] = json!(4);
    assert_eq!(refused(&stage.request(&plan)).code(), ErrorCode::FlavorPlan);
}

#[test]
fn source_date_epoch_moves_the_time_of_members_and_of_the_build_record() {
    let stage = Stage::new();
    let (_, plain) = stage.assembled();
    let request = Request { source_date_epoch: Some(1_700_000_000), ..stage.request(&stage.plan()) };
    let assembled = assemble(&request, &Silent).expect("assemble");
    let bytes = fs::read(&assembled.path).expect("read");
    assert!(bytes != plain);
    let text =
        String::from_utf8(Package::open(bytes).expect("open").metadata_json().to_vec()).expect("UTF-8");
    assert!(text.contains("2023-11-14T22:13:20Z"));
    let request = Request { source_date_epoch: Some(0), ..stage.request(&stage.plan()) };
    assert_eq!(refused(&request).code(), ErrorCode::FlavorOption);
}

#[test]
fn s14_trees_that_a_package_cannot_hold_are_refused_with_the_files_path() {
    use std::os::unix::ffi::OsStrExt as _;
    type Spoil = fn(&Stage);
    let cases: [(&str, Spoil); 8] = [
        ("absolute", |stage| stage.link("dependencies/absolute", "/etc/passwd")),
        ("up", |stage| stage.link("dependencies/up", "../runtime")),
        ("through", |stage| {
            stage.link("dependencies/also", "click");
            stage.link("dependencies/through", "also/core.py");
        }),
        ("socket", |stage| {
            std::os::unix::net::UnixListener::bind(stage.path("dependencies/socket")).expect("socket");
        }),
        ("pipe", |stage| {
            let made = std::process::Command::new("mkfifo").arg(stage.path("dependencies/pipe")).status();
            assert!(made.expect("mkfifo").success());
        }),
        ("name", |stage| {
            let name = std::ffi::OsStr::from_bytes(b"name\xff");
            fs::write(stage.path("dependencies").join(name), b"x").expect("file");
        }),
        ("c:drive", |stage| stage.file("dependencies/c:drive", b"x", false)),
        ("deep", |stage| stage.file(&format!("dependencies/deep{}/file", "/d".repeat(64)), b"x", false)),
    ];
    for (name, spoil) in cases {
        let stage = Stage::new();
        spoil(&stage);
        let error = refused(&stage.request(&stage.plan()));
        assert_eq!(error.code(), ErrorCode::FlavorMember, "{name}: {error}");
        assert!(error.to_string().contains(&format!("dependencies/{name}")), "{name}: {error}");
        assert_eq!(stage.output_folder(), [""; 0], "{name}");
    }
}

#[test]
fn s13_names_that_the_targets_file_systems_take_for_one_are_refused() {
    let stage = Stage::new();
    stage.file("dependencies/Notes", b"x", false);
    stage.file("dependencies/notes", b"x", false);
    for (os, holds) in [("linux", true), ("darwin", false), ("windows", false)] {
        let mut plan = stage.plan();
        plan["extensions"]["x-flavor"]["target"] = json!({"os": os, "arch": "amd64"});
        let request = stage.request(&plan);
        if holds {
            flavor_pack::assemble::assemble(&request, &flavor_pack::progress::Silent).expect("assemble");
            fs::remove_file(&request.output).expect("remove");
        } else {
            let error = refused(&request);
            assert_eq!(error.code(), ErrorCode::FlavorMember, "{os}: {error}");
            assert!(error.to_string().contains("otes"), "{os}: {error}");
            assert_eq!(stage.output_folder(), [""; 0], "{os}");
        }
    }
}

#[test]
fn a_plan_that_states_a_computed_fact_or_asks_for_what_is_not_there_is_refused() {
    let cases: [(&str, Value, &str); 40] = [
        ("/slots/0/size", json!(1), "slots[0].size"),
        ("/slots/1/checksum", json!("x"), "slots[1].checksum"),
        ("/extensions/x-flavor/slots/2/frames", json!([]), "extensions.x-flavor.slots[2].frames"),
        ("/extensions/x-flavor/slots/2/unpacked", json!({}), "extensions.x-flavor.slots[2].unpacked"),
        ("/extensions/x-flavor/launcher/size", json!(5), "extensions.x-flavor.launcher.size"),
        ("/extensions/x-flavor/launcher/sha256", json!("0"), "extensions.x-flavor.launcher.sha256"),
        ("/extensions/x-flavor/signer", json!({}), "extensions.x-flavor.signer"),
        ("/launcher", json!({}), "launcher"),
        ("/setup_commands", json!([]), "setup_commands"),
        ("/extensions/x-flavor/unknown", json!(1), "unknown"),
        ("/unknown", json!(1), "unknown"),
        ("/format", json!("PSPF/2024"), "format"),
        ("/package/name", json!("../hello"), "package.name"),
        ("/package/version", json!(""), "package.version"),
        ("/slots/1/slot", json!(2), "slots[1].slot"),
        ("/slots/1/id", json!("runtime"), "slots[1].id"),
        ("/slots/1/id", json!(""), "slots[1].id"),
        ("/slots/1/id", json!("a\nb"), "slots[1].id"),
        ("/slots/1/operations", json!("tar.xz"), "slots[1].operations"),
        ("/slots/1/target", json!("/"), "slots[1].target"),
        ("/execution/env", json!({"A": "{slot:9}"}), "slot 9, the package has 3"),
        ("/runtime", json!([]), "expected an object"),
        ("/extensions", json!([]), "expected an object"),
        ("/slots/1/lifecycle", json!("sometimes"), "slots[1].lifecycle"),
        ("/slots/2/lifecycle", json!("lazy"), "slots[2].lifecycle"),
        ("/slots/1/lifecycle", json!("shutdown"), "slots[1].lifecycle"),
        ("/slots/2/lifecycle", json!("temporary"), "slots[2].lifecycle"),
        ("/slots/1/platform", json!("linux"), "slots[1].platform"),
        ("/slots/1/permissions", json!("4755"), "slots[1].permissions"),
        ("/execution/primary_slot", json!(3), "execution.primary_slot"),
        ("/runtime/env/unset", json!(["A=B"]), "runtime.env.unset"),
        ("/runtime/env/map", json!({"A": ""}), "runtime.env.map"),
        ("/extensions/x-flavor/default", json!("other"), "default"),
        ("/extensions/x-flavor/commands/hello/argv", json!([]), "commands.hello.argv"),
        ("/extensions/x-flavor/commands/hello/argv/0", json!("{slot:2}/x"), "private slot"),
        ("/extensions/x-flavor/commands/hello/argv/0", json!("{slot:00}/x"), "malformed placeholder"),
        ("/extensions/x-flavor/workenv/links/0/to", json!("bin/nothing"), "bin/nothing"),
        (
            "/extensions/x-flavor/workenv/links/0",
            json!({"path": "l", "slot": 0, "to": "bin/python", "kind": "copy"}),
            "only files are copied",
        ),
        (
            "/extensions/x-flavor/workenv/links/0/path",
            json!("lib/python3.14/site-packages/hello"),
            "occurs twice",
        ),
        ("/extensions/x-flavor/workenv/files/0/path", json!("../x"), "../x"),
    ];
    let stage = Stage::new();
    for (pointer, value, expected) in cases {
        let mut plan = stage.plan();
        put(&mut plan, pointer, value);
        let error = refused(&stage.request(&plan));
        assert_eq!(error.code(), ErrorCode::FlavorPlan, "{pointer}: {error}");
        assert!(error.to_string().contains(expected), "{pointer}: {error}");
    }
    assert_eq!(stage.output_folder(), [""; 0]);
}

#[test]
fn a_private_slot_may_be_unpacked_into_the_environment_itself_and_a_link_may_lead_to_the_root_of_a_slot() {
    let stage = Stage::new();
    let mut plan = stage.plan();
    plan["extensions"]["x-flavor"]["workenv"]["unpack"][0]["into"] = json!("");
    let links = plan["extensions"]["x-flavor"]["workenv"]["links"].as_array_mut().expect("links");
    links.push(json!({"path": "runtime", "slot": 0, "to": "", "kind": "symlink"}));
    let assembled = assemble(&stage.request(&plan), &Silent).expect("assemble");
    assert!(verify(&assembled.path, &Silent).expect("verify").ok());
}

#[test]
fn s9_a_plan_with_a_duplicate_key_or_rubbish_behind_it_is_refused() {
    let stage = Stage::new();
    let good = stage.plan().to_string();
    for bad in
        [format!("{good} x"), good.replacen("\"format\"", "\"package\":{},\"format\"", 1), "[]".to_owned()]
    {
        let request = Request { manifest_json: bad, ..stage.request(&stage.plan()) };
        assert_eq!(refused(&request).code(), ErrorCode::FlavorPlan);
    }
}

#[test]
fn s22_package_names_are_folded() {
    let stage = Stage::new();
    let mut plan = stage.plan();
    plan["package"]["name"] = json!("My_Hello.App");
    let assembled = assemble(&stage.request(&plan), &Silent).expect("assemble");
    let report = verify(&assembled.path, &Silent).expect("verify");
    assert_eq!(report.package_name.as_deref(), Some("my-hello-app"));
}

#[test]
fn a_launcher_that_is_missing_or_not_the_expected_one_or_a_package_is_refused() {
    let stage = Stage::new();
    let plan = stage.plan();
    let request = Request { launcher_sha256: Some("0".repeat(64)), ..stage.request(&plan) };
    assert_eq!(refused(&request).code(), ErrorCode::FlavorLauncher);
    let request = Request { launcher: stage.path("nowhere"), ..stage.request(&plan) };
    assert_eq!(refused(&request).code(), ErrorCode::FlavorLauncher);
    let (assembled, _) = stage.assembled();
    let request =
        Request { launcher: assembled.path, output: stage.path("out/b.psp"), ..stage.request(&plan) };
    assert_eq!(refused(&request).code(), ErrorCode::FlavorLauncher);
}

#[test]
fn an_unwritable_output_is_one_clear_error_and_an_older_file_survives_a_failure() {
    let stage = Stage::new();
    let plan = stage.plan();
    for output in ["missing/hello.psp", "launcher/hello.psp", "out"] {
        let request = Request { output: stage.path(output), ..stage.request(&plan) };
        let error = refused(&request);
        assert_eq!(error.code(), ErrorCode::FlavorOutput, "{output}: {error}");
        assert_eq!(error.path(), Some(stage.path(output).as_path()));
    }
    let (_, before) = stage.assembled();
    stage.link("dependencies/bad", "/");
    refused(&stage.request(&plan));
    assert!(fs::read(stage.path("out/hello.psp")).expect("read") == before);
}

/// Cancels after a number of ticks.
struct Impatient {
    left: AtomicUsize,
}

impl Progress for Impatient {
    fn event(&self, _: Event<'_>) {
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    }

    fn is_cancelled(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

#[test]
fn a_cancelled_assembly_leaves_no_file() {
    let stage = Stage::new();
    for ticks in [0, 1, 3, 5, 8, 13, 16, 19, 20, 21] {
        let impatient = Impatient { left: AtomicUsize::new(ticks) };
        let error = assemble(&stage.request(&stage.plan()), &impatient).expect_err("must be cancelled");
        assert_eq!(error.code(), ErrorCode::FlavorAborted, "{ticks} ticks: {error}");
        assert_eq!(stage.output_folder(), [""; 0], "{ticks} ticks");
    }
    let (assembled, _) = stage.assembled();
    let error =
        verify(&assembled.path, &Impatient { left: AtomicUsize::new(1) }).expect_err("must be cancelled");
    assert_eq!(error.code(), ErrorCode::FlavorAborted);
}

#[test]
fn ticks_reach_their_total_in_both_stages() {
    struct Record(std::sync::Mutex<Vec<(&'static str, u64, u64)>>);
    impl Progress for Record {
        fn event(&self, event: Event<'_>) {
            self.0.lock().expect("lock").push((event.stage.name(), event.done, event.total));
        }
    }
    let stage = Stage::new();
    let record = Record(std::sync::Mutex::new(Vec::new()));
    let assembled = assemble(&stage.request(&stage.plan()), &record).expect("assemble");
    verify(&assembled.path, &record).expect("verify");
    let events = record.0.into_inner().expect("lock");
    for name in ["compress", "write", "verify"] {
        assert!(events.iter().any(|(stage, done, total)| *stage == name && done == total), "{name}");
        assert!(events.iter().all(|(_, done, total)| done <= total), "{name}");
    }
}

#[test]
fn a_file_that_is_no_package_is_reported_and_a_missing_one_is_an_error() {
    let stage = Stage::new();
    let report = verify(&stage.path("launcher"), &Silent).expect("verify");
    assert_eq!(report.failure.expect("failure").code, ErrorCode::PspfNotAPackage);
    let error = flavor_pack::inspect::inspect(&stage.path("launcher")).expect_err("no package");
    assert_eq!(error.code(), ErrorCode::PspfNotAPackage);
    assert_eq!(verify(&stage.path("x"), &Silent).expect_err("missing").code(), ErrorCode::FlavorNotFound);
    assert_eq!(verify(&stage.path("out"), &Silent).expect_err("folder").code(), ErrorCode::PspfNotAPackage);
}

#[test]
fn inspect_shows_the_slots_as_they_lie_in_the_file() {
    let stage = Stage::new();
    let (assembled, bytes) = stage.assembled();
    let report = flavor_pack::inspect::inspect(&assembled.path).expect("inspect");
    assert_eq!((report.size, report.launcher_size, report.foreign), (bytes.len() as u64, 333, false));
    assert_eq!(report.fingerprint, assembled.fingerprint);
    for (shown, made) in report.slots.iter().zip(&assembled.slots) {
        assert_eq!((&shown.id, shown.stored, shown.content), (&made.id, made.stored, made.content));
        let facts = shown.facts.as_ref().expect("facts");
        assert_eq!((facts.members, facts.frames.len() as u64), (made.members, made.frames));
        assert_eq!((shown.operations.as_str(), facts.role.as_str()), ("tar.zst", made.id.as_str()));
        assert_eq!(shown.offset % 8, 0);
    }
}
