//! What slots of foreign packages become in their private environment (STORE.md 8.7–8.9), and what becomes of changed ones.

use serde_json::{Value, json};

use crate::foreign_package::place::{Place, bare, refused};
use crate::foreign_package::{
    Entry, Foreign, GZIP, RAW, TAR, TAR_ZSTD, TGZ, file, folder, gzip, link, slot, tar,
};
use crate::support::{code, err, out, write_package};

#[test]
fn slots_are_undone_as_their_chains_say() {
    let tree = |name: &str| tar(&[folder(name, 0o755), file(&format!("{name}/f"), 0o644, name)]);
    let zstd = |content: &[u8]| zstd::bulk::compress(content, 3).expect("compress");
    let package = Foreign::new("/bin/true")
        .slot(slot("a", "{workenv}", TAR, &tree("a")))
        .slot(slot("b", "b", TGZ, &[gzip(&tree("b")[..700]), gzip(&tree("b")[700..])].concat()))
        .slot(slot("c", "", TAR_ZSTD, &zstd(&tree("c"))))
        .slot(slot("d", "{workenv}/d", 0x1b10, &zstd(&gzip(b"d"))))
        // Labelled as an archive by the Python builder, and none.
        .slot(slot("e", "{workenv}//./e/f", TGZ, &gzip(b"e")))
        // An archive that its chain does not announce is one file.
        .slot(slot("f", "f.tar", RAW, &tree("f")))
        .slot(slot("g", "g", RAW, b""))
        .slot(slot("self", "self", RAW, b"").with("self_ref", true).with("checksum", ""));
    let place = Place::new(&package.bytes());
    let output = place.run(&[]);
    assert_eq!(code(&output), Some(0), "{}", err(&output));
    for (path, content) in [("a/f", "a"), ("b/f", "b"), ("c/f", "c"), ("d", "d"), ("e/f", "e"), ("g", "")] {
        assert_eq!(place.read(path), content, "{path}");
    }
    assert_eq!(std::fs::read(place.environment().join("f.tar")).expect("read"), tree("f"));
    assert!(!place.environment().join("self").exists());
}

#[test]
fn a_later_slot_replaces_files_and_nothing_else() {
    let tree = |entries: &[Entry]| slot("t", "{workenv}", TAR, &tar(entries));
    let package = Foreign::new("/bin/cat {workenv}/d/f {workenv}/g")
        .slot(tree(&[folder("d", 0o755), file("d/f", 0o644, "old"), file("g", 0o644, "g")]))
        .slot(tree(&[file("d/f", 0o600, "new")]));
    let place = Place::new(&package.bytes());
    assert_eq!(out(&place.run(&[])), "newg");
    assert_eq!(place.mode("d/f"), 0o600);
    for (first, second) in [
        (file("p", 0o644, "x"), folder("p", 0o755)),
        (folder("p", 0o755), file("p", 0o644, "x")),
        (file("p", 0o644, "x"), file("p/q", 0o644, "x")),
        (link("p", "q"), file("p", 0o644, "x")),
        (file("p", 0o644, "x"), link("p", "q")),
        (link("p", "q"), link("p", "q")),
        (link("p", "q"), file("p/r", 0o644, "x")),
    ] {
        let package = Foreign::new("/bin/true").slot(tree(&[first])).slot(tree(&[second]));
        let place = Place::new(&package.bytes());
        refused(&place.run(&[]), 103, "ERR_STORE_COMPOSITION");
        assert!(place.environments().is_empty());
    }
    let twice = Foreign::new("/bin/true").slot(tree(&[file("p", 0o644, "x"), file("p", 0o644, "y")]));
    refused(&Place::new(&twice.bytes()).run(&[]), 103, "ERR_STORE_LINK");
    let mark = Foreign::new("/bin/true").slot(slot("m", ".flavor-private", RAW, b"x"));
    refused(&Place::new(&mark.bytes()).run(&[]), 103, "ERR_STORE_COMPOSITION");
}

#[test]
fn s21_a_slot_without_a_full_digest_is_refused_unless_it_is_the_attestation() {
    for checksum in ["", "0123456789abcdef", "sha256:00", "md5:0"] {
        let package =
            Foreign::script("echo started").slot(slot("x", "x", RAW, b"x").with("checksum", checksum));
        let place = Place::new(&package.bytes());
        let output = place.run(&[]);
        refused(&output, 110, "ERR_PSPF_FOREIGN");
        assert_eq!(out(&output), "");
        assert!(!place.home.store().exists());
    }
    // The attestation is never executed, whatever the package says: it is not there.
    let attestation = slot("_attestation", "run", RAW, b"#!/bin/sh\necho wrong\n").with("checksum", "");
    let output = Place::new(&Foreign::new("{workenv}/run").slot(attestation).bytes()).run(&[]);
    refused(&output, 104, "ERR_LAUNCH_EXECUTE");
    assert_eq!(out(&output), "");
}

#[test]
fn s21_no_mode_of_a_package_has_more_than_permissions() {
    let tree = tar(&[folder("d", 0o7777), file("d/f", 0o4755, "f"), file("d/g", 0o2640, "g")]);
    let package = Foreign::new("/bin/true")
        .slot(slot("one", "one", RAW, b"one").with("permissions", "04755"))
        .slot(slot("none", "none", RAW, b"none").with("permissions", Value::Null))
        .slot(slot("zero", "zero", RAW, b"zero").with("permissions", "rubbish"))
        .slot(slot("tree", "{workenv}", TAR, &tree))
        .setup(json!([
            {"type": "write_file", "path": "w", "content": "w", "mode": 2541},
            {"type": "chmod", "path": "none", "mode": "6711"},
            {"type": "chmod", "path": "shut", "mode": "7000"},
        ]))
        .edit(|document| {
            document["workenv"] =
                json!({"directories": [{"path": "s", "mode": "4755"}, {"path": "shut", "mode": "0"}]});
        });
    let place = Place::new(&package.bytes());
    let output = place.run(&[]);
    assert_eq!(code(&output), Some(0), "{}", err(&output));
    for (path, mode) in [
        ("one", 0o755),
        ("none", 0o711),
        ("zero", 0o600),
        ("d", 0o777),
        ("d/f", 0o755),
        ("d/g", 0o640),
        ("w", 0o755),
        ("s", 0o755),
        ("shut", 0o700),
        ("", 0o755),
    ] {
        assert_eq!(place.mode(path), mode, "{path}");
    }
}

#[test]
fn s21_another_reading_of_the_same_bytes_is_another_environment() {
    // The slot table of a foreign package is not signed: whoever changes it changes no signed byte.
    let script = gzip(b"echo decoded\n");
    let package = |operations| {
        let mut slot = slot("app", "app", GZIP, &script);
        slot.operations = operations;
        Foreign::new("/bin/sh {workenv}/app").slot(slot)
    };
    let genuine = Place::new(&package(GZIP).bytes());
    let hostile = package(RAW).bytes();
    let altered = genuine.home.0.path().join("altered.psp");
    write_package(&altered, &hostile);
    let mut command = genuine.home.command(bare());
    command.env("FLAVOR_LAUNCHER_CLI", "1").arg("run").arg(&altered).output().expect("start");
    assert_eq!(out(&genuine.run(&[])), "decoded\n");
    assert_eq!(genuine.environments().len(), 2);
}

#[test]
fn s6_a_changed_slot_or_metadata_byte_runs_nothing() {
    let setup = json!(["/bin/sh -c 'echo setup > \"$HOME/log\"'"]);
    let bytes = Foreign::script("echo started").setup(setup).slot(slot("x", "x", RAW, b"0123456789")).bytes();
    let package = pspf::Package::open(bytes.clone()).expect("package");
    let slot = |number: usize| usize::try_from(package.descriptors()[number].offset).expect("offset");
    let metadata = usize::try_from(package.index().metadata_offset).expect("offset");
    for (position, exit) in [(slot(0) + 3, 103), (slot(1) + 9, 103), (metadata + 200, 102)] {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        let place = Place::new(&changed);
        let output = place.run(&[]);
        assert_eq!(code(&output), Some(exit), "{}", err(&output));
        assert_eq!(out(&output), "");
        assert!(place.environments().is_empty());
        assert!(!place.home.0.path().join("log").exists());
    }
    // A start that finds its environment compares every byte as well.
    let place = Place::new(&bytes);
    assert_eq!(out(&place.run(&[])), "started\n");
    let mut changed = bytes;
    changed[slot(1)] ^= 1;
    write_package(&place.package, &changed);
    refused(&place.run(&[]), 103, "ERR_PSPF_SLOT_DIGEST");
}
