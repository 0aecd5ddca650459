//! Slots of any chain in shared and composed environments (STORE.md 4, 5.8–5.10): one stream, one file, and the same
//! promises as for frames.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;
use pspf::tar::END_OF_ARCHIVE;
use pspf::{ErrorCode, ReadAt};

use super::*;
use crate::environment::{install, install_privately};
use crate::extract::extract_slot;
use crate::publish::{Presence, Records, publish_slot};
use crate::repair::{Condition, Kind, Report, Watch, repair, verify};
use crate::slot_key::slot_key;
use crate::staging::Staging;
use crate::test_package::{Entry, tar};

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).expect("gzip");
    encoder.finish().expect("gzip")
}

/// The members as other tar programs store them: `lib` is only implied.
fn members() -> Vec<Entry> {
    vec![
        executable("bin/run", b"#!run", true),
        file("lib/deep/data", &[b'x'; 300_000]),
        link("alias", "bin/run"),
    ]
}

fn archive() -> Vec<u8> {
    [tar(&members()).as_slice(), &END_OF_ARCHIVE].concat()
}

const TREE: [&str; 6] = [
    "alias -> bin/run",
    "bin/ 755",
    "bin/run 755 5",
    "lib/ 755",
    "lib/deep/ 755",
    "lib/deep/data 644 300000",
];

/// The archive in every kind of chain that holds a tree and is not cut at members.
fn trees(share: bool) -> Vec<Builder> {
    let totals = (300_005, 3);
    let plain = archive();
    let packed = gzip(&plain);
    let (head, rest) = packed.split_at(200);
    vec![
        Builder::new().stored_slot(share, "tar", &plain, totals),
        Builder::new().stored_slot(share, "TGZ", &packed, totals),
        Builder::new().stored_slot(share, "tar|gzip|gzip", &gzip(&packed), totals),
        Builder::new().stored_slot(share, "tar,gzip,zstd", &[], totals).framed(&[head, rest]),
    ]
}

/// One file in every kind of chain.
fn files(share: bool) -> Vec<Builder> {
    let content = vec![b'u'; 200_000];
    let totals = (content.len() as u64, 1);
    let (head, rest) = content.split_at(7);
    vec![
        Builder::new().stored_slot(share, "raw", &content, totals),
        Builder::new().stored_slot(share, "gzip", &gzip(&content), totals),
        Builder::new().stored_slot(share, "gzip|gzip", &gzip(&gzip(&content)), totals),
        Builder::new().stored_slot(share, "zst", &[], totals).framed(&[head, rest]),
        Builder::new().stored_slot(share, "gzip|zstd", &[], totals).framed(&[&gzip(&content)]),
    ]
}

fn publish<R: ReadAt + Sync>(
    store: &Store,
    package: &Package<R>,
    records: Records,
) -> crate::Result<Presence> {
    let staging = Staging::create(&store.root)?;
    publish_slot(&store.root, &staging, package, 0, records).map(|published| published.presence)
}

fn place<R: ReadAt>(store: &Store, package: &Package<R>) -> PathBuf {
    store.root.slot_path(&slot_key(package, 0).expect("key"))
}

/// What `publish` says of a package that must leave nothing.
fn refused(package: &Package<Vec<u8>>) -> ErrorCode {
    let store = Store::new();
    let error = publish(&store, package, Records::Believed).expect_err("refused");
    assert!(names(&store.path().join("v1/slots")).is_empty(), "{error} and something is published");
    assert!(names(&store.path().join("v1/tmp")).is_empty(), "{error} and something is left");
    assert_eq!(names(store.folder.path()), ["store"], "{error} and something lies outside");
    error.code()
}

#[test]
fn a_tree_of_any_chain_is_unpacked_with_the_folders_that_it_implies() {
    for (number, builder) in trees(true).into_iter().enumerate() {
        let store = Store::new();
        let package = builder.open();
        assert_eq!(
            publish(&store, &package, Records::Believed).expect("publish"),
            Presence::Made,
            "{number}"
        );
        assert_eq!(tree(&place(&store, &package)), TREE, "{number}");
        assert_eq!(publish(&store, &package, Records::Believed).expect("again"), Presence::Found);
    }
}

#[test]
fn a_slot_of_one_file_is_a_folder_that_holds_it_with_its_mode() {
    for (number, builder) in files(true).into_iter().enumerate() {
        let store = Store::new();
        let package = builder.one_file("{workenv}/tools//./uv", "0711").open();
        assert_eq!(
            publish(&store, &package, Records::Believed).expect("publish"),
            Presence::Made,
            "{number}"
        );
        assert_eq!(tree(&place(&store, &package)), ["tools/ 755", "tools/uv 711 200000"], "{number}");
    }
    // Its owner can always read it, so that it can be compared, and set-id bits cannot be said.
    for (permissions, mode) in [("0000", 0o600), ("0444", 0o644), ("0o755", 0o755)] {
        let store = Store::new();
        let package = Builder::new().stored_slot(true, "raw", b"x", (1, 1)).one_file("x", permissions).open();
        publish(&store, &package, Records::Believed).expect("publish");
        assert_eq!(tree(&place(&store, &package)), [format!("x {mode:o} 1")]);
    }
}

#[test]
fn s18_a_slot_of_any_chain_is_compared_with_its_package_and_made_anew_if_it_differs() {
    let changes: [fn(&Path); 4] = [
        |root| std::fs::write(root.join("lib/deep/data"), vec![b'y'; 300_000]).expect("write"),
        |root| std::fs::write(root.join("lib/added"), b"").expect("write"),
        |root| {
            std::fs::set_permissions(root.join("lib"), std::fs::Permissions::from_mode(0o700)).expect("mode");
        },
        |root| std::fs::remove_file(root.join("alias")).expect("remove"),
    ];
    for builder in trees(true) {
        let store = Store::new();
        let package = builder.open();
        publish(&store, &package, Records::Believed).expect("publish");
        forget_boot(&store.path().join("v1/slots"));
        assert_eq!(publish(&store, &package, Records::Believed).expect("compare"), Presence::Compared);
        for change in changes {
            change(&place(&store, &package));
            forget_boot(&store.path().join("v1/slots"));
            let found = publish(&store, &package, Records::Believed).expect("repair");
            assert_eq!(found, Presence::Repaired);
            assert_eq!(tree(&place(&store, &package)), TREE);
        }
    }
    let changes: [fn(&Path); 4] = [
        |root| std::fs::write(root.join("a/uv"), vec![b'v'; 200_000]).expect("write"),
        |root| std::fs::write(root.join("a/uv"), b"short").expect("write"),
        |root| {
            std::fs::set_permissions(root.join("a/uv"), std::fs::Permissions::from_mode(0o755))
                .expect("mode");
        },
        |root| std::fs::rename(root.join("a/uv"), root.join("a/vu")).expect("rename"),
    ];
    for builder in files(true) {
        let store = Store::new();
        let package = builder.one_file("a/uv", "0640").open();
        publish(&store, &package, Records::Believed).expect("publish");
        assert_eq!(publish(&store, &package, Records::Examined).expect("compare"), Presence::Compared);
        for change in changes {
            change(&place(&store, &package));
            assert_eq!(publish(&store, &package, Records::Examined).expect("repair"), Presence::Repaired);
            assert_eq!(tree(&place(&store, &package)), ["a/ 755", "a/uv 640 200000"]);
        }
    }
}

/// Nobody waits.
struct Quiet;

impl Watch for Quiet {
    fn progress(&self, _: &Path, _: u64, _: u64) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Counts what is read of the slot.
struct Counting(Vec<u8>, AtomicU64);

impl ReadAt for Counting {
    fn len(&self) -> std::io::Result<u64> {
        ReadAt::len(&self.0)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        self.1.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        self.0.read_exact_at(buffer, offset)
    }
}

#[test]
fn s10_each_byte_of_a_slot_is_read_once_whatever_its_chain() {
    for builder in trees(true).into_iter().chain(files(true).into_iter().map(|one| one.one_file("f", "0644")))
    {
        let store = Store::new();
        let package = Package::open(Counting(builder.bytes(), AtomicU64::new(0))).expect("open");
        let before = package.source().1.load(Ordering::Relaxed);
        publish(&store, &package, Records::Believed).expect("publish");
        let read = package.source().1.load(Ordering::Relaxed) - before;
        assert_eq!(read, package.descriptors()[0].size);
    }
}

#[test]
fn s16_a_slot_of_any_chain_whose_bytes_are_not_the_signed_ones_publishes_nothing() {
    for builder in trees(true).into_iter().chain(files(true).into_iter().map(|one| one.one_file("f", "0644")))
    {
        let bytes = builder.bytes();
        let slot = Package::open(bytes.clone()).expect("open").descriptors()[0].clone();
        for at in [slot.offset, slot.offset + slot.size / 2, slot.offset + slot.size - 1] {
            let mut damaged = bytes.clone();
            damaged[usize::try_from(at).expect("offset")] ^= 1;
            let package = Package::open(damaged).expect("open");
            // Whatever decoding made of it: the digest is the better explanation.
            assert_eq!(refused(&package), ErrorCode::PspfSlotDigest);
        }
    }
}

#[test]
fn s11_a_slot_that_holds_other_than_it_announces_publishes_nothing() {
    for lie in [(300_004, 3), (300_006, 3), (300_005, 2), (300_005, 4)] {
        for builder in trees(true) {
            assert_eq!(refused(&builder.claiming(lie.0, lie.1).open()), ErrorCode::StoreUnpacked);
        }
    }
    for lie in [199_999, 200_001] {
        let content = gzip(&vec![b'u'; 200_000]);
        let package =
            Builder::new().stored_slot(true, "gzip", &content, (lie, 1)).one_file("f", "0644").open();
        assert_eq!(refused(&package), ErrorCode::StoreUnpacked);
    }
}

#[test]
fn s14_archives_of_other_programs_are_judged_like_ours() {
    let hostile = |entries: &[Entry]| {
        let stored = gzip(&[tar(entries).as_slice(), &END_OF_ARCHIVE].concat());
        let bytes = entries.iter().map(|entry| entry.data.len() as u64).sum();
        refused(&Builder::new().stored_slot(true, "tar.gz", &stored, (bytes, entries.len() as u64)).open())
    };
    for entries in [
        vec![link("out", "../..")],
        vec![link("a", "b/../..")],
        vec![directory("a"), link("l", "a"), file("l/f", b"x")],
        vec![file("l/f", b"x"), link("l", "a")],
        vec![file("a", b"x"), file("a/b", b"x")],
        vec![file("a/b", b"x"), file("a", b"x")],
        vec![file("a", b"x"), file("a", b"y")],
        vec![directory("a"), directory("a")],
    ] {
        assert_eq!(hostile(&entries), ErrorCode::StoreLink, "{:?}", entries[0].member);
    }
    // A stream without its end, and one behind which something follows.
    let cut = Builder::new().stored_slot(true, "tar", &tar(&members()), (300_005, 3)).open();
    assert_eq!(refused(&cut), ErrorCode::PspfTar);
    let more = [gzip(&archive()), b"more".to_vec()].concat();
    let more = Builder::new().stored_slot(true, "tar.gz", &more, (300_005, 3)).open();
    assert_eq!(refused(&more), ErrorCode::PspfEncoding);
}

#[test]
fn s16_the_key_of_one_file_holds_its_mode_and_name_and_cannot_be_imitated() {
    let of = |target: &'static str, permissions| {
        let builder = Builder::new().stored_slot(true, "zstd", &[], (4, 1)).framed(&[b"te", b"xt"]);
        slot_key(&builder.one_file(target, permissions).open(), 0).map_err(|error| error.code())
    };
    let key = of("{workenv}/a", "0644").expect("key");
    assert_eq!(of("a", "644").expect("key"), key);
    assert_eq!(of("./a/", "0444").expect("key"), key);
    assert_ne!(of("b", "0644").expect("key"), key);
    assert_ne!(of("a", "0755").expect("key"), key);
    for target in ["a\nb", "a\n1 1 00", "", "{workenv}", "{workenv}/.", "/a", "../a", "a/../b"] {
        assert_eq!(of(target, "0644"), Err(ErrorCode::StoreComposition), "{target:?}");
        let package = Builder::new().stored_slot(true, "raw", b"x", (1, 1)).one_file(target, "0644").open();
        assert_eq!(refused(&package), ErrorCode::StoreComposition, "{target:?}");
    }
}

/// A shared file, a shared tree of another program, a private file and the package's stand-in, composed.
fn composed() -> Builder {
    Builder::new()
        .stored_slot(true, "raw", b"#!/bin/sh\n", (10, 1))
        .one_file("bin/tool", "0755")
        .stored_slot(true, "tar.gz", &gzip(&archive()), (300_005, 3))
        .stored_slot(false, "gzip", &gzip(b"notes"), (5, 1))
        .one_file("{workenv}/notes/a.txt", "0600")
        .stored_slot(true, "raw", b"", (0, 0))
        .workenv(&serde_json::json!({
            "unpack": [{"slot": 2, "into": "share"}],
            "links": [
                {"path": "tool", "slot": 0, "to": "bin/tool", "kind": "symlink"},
                {"path": "copied", "slot": 0, "to": "bin/tool", "kind": "copy"},
                {"path": "lib", "slot": 1, "to": "lib", "kind": "symlink"},
            ],
            "files": [{"path": "where", "content": "{slot:0}/bin/tool", "mode": "0644"}],
        }))
        .edit(|document| document["slots"][3]["self_ref"] = serde_json::json!(true))
}

#[test]
fn an_environment_is_composed_of_slots_of_any_chain_and_compared_with_them() {
    let store = Store::new();
    let package = composed().open();
    let start = |records| {
        let staging = Staging::create(&store.root).expect("staging");
        let wanted = crate::environment::Wanted { records, ..wanted(&package) };
        install(&store.root, &staging, &package, &wanted).expect("install")
    };
    let installed = start(Records::Believed);
    assert_eq!(installed.slots[3].as_ref().map(|slot| slot.presence), None, "the package itself has no slot");
    let workenv = installed.places.workenv.clone();
    let tool = store.root.slot_path(&slot_key(&package, 0).expect("key")).join("bin/tool");
    assert_eq!(std::fs::read_to_string(workenv.join("where")).expect("file"), tool.to_str().expect("text"));
    let found = tree(&workenv);
    assert!(found.contains(&format!("tool -> {}", tool.display())), "{found:?}");
    for line in ["copied 755 10", "share/notes/a.txt 600 5", "share/notes/ 755"] {
        assert!(found.iter().any(|found| found == line), "{line} in {found:?}");
    }
    drop(installed);
    assert_eq!(start(Records::Doubted).presence, Presence::Compared);
    std::fs::write(workenv.join("share/notes/a.txt"), b"other").expect("write");
    assert_eq!(start(Records::Doubted).presence, Presence::Repaired);
    assert_eq!(std::fs::read(workenv.join("share/notes/a.txt")).expect("file"), b"notes");
    // For one start alone, as with lowered validation.
    let staging = Staging::create(&store.root).expect("staging");
    let places = install_privately(&staging, &package, &wanted(&package).parts).expect("install");
    assert_eq!(std::fs::read(places.workenv.join("tool")).expect("file"), b"#!/bin/sh\n");
}

#[test]
fn s18_verification_finds_what_changed_in_slots_of_any_chain_and_repair_makes_it_anew() {
    let store = Store::new();
    let package = composed().open();
    let path = store.folder.path().join("demo.psp");
    std::fs::write(&path, composed().bytes()).expect("write");
    let staging = Staging::create(&store.root).expect("staging");
    let installed = install(&store.root, &staging, &package, &wanted(&package)).expect("install");
    drop(staging);
    let conditions = |report: Report| {
        let mut found: Vec<_> =
            report.findings.iter().map(|finding| (finding.kind, finding.condition)).collect();
        found.sort_by_key(|(kind, condition)| format!("{kind:?}{condition:?}"));
        found
    };
    let files = std::slice::from_ref(&path);
    let intact = [
        (Kind::Environment, Condition::Intact),
        (Kind::Slot, Condition::Intact),
        (Kind::Slot, Condition::Intact),
    ];
    assert_eq!(conditions(verify(&store.root, files, &Quiet).expect("verify")), intact);
    let tool = installed.slots[0].as_ref().expect("shared").path.join("bin/tool");
    std::fs::write(&tool, b"other").expect("write");
    let changed = conditions(verify(&store.root, files, &Quiet).expect("verify"));
    assert!(changed.contains(&(Kind::Slot, Condition::Changed)), "{changed:?}");
    repair(&store.root, files, &Quiet).expect("repair");
    assert_eq!(std::fs::read(&tool).expect("file"), b"#!/bin/sh\n");
    assert_eq!(conditions(verify(&store.root, files, &Quiet).expect("verify")), intact);
}

#[test]
fn a_person_gets_one_file_in_a_folder_and_nothing_of_one_that_fails() {
    let store = Store::new();
    let package = composed().open();
    let folder = store.folder.path().join("out");
    extract_slot(&package, 2, &folder).expect("extract");
    assert_eq!(tree(&folder), ["notes/ 755", "notes/a.txt 600 5"]);
    let lying = Builder::new().stored_slot(true, "gzip", &gzip(b"four"), (3, 1)).one_file("f", "0644").open();
    let folder = store.folder.path().join("none");
    assert_eq!(extract_slot(&lying, 0, &folder).expect_err("refused").code(), ErrorCode::StoreUnpacked);
    assert!(!folder.exists());
    assert_eq!(extract_slot(&package, 3, &folder).expect_err("refused").code(), ErrorCode::StoreSlotKind);
}
