//! The decision itself (LAUNCH.md 13.6–13.10), over sources that were read: nothing here touches a file or a clock.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use pspf::hex;

use crate::document::{Moment, Pin, TrustFile};
use crate::{Error, Result, known_keys, pattern};

/// Pins that a refusal names.
const NAMED_PINS: usize = 8;

/// How far a signature reaches; the greater is the stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Every intact package may start.
    Integrity,
    /// Only packages of pinned signers may.
    Require,
}

impl Mode {
    /// As trust files spell it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Integrity => "integrity",
            Self::Require => "require",
        }
    }
}

/// Whose a trust file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The operator's, for everybody on the machine.
    System,
    /// The user's own.
    User,
}

/// A place where a trust file may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Absolute path.
    pub path: PathBuf,
    /// Whose it is.
    pub owner: Owner,
    /// What it says; `None`: there is none.
    pub file: Option<TrustFile>,
}

/// What is decided about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its name, as signed.
    pub name: &'a str,
    /// SHA-256 of the signer's raw public key; `None`: the signature does not hold, so nobody is the signer.
    pub fingerprint: Option<[u8; 32]>,
}

/// The pin that speaks for a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedPin {
    /// What people call the key.
    pub name: String,
    /// The trust file that holds it.
    pub path: PathBuf,
}

/// That a package may start, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The strictest mode of all sources.
    pub mode: Mode,
    /// The first pin that speaks for the package, whatever the mode.
    pub pin: Option<MatchedPin>,
    /// When the decision ends, in seconds since 1970.
    pub expiry: Option<i64>,
    /// Which publicly known key the signer's is. For `verify` this is a failure in every mode.
    pub publicly_known: Option<&'static str>,
}

impl Verdict {
    /// For people.
    pub fn in_words(&self) -> String {
        let mode = self.mode.word();
        match &self.pin {
            Some(pin) => format!("mode {mode}, signer pinned as {:?} in `{}`", pin.name, pin.path.display()),
            None => format!("mode {mode}, signer not pinned"),
        }
    }
}

/// Decides about `subject` at the moment `now` (seconds since 1970).
pub fn judge(subject: Subject, sources: &[Source], now: i64) -> Result<Verdict> {
    let files = || sources.iter().filter_map(|source| source.file.as_ref().map(|file| (source, file)));
    let requiring = files().find(|(_, file)| file.mode == Mode::Require).map(|(source, _)| source);
    let publicly_known = subject.fingerprint.as_ref().and_then(known_keys::find);
    if let (Some(source), Some(what)) = (requiring, publicly_known) {
        let sentence = known_keys::sentence(what);
        let message = format!("{sentence}, and `{}` requires a pinned signer", source.path.display());
        return Err(Error::PublicKey { message });
    }
    let users_count = !files()
        .any(|(source, file)| source.owner == Owner::System && file.mode == Mode::Require && !file.user_keys);
    let name = pattern::folded(subject.name);
    let pins: Vec<Candidate> = files()
        .flat_map(|(source, file)| file.pins.iter().map(move |pin| (source, pin)))
        .map(|(source, pin)| Candidate {
            pin,
            path: &source.path,
            is_of_the_key: Some(pin.fingerprint) == subject.fingerprint,
            is_of_the_name: pin.packages.is_empty()
                || pin.packages.iter().any(|pattern| pattern::meets(pattern, name.as_deref())),
            expired: pin.expires.as_ref().filter(|moment| moment.seconds <= now),
            counts: users_count || source.owner == Owner::System,
        })
        .collect();
    let mut speaking = pins.iter().filter(|candidate| candidate.speaks()).peekable();
    let pin =
        speaking.peek().map(|first| MatchedPin { name: first.pin.name.clone(), path: first.path.to_owned() });
    match requiring {
        None => Ok(Verdict { mode: Mode::Integrity, pin, expiry: None, publicly_known }),
        Some(source) if pin.is_none() => {
            Err(Error::Signer { message: refusal(subject, &source.path, &pins) })
        }
        Some(_) => {
            let expiry = speaking.filter_map(|candidate| candidate.pin.expires.as_ref());
            let expiry = expiry.map(|moment| moment.seconds).min();
            Ok(Verdict { mode: Mode::Require, pin, expiry, publicly_known })
        }
    }
}

/// A pin, and what is to be said about it.
struct Candidate<'a> {
    pin: &'a Pin,
    path: &'a Path,
    is_of_the_key: bool,
    is_of_the_name: bool,
    expired: Option<&'a Moment>,
    counts: bool,
}

impl Candidate<'_> {
    fn speaks(&self) -> bool {
        self.is_of_the_key && self.is_of_the_name && self.expired.is_none() && self.counts
    }
}

/// What was found, what requires more, and what is pinned instead.
fn refusal(subject: Subject, requiring: &Path, pins: &[Candidate]) -> String {
    let signer = subject.fingerprint.map_or_else(
        || "bears a signature that does not hold".to_owned(),
        |fingerprint| format!("is signed by {}", hex::encode(&fingerprint)),
    );
    let mut text = format!(
        "{:?} {signer}, and `{}` requires a signer who is pinned for it; ",
        subject.name,
        requiring.display(),
    );
    let about = pins.iter().filter(|pin| pin.is_of_the_key || pin.is_of_the_name);
    let total = about.clone().count();
    if total == 0 {
        text.push_str("nothing is pinned for it");
        return text;
    }
    text.push_str("pinned:");
    for (number, Candidate { pin, path, is_of_the_key, is_of_the_name, expired, counts }) in
        about.take(NAMED_PINS).enumerate()
    {
        let separator = if number == 0 { "" } else { "," };
        let _ = write!(text, "{separator} {:?} in `{}` (", pin.name, path.display());
        if *is_of_the_key {
            text.push_str("this key");
        } else {
            text.push_str(&hex::encode(&pin.fingerprint));
        }
        if !is_of_the_name {
            let _ = write!(text, ", only for {}", pin.packages.join(" "));
        }
        if let Some(moment) = expired {
            let _ = write!(text, ", expired {}", moment.text);
        }
        if !counts {
            text.push_str(", not counted: the system's trust file does not say `user_keys`");
        }
        text.push(')');
    }
    if total > NAMED_PINS {
        let _ = write!(text, " and {} more", total - NAMED_PINS);
    }
    text
}
