//! Records in front of a member: pax, and in the tolerant profile GNU's long names and global pax headers.

use super::{Profile, refuse};
use crate::Result;

/// What kind of record a header announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordKind {
    /// Keys for the next member.
    Pax,
    /// Keys for all members; without effect.
    GlobalPax,
    /// The next member's name.
    LongName,
    /// The next member's link target.
    LongTarget,
}

impl RecordKind {
    /// The record that a header of kind `kind` announces; none if it is a member.
    pub(super) fn of(kind: u8, profile: Profile) -> Option<Self> {
        match (kind, profile) {
            (b'x', _) => Some(Self::Pax),
            (b'g', Profile::Tolerant) => Some(Self::GlobalPax),
            (b'L', Profile::Tolerant) => Some(Self::LongName),
            (b'K', Profile::Tolerant) => Some(Self::LongTarget),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pax => "pax record",
            Self::GlobalPax => "global pax header",
            Self::LongName | Self::LongTarget => "long-name record",
        }
    }
}

/// What records have said about the next member.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) size: Option<u64>,
    path: Option<String>,
    target: Option<String>,
    long_path: Option<String>,
    long_target: Option<String>,
}

impl Pending {
    /// The member's name, if a record says it.
    pub(super) fn path(&self) -> Option<String> {
        self.long_path.clone().or_else(|| self.path.clone())
    }

    /// The member's link target, if a record says it.
    pub(super) fn target(&self) -> Option<String> {
        self.long_target.clone().or_else(|| self.target.clone())
    }

    /// Takes in a complete record.
    pub(super) fn read(&mut self, kind: RecordKind, bytes: &[u8], profile: Profile) -> Result<()> {
        match kind {
            RecordKind::Pax => self.pax(bytes, profile),
            // What holds for all members is without effect.
            RecordKind::GlobalPax => Ok(()),
            RecordKind::LongName => long_text(bytes).map(|name| self.long_path = Some(name)),
            RecordKind::LongTarget => long_text(bytes).map(|name| self.long_target = Some(name)),
        }
    }

    fn pax(&mut self, mut bytes: &[u8], profile: Profile) -> Result<()> {
        let once = |set: bool| !set || profile == Profile::Tolerant;
        while !bytes.is_empty() {
            let (key, value, rest) = split(bytes).ok_or_else(|| refuse("a malformed pax record"))?;
            match key {
                b"path" if once(self.path.is_some()) => self.path = given(value, profile)?,
                b"linkpath" if once(self.target.is_some()) => self.target = given(value, profile)?,
                b"size" if once(self.size.is_some()) => {
                    self.size = given(value, profile)?.map(|text| number(&text)).transpose()?;
                }
                _ if profile == Profile::Tolerant && !key.starts_with(b"GNU.sparse.") => {}
                _ => {
                    return Err(refuse(&format!(
                        "pax record {:?}; path, linkpath and size are allowed, once each",
                        String::from_utf8_lossy(key)
                    )));
                }
            }
            bytes = rest;
        }
        Ok(())
    }
}

/// The text of a value. Elsewhere than in packages of ours an empty one takes back what was said before.
fn given(value: &[u8], profile: Profile) -> Result<Option<String>> {
    if value.is_empty() && profile == Profile::Tolerant {
        return Ok(None);
    }
    String::from_utf8(value.to_vec()).map(Some).map_err(|_| refuse("a pax record that is not UTF-8"))
}

fn number(text: &str) -> Result<u64> {
    Some(text)
        .filter(|text| text.bytes().all(|digit| digit.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| refuse("a pax size that is no number"))
}

/// The first record: its own length in decimal, a blank, key, `=`, value, newline.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = bytes.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
    let body = bytes.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    Some((&body[..equals], &body[equals + 1..], &bytes[length..]))
}

/// GNU ends long names with NUL.
fn long_text(bytes: &[u8]) -> Result<String> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8(bytes[..end].to_vec()).map_err(|_| refuse("a long name that is not UTF-8"))
}
