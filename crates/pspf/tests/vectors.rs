//! Every vector of `__test__/vectors` through the reader of this crate: the outcome is the one of the table, with the
//! layer, the step and the code; and what is right renders again to the same bytes.

mod support;

use pspf::{Metadata, Package, render};
use support::{Refusal, Vector, judge, vectors};

#[test]
fn p2_every_vector_has_the_outcome_of_the_table() {
    let vectors = vectors();
    let mut wrong = Vec::new();
    for vector in &vectors {
        let expected = vector.refusal.clone().filter(|refusal| !is_tree(refusal));
        let found = judge(&vector.bytes).err();
        if found != expected {
            wrong.push(format!("{}: found {found:?}, expected {expected:?}", vector.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {} vectors:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
}

/// Member lists are judged by whoever unpacks; this crate accepts those vectors.
fn is_tree(refusal: &Refusal) -> bool {
    refusal.layer == support::Layer::Tree
}

#[test]
fn most_vectors_are_wrong_and_each_region_has_some() {
    let vectors = vectors();
    let wrong = vectors.iter().filter(|vector| vector.refusal.is_some()).count();
    assert!(2 * wrong > vectors.len(), "{wrong} of {}", vectors.len());
    let count = |group: &str| vectors.iter().filter(|vector| vector.name.starts_with(group)).count();
    for (group, least) in [
        ("trailer-", 8),
        ("index-", 20),
        ("metadata-", 20),
        ("signature-", 15),
        ("signer-key-", 2),
        ("json-", 40),
        ("model-", 40),
        ("rendering-", 40),
        ("launcher-", 3),
        ("slot-", 4),
        ("operations-", 15),
        ("frames-", 40),
        ("split-", 8),
        ("tar-", 40),
        ("name-", 20),
        ("tree-", 20),
        ("limit-", 6),
        ("composition-", 100),
        ("key-", 10),
        ("foreign-", 30),
        ("good-", 40),
    ] {
        assert!(count(group) >= least, "{group}: {}, at least {least} are wanted", count(group));
    }
}

#[test]
fn what_is_right_renders_again_to_the_same_bytes() {
    let mut rendered = 0;
    for Vector { name, bytes, .. } in vectors().iter().filter(|vector| vector.refusal.is_none()) {
        let package = Package::open(bytes.as_slice()).expect(name);
        let Some(flavor) = package.flavor() else { continue };
        let index = package.index();
        let json = package.metadata_json();
        let metadata = Metadata::decode(json).expect(name);
        let parts = render::render(json, &metadata, index.public_key, index.signature).expect(name);
        let mut again = bytes[..usize::try_from(flavor.launcher.size).expect("small")].to_vec();
        again.extend_from_slice(&parts.metadata);
        if !parts.table.is_empty() {
            again.resize(usize::try_from(parts.table_offset).expect("small"), 0);
            again.extend_from_slice(&parts.table);
        }
        for (descriptor, offset) in package.descriptors().iter().zip(&parts.slot_offsets) {
            again.resize(usize::try_from(*offset).expect("small"), 0);
            let start = usize::try_from(descriptor.offset).expect("small");
            let size = usize::try_from(descriptor.size).expect("small");
            again.extend_from_slice(&bytes[start..start + size]);
        }
        again.extend_from_slice(&parts.trailer);
        assert!(again == *bytes, "{name}: rendering it again gives other bytes");
        rendered += 1;
    }
    assert!(rendered >= 40, "{rendered} packages of ours");
}
