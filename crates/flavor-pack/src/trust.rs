//! What trust files say about a package that was verified (LAUNCH.md 13.11): one more check at the end of the report, so
//! that damage is told before distrust. Unlike a start, a verification fails on a publicly known key in every mode.

use std::ffi::OsString;

use flavor_trust::{Error, Subject, Verdict, known_keys};

use crate::verify::{Check, Failure, Report};

/// Adds the check `trust`, once the signature held. `variable` looks up an environment variable.
pub fn judge(report: &mut Report, variable: impl Fn(&str) -> Option<OsString>) {
    let fingerprint = report.fingerprint.as_deref().and_then(pspf::hex::decode_digest);
    let (Some(fingerprint), Some(name)) = (fingerprint, report.package_name.clone()) else { return };
    let subject = Subject { name: &name, fingerprint: Some(fingerprint) };
    let verdict = ask(subject, variable).and_then(|verdict| match verdict.publicly_known {
        Some(what) => Err(Error::PublicKey { message: known_keys::sentence(what) }),
        None => Ok(verdict),
    });
    let check = |ok, detail, code| Check { name: "trust".to_owned(), ok, detail, code };
    match verdict {
        Ok(verdict) => report.checks.push(check(true, verdict.in_words(), None)),
        Err(error) => {
            let (code, message) = (error.code(), error.to_string());
            report.checks.push(check(false, message.clone(), Some(code)));
            report.failure.get_or_insert(Failure { code, message, offset: None });
        }
    }
}

fn ask(subject: Subject, variable: impl Fn(&str) -> Option<OsString>) -> flavor_trust::Result<Verdict> {
    let places = flavor_trust::Places::new(variable);
    flavor_trust::decide(subject, &places).map(|decision| decision.verdict)
}
