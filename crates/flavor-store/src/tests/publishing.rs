use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::publish::{Presence, Records, publish_slot, publish_slots};
use crate::slot_key::slot_key;
use crate::staging::Staging;
use crate::test_package::Entry;

fn publish(store: &Store, package: &Package<Vec<u8>>, slot: usize) -> crate::Result<Presence> {
    let staging = Staging::create(&store.root)?;
    publish_slot(&store.root, &staging, package, slot, Records::Believed).map(|published| published.presence)
}

#[test]
fn a_slot_is_unpacked_with_the_modes_of_the_profile() {
    let store = Store::new();
    let package = open(demo());
    assert_eq!(publish(&store, &package, 0).expect("publish"), Presence::Made);
    let path = store.root.slot_path(&slot_key(&package, 0).expect("key"));
    assert_eq!(
        tree(&path),
        [
            "bin/ 755",
            "bin/python -> python3",
            "bin/python3 755 13",
            "lib/ 755",
            "lib/deep/ 755",
            "lib/deep/os.py 644 300000",
        ]
    );
    assert_eq!(publish(&store, &package, 0).expect("publish"), Presence::Found);
    assert!(names(&store.path().join("v1/tmp")).is_empty());
}

#[test]
fn two_packages_share_an_equal_slot() {
    let store = Store::new();
    let first = open(demo());
    let second = open(demo().slot(true, &[file("other", b"data")]));
    assert_ne!(first.metadata_json(), second.metadata_json());
    assert_eq!(publish(&store, &first, 0).expect("publish"), Presence::Made);
    assert_eq!(publish(&store, &second, 0).expect("publish"), Presence::Found);
}

#[test]
fn s16_a_slot_with_a_damaged_frame_is_not_published() {
    let store = Store::new();
    let mut bytes = demo().bytes();
    let offset = usize::try_from(open(demo()).descriptors()[0].offset).expect("offset");
    bytes[offset + 20] ^= 1;
    let package = Package::open(bytes).expect("open");
    let error = publish(&store, &package, 0).expect_err("damaged");
    assert_eq!(error.code(), pspf::ErrorCode::PspfSlotDigest);
    assert!(names(&store.path().join("v1/slots")).is_empty());
    assert!(names(&store.path().join("v1/tmp")).is_empty());
}

#[test]
fn a_slot_that_is_in_the_store_is_still_read_and_checked() {
    let store = Store::new();
    publish(&store, &open(demo()), 0).expect("publish");
    let mut bytes = demo().bytes();
    let offset = usize::try_from(open(demo()).descriptors()[0].offset).expect("offset");
    bytes[offset + 20] ^= 1;
    let package = Package::open(bytes).expect("open");
    assert_eq!(publish(&store, &package, 0).expect_err("damaged").code(), pspf::ErrorCode::PspfSlotDigest);
}

#[test]
fn a_slot_without_a_record_is_not_believed() {
    let store = Store::new();
    let package = open(demo());
    let path = store.root.slot_path(&slot_key(&package, 0).expect("key"));
    // As a start leaves it that was killed between rename and record, or one that had power cut.
    std::fs::create_dir_all(path.join("bin")).expect("folder");
    std::fs::write(path.join("bin/python3"), b"half").expect("file");
    assert_eq!(publish(&store, &package, 0).expect("publish"), Presence::Made);
    assert_eq!(std::fs::read(path.join("bin/python3")).expect("file"), b"#!interpreter");
    // A record about a directory that was exchanged says nothing either.
    std::fs::rename(&path, path.with_extension("old")).expect("rename");
    std::fs::create_dir(&path).expect("folder");
    assert_eq!(publish(&store, &package, 0).expect("publish"), Presence::Made);
}

#[test]
fn s18_a_slot_of_another_boot_is_compared_once_and_then_believed() {
    let store = Store::new();
    let package = open(demo());
    publish(&store, &package, 0).expect("publish");
    forget_boot(&store.path().join("v1/slots"));
    assert_eq!(publish(&store, &package, 0).expect("publish"), Presence::Compared);
    assert_eq!(publish(&store, &package, 0).expect("publish"), Presence::Found);
}

type Damage = fn(&Path);

#[test]
fn s18_a_slot_of_another_boot_that_differs_is_unpacked_anew() {
    use std::os::unix::fs::PermissionsExt as _;
    let package = open(demo());
    let damages: [(&str, Damage); 7] = [
        ("shortened", |slot| std::fs::write(slot.join("lib/deep/os.py"), b"").expect("write")),
        ("same size", |slot| std::fs::write(slot.join("bin/python3"), b"#!interpretes").expect("write")),
        ("removed", |slot| std::fs::remove_file(slot.join("bin/python3")).expect("remove")),
        ("added", |slot| std::fs::write(slot.join("lib/extra"), b"").expect("write")),
        ("mode", |slot| {
            let mode = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(slot.join("bin/python3"), mode).expect("mode");
        }),
        ("link", |slot| {
            std::fs::remove_file(slot.join("bin/python")).expect("remove");
            std::os::unix::fs::symlink("elsewhere", slot.join("bin/python")).expect("link");
        }),
        ("file became link", |slot| {
            std::fs::rename(slot.join("bin/python3"), slot.join("../moved")).expect("rename");
            std::os::unix::fs::symlink("../../moved", slot.join("bin/python3")).expect("link");
        }),
    ];
    for (what, damage) in damages {
        let store = Store::new();
        publish(&store, &package, 0).expect("publish");
        let path = store.root.slot_path(&slot_key(&package, 0).expect("key"));
        let before = tree(&path);
        damage(&path);
        forget_boot(&store.path().join("v1/slots"));
        assert_eq!(publish(&store, &package, 0).expect("publish"), Presence::Repaired, "{what}");
        assert_eq!(tree(&path), before, "{what}");
    }
}

#[test]
fn a_doubted_slot_is_compared_and_made_anew_only_if_a_member_is_not_as_it_was() {
    let store = Store::new();
    let package = open(demo());
    let publish = || {
        let staging = Staging::create(&store.root).expect("staging");
        publish_slot(&store.root, &staging, &package, 0, Records::Doubted).expect("publish").presence
    };
    assert_eq!(publish(), Presence::Made);
    let path = store.root.slot_path(&slot_key(&package, 0).expect("key"));
    std::fs::write(path.join("added"), b"by a program").expect("write");
    assert_eq!(publish(), Presence::Compared);
    assert!(path.join("added").exists());
    std::fs::remove_file(path.join("bin/python3")).expect("remove");
    assert_eq!(publish(), Presence::Repaired);
    assert!(path.join("bin/python3").exists());
    std::fs::remove_dir_all(&path).expect("remove");
    assert_eq!(publish(), Presence::Repaired);
    assert!(path.join("bin/python3").exists());
}

#[test]
fn simultaneous_starts_unpack_once() {
    let store = Store::new();
    let package = open(demo());
    let made = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                // Locks belong to open files, so threads exclude each other as processes do.
                let root = take(&store.path()).expect("root");
                let staging = Staging::create(&root).expect("staging");
                let published =
                    publish_slot(&root, &staging, &package, 0, Records::Believed).expect("publish");
                if published.presence == Presence::Made {
                    made.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[test]
fn staging_of_dead_starts_is_removed_and_that_of_living_ones_kept() {
    let store = Store::new();
    let tmp = store.path().join("v1/tmp");
    let outside = store.folder.path().join("outside");
    std::fs::write(&outside, b"keep").expect("write");
    let dead = |name: &str| {
        let folder = tmp.join(name);
        std::fs::create_dir_all(folder.join("tree/sub")).expect("folder");
        std::fs::write(folder.join("lock"), b"").expect("lock");
        std::fs::write(folder.join("tree/sub/file"), b"half").expect("file");
        std::os::unix::fs::symlink(&outside, folder.join("tree/link")).expect("link");
        folder
    };
    let age = |folder: &Path| {
        let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(1);
        std::fs::File::open(folder).expect("open").set_modified(hour_ago).expect("time");
    };
    let old = dead("old");
    age(&old);
    dead("young");
    let living = Staging::create(&store.root).expect("staging");
    let name = names(&tmp).into_iter().find(|name| name != "old" && name != "young").expect("own");
    age(&tmp.join(&name));

    let staging = Staging::create(&store.root).expect("staging");
    staging.remove_dead();
    drop(staging);
    assert_eq!(names(&tmp), {
        let mut left = vec!["young".to_owned(), name];
        left.sort();
        left
    });
    assert_eq!(std::fs::read(&outside).expect("outside"), b"keep");
    drop(living);
    assert_eq!(names(&tmp), ["young"]);
}

#[test]
fn slots_that_are_brought_in_together_are_all_there_and_of_those_that_fail_the_lowest_is_told() {
    let store = Store::new();
    let staging = Staging::create(&store.root).expect("staging");
    let several = |slots: [&[Entry]; 4]| {
        let package = open(slots.iter().fold(Builder::new(), |builder, entries| builder.slot(true, entries)));
        publish_slots(&store.root, &staging, &package, &[true, false, true, true], Records::Believed)
    };
    let good = [&[file("a", b"1")][..], &[file("b", b"2")], &[file("c", b"3")], &[file("d", b"4")]];
    let published = several(good).expect("published");
    let member = |slot: usize, name| published[slot].as_ref().map(|slot| slot.path.join(name).is_file());
    assert_eq!(
        [member(0, "a"), member(1, "b"), member(2, "c"), member(3, "d")],
        [Some(true), None, Some(true), Some(true)]
    );

    let large = vec![0; 3 << 20];
    let slow = [file("large", &large), file("twice", b"5"), file("twice", b"6")];
    let told =
        several([&slow, &[file("b", b"2")], &[link("out", "..")], &[link("way", "..")]]).expect_err("fails");
    assert!(told.to_string().contains("\"twice\""), "{told}");
    drop(staging);
    assert!(names(&store.path().join("v1/tmp")).is_empty());
}
