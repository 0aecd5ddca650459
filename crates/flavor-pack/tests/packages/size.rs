//! What `measure` says: the rows add up to the file whatever is in it, each file is found under the distribution that its
//! RECORD names, and what does not verify is refused like everywhere else.

use std::path::Path;

use flavor_pack::Error;
use flavor_pack::progress::{Progress, Silent};
use flavor_pack::size::{Report, Row, RowKind, measure};
use pspf::ErrorCode;

use crate::by_hand::{HandSlot, file, folder, foreign, link, ours};
use crate::support::{Stage, filler};
use crate::table::vectors;

fn measured(bytes: &[u8]) -> Result<Report, Error> {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("package.psp");
    std::fs::write(&path, bytes).expect("write");
    measure(&path, &Silent)
}

/// Rows without children.
fn leaves(report: &Report) -> impl Iterator<Item = &Row> {
    let rows = &report.rows;
    let has_children = |number: usize| rows.iter().any(|row| row.parent == Some(number));
    rows.iter().enumerate().filter(move |(number, _)| !has_children(*number)).map(|(_, row)| row)
}

fn check_sums(report: &Report) {
    assert_eq!(leaves(report).map(|row| row.stored).sum::<u64>(), report.size, "leaves");
    for (number, row) in report.rows.iter().enumerate() {
        let children = || report.rows.iter().filter(|row| row.parent == Some(number));
        if children().next().is_some() {
            assert_eq!(
                children().map(|row| row.stored).sum::<u64>(),
                row.stored,
                "{} {row:?}",
                report.path.display()
            );
            assert_eq!(children().map(|row| row.files).sum::<u64>(), row.files, "{row:?}");
        }
        assert!(row.parent.is_none_or(|parent| parent < number), "{row:?}");
    }
}

fn row<'a>(report: &'a Report, names: &[&str]) -> &'a Row {
    let mut at = 0;
    for name in names {
        let find = |(_, row): &(usize, &Row)| row.parent == Some(at) && row.name == *name;
        let rows = || report.rows.iter().enumerate();
        at = rows().find(find).map_or_else(|| panic!("no row {names:?}: {:#?}", report.rows), |(row, _)| row);
    }
    &report.rows[at]
}

#[test]
fn the_rows_of_every_vector_add_up_to_its_length_and_broken_ones_are_refused_by_their_code() {
    let mut wrong = Vec::new();
    let mut sound = 0;
    for vector in vectors() {
        match (measured(&vector.bytes), &vector.refusal) {
            (Ok(report), None) => {
                check_sums(&report);
                sound += 1;
            }
            (Err(error), Some(refusal)) if error.code() == refusal.code => {}
            // Slots of other builders are decoded here and not by `verify`.
            (Err(error), None) if vector.unpack.is_some() => {
                assert!(error.code().as_str().starts_with("ERR_PSPF_"), "{}: {error}", vector.name);
            }
            (found, refusal) => wrong.push(format!(
                "{}: {:?}, expected {:?}",
                vector.name,
                found.map(|report| report.size).map_err(|error| error.to_string()),
                refusal.as_ref().map(|refusal| refusal.code)
            )),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(sound > 20, "{sound}");
}

#[test]
fn a_package_has_its_regions_parts_distributions_and_files_as_rows() {
    let stage = Stage::new();
    let record = "click/__init__.py,,\nclick/core.py,,\nClick-8.0.dist-info/RECORD,,\n../../../bin/click,,\n";
    stage.file("dependencies/Click-8.0.dist-info/RECORD", record.as_bytes(), false);
    stage.file("dependencies/Click-8.0.dist-info/METADATA", b"Name: click\nVersion: 8.0\n\nName: x\n", false);
    stage.file("dependencies/click/__pycache__/core.cpython-314.pyc", &filler(5000), false);
    stage.file("dependencies/bin/click", b"#!", true);
    stage.file("dependencies/loose.txt", &filler(100), false);
    let (assembled, _) = stage.assembled();
    let report = measure(&assembled.path, &Silent).expect("measure");
    check_sums(&report);
    let kinds: Vec<RowKind> =
        report.rows.iter().filter(|row| row.parent == Some(0)).map(|row| row.kind).collect();
    for kind in [RowKind::Launcher, RowKind::Metadata, RowKind::SlotTable, RowKind::Trailer, RowKind::Padding]
    {
        assert!(kinds.contains(&kind), "{kind:?}");
    }
    assert_eq!(row(&report, &["launcher"]).stored, 333);
    assert_eq!(row(&report, &["trailer"]).stored, 8200);
    let click = row(&report, &["dependencies", "click"]);
    assert_eq!((click.kind, click.version.as_deref()), (RowKind::Distribution, Some("8.0")));
    assert_eq!(click.files, 6);
    let bytecode = row(&report, &["dependencies", "click", "click", "__pycache__", "core.cpython-314.pyc"]);
    assert_eq!(bytecode.unpacked, 5000);
    assert_eq!(bytecode.path.as_deref(), Some("click/__pycache__/core.cpython-314.pyc"));
    assert_eq!(row(&report, &["dependencies", "other files", "loose.txt"]).files, 1);
    assert_eq!(row(&report, &["runtime", "standard library"]).unpacked, 9000);
    assert_eq!(row(&report, &["runtime", "interpreter"]).files, 1);
    assert_eq!(report.slots.iter().map(|slot| slot.level).collect::<Vec<_>>(), [Some(9), Some(9), Some(9)]);
    let types: u64 = report.types.iter().map(|kind| kind.stored).sum();
    let files: u64 = leaves(&report).filter(|row| row.kind == RowKind::File).map(|row| row.stored).sum();
    assert_eq!(types, files);
}

#[test]
fn a_frame_is_shared_out_by_content_and_folders_alone_have_a_row_of_their_own() {
    let content =
        [file("a", &filler(3000)), file("b", &filler(1000)), file("empty", b""), vec![0; 1024]].concat();
    let slot = HandSlot::new("tree", "tar.zst", &content, (4000, 3), usize::MAX);
    let report = measured(&ours("linux", std::slice::from_ref(&slot))).expect("measure");
    check_sums(&report);
    let stored = slot.stored.len() as u64;
    let (a, b) = (row(&report, &["tree", "a"]).stored, row(&report, &["tree", "b"]).stored);
    assert_eq!(a + b, stored);
    assert!(a.abs_diff(3 * b) <= 3, "{a} {b}");
    assert_eq!(row(&report, &["tree", "empty"]).stored, 0);

    let slot = HandSlot::tree("tar.zst", &[folder("a"), folder("a/b"), link("a/l", "b")], (0, 3));
    let report = measured(&ours("linux", std::slice::from_ref(&slot))).expect("measure");
    check_sums(&report);
    let archive = row(&report, &["tree", "folders and ends of archives"]);
    assert_eq!((archive.kind, archive.stored), (RowKind::Archive, slot.stored.len() as u64));
}

#[test]
fn files_in_several_frames_get_a_part_of_each() {
    let stage = Stage::new();
    let large = filler(40 * 1024 * 1024);
    stage.file("application/large", &large, false);
    let mut request = stage.request(&stage.plan());
    request.level = 3;
    let assembled = flavor_pack::assemble::assemble(&request, &Silent).expect("assemble");
    let report = measure(&assembled.path, &Silent).expect("measure");
    check_sums(&report);
    let slot = row(&report, &["application"]).stored;
    let large = row(&report, &["application", "large"]);
    // All but the frames of the small files.
    assert!(large.stored > slot - 1000 && large.stored < slot, "{} of {slot}", large.stored);
    assert_eq!(report.slots[2].level, Some(3));
}

#[test]
fn every_chain_and_slots_of_one_file_are_measured_too() {
    let text = filler(9000);
    let mut slots: Vec<HandSlot> = ["raw", "gzip", "zstd", "bzip2", "xz"]
        .iter()
        .map(|chain| HandSlot::new(chain, chain, &text, (9000, 1), 4096))
        .collect();
    for chain in ["tar", "tar.gz", "tar.zst", "tar.bz2", "tar.xz"] {
        slots.push(HandSlot::tree(chain, &[file("one", &text), file("two", &text)], (18_000, 2)));
    }
    slots.push(HandSlot::stored("self", "raw", Vec::new(), (0, 0)));
    for bytes in [ours("linux", &slots), foreign(&slots)] {
        let report = measured(&bytes).expect("measure");
        check_sums(&report);
        for slot in &report.slots[..5] {
            assert_eq!((slot.unpacked, slot.files, slot.tree), (9000, 1, false), "{slot:?}");
        }
        for slot in &report.slots[5..10] {
            assert_eq!((slot.unpacked, slot.files, slot.tree), (18_000, 2, true), "{slot:?}");
        }
        let [same] = report.duplicates.as_slice() else { panic!("{:?}", report.duplicates) };
        assert_eq!((same.size, same.copies.len()), (9000, 15));
    }
}

#[test]
fn a_package_without_slots_has_rows() {
    for bytes in [ours("linux", &[]), foreign(&[])] {
        let report = measured(&bytes).expect("measure");
        check_sums(&report);
        assert!(report.slots.is_empty() && report.types.is_empty() && report.duplicates.is_empty());
    }
}

#[test]
fn what_nobody_vouches_for_is_not_looked_into() {
    let slot =
        HandSlot { digest: false, ..HandSlot::stored("_attestation", "gzip", b"no gzip".to_vec(), (7, 1)) };
    let report = measured(&foreign(&[slot])).expect("measure");
    check_sums(&report);
    assert_eq!(row(&report, &["_attestation"]).stored, 7);
    let slot = HandSlot { digest: false, ..HandSlot::new("data", "raw", b"text", (4, 1), 0) };
    assert_eq!(measured(&foreign(&[slot])).expect_err("refuse").code(), ErrorCode::PspfForeign);
}

#[test]
fn a_byte_that_was_changed_is_refused_wherever_it_is() {
    let stage = Stage::new();
    let (_, bytes) = stage.assembled();
    for at in [5, 400, bytes.len() / 2, bytes.len() - 9000, bytes.len() - 5000] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        let error = measured(&damaged).expect_err("refuse");
        assert!(error.code().as_str().starts_with("ERR_PSPF_"), "byte {at}: {error}");
    }
    let missing = measure(Path::new("/nowhere/x.psp"), &Silent).expect_err("refuse");
    assert_eq!(missing.code(), ErrorCode::FlavorNotFound);
}

#[test]
fn folders_of_tests_that_ordinary_modules_import_are_named() {
    let stage = Stage::new();
    stage.file("dependencies/click/tests/__init__.py", b"", false);
    stage.file("dependencies/click/tests/test_x.py", b"import numpy.tests\n", false);
    stage.file("dependencies/click/testing.py", b"from click.tests import helper\n", false);
    let (assembled, _) = stage.assembled();
    let report = measure(&assembled.path, &Silent).expect("measure");
    assert_eq!(report.imported_tests, ["click/tests"]);
}

#[test]
fn measuring_can_be_stopped() {
    struct Stop;
    impl Progress for Stop {
        fn is_cancelled(&self) -> bool {
            true
        }
    }
    let (assembled, _) = Stage::new().assembled();
    assert_eq!(measure(&assembled.path, &Stop).expect_err("stopped").code(), ErrorCode::FlavorAborted);
}
