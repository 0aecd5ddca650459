//! Stores on file systems that ignore case (STORE.md 5.11, S13). What the probe says is put in by hand: the file systems that
//! tests run on tell names apart.

use pspf::ErrorCode;

use super::*;
use crate::environment::{install, install_privately};
use crate::extract::extract_slot;
use crate::names::Names;
use crate::publish::{Presence, Records, publish_slot};
use crate::staging::Staging;

/// What comes of a start on such a file system; a refusal leaves nothing.
fn on_folding<T>(work: impl FnOnce(&Store, &Staging) -> crate::Result<T>) -> Result<T, ErrorCode> {
    let store = Store::new();
    let mut staging = Staging::create(&store.root).expect("staging");
    staging.names = Names::CaseIgnored;
    let outcome = work(&store, &staging).map_err(|error| error.code());
    drop(staging);
    if outcome.is_err() {
        assert!(
            names(&store.path().join("v1/envs")).is_empty() && names(&store.path().join("v1/tmp")).is_empty()
        );
    }
    outcome
}

fn published(builder: Builder) -> Result<Presence, ErrorCode> {
    let package = builder.open();
    on_folding(|store, staging| publish_slot(&store.root, staging, &package, 0, Records::Believed))
        .map(|slot| slot.presence)
}

fn colliding() -> Builder {
    Builder::new().slot(true, &[directory("lib"), file("lib/README", b"one"), file("lib/readme", b"two")])
}

#[test]
fn s13_members_that_differ_by_case_alone_are_refused_where_case_is_ignored() {
    assert_eq!(published(colliding()), Err(ErrorCode::PspfMemberName));
    let others: [&[crate::test_package::Entry]; 2] = [
        &[directory("A"), file("A/x", b"x"), directory("a"), file("a/y", b"y")],
        &[file("lib", b"x"), link("LIB", "lib")],
    ];
    for entries in others {
        assert_eq!(
            published(Builder::new().slot(true, entries)),
            Err(ErrorCode::PspfMemberName),
            "{entries:?}"
        );
    }
    assert_eq!(
        published(Builder::new().slot(true, &[directory("A"), file("A/a", b"x"), file("b", b"x")])),
        Ok(Presence::Made)
    );
    // Real runtimes have such names, and elsewhere they are legal.
    let (store, package) = (Store::new(), colliding().open());
    let staging = Staging::create(&store.root).expect("staging");
    assert!(publish_slot(&store.root, &staging, &package, 0, Records::Believed).is_ok());
}

#[test]
fn s13_members_of_a_package_for_such_a_system_are_refused_on_any() {
    let package = colliding()
        .edit(|document| {
            document["extensions"]["x-flavor"]["target"] =
                serde_json::json!({"os": "darwin", "arch": "arm64"});
        })
        .open();
    let store = Store::new();
    let staging = Staging::create(&store.root).expect("staging");
    let refused = publish_slot(&store.root, &staging, &package, 0, Records::Believed).expect_err("refused");
    assert_eq!(refused.code(), ErrorCode::PspfMemberName);
    let folder = store.folder.path().join("out");
    assert_eq!(extract_slot(&package, 0, &folder).expect_err("refused").code(), ErrorCode::PspfMemberName);
    assert!(!folder.exists());
}

#[test]
fn s13_a_composition_may_not_name_two_paths_that_are_one() {
    let composed = |path: &str| {
        let workenv = serde_json::json!({
            "unpack": [{"slot": 2, "into": "app"}],
            "files": [{"path": path, "content": "", "mode": "0644"}],
        });
        let package = demo().workenv(&workenv).open();
        let wanted = wanted(&package);
        let kept = on_folding(|store, staging| install(&store.root, staging, &package, &wanted).map(|_| ()));
        let once = on_folding(|_, staging| install_privately(staging, &package, &wanted.parts).map(|_| ()));
        assert_eq!(kept, once);
        kept
    };
    assert_eq!(composed("APP/app/extra"), Err(ErrorCode::PspfMemberName));
    assert_eq!(composed("app/app/MAIN.py"), Err(ErrorCode::PspfMemberName));
    assert_eq!(composed("app/app/other.py"), Ok(()));
}
