use super::*;
use crate::publish::{Records, publish_slot};
use crate::staging::Staging;
use crate::test_package::Entry;
use pspf::ErrorCode;

/// Publishes a slot that must be refused; checks that nothing is left and nothing was written outside.
fn refused(builder: Builder) -> ErrorCode {
    let store = Store::new();
    let package = open(builder);
    let staging = Staging::create(&store.root).expect("staging");
    let error =
        publish_slot(&store.root, &staging, &package, 0, Records::Believed).expect_err("must be refused");
    drop(staging);
    assert!(names(&store.path().join("v1/slots")).is_empty());
    assert!(names(&store.path().join("v1/tmp")).is_empty());
    assert_eq!(names(store.folder.path()), ["store"]);
    error.code()
}

fn slot(entries: &[Entry]) -> Builder {
    Builder::new().slot(true, entries)
}

#[test]
fn s14_links_that_leave_the_slot_publish_nothing() {
    for target in ["..", "../x", "../../../../etc/passwd", "a/../../x"] {
        assert_eq!(refused(slot(&[directory("a"), link("out", target)])), ErrorCode::StoreLink, "{target}");
    }
}

#[test]
fn s14_a_chain_of_links_that_leaves_the_slot_publishes_nothing() {
    let chain = [directory("a"), directory("a/b"), link("step", "a/b"), link("z", "step/../../../outside")];
    assert_eq!(refused(slot(&chain)), ErrorCode::StoreLink);
}

#[test]
fn s14_a_member_below_a_link_publishes_nothing() {
    let through = [directory("a"), link("l", "a"), file("l/f", b"x"), file("m", b"y")];
    assert_eq!(refused(slot(&through)), ErrorCode::StoreLink);
    // In any order: frames are unpacked at the same time.
    let before = [file("l/f", b"x"), directory("a"), link("l", "a")];
    assert_eq!(refused(slot(&before)), ErrorCode::StoreLink);
}

#[test]
fn s14_a_path_that_occurs_twice_publishes_nothing() {
    assert_eq!(refused(slot(&[file("f", b"1"), file("g", b"2"), file("f", b"3")])), ErrorCode::StoreLink);
    assert_eq!(refused(slot(&[file("f", b"1"), link("f", "g")])), ErrorCode::StoreLink);
    assert_eq!(refused(slot(&[directory("d"), file("e", b""), file("d", b"")])), ErrorCode::StoreLink);
    assert_eq!(refused(slot(&[file("d", b""), file("d/e", b"")])), ErrorCode::StoreLink);
}

#[test]
fn a_member_whose_folder_is_no_member_publishes_nothing() {
    assert_eq!(refused(slot(&[file("d/f", b"x")])), ErrorCode::StoreLink);
}

#[test]
fn s11_more_or_less_than_the_signed_totals_publishes_nothing() {
    let entries = [file("a", b"12345"), file("b", b"678"), file("c", b"")];
    for (bytes, members) in [(7, 3), (8, 2), (9, 3), (8, 4), (1, 1)] {
        let code = refused(slot(&entries).claiming(bytes, members));
        assert_eq!(code, ErrorCode::StoreUnpacked, "{bytes} bytes, {members} members");
    }
}
