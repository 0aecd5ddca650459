//! Trust at launch (LAUNCH.md 13): asks flavor-trust whether the signer may start the package, tells of publicly known
//! keys, and says what vouches for the launcher in the file. Whom to believe is flavor-trust's to decide.

use flavor_trust::{Decision, Places, Subject, known_keys};
use pspf::{Package, ReadAt};

use crate::failure::{Failure, Result, escaped};
use crate::log::Log;
use crate::output::to_stderr;
use crate::settings::variable;

/// The trust files that a start names.
pub(crate) fn places() -> Places {
    Places::new(variable)
}

/// Decides about a package whose signature held. `app` is the name that the user knows.
pub(crate) fn decide<R: ReadAt>(package: &Package<R>, app: &str, log: Log) -> Result<Decision> {
    let decision = ask(package)?;
    if let Some(what) = decision.verdict.publicly_known {
        to_stderr(&format!("{}: notice: {}\n", escaped(app), known_keys::sentence(what)));
    }
    log.debug(|| format!("trust: {}", decision.verdict.in_words()));
    Ok(decision)
}

/// What a start would decide, told by nobody but the answer.
pub(crate) fn asked<R: ReadAt>(package: &Package<R>) -> Result<String> {
    ask(package).map(|decision| decision.verdict.in_words())
}

/// The line of `verify` (LAUNCH.md 13.11), where a publicly known key is a failure in every mode.
pub(crate) fn verified<R: ReadAt>(package: &Package<R>) -> Result<String> {
    let decision = ask(package)?;
    match decision.verdict.publicly_known {
        Some(what) => Err(flavor_trust::Error::PublicKey { message: known_keys::sentence(what) }.into()),
        None => Ok(decision.verdict.in_words()),
    }
}

/// What vouches for the launcher at the head of the file (LAUNCH.md 13.12). There is no list of released ones yet.
pub(crate) fn of_the_launcher<R: ReadAt>(package: &Package<R>) -> &'static str {
    if package.flavor().is_some() { "unknown, vouched for by the signer" } else { "not covered" }
}

fn ask<R: ReadAt>(package: &Package<R>) -> Result<Decision> {
    // A signature that this start puts up with names nobody.
    let fingerprint = package.signature_holds().then(|| package.fingerprint());
    let subject = Subject { name: &package.metadata().package.name, fingerprint };
    flavor_trust::decide(subject, &places()).map_err(Failure::from)
}

impl From<flavor_trust::Error> for Failure {
    fn from(error: flavor_trust::Error) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
