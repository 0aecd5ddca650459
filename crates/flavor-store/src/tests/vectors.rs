//! The vectors of the format, unpacked: what the table refuses publishes nothing and leaves nothing, with the code that
//! the table has for launchers.

#[allow(dead_code, reason = "shared with the tests of pspf, which use more of it")]
#[path = "../../../pspf/tests/support/table.rs"]
mod table;

use pspf::Package;
use pspf::operations::OperationChain;

use super::*;
use crate::publish::{Records, publish_slot};
use crate::staging::Staging;
use table::{Layer, vectors};

#[test]
fn p2_every_vector_unpacks_or_publishes_nothing_as_the_table_says() {
    let (mut wrong, mut unpacked, mut refused) = (Vec::new(), 0, 0);
    for vector in vectors() {
        let layer = vector.refusal.as_ref().map(|refusal| refusal.layer);
        // What is refused earlier never gets here: a start opens a package and compares every byte first.
        if layer.is_some_and(|layer| layer < Layer::Content) {
            continue;
        }
        let package = Package::open(vector.bytes.clone()).expect(&vector.name);
        // Names are judged for the system of the target, and a launcher refuses packages for other systems first.
        if vector.name.starts_with("names-") {
            continue;
        }
        // The store unpacks trees in frames; everything else is foreign to it.
        let frames = package.metadata().slots.first().is_some_and(|slot| {
            OperationChain::parse(&slot.operations).is_ok_and(|chain| chain == OperationChain::tar_zstd())
        });
        if package.is_foreign() || !frames {
            continue;
        }
        let store = Store::new();
        let staging = Staging::create(&store.root).expect("staging");
        let found = publish_slot(&store.root, &staging, &package, 0, Records::Believed).map(|_| ());
        drop(staging);
        let found = found.map_err(|error| error.code()).err();
        let expected = vector.unpack.or_else(|| vector.refusal.as_ref().map(|refusal| refusal.code));
        if found != expected {
            wrong.push(format!("{}: found {found:?}, expected {expected:?}", vector.name));
        }
        if expected.is_some() {
            refused += 1;
            assert!(names(&store.path().join("v1/slots")).is_empty(), "{} is published", vector.name);
            assert!(names(&store.path().join("v1/tmp")).is_empty(), "{} leaves something", vector.name);
        } else {
            unpacked += 1;
        }
        assert_eq!(names(store.folder.path()), ["store"], "{} writes outside", vector.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(unpacked > 20 && refused > 100, "{unpacked} unpacked, {refused} refused");
}
