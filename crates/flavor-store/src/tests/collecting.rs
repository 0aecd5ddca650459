//! Garbage collection over stores that packages were really installed into.

use std::time::{Duration, SystemTime};

use super::*;
use crate::collect::{self, Kind, Limits, Reason, prune, remove};
use crate::environment::{environment_name, install};
use crate::inventory;
use crate::staging::Staging;
use crate::usage::Hold;

const DAY: u64 = 24;

/// A package whose private slot tells it from others; all share slots 0 and 1 of the demo.
pub(super) fn variant(content: &[u8]) -> Package<Vec<u8>> {
    let members = [directory("app"), file("app/main.py", content)];
    open(demo().slot(false, &members).slot(true, &[file("own", content)]))
}

pub(super) fn put(store: &Store, package: &Package<Vec<u8>>) -> String {
    let staging = Staging::create(&store.root).expect("staging");
    install(&store.root, &staging, package, &wanted(package)).expect("install");
    environment_name(package)
}

fn age(path: &Path, hours: u64) {
    let then = SystemTime::now() - Duration::from_hours(hours);
    std::fs::File::open(path).expect("open").set_modified(then).expect("time");
}

/// Makes everything that tells a use look `hours` old.
pub(super) fn grow_old(store: &Store, hours: u64) {
    for folder in ["v1/envs", "v1/slots", "v1/locks", "v1/receipts"] {
        for name in names(&store.path().join(folder)) {
            age(&store.path().join(folder).join(name), hours);
        }
    }
}

fn make_old(store: &Store, environment: &str, hours: u64) {
    age(&store.path().join("v1/locks").join(format!("use-{environment}")), hours);
    age(&store.path().join("v1/envs").join(format!("{environment}.record")), hours);
}

pub(super) fn limits(days: u64) -> Limits {
    Limits { max_age: Duration::from_hours(days * DAY), max_bytes: None, private: false, dry_run: false }
}

pub(super) fn run(store: &Store, limits: Limits) -> collect::Report {
    prune(&store.root, limits, &|| false).expect("prune")
}

fn gone(report: &collect::Report, kind: Kind) -> Vec<(&str, Reason)> {
    let of_kind = report.removed.iter().filter(|item| item.kind == kind);
    of_kind.map(|item| (item.name.as_str(), item.reason)).collect()
}

pub(super) fn directories(store: &Store, folder: &str) -> Vec<String> {
    let names = names(&store.path().join(folder));
    names.into_iter().filter(|name| !name.contains(".record") && !name.contains(".about")).collect()
}

#[test]
fn what_was_used_within_a_day_is_spared_whatever_is_asked_for() {
    let store = Store::new();
    put(&store, &open(demo()));
    let budget = Limits { max_bytes: Some(0), ..limits(0) };
    for hours in [0, 23, 47] {
        grow_old(&store, hours);
        // Slots have exact times, but their environment refers to them.
        assert_eq!(run(&store, budget).removed, [], "{hours} hours");
    }
    grow_old(&store, 49);
    assert_eq!(run(&store, budget).removed.len(), 3);
    for folder in ["v1/envs", "v1/slots", "v1/tmp"] {
        assert_eq!(names(&store.path().join(folder)), [""; 0], "{folder}");
    }
    // Lock files stay, and the next start works.
    assert!(!names(&store.path().join("v1/locks")).is_empty());
    put(&store, &open(demo()));
}

#[test]
fn environments_go_by_age_and_slots_only_with_their_last_reference() {
    let store = Store::new();
    let (first, second) = (variant(b"first"), variant(b"second"));
    let (old, recent) = (put(&store, &first), put(&store, &second));
    grow_old(&store, 40 * DAY);
    age(&store.path().join("v1/locks").join(format!("use-{recent}")), 5 * DAY);
    let report = run(&store, limits(30));
    assert_eq!(gone(&report, Kind::Environment), [(old.as_str(), Reason::Unused)]);
    let own = crate::slot_key::slot_key(&first, 4).expect("key");
    assert_eq!(gone(&report, Kind::Slot), [(own.as_str(), Reason::Unreferenced)]);
    assert_eq!(directories(&store, "v1/envs"), [recent.as_str()]);
    assert_eq!(directories(&store, "v1/slots").len(), 3);
    // The package that is left needs nothing anew.
    let before = names(&store.path().join("v1/slots"));
    put(&store, &second);
    assert_eq!(names(&store.path().join("v1/slots")), before);
}

#[test]
fn a_budget_takes_the_least_recently_used_first_and_stops_when_it_is_met() {
    let store = Store::new();
    let packages: Vec<_> = [b'a', b'b', b'c'].map(|byte| variant(&vec![byte; 500_000])).into();
    let mut folders = Vec::new();
    for (package, days) in packages.iter().zip([20, 25, 22]) {
        let folder = put(&store, package);
        folders.push((days, folder));
    }
    grow_old(&store, 26 * DAY);
    for (days, folder) in &folders {
        age(&store.path().join("v1/locks").join(format!("use-{folder}")), days * DAY);
    }
    let all = run(&store, Limits { dry_run: true, ..limits(90) }).left;
    let report = run(&store, Limits { max_bytes: Some(all - 1), ..limits(90) });
    assert_eq!(gone(&report, Kind::Environment), [(folders[1].1.as_str(), Reason::Budget)]);
    assert_eq!(gone(&report, Kind::Slot).len(), 1);
    assert!(report.left < all - 400_000, "{} of {all}", report.left);
    let inventory = inventory::take(&store.root).expect("inventory");
    let bytes = inventory.environments.iter().map(|environment| environment.bytes);
    assert_eq!(bytes.chain(inventory.slots.iter().map(|slot| slot.bytes)).sum::<u64>(), report.left);
}

#[test]
fn a_dry_run_says_the_same_and_changes_nothing() {
    let store = Store::new();
    let name = put(&store, &open(demo()));
    grow_old(&store, 40 * DAY);
    let before = tree(&store.path());
    let dry = run(&store, Limits { dry_run: true, ..limits(30) });
    let named = remove(&store.root, &[name], true, &|| false).expect("remove");
    assert_eq!(tree(&store.path()), before);
    assert_eq!(named.removed.len(), 3);
    assert_eq!(dry.removed, run(&store, limits(30)).removed);
}

#[test]
fn remove_takes_a_package_by_name_whatever_its_age_and_leaves_what_others_share() {
    let store = Store::new();
    let (first, second) = (put(&store, &open(demo())), put(&store, &variant(b"other")));
    let removed = remove(&store.root, std::slice::from_ref(&first), false, &|| false).expect("remove");
    // All its slots are also the other one's.
    assert_eq!(gone(&removed, Kind::Environment), [(first.as_str(), Reason::Named)]);
    assert_eq!(gone(&removed, Kind::Slot), []);
    assert_eq!(directories(&store, "v1/envs"), [second]);
    remove(&store.root, &["demo".into()], false, &|| false).expect("remove");
    assert_eq!(names(&store.path().join("v1/slots")), [""; 0]);
}

#[test]
fn a_name_is_compared_and_never_used_as_a_path() {
    let store = Store::new();
    put(&store, &open(demo()));
    let outside = store.folder.path().join("outside");
    std::fs::create_dir(&outside).expect("folder");
    let before = tree(&store.path());
    for name in ["../../outside", "../slots", "", ".", "demo-", "dem", outside.to_str().expect("path")] {
        let error = remove(&store.root, &[name.into()], false, &|| false).expect_err(name);
        assert_eq!(error.code(), pspf::ErrorCode::FlavorNotFound, "{name}");
    }
    // The collector's own lock file is all that is new.
    let after: Vec<String> =
        tree(&store.path()).into_iter().filter(|line| !line.starts_with("v1/locks/collect ")).collect();
    assert_eq!(after, before.into_iter().filter(|line| !line.contains("/collect ")).collect::<Vec<_>>());
    assert!(outside.exists());
}

#[test]
fn s15_links_are_removed_and_not_followed() {
    use std::os::unix::fs::symlink;
    let store = Store::new();
    let name = put(&store, &open(demo()));
    let outside = store.folder.path().join("outside");
    std::fs::create_dir(&outside).expect("folder");
    std::fs::write(outside.join("precious"), b"keep").expect("file");
    let workenv = store.path().join("v1/envs").join(&name);
    symlink(&outside, workenv.join("link")).expect("link");
    symlink(&outside, store.path().join("v1/envs/evil-1.0-0123456789abcdef")).expect("link");
    symlink(&outside, store.path().join("v1/slots").join("a".repeat(64))).expect("link");
    symlink(outside.join("precious"), store.path().join("v1/receipts/link")).expect("link");
    let before = outside.join("precious").metadata().expect("metadata").modified().expect("time");
    for (folder, entry) in [("v1/envs", format!("{name}.record")), ("v1/locks", format!("use-{name}"))] {
        age(&store.path().join(folder).join(entry), 1000);
    }
    assert_eq!(gone(&run(&store, limits(0)), Kind::Environment), [(name.as_str(), Reason::Unused)]);
    assert!(!workenv.exists());
    assert_eq!(std::fs::read(outside.join("precious")).expect("file"), b"keep");
    assert_eq!(outside.join("precious").metadata().expect("metadata").modified().expect("time"), before);
    assert!(!store.path().join("v1/receipts/link").is_symlink());
}

#[test]
fn a_collector_that_was_killed_anywhere_leaves_a_store_that_starts_use_and_clean() {
    let package = open(demo());
    // The steps of STORE.md 14.5, cut off after each of them.
    for steps in 0..6 {
        let store = Store::new();
        let name = put(&store, &package);
        let key = crate::slot_key::slot_key(&package, 0).expect("key");
        let paths = [
            format!("v1/envs/{name}.record"),
            format!("v1/envs/{name}.about"),
            format!("v1/envs/{name}"),
            format!("v1/slots/{key}.record"),
            format!("v1/slots/{key}"),
        ];
        for path in &paths[..steps] {
            let path = store.path().join(path);
            if path.is_dir() {
                std::fs::remove_dir_all(path).expect("remove");
            } else {
                std::fs::remove_file(path).expect("remove");
            }
        }
        put(&store, &package);
        assert!(inventory::take(&store.root).expect("inventory").environments[0].complete, "{steps}");

        for path in &paths[..steps.min(2)] {
            std::fs::remove_file(store.path().join(path)).expect("remove");
        }
        grow_old(&store, 1000);
        run(&store, limits(900));
        let left = directories(&store, "v1/envs");
        assert_eq!(left.is_empty(), steps > 0, "{steps}: {left:?}");
        run(&store, limits(0));
        for folder in ["v1/envs", "v1/slots", "v1/tmp"] {
            assert_eq!(names(&store.path().join(folder)), [""; 0], "{steps}: {folder}");
        }
    }
}

#[test]
fn no_slot_goes_while_nobody_knows_what_an_environment_refers_to() {
    let store = Store::new();
    let name = put(&store, &open(demo()));
    grow_old(&store, 1000);
    std::fs::remove_file(store.path().join(format!("v1/envs/{name}.about"))).expect("remove");
    let _hold = Hold::create(&store.root, &name).expect("hold");
    let report = run(&store, Limits { max_bytes: Some(0), ..limits(0) });
    assert!(report.slots_unknown);
    assert_eq!(report.removed, []);
    assert_eq!(directories(&store, "v1/slots").len(), 2);
}

#[test]
fn a_cancelled_collector_stops_between_two_removals() {
    let store = Store::new();
    for content in [b"one", b"two"] {
        put(&store, &variant(content));
    }
    grow_old(&store, 1000);
    let asked = std::cell::Cell::new(0);
    let stop = || {
        asked.set(asked.get() + 1);
        asked.get() > 1
    };
    let error = prune(&store.root, limits(0), &stop).expect_err("cancelled");
    assert_eq!(error.code(), pspf::ErrorCode::FlavorAborted);
    assert_eq!(directories(&store, "v1/envs").len(), 1);
    assert_eq!(run(&store, limits(0)).removed.len(), 5);
}

#[test]
fn s17_a_tree_without_permissions_is_removed_whole() {
    use std::os::unix::fs::PermissionsExt as _;
    let store = Store::new();
    let name = put(&store, &open(demo()));
    let folder = store.path().join("v1/envs").join(&name).join("readonly");
    std::fs::create_dir_all(folder.join("closed")).expect("folder");
    std::fs::write(folder.join("file"), b"").expect("file");
    for (path, mode) in [(folder.join("closed"), 0o000), (folder, 0o555)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("mode");
    }
    make_old(&store, &name, 1000);
    run(&store, limits(0));
    assert!(names(&store.path().join("v1/tmp")).is_empty());
}

#[test]
fn private_environments_go_only_when_they_are_asked_for() {
    use crate::usage::{About, describe};
    let store = Store::new();
    let name = put(&store, &open(demo()));
    let about = About { name: "demo".into(), version: "1.0".into(), slots: Vec::new(), private: true };
    describe(&store.root, &Staging::create(&store.root).expect("staging"), &name, &about).expect("describe");
    grow_old(&store, 1000);
    let budget = Limits { max_bytes: Some(0), ..limits(0) };
    assert_eq!(gone(&run(&store, budget), Kind::Environment), []);
    assert_eq!(gone(&run(&store, Limits { private: true, ..budget }), Kind::Environment).len(), 1);
}
