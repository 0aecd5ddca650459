//! Verification of a whole package: everything that the reader checks when it opens one, the launcher, and every
//! slot with every frame, decoded down to its members, so that a package that verifies can be unpacked. Each byte
//! is read once, from one descriptor (security rule S10). Nothing is written and nothing of the package runs.
//!
//! Whom to trust is not decided here but in [`crate::trust`]. Packages of other builders are checked with what they have;
//! [`verify_deep`] also decodes their slots, and the report says which bytes the signature covers and which not.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use environment::Environment;
use pspf::tar::Member;
use pspf::{ErrorCode, Package, hex};

use crate::coverage::{self, Coverage};
use crate::decode::Slot;
use crate::frames::Meter;
use crate::inspect::ATTESTATION;
use crate::package_file::PackageFile;
use crate::progress::{Progress, Stage};
use crate::{Error, Result};

mod environment;
mod slot;

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// `trailer`, `index`, `metadata`, `signature`, `json`, `signer-key`, `rendering`, `launcher`,
    /// `slot 0 (runtime)`, …, `workenv`
    pub name: String,
    /// Whether it held.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// Code of the failure.
    pub code: Option<ErrorCode>,
}

/// The first failure, for people and exit codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Stable code.
    pub code: ErrorCode,
    /// What was found and what was expected.
    pub message: String,
    /// Absolute byte offset, where there is one.
    pub offset: Option<u64>,
}

/// What verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// Every check, in the order in which they were made.
    pub checks: Vec<Check>,
    /// The first failure; none means that every check held.
    pub failure: Option<Failure>,
    /// Lower hex SHA-256 of the public key, once the signature held.
    pub fingerprint: Option<String>,
    /// Name of the packaged program, once the signature held.
    pub package_name: Option<String>,
    /// Its version, once the signature held.
    pub package_version: Option<String>,
    /// Whether another builder made the package.
    pub foreign: bool,
    /// Every byte of the file in order, once the signature held: what lies there, and what vouches for it.
    pub coverage: Vec<Coverage>,
}

impl Report {
    /// Whether every check held.
    pub fn ok(&self) -> bool {
        self.failure.is_none()
    }

    fn record(&mut self, name: String, result: Result<String>) -> Result<()> {
        match result {
            Ok(detail) => self.checks.push(Check { name, ok: true, detail, code: None }),
            // That the caller wants to stop, or that the disk fails, says nothing about the package.
            Err(error) if !is_verdict(error.code()) => return Err(error),
            Err(error) => {
                let message = error.to_string();
                self.checks.push(Check {
                    name,
                    ok: false,
                    detail: message.clone(),
                    code: Some(error.code()),
                });
                let failure = Failure { code: error.code(), message, offset: error.offset() };
                self.failure.get_or_insert(failure);
            }
        }
        Ok(())
    }
}

/// Verifies every byte of the package at `path`. A damaged package is a report, not an error.
pub fn verify(path: &Path, progress: &dyn Progress) -> Result<Report> {
    run(path, false, progress)
}

/// The same, and the slots of other builders' packages are decoded down to their content too.
pub fn verify_deep(path: &Path, progress: &dyn Progress) -> Result<Report> {
    run(path, true, progress)
}

fn run(path: &Path, deep: bool, progress: &dyn Progress) -> Result<Report> {
    let file = PackageFile::open(path)?;
    let report = verify_open(path, file.file(), deep, progress)?;
    file.must_be_unchanged()?;
    Ok(report)
}

/// The same for a file that is open already.
pub(crate) fn verify_open(path: &Path, file: &File, deep: bool, progress: &dyn Progress) -> Result<Report> {
    let mut report = Report {
        path: path.to_path_buf(),
        checks: Vec::new(),
        failure: None,
        fingerprint: None,
        package_name: None,
        package_version: None,
        foreign: false,
        coverage: Vec::new(),
    };
    progress.check()?;
    let (checks, package) = Package::open_with_checks(file);
    let steps = checks.into_iter();
    report.checks.extend(steps.map(|step| Check {
        name: step.name.to_owned(),
        ok: step.ok,
        detail: step.detail,
        code: step.code,
    }));
    let package = match package {
        Ok(package) => package,
        Err(error) if !is_verdict(error.code()) => return Err(Error::package(path)(error)),
        Err(error) => {
            report.failure =
                Some(Failure { code: error.code(), message: error.to_string(), offset: error.offset() });
            return Ok(report);
        }
    };
    report.fingerprint = Some(hex::encode(&package.fingerprint()));
    report.package_name = Some(package.metadata().package.name.clone());
    report.package_version = Some(package.metadata().package.version.clone());
    report.foreign = package.is_foreign();

    let done = AtomicU64::new(0);
    let total = package.descriptors().iter().map(|slot| slot.size).sum();
    if let Some(flavor) = package.flavor() {
        let launcher = package.verify_launcher().map_err(Error::from);
        let detail = format!(
            "{} bytes as signed, {} {}",
            flavor.launcher.size, flavor.launcher.kind, flavor.launcher.version
        );
        report.record("launcher".to_owned(), launcher.map(|()| detail))?;
    }
    let workenv = package.flavor().filter(|flavor| !flavor.is_plain()).map(|flavor| &flavor.workenv);
    let mut environment = Environment::default();
    // Descriptors without an entry in the metadata mean nothing (FORMAT.md §12).
    for position in 0..package.metadata().slots.len() {
        let slot = match Slot::of(&package, position) {
            Ok(slot) => slot,
            Err(error) => {
                report.record(format!("slot {position}"), Err(error))?;
                continue;
            }
        };
        let meter = Meter { progress, stage: Stage::Verify, done: &done, total, detail: slot.id() };
        let found = verify_slot(&slot, deep, &meter).map(|(detail, members)| {
            if let Some(workenv) = workenv {
                environment.keep(workenv, position, members);
            }
            detail
        });
        report.record(format!("slot {position} ({})", slot.id()), found)?;
    }
    // Without every member list there is nothing to judge.
    if let Some(workenv) = workenv.filter(|_| report.ok()) {
        report.record("workenv".to_owned(), environment.judge(&package, workenv))?;
    }
    report.coverage = coverage::of(&package)?;
    if package.is_foreign() {
        let detail =
            "made by another builder: launcher, slot table and gaps are not covered by its signature";
        report.record("not checked".to_owned(), Ok(detail.to_owned()))?;
    }
    Ok(report)
}

fn verify_slot(slot: &Slot<'_, &File>, deep: bool, meter: &Meter<'_>) -> Result<(String, Vec<Member>)> {
    let foreign = slot.package.is_foreign();
    if slot.expected.is_none() && slot.size() > 0 {
        if slot.id() != ATTESTATION {
            let message = format!("slot {} has no full SHA-256 in the metadata", slot.position);
            return Err(pspf::Error::rule(ErrorCode::PspfForeign, message).into());
        }
        // Nothing of it is ever executed (security rule S21), so its missing digest is no failure.
        if !deep {
            return Ok(("not checked: the metadata has no full SHA-256 of it".to_owned(), Vec::new()));
        }
    }
    if foreign && !deep {
        return Ok((slot::stored(slot, meter)?, Vec::new()));
    }
    slot::content(slot, meter)
}

/// Whether an error is about the package and not about the attempt to read it.
fn is_verdict(code: ErrorCode) -> bool {
    !matches!(
        code,
        ErrorCode::PspfIo | ErrorCode::FlavorIo | ErrorCode::FlavorAborted | ErrorCode::FlavorInternal
    )
}
