//! The check `trust` at the end of a verification.

use std::ffi::OsString;
use std::path::Path;

use flavor_pack::progress::Silent;
use flavor_pack::trust::judge;
use flavor_pack::verify::{Failure, Report, verify};
use pspf::ErrorCode;

const KEY: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// The key of the seed `test123`.
const KNOWN: &str = "9cd6f6b4b6a956c15add65c28ae19feb99857ec30c8daf65f4999f705cfc89a5";

fn report(fingerprint: Option<&str>, failure: Option<Failure>) -> Report {
    let file = tempfile::NamedTempFile::new().expect("file");
    let mut report = verify(file.path(), &Silent).expect("report");
    report.checks.clear();
    report.fingerprint = fingerprint.map(str::to_owned);
    report.package_name = fingerprint.map(|_| "demo".to_owned());
    report.failure = failure;
    report
}

fn judged(mut report: Report, configuration: &Path) -> Report {
    judge(&mut report, |name| (name == "FLAVOR_CONFIG_DIR").then(|| OsString::from(configuration)));
    report
}

#[test]
fn a_verified_package_gets_a_check_that_names_mode_and_pin() {
    let folder = tempfile::tempdir().expect("folder");
    let report = judged(report(Some(KEY), None), folder.path());
    assert!(report.ok());
    assert_eq!(report.checks[0].name, "trust");
    assert_eq!(report.checks[0].detail, "mode integrity, signer not pinned");
}

#[test]
fn a_signer_who_is_not_pinned_where_that_is_required_fails_with_exit_4() {
    let folder = tempfile::tempdir().expect("folder");
    let trust = folder.path().join("trust.json");
    std::fs::write(&trust, r#"{"schema":1,"mode":"require"}"#).expect("write");
    let failed = judged(report(Some(KEY), None), folder.path());
    let failure = failed.failure.expect("failure");
    assert_eq!((failure.code, failure.code.cli_exit()), (ErrorCode::TrustSigner, 4));
    // Damage comes first.
    let damage = Failure { code: ErrorCode::PspfSlotDigest, message: "damaged".to_owned(), offset: None };
    let damaged = judged(report(Some(KEY), Some(damage.clone())), folder.path());
    assert_eq!(damaged.failure, Some(damage));
    assert!(!damaged.checks[0].ok);
    std::fs::write(&trust, "garbage").expect("write");
    let failed = judged(report(Some(KEY), None), folder.path());
    assert_eq!(failed.failure.expect("failure").code, ErrorCode::TrustFile);
}

#[test]
fn s7_a_publicly_known_key_fails_in_every_mode_and_no_signer_is_not_judged() {
    let folder = tempfile::tempdir().expect("folder");
    let known = judged(report(Some(KNOWN), None), folder.path());
    let failure = known.failure.expect("failure");
    assert_eq!((failure.code, failure.code.cli_exit()), (ErrorCode::TrustPublicKey, 4));
    assert!(judged(report(None, None), folder.path()).checks.is_empty());
}
