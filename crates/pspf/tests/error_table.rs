//! The table of codes in FORMAT.md, `errors.json` and what the reader really says are one thing: no code is missing
//! from either table, and each is the outcome of a vector or of a test of this file.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use pspf::{ErrorCode, Package, ReadAt};
use serde_json::Value;

const FORMAT: &str = include_str!("../FORMAT.md");

/// Codes of the format in `errors.json`: exit of `flavor`, exit of a launcher.
fn codes() -> BTreeMap<String, (u64, u64)> {
    let rows: Vec<Value> = serde_json::from_str(include_str!("../errors.json")).expect("errors.json");
    let rows = rows.iter().filter(|row| row["layer"] == "pspf");
    let number = |value: &Value| value.as_u64().expect("a number");
    rows.map(|row| {
        let code = row["code"].as_str().expect("a code").to_owned();
        (code, (number(&row["cli"]), number(&row["launcher"])))
    })
    .collect()
}

/// Rows of §16: code, when, exits.
fn rows() -> Vec<Vec<&'static str>> {
    let section = FORMAT.split_once("\n## 16 Codes\n").expect("§16").1;
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let rows = section.lines().filter(|line| line.starts_with("| `ERR_"));
    rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_table_of_codes_and_errors_json_agree() {
    let mut stated = BTreeMap::new();
    for row in rows() {
        assert_eq!(row.len(), 5, "{row:?}");
        let code = row[0].trim_matches('`').to_owned();
        let exits = (row[2].parse().expect("an exit"), row[3].parse().expect("an exit"));
        assert!(stated.insert(code, exits).is_none(), "{} stands twice", row[0]);
    }
    assert_eq!(stated, codes());
}

#[test]
fn every_code_that_the_document_names_exists() {
    let known: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    for word in FORMAT.split(|character: char| !(character.is_ascii_uppercase() || character == '_')) {
        // `ERR_PSPF_…` stands for all codes of a layer.
        if word.starts_with("ERR_") && !word.ends_with('_') {
            assert!(known.contains(word), "{word}");
        }
    }
}

#[test]
fn each_code_is_the_outcome_of_a_vector_or_of_a_test_here_at_the_step_that_the_table_names() {
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for refusal in support::vectors().into_iter().filter_map(|vector| vector.refusal) {
        let step = refusal.step.split(' ').next().unwrap_or_default().to_owned();
        seen.entry(refusal.code.as_str().to_owned()).or_default().insert(step);
    }
    // `the_file_cannot_be_read` below, at whatever step it happens.
    seen.entry(ErrorCode::PspfIo.as_str().to_owned()).or_default().insert("any".to_owned());
    // `the_launcher_of_a_foreign_package_cannot_be_checked` below.
    seen.entry(ErrorCode::PspfForeign.as_str().to_owned()).or_default().insert("launcher".to_owned());
    // `tests/large.rs`.
    seen.entry(ErrorCode::PspfLimit.as_str().to_owned()).or_default().insert("metadata".to_owned());
    assert_eq!(seen.keys().cloned().collect::<BTreeSet<_>>(), codes().into_keys().collect());
    for row in rows() {
        let steps: BTreeSet<String> = row[1].split(", ").map(str::to_owned).collect();
        assert_eq!(seen[row[0].trim_matches('`')], steps, "{}: steps seen and stated", row[0]);
    }
}

/// A file that fails from a given read on.
struct Failing {
    bytes: Vec<u8>,
    reads: std::cell::Cell<usize>,
    kind: io::ErrorKind,
}

impl ReadAt for Failing {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let Some(rest) = self.reads.get().checked_sub(1) else { return Err(self.kind.into()) };
        self.reads.set(rest);
        self.bytes.read_exact_at(buffer, offset)
    }
}

#[test]
fn the_file_cannot_be_read() {
    for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::UnexpectedEof] {
        for reads in 0..100 {
            let bytes = support::bytes_of("good-one-slot");
            let source = Failing { bytes, reads: reads.into(), kind };
            let result = Package::open(source)
                .and_then(|package| package.verify_launcher().map(|()| package))
                .and_then(|package| package.verify_slot(0));
            match result {
                Ok(()) => {
                    assert!(reads > 4, "only {reads} reads");
                    break;
                }
                Err(error) => assert_eq!(error.code(), ErrorCode::PspfIo, "{reads} reads: {error}"),
            }
            assert!(reads < 99, "it never succeeds");
        }
    }
}

#[test]
fn the_launcher_of_a_foreign_package_cannot_be_checked() {
    let file = support::bytes_of("foreign-back-to-back");
    let package = Package::open(file.as_slice()).expect("open");
    assert_eq!(package.verify_launcher().expect_err("no digest").code(), ErrorCode::PspfForeign);
}
