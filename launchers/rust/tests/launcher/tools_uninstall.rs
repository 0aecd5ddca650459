//! `uninstall` (LAUNCH.md 8.9): what is gone afterwards, and above all what is not.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::support::test_package::{Builder, directory, file};
use crate::support::{Home, Settled, code, demo, entries, err, out, wait_until, write_package};

fn tool(home: &Home, package: &Path, arguments: &[&str]) -> Output {
    home.command(package).env("FLAVOR_LAUNCHER_CLI", "1").args(arguments).output().expect("start")
}

fn object(output: &Output) -> Value {
    assert_eq!(out(output).lines().count(), 1, "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The demo with a third, shared slot of some lifecycle.
fn with_third(lifecycle: &str) -> Builder {
    let edit: fn(&mut Value) = match lifecycle {
        "runtime" => |_| {},
        "dev" => |document| document["slots"][2]["lifecycle"] = "dev".into(),
        "lazy" => |document| document["slots"][2]["lifecycle"] = "lazy".into(),
        "config" => |document| document["slots"][2]["lifecycle"] = "config".into(),
        _ => |document| document["slots"][2]["lifecycle"] = "persistent".into(),
    };
    demo().slot(true, &[directory("sub"), file("note", b"as packed")]).edit(edit)
}

/// What a store holds of packages: everything but its own folders, locks and tag.
fn held(home: &Home) -> Vec<PathBuf> {
    let v1 = home.store().join("v1");
    ["slots", "envs", "receipts", "tmp"].iter().flat_map(|name| entries(&v1.join(name))).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let found = std::fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").file_name());
    let mut names: Vec<String> = found.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

#[test]
fn everything_of_the_package_goes_and_what_others_use_stays() {
    let home = Home::new();
    let (one, other) = (home.0.path().join("one"), home.0.path().join("other"));
    write_package(&one, &with_third("runtime").bytes());
    let renamed = demo().edit(|document| document["package"]["name"] = "other".into()).bytes();
    let other_package = Settled::new(&renamed);
    write_package(&other, &renamed);
    assert_eq!(code(&home.command(&other_package.path).output().expect("start")), Some(0));
    let before = held(&home);
    assert_eq!(code(&home.command(&one).output().expect("start")), Some(0));
    let both = held(&home);

    let dry = object(&tool(&home, &one, &["uninstall", "--dry-run", "--json"]));
    assert_eq!(held(&home), both);
    let done = object(&tool(&home, &one, &["uninstall", "--json"]));
    assert_eq!((&dry["dry_run"], &done["dry_run"]), (&true.into(), &false.into()));
    assert_eq!(dry["removed"], done["removed"]);
    let kinds: Vec<&str> = done["removed"]
        .as_array()
        .expect("removed")
        .iter()
        .filter_map(|item| item["kind"].as_str())
        .collect();
    assert_eq!(kinds, ["environment", "slot"]);
    assert_eq!(held(&home), before);
    // The other one has lost nothing, and this one comes back.
    let warm = home.command(&other_package.path).env("FLAVOR_LOG_LEVEL", "info").output().expect("start");
    assert!(err(&warm).contains("warm start"), "{}", err(&warm));
    assert_eq!(code(&home.command(&one).output().expect("start")), Some(0));
    assert_eq!(code(&tool(&home, &one, &["uninstall"])), Some(0));
    assert_eq!(code(&tool(&home, &other, &["uninstall"])), Some(0));
    assert_eq!(held(&home), [] as [PathBuf; 0]);
    let again = tool(&home, &one, &["uninstall"]);
    assert_eq!((code(&again), out(&again)), (Some(0), "nothing of this package is unpacked here\n".into()));
    assert!(one.exists());
}

#[test]
fn receipts_go_with_their_environment_and_so_does_the_one_for_developers() {
    let package = Settled::new(&with_third("dev").bytes());
    let home = Home::new();
    for development in ["", "1"] {
        let mut command = home.command(&package.path);
        assert_eq!(code(&command.env("FLAVOR_DEV", development).output().expect("start")), Some(0));
    }
    assert_eq!(entries(&home.store().join("v1/receipts")).len(), 1);
    assert!(names(&home.store().join("v1/envs")).iter().any(|name| name.ends_with("-dev")));
    assert_eq!(code(&tool(&home, &package.path, &["uninstall"])), Some(0));
    assert_eq!(held(&home), [] as [PathBuf; 0]);
}

#[test]
fn a_lazy_slot_goes_even_if_the_program_never_started() {
    let home = Home::new();
    let path = home.0.path().join("package");
    write_package(&path, &with_third("lazy").bytes());
    assert_eq!(code(&tool(&home, &path, &["slot", "slot-2"])), Some(0));
    assert_eq!(names(&home.store().join("v1/slots")).len(), 2);
    assert_eq!(code(&tool(&home, &path, &["uninstall"])), Some(0));
    assert_eq!(held(&home), [] as [PathBuf; 0]);
}

#[test]
fn what_is_in_use_stays_whole() {
    let home = Home::new();
    let path = home.0.path().join("package");
    let bin = home.0.path().join("bin");
    std::fs::create_dir(&bin).expect("folder");
    write_package(&path, &with_third("persistent").bytes());
    assert_eq!(code(&tool(&home, &path, &["install-links", bin.to_str().expect("path")])), Some(0));
    let script = "printf r; while [ ! -e \"$HOME/go\" ]; do sleep 0.01; done; exit 4";
    let mut command = home.command(&path);
    let mut child = command.args(["sh", script]).stdout(Stdio::piped()).spawn().expect("start");
    let mut byte = [0];
    std::io::Read::read_exact(child.stdout.as_mut().expect("pipe"), &mut byte).expect("ready");
    let before = entries(home.0.path());
    let arguments = ["uninstall", "--data", "--links", bin.to_str().expect("path"), "--json"];
    let output = tool(&home, &path, &arguments);
    assert_eq!(code(&output), Some(106));
    assert!(err(&output).contains("[ERR_STORE_IN_USE]"), "{}", err(&output));
    assert_eq!(object(&output)["removed"].as_array().map(Vec::len), Some(0));
    assert_eq!(object(&output)["in_use"].as_array().map(Vec::len), Some(1));
    let after: Vec<PathBuf> =
        entries(home.0.path()).into_iter().filter(|path| before.contains(path)).collect();
    assert_eq!(after, before);
    std::fs::write(home.0.path().join("go"), "").expect("write");
    assert_eq!(child.wait().expect("wait").code(), Some(4));
    // What the program started may end a moment after it.
    wait_until("nothing is in use", || code(&tool(&home, &path, &arguments)) == Some(0));
    assert_eq!(held(&home), [] as [PathBuf; 0]);
    assert_eq!(entries(&bin), [] as [PathBuf; 0]);
}

#[test]
fn data_of_the_user_goes_only_when_it_is_asked_for() {
    for (lifecycle, folder) in [("persistent", ".local/share"), ("config", ".config")] {
        let home = Home::new();
        let path = home.0.path().join("package");
        write_package(&path, &with_third(lifecycle).bytes());
        assert_eq!(code(&home.command(&path).output().expect("start")), Some(0));
        let own = home.0.path().join(folder).join("flavor/demo");
        let stranger = home.0.path().join(folder).join("flavor/other/note");
        std::fs::create_dir_all(stranger.parent().expect("parent")).expect("folder");
        std::fs::write(&stranger, "mine").expect("write");
        assert_eq!(code(&tool(&home, &path, &["uninstall"])), Some(0));
        assert!(entries(&own).iter().any(|path| path.ends_with("slot-2/note")));
        let dry = object(&tool(&home, &path, &["uninstall", "--data", "--dry-run", "--json"]));
        assert_eq!(dry["data"].as_array().map(Vec::len), Some(1));
        assert!(entries(&own).iter().any(|path| path.ends_with("slot-2/note")));
        let done = object(&tool(&home, &path, &["uninstall", "--data", "--json"]));
        assert_eq!(done["data"], dry["data"]);
        assert!(!own.exists());
        assert_eq!(std::fs::read(&stranger).expect("read"), b"mine");
    }
}

#[test]
fn s15_nothing_is_removed_below_a_link() {
    let home = Home::new();
    let path = home.0.path().join("package");
    write_package(&path, &with_third("persistent").bytes());
    let elsewhere = home.0.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("folder");
    std::fs::write(elsewhere.join("precious"), "kept").expect("write");
    // A program that links to a folder of the user from its environment, and a user who keeps data elsewhere.
    let script = "ln -s \"$HOME/elsewhere\" \"$FLAVOR_WORKENV/linked\"";
    assert_eq!(code(&home.command(&path).args(["sh", script]).output().expect("start")), Some(0));
    let data = out(&tool(&home, &path, &["slot", "slot-2"]));
    let data = Path::new(data.trim());
    std::fs::remove_dir_all(data).expect("remove");
    symlink(&elsewhere, data).expect("link");
    let output = tool(&home, &path, &["uninstall", "--data"]);
    assert_eq!(code(&output), Some(0), "{output:?}");
    assert_eq!(held(&home), [] as [PathBuf; 0]);
    assert!(data.symlink_metadata().is_err());
    assert_eq!(std::fs::read(elsewhere.join("precious")).expect("read"), b"kept");

    // Links in the place of what was unpacked go themselves.
    assert_eq!(code(&home.command(&path).output().expect("start")), Some(0));
    let envs = home.store().join("v1/envs");
    let name = names(&envs).into_iter().find(|name| !name.contains(".record") && !name.contains(".about"));
    let environment = envs.join(name.expect("environment"));
    std::fs::remove_dir_all(&environment).expect("remove");
    symlink(&elsewhere, &environment).expect("link");
    let _ = tool(&home, &path, &["uninstall", "--data"]);
    assert_eq!(std::fs::read(elsewhere.join("precious")).expect("read"), b"kept");
}

#[test]
fn only_links_to_this_package_go_from_the_folder_that_was_named() {
    let home = Home::new();
    let (path, bin) = (home.0.path().join("package"), home.0.path().join("bin"));
    std::fs::create_dir(&bin).expect("folder");
    let shown = bin.to_str().expect("path");
    write_package(&path, &demo().bytes());
    assert_eq!(code(&tool(&home, &path, &["install-links", shown])), Some(0));
    std::fs::remove_file(bin.join("demo")).expect("remove");
    symlink("/bin/sh", bin.join("demo")).expect("link");
    symlink(&path, bin.join("my-own-name")).expect("link");
    assert_eq!(code(&tool(&home, &path, &["uninstall"])), Some(0));
    assert_eq!(names(&bin), ["demo", "demo-admin", "my-own-name"]);
    assert_eq!(code(&tool(&home, &path, &["uninstall", "--links", shown])), Some(0));
    assert_eq!(names(&bin), ["demo", "my-own-name"]);
}

#[test]
fn a_store_of_somebody_else_is_not_touched() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (package, home) = (Settled::new(&demo().bytes()), Home::new());
    std::fs::set_permissions(home.0.path(), std::fs::Permissions::from_mode(0o755)).expect("mode");
    let own = tempfile::tempdir().expect("folder");
    std::os::unix::fs::chown(own.path(), Some(65534), Some(65534)).expect("chown");
    let as_nobody = |tools: &str, arguments: &[&str]| {
        let mut command = home.command("/usr/bin/setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&package.path).args(arguments);
        command.env("HOME", own.path()).env("FLAVOR_CACHE", home.store()).env("FLAVOR_LAUNCHER_CLI", tools);
        command.output().expect("start")
    };
    assert_eq!(code(&home.command(&package.path).output().expect("start")), Some(0));
    let before = held(&home);
    // Starts take the next place, and so does their end.
    assert_eq!(code(&as_nobody("", &[])), Some(0));
    let theirs = own.path().join(".cache/flavor/v1/envs");
    assert_eq!(names(&theirs).len(), 3);
    assert_eq!(code(&as_nobody("1", &["uninstall"])), Some(0));
    assert_eq!(names(&theirs), [] as [String; 0]);
    assert_eq!(held(&home), before);
}
