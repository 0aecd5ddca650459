use super::*;
use crate::environment::{environment_name, install, make_durable};
use crate::publish::Presence;
use crate::staging::Staging;
use pspf::ErrorCode;
use serde_json::{Value, json};

fn installed(store: &Store, package: &Package<Vec<u8>>) -> crate::Result<crate::environment::Installed> {
    let staging = Staging::create(&store.root)?;
    install(&store.root, &staging, package, &wanted(package))
}

#[test]
fn an_environment_holds_private_members_links_and_generated_files() {
    let store = Store::new();
    let package = open(demo());
    let installed = installed(&store, &package).expect("install");
    let workenv = store.root.environment_path(&environment_name(&package));
    assert_eq!(installed.places.workenv, workenv);
    let slot = |number: usize| installed.slots[number].as_ref().expect("shared").path.display().to_string();
    let cfg = format!("home = {}/bin\nenv = {}\n", slot(0), workenv.display());
    assert_eq!(std::fs::read_to_string(workenv.join("pyvenv.cfg")).expect("cfg"), cfg);
    assert_eq!(
        tree(&workenv),
        [
            "bin/ 755".to_owned(),
            "bin/copy 755 13".to_owned(),
            format!("bin/python -> {}/bin/python3", slot(0)),
            "bin/run 755 10".to_owned(),
            format!("deps -> {}", slot(1)),
            "lib/ 755".to_owned(),
            "lib/site-packages/ 755".to_owned(),
            "lib/site-packages/app/ 755".to_owned(),
            "lib/site-packages/app/alias.py -> main.py".to_owned(),
            "lib/site-packages/app/main.py 644 3".to_owned(),
            format!("pyvenv.cfg 644 {}", cfg.len()),
        ]
    );
    // The private slot is in no shared place.
    let slots = names(&store.path().join("v1/slots"));
    assert_eq!(slots.iter().filter(|name| !name.ends_with(".record")).count(), 2);
}

#[test]
fn what_a_program_added_to_its_environment_stays() {
    let store = Store::new();
    let package = open(demo());
    let workenv = installed(&store, &package).expect("install").places.workenv;
    let added = workenv.join("lib/site-packages/added.py");
    std::fs::write(&added, b"pip").expect("write");
    assert_eq!(installed(&store, &package).expect("install").presence, Presence::Found);
    forget_boot(&store.path().join("v1/envs"));
    assert_eq!(installed(&store, &package).expect("install").presence, Presence::Compared);
    assert!(added.exists());
}

#[test]
fn s18_an_environment_of_another_boot_that_lost_something_is_composed_anew() {
    for lost in ["pyvenv.cfg", "bin/python", "bin/copy", "lib/site-packages/app/main.py"] {
        let store = Store::new();
        let package = open(demo());
        let workenv = installed(&store, &package).expect("install").places.workenv;
        let before = tree(&workenv);
        std::fs::remove_file(workenv.join(lost)).expect("remove");
        std::fs::write(workenv.join(lost), b"").expect("write");
        forget_boot(&store.path().join("v1/envs"));
        assert_eq!(installed(&store, &package).expect("install").presence, Presence::Repaired, "{lost}");
        assert_eq!(tree(&workenv), before, "{lost}");
    }
}

#[test]
fn a_damaged_private_slot_is_noticed_although_the_environment_is_there() {
    let store = Store::new();
    installed(&store, &open(demo())).expect("install");
    let mut bytes = demo().bytes();
    let offset = usize::try_from(open(demo()).descriptors()[2].offset).expect("offset");
    bytes[offset + 20] ^= 1;
    let package = Package::open(bytes).expect("open");
    let error = installed(&store, &package).expect_err("damaged");
    assert_eq!(error.code(), ErrorCode::PspfSlotDigest);
}

#[test]
fn a_moved_store_composes_its_environment_anew() {
    let store = Store::new();
    let package = open(demo());
    installed(&store, &package).expect("install");
    let moved = store.folder.path().join("moved");
    std::fs::rename(store.path(), &moved).expect("rename");
    let root = take(&moved).expect("root");
    let staging = Staging::create(&root).expect("staging");
    let installed = install(&root, &staging, &package, &wanted(&package)).expect("install");
    assert_eq!(installed.presence, Presence::Made);
    let cfg = std::fs::read_to_string(installed.places.workenv.join("pyvenv.cfg")).expect("cfg");
    assert!(cfg.contains(&moved.join("v1/slots").display().to_string()), "{cfg}");
}

#[test]
fn durable_records_are_believed_in_every_boot() {
    let store = Store::new();
    let package = open(demo());
    let staging = Staging::create(&store.root).expect("staging");
    let done = install(&store.root, &staging, &package, &wanted(&package)).expect("install");
    make_durable(&store.root, &staging, &package, &done).expect("durable");
    for folder in ["v1/slots", "v1/envs"] {
        for name in names(&store.path().join(folder)).iter().filter(|name| name.ends_with(".record")) {
            let record = std::fs::read(store.path().join(folder).join(name)).expect("record");
            assert_eq!(record[16..32], [0; 16], "{name}");
        }
    }
    assert_eq!(installed(&store, &package).expect("install").presence, Presence::Found);
}

fn refused(workenv: &Value) -> ErrorCode {
    let store = Store::new();
    let package = open(demo().workenv(workenv));
    let error = installed(&store, &package).expect_err("must be refused");
    assert!(names(&store.path().join("v1/envs")).is_empty(), "{workenv}");
    assert!(names(&store.path().join("v1/tmp")).is_empty(), "{workenv}");
    assert_eq!(names(store.folder.path()), ["store"], "{workenv}");
    error.code()
}

#[test]
fn s15_compositions_that_the_members_of_a_slot_contradict_are_refused() {
    let unpack = json!([{"slot": 2, "into": "lib"}]);
    let link = |path: &str, to: &str, kind: &str| json!({"path": path, "slot": 0, "to": to, "kind": kind});
    let file = |path: &str| json!({"path": path, "content": "", "mode": "0644"});
    for (what, workenv) in [
        ("a file below a private link", json!({"unpack": unpack, "files": [file("lib/app/alias.py/x")]})),
        ("a private member twice", json!({"unpack": unpack, "files": [file("lib/app/main.py")]})),
        ("no such member", json!({"links": [link("l", "nothing", "symlink")]})),
        ("a member behind a link", json!({"links": [link("l", "bin/python/x", "symlink")]})),
        ("a copy of a folder", json!({"links": [link("l", "lib", "copy")]})),
        ("a copy of a link", json!({"links": [link("l", "bin/python", "copy")]})),
    ] {
        assert_eq!(refused(&workenv), ErrorCode::StoreComposition, "{what}");
    }
}
