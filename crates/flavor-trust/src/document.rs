//! The form of a trust file (LAUNCH.md 13.4): the strict pass first, then typed decoding, then what types cannot say. A
//! file is taken whole or refused.

use pspf::hex;
use pspf::keys::fingerprint;
use pspf::schema::{ANY, Node, closed, key};
use pspf::strict_json::{self, Refusal};
use serde::Deserialize;

use crate::decision::{Mode, Owner};
use crate::{date, pattern, public_key};

/// Longest trust file, in bytes.
pub const MAX_SIZE: usize = 1 << 20;
const SCHEMA: u64 = 1;

static DOCUMENT: Node =
    closed(&[key("schema", ANY), key("mode", ANY), key("user_keys", ANY), key("keys", &Node::Array(&PIN))]);

static PIN: Node = closed(&[
    key("name", ANY),
    key("fingerprint", ANY),
    key("public_key", ANY),
    key("packages", ANY),
    key("expires", ANY),
]);

/// What a trust file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustFile {
    /// What it asks for.
    pub mode: Mode,
    /// Whether pins of the user count where this file requires one; the system's file only.
    pub user_keys: bool,
    /// The pins, in order.
    pub pins: Vec<Pin>,
}

/// A key and the packages that it may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// What people call the key.
    pub name: String,
    /// SHA-256 of the raw public key.
    pub fingerprint: [u8; 32],
    /// Patterns of names; none: every package.
    pub packages: Vec<String>,
    /// From when on the pin does not count.
    pub expires: Option<Moment>,
}

/// A moment, with the words of the file for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970.
    pub seconds: i64,
    /// As it stands in the file.
    pub text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDocument {
    schema: u64,
    mode: Option<String>,
    user_keys: Option<bool>,
    #[serde(default)]
    keys: Vec<RawPin>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPin {
    name: String,
    fingerprint: Option<String>,
    public_key: Option<String>,
    packages: Option<Vec<String>>,
    expires: Option<String>,
}

impl TrustFile {
    /// Reads a whole file; otherwise the reason why it is refused.
    pub fn parse(bytes: &[u8], owner: Owner) -> Result<Self, String> {
        strict_json::check_against(bytes, &DOCUMENT, MAX_SIZE as u64).map_err(told)?;
        let raw: RawDocument = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if raw.schema != SCHEMA {
            return Err(format!(
                "schema {}, expected {SCHEMA}; use a version of flavor that knows it",
                raw.schema
            ));
        }
        let mode = match raw.mode.as_deref() {
            None | Some("integrity") => Mode::Integrity,
            Some("require") => Mode::Require,
            Some("tofu") => {
                return Err(
                    "mode `tofu` is not supported by this version, expected `integrity` or `require`".into(),
                );
            }
            Some(other) => return Err(format!("mode {other:?}, expected `integrity` or `require`")),
        };
        if raw.user_keys.is_some() && owner == Owner::User {
            return Err("`user_keys` may stand in the system's trust file only".into());
        }
        let pins = raw.keys.into_iter().enumerate();
        let pins =
            pins.map(|(position, pin)| pin.read().map_err(|reason| format!("keys[{position}]: {reason}")));
        Ok(Self { mode, user_keys: raw.user_keys.unwrap_or(false), pins: pins.collect::<Result<_, _>>()? })
    }
}

/// An unknown key may ask for something that protects its author, so the refusal says what is missing.
fn told(Refusal { position, message, .. }: Refusal) -> String {
    let known = if message.starts_with("unknown key") {
        "; this version knows the modes `integrity` and `require`, and no revocation, rotation or policy"
    } else {
        ""
    };
    format!("byte {position}: {message}{known}")
}

impl RawPin {
    fn read(self) -> Result<Pin, String> {
        if self.name.trim().is_empty() {
            return Err("`name` is empty".into());
        }
        let fingerprint = match (self.fingerprint, self.public_key) {
            (Some(digits), None) => hex::decode_digest(&digits)
                .ok_or_else(|| format!("fingerprint {digits:?}, expected 64 lower-case hex digits"))?,
            (None, Some(text)) => {
                let key = public_key::parse(&text).ok_or(
                    "`public_key` is neither 64 lower-case hex digits nor the PEM of an Ed25519 public key",
                )?;
                fingerprint(&key)
            }
            _ => return Err("expected exactly one of `fingerprint` and `public_key`".into()),
        };
        if self.packages.as_ref().is_some_and(Vec::is_empty) {
            return Err("`packages` is empty; leave it out to mean every package".into());
        }
        let packages = self.packages.unwrap_or_default();
        if let Some(other) = packages.iter().find(|text| !pattern::is_pattern(text)) {
            return Err(format!("pattern {other:?}, expected 1 to 64 of a-z, 0-9, `-` and `*`"));
        }
        let expires = self.expires.map(|text| match date::parse(&text) {
            Some(seconds) => Ok(Moment { seconds, text }),
            None => Err(format!("expires {text:?}, expected a date like 2027-01-31 or 2027-01-31T12:00:00Z")),
        });
        Ok(Pin { name: self.name, fingerprint, packages, expires: expires.transpose()? })
    }
}
