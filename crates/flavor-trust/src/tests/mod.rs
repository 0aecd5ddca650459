//! Trust files and decisions as a whole.

mod decisions;
mod documents;
#[cfg(unix)]
mod files;

use crate::{Owner, Source, Subject, TrustFile};

/// Fingerprints that stand for keys; nobody holds them.
const KEY: [u8; 32] = [0xaa; 32];
const OTHER: [u8; 32] = [0xbb; 32];

fn parse(text: &str, owner: Owner) -> Result<TrustFile, String> {
    TrustFile::parse(text.as_bytes(), owner)
}

/// A trust file of `mode` with these pins, each a name, a key and the rest of its keys as JSON.
fn text(mode: &str, pins: &[(&str, [u8; 32], &str)]) -> String {
    let pins = pins.iter().map(|(name, key, rest)| {
        let digits = pspf::hex::encode(key);
        format!(r#"{{"name":"{name}","fingerprint":"{digits}"{rest}}}"#)
    });
    let pins = pins.collect::<Vec<_>>().join(",");
    format!(r#"{{"schema":1,"mode":"{mode}","keys":[{pins}]}}"#)
}

fn source(owner: Owner, text: &str) -> Source {
    let path = match owner {
        Owner::System => "/system.json",
        Owner::User => "/user.json",
    };
    Source { path: path.into(), owner, file: Some(parse(text, owner).expect(text)) }
}

fn subject(name: &str) -> Subject<'_> {
    Subject { name, fingerprint: Some(KEY) }
}
