use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use pspf::ErrorCode;

use super::*;
use crate::{Decision, Mode, Places, decide};

struct Case(tempfile::TempDir);

impl Case {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("folder"))
    }

    fn system(&self) -> PathBuf {
        self.0.path().join("system.json")
    }

    fn user(&self) -> PathBuf {
        self.0.path().join("trust.json")
    }

    fn decide(&self) -> crate::Result<Decision> {
        let places = Places::with_system(self.system(), |name| {
            (name == "FLAVOR_CONFIG_DIR").then(|| self.0.path().into())
        });
        assert_eq!(places.paths(), [self.system(), self.user()]);
        decide(subject("acme"), &places)
    }

    fn refused(&self, expected: &[&str]) {
        let error = self.decide().expect_err("refused");
        assert_eq!(error.code(), ErrorCode::TrustFile);
        let message = error.to_string();
        for expected in expected {
            assert!(message.contains(expected), "{message:?} should contain {expected:?}");
        }
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("write");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).expect("mode");
}

#[test]
fn s20_a_decision_records_every_source_absent_ones_too() {
    let case = Case::new();
    let decision = case.decide().expect("passes");
    assert!(decision.is_settled);
    let paths: Vec<_> = decision.record.sources.iter().map(|source| source.path.clone()).collect();
    assert_eq!(paths, [case.system(), case.user()]);
    assert!(decision.record.sources.iter().all(|source| source.identity.is_none()));

    write(&case.user(), &text("require", &[("us", KEY, r#","expires":"2999-01-01""#)]));
    let decision = case.decide().expect("passes");
    assert_eq!(decision.verdict.mode, Mode::Require);
    assert_eq!(decision.record.expiry, Some(32_472_144_000));
    assert!(decision.record.sources[1].identity.is_some());
    // It was written just now, so a receipt could miss the next change.
    assert!(!decision.is_settled);
}

#[test]
fn s2_a_file_that_cannot_be_read_believed_or_parsed_refuses() {
    let case = Case::new();
    let user = case.user();
    for (text, expected) in [("", "the end"), ("{", "a key"), ("not json", "an object"), ("{}", "schema")] {
        write(&user, text);
        case.refused(&[&user.display().to_string(), expected]);
    }
    write(&user, &text("integrity", &[]));
    assert!(case.decide().is_ok());
    std::fs::set_permissions(&user, std::fs::Permissions::from_mode(0o666)).expect("mode");
    case.refused(&["writable by nobody else"]);
    std::fs::remove_file(&user).expect("remove");
    symlink("nowhere", &user).expect("link");
    case.refused(&["leads nowhere"]);
    std::fs::remove_file(&user).expect("remove");
    std::fs::create_dir(&user).expect("folder");
    case.refused(&["not a regular file"]);
}

#[test]
fn s2_the_systems_file_must_be_roots() {
    let case = Case::new();
    write(&case.system(), &text("require", &[("us", KEY, "")]));
    if is_root() {
        assert_eq!(case.decide().expect("passes").verdict.mode, Mode::Require);
        std::os::unix::fs::chown(case.system(), Some(12345), None).expect("chown");
    }
    case.refused(&["system.json"]);
    // The user's own file may belong to root too.
    std::fs::remove_file(case.system()).expect("remove");
    write(&case.user(), &text("require", &[("us", KEY, "")]));
    assert!(case.decide().is_ok());
}

#[test]
fn a_user_place_that_is_the_systems_is_asked_once() {
    let places = Places::with_system("/c/trust.json".into(), |name| {
        (name == "FLAVOR_CONFIG_DIR").then(|| "/c".into())
    });
    assert_eq!(places.paths(), [PathBuf::from("/c/trust.json")]);
    assert_eq!(Places::new(|_| None).paths(), [PathBuf::from("/etc/flavor/trust.json")]);
}

/// Whether files made here belong to root.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    tempfile::tempfile().and_then(|file| file.metadata()).is_ok_and(|metadata| metadata.uid() == 0)
}
