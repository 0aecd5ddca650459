//! Verification and repair of a store against the packages that it came from (S18).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;
use crate::environment::{environment_name, install};
use crate::repair::{Condition, Kind, Report, Watch, repair, verify};
use crate::slot_key::slot_key;
use crate::staging::Staging;

#[derive(Default)]
struct Quiet {
    read: AtomicU64,
    cancelled: AtomicBool,
}

impl Watch for Quiet {
    fn progress(&self, _path: &Path, read: u64, total: u64) {
        assert!(read <= total);
        self.read.fetch_max(read, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

struct Case {
    store: Store,
    package: Package<Vec<u8>>,
    file: PathBuf,
}

impl Case {
    fn new() -> Self {
        let store = Store::new();
        let file = store.folder.path().join("demo.psp");
        std::fs::write(&file, demo().bytes()).expect("write");
        let package = open(demo());
        let staging = Staging::create(&store.root).expect("staging");
        install(&store.root, &staging, &package, &wanted(&package)).expect("install");
        drop(staging);
        Self { store, package, file }
    }

    fn slot(&self, position: usize) -> PathBuf {
        self.store.root.slot_path(&slot_key(&self.package, position).expect("key"))
    }

    fn workenv(&self) -> PathBuf {
        self.store.root.environment_path(&environment_name(&self.package))
    }

    fn verify(&self) -> Report {
        verify(&self.store.root, std::slice::from_ref(&self.file), &Quiet::default()).expect("verify")
    }

    fn repair(&self) -> Report {
        repair(&self.store.root, std::slice::from_ref(&self.file), &Quiet::default()).expect("repair")
    }
}

/// Conditions of environment, slot 0 and slot 1.
fn conditions(case: &Case, report: &Report) -> [Condition; 3] {
    let of = |kind: Kind, path: PathBuf| {
        let name = path.file_name().expect("name").to_str().expect("text").to_owned();
        let finding = report.findings.iter().find(|finding| (finding.kind, &finding.name) == (kind, &name));
        finding.expect("a finding").condition
    };
    [of(Kind::Environment, case.workenv()), of(Kind::Slot, case.slot(0)), of(Kind::Slot, case.slot(1))]
}

#[test]
fn s18_every_change_is_found_by_name_and_repaired_from_the_package() {
    use Condition::{Added, Changed, Incomplete, Intact, Missing};
    use std::os::unix::fs::symlink;
    type Damage = fn(&Case);
    let damages: [(&str, Damage, [Condition; 3]); 9] = [
        ("nothing", |_| (), [Intact; 3]),
        (
            "a byte of a file",
            |case| {
                let path = case.slot(0).join("lib/deep/os.py");
                let mut bytes = std::fs::read(&path).expect("read");
                bytes[200_000] ^= 1;
                std::fs::write(path, bytes).expect("write");
            },
            [Intact, Changed, Intact],
        ),
        (
            "a file removed",
            |case| std::fs::remove_file(case.slot(1).join("click/__init__.py")).expect("remove"),
            [Intact, Intact, Changed],
        ),
        (
            "a file replaced by a link to its like",
            |case| {
                let (path, aside) = (case.slot(1).join("click/__init__.py"), case.store.path().join("aside"));
                std::fs::rename(&path, &aside).expect("rename");
                symlink(&aside, &path).expect("link");
            },
            [Intact, Intact, Changed],
        ),
        (
            "a file added to a slot",
            |case| std::fs::write(case.slot(1).join("sitecustomize.py"), b"evil").expect("write"),
            [Intact, Intact, Added],
        ),
        (
            "a record removed",
            |case| std::fs::remove_file(case.slot(1).with_extension("record")).expect("remove"),
            [Intact, Intact, Incomplete],
        ),
        (
            "a file of the application",
            |case| {
                let path = case.workenv().join("lib/site-packages/app/main.py");
                std::fs::write(path, b"apq").expect("write");
            },
            [Changed, Intact, Intact],
        ),
        (
            "a link of the environment",
            |case| {
                std::fs::remove_file(case.workenv().join("bin/python")).expect("remove");
                symlink("/bin/sh", case.workenv().join("bin/python")).expect("link");
            },
            [Changed, Intact, Intact],
        ),
        (
            "a file added to the environment",
            |case| std::fs::write(case.workenv().join("installed"), b"by pip").expect("write"),
            [Intact; 3],
        ),
    ];
    for (what, damage, expected) in damages {
        let case = Case::new();
        let before = tree(&case.store.path().join("v1/slots"));
        damage(&case);
        assert_eq!(conditions(&case, &case.verify()), expected, "{what}");
        let repaired =
            expected.map(|condition| if condition == Intact { Intact } else { Condition::Repaired });
        assert_eq!(conditions(&case, &case.repair()), repaired, "{what}");
        assert_eq!(conditions(&case, &case.verify()), [Intact; 3], "{what}");
        assert_eq!(tree(&case.store.path().join("v1/slots")), before, "{what}");
        assert!(names(&case.store.path().join("v1/tmp")).is_empty(), "{what}");
    }
    let case = Case::new();
    std::fs::remove_dir_all(case.slot(1)).expect("remove");
    assert_eq!(conditions(&case, &case.verify()), [Intact, Intact, Missing]);
    assert_eq!(conditions(&case, &case.repair()), [Intact, Intact, Condition::Repaired]);
    assert!(case.slot(1).join("click/__init__.py").exists());
}

#[test]
fn s18_what_has_no_package_is_named_and_is_no_failure() {
    let case = Case::new();
    let report = verify(&case.store.root, &[], &Quiet::default()).expect("verify");
    assert_eq!(conditions(&case, &report), [Condition::Unknown; 3]);
    assert!(report.findings.iter().all(|finding| finding.package.is_none()));
    assert!(!Condition::Unknown.is_failure());
}

#[test]
fn verification_changes_nothing_and_repair_of_an_intact_store_neither() {
    let case = Case::new();
    let before = tree(&case.store.path());
    case.verify();
    case.repair();
    assert_eq!(tree(&case.store.path()), before);
}

#[test]
fn a_damaged_package_repairs_nothing_and_takes_nothing_away() {
    let case = Case::new();
    let mut bytes = demo().bytes();
    let offset = usize::try_from(case.package.descriptors()[1].offset).expect("offset");
    bytes[offset + 20] ^= 1;
    std::fs::write(&case.file, bytes).expect("write");
    std::fs::write(case.slot(0).join("bin/python3"), b"#!interpretes").expect("write");
    let before = tree(&case.store.path());
    let given = std::slice::from_ref(&case.file);
    let error = repair(&case.store.root, given, &Quiet::default()).expect_err("damaged");
    assert_eq!(error.code(), pspf::ErrorCode::PspfSlotDigest);
    assert_eq!(tree(&case.store.path()), before);
}

#[test]
fn a_package_that_is_not_in_the_store_is_not_unpacked_by_repair() {
    let case = Case::new();
    let other = case.store.folder.path().join("other.psp");
    std::fs::write(&other, demo().slot(true, &[file("other", b"data")]).bytes()).expect("write");
    let before = names(&case.store.path().join("v1/slots"));
    repair(&case.store.root, &[other], &Quiet::default()).expect("repair");
    assert_eq!(names(&case.store.path().join("v1/slots")), before);
}

#[test]
fn verification_tells_how_far_it_is_and_can_be_cancelled() {
    let case = Case::new();
    let watch = Quiet::default();
    verify(&case.store.root, std::slice::from_ref(&case.file), &watch).expect("verify");
    assert!(watch.read.load(Ordering::Relaxed) > 0);
    watch.cancelled.store(true, Ordering::Relaxed);
    let error = verify(&case.store.root, std::slice::from_ref(&case.file), &watch).expect_err("cancelled");
    assert_eq!(error.code(), pspf::ErrorCode::FlavorAborted);
}
