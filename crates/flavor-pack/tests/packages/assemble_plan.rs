//! Manifests of the original's native builders: what they mean, what is ignored, what is refused.

use std::fs;

use flavor_pack::assemble::{Request, assemble};
use flavor_pack::progress::Silent;
use pspf::{ErrorCode, Package};
use serde_json::{Value, json};

use crate::support::{Stage, content, native, put};

/// Every part that such a manifest may have.
fn manifest() -> Value {
    json!({
        "package": {"name": "Hello_App", "version": "1.2.3", "description": "says hello"},
        "execution": {"command": "/bin/sh {workenv}/hello.sh", "primary_slot": 1,
                      "environment": {"GREETING": "hello"}},
        "runtime": {"env": {"unset": ["PYTHON*"], "pass": ["HOME"], "map": {"OLD": "NEW"}, "set": {"A": "b"}}},
        "setup_commands": [
            "echo {package_name}",
            {"command": "echo {version}"},
            {"type": "enumerate_and_execute", "command": "ls",
             "enumerate": {"path": "{workenv}/wheels", "pattern": "*.whl"}},
            {"type": "write_file", "path": "{workenv}/metadata/installed", "content": "1.2.3", "mode": 384},
            {"type": "chmod", "path": "{workenv}/bin/*", "mode": "700"}
        ],
        "cache_validation": {"check_file": "{workenv}/metadata/installed", "expected_content": "{version}"},
        "workenv": {"directories": [{"path": "{workenv}/var/log", "mode": "0700"}, {"path": "{workenv}/tmp/"}],
                    "env": {"TMPDIR": "{workenv}/tmp"}},
        "slots": [
            {"slot": 0, "id": "runtime", "source": "runtime", "target": "{workenv}", "operations": "tgz",
             "purpose": "runtime", "lifecycle": "", "permissions": "0755"},
            {"slot": 1, "id": "script", "source": "{workenv}/click/core.py", "target": "{workenv}/hello.sh",
             "operations": "raw", "purpose": "library", "lifecycle": "init", "permissions": "0o700",
             "resolution": "runtime"},
            {"id": "note", "source": "launcher", "target": "note.txt"}
        ]
    })
}

fn request(stage: &Stage, plan: &Value) -> Request {
    Request { workenv_base: Some(stage.path("dependencies")), ..stage.request(plan) }
}

fn package(stage: &Stage, plan: &Value) -> (Vec<String>, Vec<u8>, Value) {
    let assembled = assemble(&request(stage, plan), &Silent).expect("assemble");
    let bytes = fs::read(&assembled.path).expect("read");
    let json =
        serde_json::from_slice(Package::open(bytes.clone()).expect("open").metadata_json()).expect("JSON");
    (assembled.warnings, bytes, json)
}

#[test]
fn a_manifest_of_the_originals_builders_becomes_a_plain_package() {
    let stage = Stage::new();
    let (warnings, bytes, json) = package(&stage, &manifest());
    assert_eq!(warnings, [""; 0]);
    let package = Package::open(bytes.clone()).expect("open");
    let flavor = package.flavor().expect("ours");
    assert!(flavor.is_plain());
    let roles: Vec<(&str, bool)> = flavor.slots.iter().map(|slot| (slot.role.as_str(), slot.share)).collect();
    assert_eq!(roles, [("runtime", false), ("data", false), ("data", false)]);
    assert_eq!((flavor.launcher.kind.as_str(), flavor.launcher.version.as_str()), ("other", "unknown"));
    assert_eq!(json["launcher"]["tool"], "launcher");
    assert!(json["extensions"]["x-flavor"].get("commands").is_none());
    assert!(json["extensions"]["x-flavor"].get("default").is_none());
    assert_eq!(content(&bytes, 1), fs::read(stage.path("dependencies/click/core.py")).expect("read"));

    assert_eq!(json["package"]["name"], "hello-app");
    assert_eq!(json["execution"]["primary_slot"], 1);
    assert_eq!(json["execution"]["env"], json!({"GREETING": "hello"}));
    assert_eq!(json["execution"]["environment"], json["execution"]["env"]);
    assert_eq!(json["runtime"], manifest()["runtime"]);
    assert_eq!(json["cache_validation"], manifest()["cache_validation"]);
    assert_eq!(json["workenv"], manifest()["workenv"]);
    let steps = json["setup_commands"].as_array().expect("setup commands");
    assert_eq!(steps[0], json!({"type": "execute", "command": "echo {package_name}"}));
    assert_eq!(steps[1], json!({"type": "execute", "command": "echo {version}"}));
    assert_eq!(steps[2..], manifest()["setup_commands"].as_array().expect("setup commands")[2..]);
    let slots = json["slots"].as_array().expect("slots");
    let words: Vec<Vec<&str>> = slots
        .iter()
        .map(|slot| {
            ["operations", "purpose", "lifecycle", "permissions", "resolution", "source"]
                .map(|key| slot[key].as_str().expect(key))
                .to_vec()
        })
        .collect();
    assert_eq!(words[0], ["tar.gz", "runtime", "runtime", "0755", "build", "runtime"]);
    assert_eq!(words[1], ["raw", "library", "init", "0700", "runtime", "script"]);
    assert_eq!(words[2], ["raw", "data", "runtime", "0600", "build", "note"]);
}

/// Keys that readers of the original insist on, with the types that they insist on.
#[test]
fn every_key_that_a_reader_of_the_original_needs_is_there_with_its_type() {
    let stage = Stage::new();
    let bare = native(&[json!({"id": "a", "source": "runtime", "target": "{workenv}", "operations": "tgz"})]);
    for plan in [bare, manifest()] {
        let (_, _, json) = package(&stage, &plan);
        for pointer in [
            "/format",
            "/format_version",
            "/package/name",
            "/package/version",
            "/package/description",
            "/slots/0/id",
            "/slots/0/source",
            "/slots/0/target",
            "/slots/0/checksum",
            "/slots/0/operations",
            "/slots/0/purpose",
            "/slots/0/lifecycle",
            "/execution/command",
            "/build/tool",
            "/build/tool_version",
            "/build/timestamp",
            "/build/platform/os",
            "/build/platform/arch",
            "/build/platform/host",
            "/launcher/tool",
            "/launcher/tool_version",
            "/launcher/checksum",
            "/compatibility/min_format_version",
            "/verification/integrity_seal/algorithm",
        ] {
            assert!(json.pointer(pointer).is_some_and(Value::is_string), "{pointer}");
        }
        for pointer in ["/slots/0/slot", "/slots/0/size", "/execution/primary_slot", "/launcher/size"] {
            assert!(json.pointer(pointer).is_some_and(Value::is_u64), "{pointer}");
        }
        for pointer in ["/slots", "/setup_commands", "/launcher/capabilities", "/compatibility/features"] {
            assert!(json.pointer(pointer).is_some_and(Value::is_array), "{pointer}");
        }
        for pointer in ["/execution/env", "/execution/environment", "/runtime/env"] {
            assert!(json.pointer(pointer).is_some_and(Value::is_object), "{pointer}");
        }
        for pointer in ["/build/deterministic", "/verification/signed", "/verification/require_verification"]
        {
            assert!(json.pointer(pointer).is_some_and(Value::is_boolean), "{pointer}");
        }
        assert!(!json.to_string().contains("null"), "{json}");
    }
}

#[test]
fn what_the_originals_builders_ignore_is_ignored_with_a_warning_and_nothing_else_is() {
    let stage = Stage::new();
    for (pointer, value) in [
        ("/launcher", json!("rust")),
        ("/name", json!("x")),
        ("/version", json!("x")),
        ("/command", json!({"any": ["thing"]})),
        ("/environment", json!({})),
        ("/signature", json!(null)),
        ("/execution/args", json!(["-v"])),
    ] {
        let mut plan = manifest();
        put(&mut plan, pointer, value.clone());
        let (warnings, _, json) = package(&stage, &plan);
        let named = pointer.trim_start_matches('/').replace('/', ".");
        assert!(warnings.len() == 1 && warnings[0].starts_with(&named), "{pointer}: {warnings:?}");
        assert!(json.pointer(pointer).is_none_or(|written| *written != value), "{pointer}");

        let mut plan = stage.plan();
        put(&mut plan, pointer, value);
        let error = assemble(&stage.request(&plan), &Silent).expect_err("with x-flavor it is refused");
        assert_eq!(error.code(), ErrorCode::FlavorPlan, "{pointer}: {error}");
    }
    let mut plan = manifest();
    plan["cache_validation"] = json!({"check_file": "x"});
    let (warnings, _, json) = package(&stage, &plan);
    assert!(
        warnings[0].contains("expected_content") && json.get("cache_validation").is_none(),
        "{warnings:?}"
    );
}

#[test]
fn what_no_launcher_could_do_is_refused() {
    let stage = Stage::new();
    let cases: [(&str, Value, &str); 38] = [
        ("/unknown", json!(1), "unknown"),
        ("/Package", json!({}), "manifest"),
        ("/launcher", json!({"tool": "x"}), "launcher"),
        ("/build", json!({}), "build"),
        ("/policy", json!({}), "policy"),
        ("/slots/0/slot", json!(1), "slots[0].slot"),
        ("/slots/0/size", json!(1), "slots[0].size"),
        ("/slots/0/self_ref", json!(true), "slots[0].self_ref"),
        ("/slots/0/unknown", json!(1), "unknown"),
        ("/slots/0/id", json!("note"), "taken already"),
        ("/slots/0/target", json!("/etc"), "slots[0].target"),
        ("/slots/0/target", json!("{workenv}/../x"), "slots[0].target"),
        ("/slots/0/target", json!(""), "slots[0].target"),
        ("/slots/0/operations", json!("zip"), "slots[0].operations"),
        ("/slots/0/operations", json!("gzip|tar"), "slots[0].operations"),
        ("/slots/0/operations", json!("raw|gz"), "raw"),
        ("/slots/0/operations", json!("raw|gzip"), "raw beside another"),
        ("/slots/0/permissions", json!("00755"), "slots[0].permissions"),
        ("/cache_validation", json!(["a", "b"]), "found an array"),
        ("/setup_commands/2", json!(["execute", "x"]), "setup_commands.2"),
        ("/slots/0/lifecycle", json!("sometimes"), "slots[0].lifecycle"),
        ("/slots/0/permissions", json!("+755"), "slots[0].permissions"),
        ("/slots/0/permissions", json!("1777"), "slots[0].permissions"),
        ("/slots/2/target", json!("{workenv}"), "slots[2].target"),
        ("/execution/command", json!(""), "execution.command"),
        ("/execution/primary_slot", json!(3), "execution.primary_slot"),
        ("/execution/env", json!({"GREETING": "good bye"}), "execution.environment"),
        ("/execution/env", json!({"A=B": "c"}), "execution.env"),
        ("/runtime/env/set", json!({"N": 5}), "manifest"),
        ("/runtime/env/map", json!({"A": "="}), "runtime.env.map"),
        ("/setup_commands/2", json!({"type": "enumerate_and_execute", "command": "x"}), "enumerate"),
        ("/setup_commands/0", json!({"type": "explode", "command": "x"}), "explode"),
        ("/setup_commands/0", json!({"type": "execute", "command": ""}), "setup_commands[0].command"),
        ("/setup_commands/3/path", json!("{workenv}/../../x"), "setup_commands[3].path"),
        ("/setup_commands/3/mode", json!(512), "setup_commands[3].mode"),
        ("/setup_commands/4/mode", json!("4755"), "setup_commands[4].mode"),
        ("/workenv/directories/0/path", json!("/var/log"), "workenv.directories[0].path"),
        ("/cache_validation/check_file", json!("/etc/passwd"), "cache_validation.check_file"),
    ];
    for (pointer, value, expected) in cases {
        let mut plan = manifest();
        put(&mut plan, pointer, value);
        let error = assemble(&request(&stage, &plan), &Silent).expect_err(pointer);
        assert_eq!(error.code(), ErrorCode::FlavorPlan, "{pointer}: {error}");
        assert!(error.to_string().contains(expected), "{pointer}: {error}");
    }
    assert_eq!(stage.output_folder(), [""; 0]);
}

#[test]
fn a_slot_that_is_too_small_for_an_old_launcher_gets_a_warning() {
    let stage = Stage::new();
    for (length, warned) in [(0, true), (15, true), (16, false)] {
        stage.file("small.bin", &vec![b'x'; length], false);
        let plan = native(&[json!({"id": "small", "source": "small.bin", "target": "small.bin"})]);
        let (warnings, ..) = package(&stage, &plan);
        assert_eq!(warnings.iter().any(|text| text.contains("\"small\"")), warned, "{length}: {warnings:?}");
    }
}

#[test]
fn relative_sources_are_relative_to_the_base_and_workenv_is_replaced_everywhere() {
    let stage = Stage::new();
    stage.file("dependencies/runtime/file.txt", b"below the base of the work environment", false);
    stage.file("file.txt", b"below the base", false);
    let absolute = stage.path("file.txt");
    let slots = ["file.txt", "{workenv}/runtime/file.txt", "./dependencies/../file.txt"]
        .map(|source| json!({"id": source, "source": source, "target": "file.txt"}));
    let last = json!({"id": "absolute", "source": absolute, "target": "file.txt"});
    let (_, bytes, json) = package(&stage, &native(&[slots.as_slice(), &[last]].concat()));
    assert_eq!(content(&bytes, 0), b"below the base");
    assert_eq!(content(&bytes, 1), b"below the base of the work environment");
    assert_eq!(content(&bytes, 2), b"below the base");
    assert_eq!(content(&bytes, 3), b"below the base");
    assert!(!json.to_string().contains(&*stage.root.path().to_string_lossy()), "a build path leaks");
}

#[test]
fn an_x_flavor_part_without_commands_is_a_plain_package_with_stated_facts() {
    let stage = Stage::new();
    let mut plan = manifest();
    plan["extensions"] = json!({"x-flavor": {
        "schema": 1,
        "target": {"os": "darwin", "arch": "arm64", "floor": {"macos": "11.0"}},
        "launcher": {"kind": "go", "version": "9"},
        "slots": [{"role": "application", "share": false}, {"role": "data", "share": false},
                  {"role": "data", "share": false}]
    }});
    let (_, bytes, json) = package(&stage, &plan);
    let package = Package::open(bytes).expect("open");
    let flavor = package.flavor().expect("ours");
    assert!(flavor.is_plain());
    assert_eq!((flavor.target.os.as_str(), flavor.launcher.kind.as_str()), ("darwin", "go"));
    assert_eq!(flavor.slots[0].role, "application");
    assert_eq!(json["launcher"]["tool"], "flavor-go-launcher");
    plan["extensions"]["x-flavor"]["default"] = json!("x");
    let error = assemble(&request(&stage, &plan), &Silent).expect_err("a default without commands");
    assert_eq!(error.code(), ErrorCode::FlavorPlan);
}
