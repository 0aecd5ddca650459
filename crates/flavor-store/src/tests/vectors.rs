//! The vectors of the format, unpacked: what the table refuses publishes nothing and leaves nothing, with the code that
//! the table has for launchers.

#[allow(dead_code, reason = "shared with the tests of pspf, which use more of it")]
#[path = "../../../pspf/tests/support/table.rs"]
mod table;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use pspf::metadata::{LinkKind, Workenv};
use pspf::operations::OperationChain;
use pspf::{ErrorCode, Package};

use super::*;
use crate::environment::{Installed, environment_name, install};
use crate::publish::{Presence, Records, publish_slot};
use crate::slot_key::slot_key;
use crate::staging::Staging;
use table::{Layer, Vector, vectors};

/// Packages of ours that pass every check before slots are decoded, as a start makes them first. Names that only Windows
/// changes are judged there, and the store folds ASCII alone (STORE.md 5.11).
fn reached() -> Vec<(Vector, Package<Vec<u8>>)> {
    let reached = vectors().into_iter().filter_map(|vector| {
        if vector.refusal.as_ref().is_some_and(|refusal| refusal.layer < Layer::Content) {
            return None;
        }
        let package = Package::open(vector.bytes.clone()).expect(&vector.name);
        let folds = ["names-ascii-", "names-folder-"];
        let is_judged = package.flavor().is_some_and(|flavor| {
            flavor.target.os == "linux"
                || vector.refusal.is_none()
                || folds.iter().any(|name| vector.name.starts_with(name))
        });
        is_judged.then_some((vector, package))
    });
    reached.collect()
}

/// The store unpacks trees in frames; everything else is foreign to it.
fn is_framed_tree(package: &Package<Vec<u8>>, slot: usize) -> bool {
    let operations = package.metadata().slots.get(slot).map(|slot| slot.operations.as_str());
    operations.is_some_and(|text| {
        OperationChain::parse(text).is_ok_and(|chain| chain == OperationChain::tar_zstd())
    })
}

#[test]
fn p2_every_vector_unpacks_or_publishes_nothing_as_the_table_says() {
    let (mut wrong, mut unpacked, mut refused) = (Vec::new(), 0, 0);
    for (vector, package) in reached() {
        // It would write the gibibyte below which no ratio is looked at; `verify` of `flavor-pack` reads it.
        if vector.name == "limit-ratio" || package.metadata().slots.is_empty() {
            continue;
        }
        let store = Store::new();
        let staging = Staging::create(&store.root).expect("staging");
        let found = publish_slot(&store.root, &staging, &package, 0, Records::Believed).map(|_| ());
        drop(staging);
        let found = found.map_err(|error| error.code()).err();
        let refusal = vector.refusal.as_ref().filter(|refusal| refusal.step != "workenv");
        let slot = &package.metadata().slots[0];
        let decodes =
            package.chain(0).encodings().iter().all(|operation| pspf::codec::can_decode(*operation));
        let expected = if slot.self_ref || !decodes {
            Some(ErrorCode::StoreSlotKind)
        } else {
            vector.unpack.or_else(|| refusal.map(|refusal| refusal.code))
        };
        if found != expected {
            wrong.push(format!("{}: found {found:?}, expected {expected:?}", vector.name));
        }
        if expected.is_some() {
            refused += 1;
            assert!(names(&store.path().join("v1/slots")).is_empty(), "{} is published", vector.name);
            assert!(names(&store.path().join("v1/tmp")).is_empty(), "{} leaves something", vector.name);
        } else {
            unpacked += 1;
            let again = publish_slot(
                &store.root,
                &Staging::create(&store.root).expect("staging"),
                &package,
                0,
                Records::Examined,
            );
            assert_eq!(
                again.expect("again").presence,
                Presence::Compared,
                "{} differs from its tree",
                vector.name
            );
        }
        assert_eq!(names(store.folder.path()), ["store"], "{} writes outside", vector.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(unpacked > 20 && refused > 100, "{unpacked} unpacked, {refused} refused");
}

#[test]
fn s15_every_work_environment_is_composed_or_published_nowhere_as_the_table_says() {
    let (mut wrong, mut composed, mut refused) = (Vec::new(), 0, 0);
    for (vector, package) in reached() {
        let mut slots = 0..package.metadata().slots.len();
        let trees = slots.all(|slot| is_framed_tree(&package, slot));
        let plain = package.flavor().is_none_or(pspf::metadata::Flavor::is_plain);
        let decodes = vector.refusal.as_ref().is_none_or(|refusal| refusal.step == "workenv");
        if plain || !decodes || !trees {
            continue;
        }
        let store = Store::new();
        let staging = Staging::create(&store.root).expect("staging");
        let found = install(&store.root, &staging, &package, &wanted(&package));
        drop(staging);
        let code = found.as_ref().map_err(crate::Error::code).err();
        if code != vector.compose {
            wrong.push(format!("{}: found {found:?}, expected {:?}", vector.name, vector.compose));
            continue;
        }
        let environments = names(&store.path().join("v1/envs"));
        if let Ok(installed) = found {
            composed += 1;
            let name = environment_name(&package);
            let expected = [name.clone(), format!("{name}.about"), format!("{name}.record")];
            assert_eq!(environments, expected, "{}", vector.name);
            let workenv = &package.flavor().expect("ours").workenv;
            assert_environment(&vector.name, workenv, &installed);
        } else {
            refused += 1;
            assert!(environments.is_empty(), "{} is published", vector.name);
        }
        assert!(names(&store.path().join("v1/tmp")).is_empty(), "{} leaves something", vector.name);
        assert_eq!(names(store.folder.path()), ["store"], "{} writes outside", vector.name);
        // A shared slot is as its key says, whatever became of the environment.
        for (slot, published) in package.flavor().expect("ours").slots.iter().zip(0..) {
            let path = store.path().join("v1/slots").join(slot_key(&package, published).expect("key"));
            let expected = slot.unpacked.members;
            assert!(!path.exists() || tree(&path).len() as u64 == expected, "{}", vector.name);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(composed > 40 && refused > 25, "{composed} composed, {refused} refused");
}

/// What the description asks for is there.
fn assert_environment(name: &str, workenv: &Workenv, installed: &Installed) {
    let root = &installed.places.workenv;
    for link in &workenv.links {
        let slot =
            installed.places.slots[usize::try_from(link.slot).expect("slot")].as_ref().expect("shared");
        let target = if link.to.is_empty() { slot.clone() } else { slot.join(&link.to) };
        let path = root.join(&link.path);
        match link.kind {
            LinkKind::Symlink => assert_eq!(std::fs::read_link(&path).expect(name), target, "{name}"),
            LinkKind::Copy => {
                assert!(path.symlink_metadata().expect(name).is_file(), "{name}: {}", link.path);
                assert_eq!(std::fs::read(&path).expect(name), std::fs::read(&target).expect(name), "{name}");
            }
        }
    }
    for file in &workenv.files {
        let path = root.join(&file.path);
        let mode = path.symlink_metadata().expect(name).permissions().mode() & 0o7777;
        assert_eq!(format!("{mode:04o}"), file.mode, "{name}: {}", file.path);
        let content = installed.places.replace(&file.content).expect(name);
        assert_eq!(std::fs::read(&path).expect(name), content, "{name}: {}", file.path);
    }
    for entry in &workenv.unpack {
        assert!(root.join(&entry.into).is_dir(), "{name}: {}", entry.into);
    }
}

#[test]
fn s16_slot_keys_are_those_of_the_table() {
    let mut compared = 0;
    for (vector, package) in reached() {
        for (slot, expected) in vector.slot_keys.iter().enumerate() {
            let found = slot_key(&package, slot);
            // The table has keys of slots with frames only.
            assert_eq!(expected.is_some(), !package.frames(slot).is_empty(), "{}, slot {slot}", vector.name);
            if let Some(expected) = expected {
                assert_eq!(found.ok().as_ref(), Some(expected), "{}, slot {slot}", vector.name);
                compared += 1;
            }
        }
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn s16_what_decides_what_a_tree_looks_like_enters_its_key_and_nothing_else() {
    let key = |vector: &Vector| vector.slot_keys[0].clone().expect("a key");
    let vectors = vectors();
    let group =
        |prefix: &str| vectors.iter().filter(|vector| vector.name.starts_with(prefix)).collect::<Vec<_>>();
    let tree = key(group("key-tree")[0]);
    let (same, other) = (group("key-same-"), group("key-other-"));
    assert!(same.len() > 4 && other.len() > 4);
    for vector in same {
        assert_eq!(key(vector), tree, "{}", vector.name);
    }
    let others: BTreeSet<String> = other.iter().map(|vector| key(vector)).chain([tree]).collect();
    assert_eq!(others.len(), other.len() + 1, "each of them differs from all others");
}
