//! `verify`: every byte of the file, and one line a check. The first failure ends it and is the exit code.

use std::fmt::Write as _;

use flavor_store::private::{require_slots, verify_slot};
use pspf::{Check, ErrorCode, Package};

use super::{Asked, Context};
use crate::failure::{Failure, Result, escaped};
use crate::json::{Object, array};
use crate::package_file::PackageFile;
use crate::trust;

struct Line {
    name: String,
    detail: String,
    failed: Option<ErrorCode>,
}

impl From<Check> for Line {
    fn from(check: Check) -> Self {
        Self { name: check.name.to_owned(), detail: check.detail, failed: check.code }
    }
}

/// `verify`.
pub(super) fn verify(context: &Context, asked: &Asked) -> Result<()> {
    let (checks, package) = Package::open_with_checks(context.file);
    let mut lines: Vec<Line> = checks.into_iter().map(Line::from).collect();
    let outcome = match package {
        Ok(package) => contents(context.file, &package, &mut lines),
        Err(error) => Err(Failure::from(error)),
    };
    let json = |object: Object| {
        let checks = lines.iter().map(|line| {
            let object = Object::new().text("name", &line.name).flag("ok", line.failed.is_none());
            let mut object = object.text("detail", &line.detail);
            if let Some(code) = line.failed {
                object = object.text("code", code.as_str());
            }
            object.finish()
        });
        object.flag("ok", outcome.is_ok()).raw("checks", &array(checks))
    };
    let text = || {
        let mut text = String::new();
        for line in &lines {
            let word = if line.failed.is_none() { "ok" } else { "FAILED" };
            let _ = writeln!(text, "{word:<6} {:<20} {}", escaped(&line.name), escaped(&line.detail));
        }
        text
    };
    asked.print("verify", json, text);
    outcome
}

/// What opening leaves out: the launcher's bytes and the slots'.
fn contents(file: &PackageFile, package: &Package<&PackageFile>, lines: &mut Vec<Line>) -> Result<()> {
    let mut step = |name: String, result: Result<String>| {
        let (detail, failed) = match &result {
            Ok(detail) => (detail.clone(), None),
            Err(failure) => (failure.message.clone(), Some(failure.code)),
        };
        lines.push(Line { name, detail, failed });
        result.map(|_| ())
    };
    let words = trust::of_the_launcher(package);
    let launcher = if package.flavor().is_some() { package.verify_launcher() } else { Ok(()) };
    step("launcher".into(), launcher.map(|()| words.into()).map_err(Failure::from))?;
    if package.flavor().is_none() {
        // Digests that are too short vouch for nothing (S21).
        step(
            "slots".into(),
            require_slots(package).map(|()| "can be verified".into()).map_err(Failure::from),
        )?;
    }
    for (position, slot) in package.metadata().slots.iter().enumerate() {
        let verified = verify_slot(package, position).map(|compared| {
            if compared {
                format!("{} bytes as signed", slot.size)
            } else {
                // Nothing of it is ever unpacked (S21), so its missing digest is no failure.
                "not checked: the metadata has no full SHA-256 of it".into()
            }
        });
        // As `flavor verify` names it.
        step(format!("slot {position} ({})", slot.id), verified.map_err(Failure::from))?;
    }
    file.require_unchanged().or_else(|failure| step("file".into(), Err(failure)))?;
    step("trust".into(), trust::verified(package))
}
