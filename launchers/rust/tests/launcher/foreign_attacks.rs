//! S21 by its effects: whatever a foreign package names, nothing outside its private environment is created, changed,
//! removed or run, and nothing of it is kept.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::foreign_package::place::bare;
use crate::foreign_package::{Entry, Foreign, RAW, Slot, TAR, file, folder, hard_link, link, slot, tar};
use crate::support::{Home, code, err, out, write_package};

/// From any environment of the store to that folder.
const CLIMBING: &str = "../../../../../precious";

/// A home with a folder of the user's that no package may touch.
struct Victim {
    home: Home,
    folder: PathBuf,
}

impl Victim {
    fn new() -> Self {
        let home = Home::new();
        let folder = home.0.path().join("precious");
        std::fs::create_dir_all(folder.join("sub")).expect("folder");
        for name in ["keys", "app.sh", "sub/f"] {
            std::fs::write(folder.join(name), format!("content of {name}")).expect("write");
            let private = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(folder.join(name), private).expect("mode");
        }
        Self { home, folder }
    }

    fn path(&self) -> String {
        self.folder.display().to_string()
    }

    /// Everything in the home but the store: kind, mode and content by path.
    fn snapshot(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        fn walk(folder: &Path, seen: &mut BTreeMap<PathBuf, (u32, Vec<u8>)>) {
            for entry in std::fs::read_dir(folder).expect("list") {
                let path = entry.expect("entry").path();
                let metadata = path.symlink_metadata().expect("metadata");
                let content =
                    if metadata.is_file() { std::fs::read(&path).expect("read") } else { Vec::new() };
                seen.insert(path.clone(), (metadata.permissions().mode(), content));
                if metadata.is_dir() && !path.ends_with(".cache") {
                    walk(&path, seen);
                }
            }
        }
        let mut seen = BTreeMap::new();
        walk(self.home.0.path(), &mut seen);
        seen.remove(&self.home.0.path().join(".cache"));
        seen
    }

    /// Starts the package; it must be refused, and its effects must be none.
    fn refuses(&self, package: Foreign, what: &str) {
        self.refuses_with(package, 103, what);
    }

    fn refuses_with(&self, package: Foreign, exit: i32, what: &str) {
        let file = self.home.0.path().join("hostile.psp");
        write_package(&file, &package.bytes());
        let before = self.snapshot();
        let mut command = self.home.command(bare());
        command.env("FLAVOR_LAUNCHER_CLI", "1").env("PATH", "/usr/bin:/bin").arg("run").arg(&file);
        let output = command.output().expect("start");
        assert_eq!(self.snapshot(), before, "{what}: {}", err(&output));
        assert_eq!(code(&output), Some(exit), "{what}: {} {}", out(&output), err(&output));
        assert_eq!(out(&output), "", "{what}");
        for kept in ["envs", "receipts", "tmp", "slots"] {
            let Ok(entries) = std::fs::read_dir(self.home.store().join("v1").join(kept)) else { continue };
            assert_eq!(entries.count(), 0, "{what}: v1/{kept}");
        }
    }
}

fn started() -> Foreign {
    Foreign::script("echo started")
}

fn tree(entries: &[Entry]) -> Slot {
    slot("tree", "{workenv}", TAR, &tar(entries))
}

#[test]
fn s21_targets_outside_the_environment_are_refused_for_every_kind_of_slot() {
    let victim = Victim::new();
    let archive = tar(&[file("keys", 0o666, "stolen")]);
    for target in [
        victim.path(),
        format!("{}/keys", victim.path()),
        CLIMBING.to_owned(),
        format!("{CLIMBING}/keys"),
        format!("{{workenv}}/{CLIMBING}/keys"),
        "{workenv}/a/../../b".into(),
        format!("{{workenv}}/{}", victim.path()),
        "..".into(),
    ] {
        for (kind, bytes) in [(RAW, b"stolen".as_slice()), (TAR, &archive)] {
            for lifecycle in ["runtime", "init"] {
                let slot = slot("s", &target, kind, bytes).with("lifecycle", lifecycle);
                // `{workenv}` followed by an absolute path is one below it.
                if target.starts_with("{workenv}//") {
                    continue;
                }
                victim.refuses(started().slot(slot), &format!("{target} {kind} {lifecycle}"));
            }
        }
    }
    for target in ["", "{workenv}", ".", "{workenv}/"] {
        victim.refuses(started().slot(slot("s", target, RAW, b"x")), &format!("file at {target:?}"));
    }
}

#[test]
fn s21_cleaning_up_init_slots_removes_only_what_the_launcher_made() {
    let victim = Victim::new();
    // Ids are no paths.
    for id in [CLIMBING.to_owned(), victim.path(), "precious".into()] {
        let before = victim.snapshot();
        let package = started().slot(slot(&id, "gone", RAW, b"x").init()).setup(json!(["/bin/true"]));
        let file = victim.home.0.path().join("hostile.psp");
        write_package(&file, &package.bytes());
        let mut command = victim.home.command(bare());
        command.env("FLAVOR_LAUNCHER_CLI", "1").env("PATH", "/usr/bin:/bin").arg("run").arg(&file);
        assert_eq!(out(&command.output().expect("start")), "started\n", "{id}");
        std::fs::remove_file(&file).expect("remove");
        assert_eq!(victim.snapshot(), before, "{id}");
    }
    let victim = Victim::new();
    // Setup puts a link where a folder of the slot was; what lies behind it has the same names.
    let init = || tree(&[folder("sub", 0o755), file("sub/f", 0o644, "f")]).init();
    let swap = format!("/bin/sh -c 'rm -r {{workenv}}/sub && ln -s {}/sub {{workenv}}/sub'", victim.path());
    victim.refuses(started().slot(init()).setup(json!([swap])), "a folder became a link");
    let deep = || tree(&[file("a/b/sub/f", 0o644, "f")]).init();
    let swap = format!(
        "/bin/sh -c 'rm -r {{workenv}}/a && ln -s {} {{workenv}}/a; mkdir {{workenv}}/x'",
        victim.path()
    );
    victim.refuses(started().slot(deep()).setup(json!([swap])), "a folder above became a link");
}

#[test]
fn s21_a_member_that_became_something_else_is_left_alone() {
    let victim = Victim::new();
    let before = victim.snapshot();
    let swap = format!(
        "/bin/sh -c 'rm {{workenv}}/f && ln -s {}/keys {{workenv}}/f; rmdir {{workenv}}/d; ln -s {} {{workenv}}/d'",
        victim.path(),
        victim.path()
    );
    let package =
        started().slot(tree(&[file("f", 0o644, "f"), folder("d", 0o755)]).init()).setup(json!([swap]));
    let file = victim.home.0.path().join("hostile.psp");
    write_package(&file, &package.bytes());
    let mut command = victim.home.command(bare());
    command.env("FLAVOR_LAUNCHER_CLI", "1").env("PATH", "/usr/bin:/bin").arg("run").arg(&file);
    assert_eq!(out(&command.output().expect("start")), "started\n");
    std::fs::remove_file(&file).expect("remove");
    assert_eq!(victim.snapshot(), before);
}

/// Each way to name a place outside, as a package could write it.
fn outside(victim: &Victim, name: &str) -> Vec<String> {
    vec![
        format!("{}/{name}", victim.path()),
        format!("{CLIMBING}/{name}"),
        format!("{{workenv}}/{CLIMBING}/{name}"),
        format!("{{workenv}}/into/{name}"),
        format!("into/{name}"),
        format!("{{workenv}}/into/../{name}"),
        format!("{{workenv}}/{{package_name}}/{name}"),
        format!("{{workenv}}x/{name}"),
        format!("/{{workenv}}/../{name}"),
    ]
}

/// A package whose name climbs, with a step that makes a link to the victim's folder before `steps`.
fn linking(victim: &Victim, steps: &[Value]) -> Foreign {
    let link = format!("/bin/ln -s {} {{workenv}}/into", victim.path());
    let package = started().edit(|document| document["package"]["name"] = json!(CLIMBING));
    package.setup([vec![json!(link)], steps.to_vec()].concat().into())
}

#[test]
fn s21_write_file_stays_inside() {
    let victim = Victim::new();
    for path in ["keys", "new", "sub/new"].iter().flat_map(|name| outside(&victim, name)) {
        let step = json!({"type": "write_file", "path": path, "content": "stolen", "mode": "0777"});
        victim.refuses(linking(&victim, &[step]), &path);
    }
    // A link in the place of the file is replaced, never written through.
    let before = victim.snapshot();
    let step = json!({"type": "write_file", "path": "{workenv}/l", "content": "own"});
    let link = format!("/bin/ln -s {}/keys {{workenv}}/l", victim.path());
    let package = Foreign::new("/bin/cat {workenv}/l").setup(json!([link, step]));
    let file = victim.home.0.path().join("x.psp");
    write_package(&file, &package.bytes());
    let mut command = victim.home.command(bare());
    let output = command.env("FLAVOR_LAUNCHER_CLI", "1").arg("run").arg(&file).output().expect("start");
    assert_eq!(out(&output), "own", "{}", err(&output));
    std::fs::remove_file(&file).expect("remove");
    assert_eq!(victim.snapshot(), before);
}

#[test]
fn s21_chmod_stays_inside() {
    let victim = Victim::new();
    for path in ["keys", "*", "sub/f"].iter().flat_map(|name| outside(&victim, name)) {
        let step = json!({"type": "chmod", "path": path, "mode": "4777"});
        victim.refuses(linking(&victim, &[step]), &path);
    }
    victim.refuses(
        linking(&victim, &[json!({"type": "chmod", "path": "into", "mode": "0777"})]),
        "the link itself",
    );
    // A link that a pattern covers is no regular file.
    let before = victim.snapshot();
    let step = json!({"type": "chmod", "path": "{workenv}/l*", "mode": "0777"});
    let link = format!("/bin/ln -s {}/keys {{workenv}}/l", victim.path());
    let file = victim.home.0.path().join("x.psp");
    write_package(&file, &started().setup(json!([link, step])).bytes());
    let mut command = victim.home.command(bare());
    let output = command.env("FLAVOR_LAUNCHER_CLI", "1").env("PATH", "/bin").arg("run").arg(&file).output();
    assert_eq!(out(&output.expect("start")), "started\n");
    std::fs::remove_file(&file).expect("remove");
    assert_eq!(victim.snapshot(), before);
}

#[test]
fn s21_directories_enumerations_and_checks_stay_inside() {
    let victim = Victim::new();
    for path in outside(&victim, "sub").into_iter().filter(|path| !path.contains("into")) {
        let named = |document: &mut Value| document["package"]["name"] = json!(CLIMBING);
        let directories = json!({"directories": [{"path": path, "mode": "0777"}]});
        victim.refuses(started().with("workenv", directories).edit(named), &format!("directory {path}"));
        let check = json!({"check_file": path, "expected_content": "x"});
        victim.refuses(started().with("cache_validation", check).edit(named), &format!("check {path}"));
        let step = json!({"type": "enumerate_and_execute", "command": "/bin/rm",
            "enumerate": {"path": path, "pattern": "*"}});
        victim.refuses(started().setup(json!([step])).edit(named), &format!("enumerate {path}"));
        let step =
            json!({"type": "enumerate_and_execute", "command": "/bin/rm", "pattern": format!("{path}/*")});
        victim.refuses(started().setup(json!([step])).edit(named), &format!("pattern {path}"));
    }
    let step = json!({"type": "enumerate_and_execute", "command": "/bin/rm", "enumerate": {"path": "into"}});
    victim.refuses(linking(&victim, &[step]), "enumerate through a link");
    // Through a link of the package's own.
    let linked = |path: &str| {
        let slot = tree(&[folder("d", 0o755), link("l", "d")]);
        started().slot(slot).with("workenv", json!({"directories": [{"path": path}]}))
    };
    for path in ["l", "l/x", "{workenv}/l/x/y"] {
        victim.refuses(linked(path), &format!("directory {path}"));
    }
}

#[test]
fn s21_members_and_links_that_leave_are_refused() {
    let victim = Victim::new();
    let inside = format!("{}/keys", victim.path());
    let climbing = format!("{CLIMBING}/keys");
    for (what, entries) in [
        ("climbing member", vec![file(&climbing, 0o644, "stolen")]),
        ("absolute member", vec![file(&inside, 0o644, "stolen")]),
        ("absolute link", vec![link("l", &inside)]),
        ("climbing link", vec![link("l", &climbing)]),
        ("link to the environment's parent", vec![link("l", "..")]),
        ("through a link", vec![folder("d", 0o755), link("l", "d"), file("l/f", 0o644, "x")]),
        (
            "chain of links",
            vec![folder("a", 0o755), folder("a/b", 0o755), link("l", "a/b"), link("m", "l/../../../x")],
        ),
        ("hard link", vec![hard_link("h", &inside)]),
        ("device", vec![Entry { name: "n", kind: b'3', mode: 0o666, data: b"", link: "" }]),
        ("pipe", vec![Entry { name: "n", kind: b'6', mode: 0o666, data: b"", link: "" }]),
    ] {
        victim.refuses(started().slot(tree(&entries)), what);
    }
    // A link of one slot, a folder of another: judged together.
    let first = || tree(&[folder("a", 0o755), folder("a/b", 0o755), link("l", "a/b/../../x")]);
    let second = || tree(&[folder("t", 0o755), folder("a", 0o755), link("a/b", "../t")]);
    victim.refuses(started().slot(first()).slot(second()), "a folder that another slot makes a link");
}

#[test]
fn s21_no_program_lies_outside_by_way_of_the_environment() {
    let victim = Victim::new();
    for command in ["{workenv}/../../../../../precious/app.sh", "../precious/app.sh", "./../x", "a/../../b"] {
        victim.refuses(Foreign::new(command), command);
        victim.refuses(started().setup(json!([command])), &format!("setup: {command}"));
    }
}

#[test]
fn s12_a_slot_that_unpacks_to_too_much_is_refused() {
    let victim = Victim::new();
    // 64 GiB and one byte are announced; the disk is not asked for them.
    let mut archive = tar(&[file("big", 0o644, "")]);
    archive[124..136].copy_from_slice(b"\x80\0\0\0\0\0\0\x10\0\0\0\x01");
    archive[148..156].fill(b' ');
    let sum: u32 = archive[..512].iter().map(|byte| u32::from(*byte)).sum();
    archive[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    victim.refuses_with(started().slot(slot("t", "", TAR, &archive)), 102, "64 GiB");
}
