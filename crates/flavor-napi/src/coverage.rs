//! Which bytes of a file the signature vouches for: part of what `verify` and `inspect` say.

use flavor_pack::coverage::Coverage;
use napi_derive::napi;

use crate::number;

/// A range of the file.
#[napi(object, object_from_js = false)]
pub struct BindingCoverage {
    /// Offset of the first byte.
    pub from: f64,
    /// Offset behind the last byte.
    pub to: f64,
    /// What lies there.
    pub what: String,
    /// What vouches for it; nothing where whoever has the file can change it.
    #[napi(ts_type = "'signature' | 'signed-digest' | 'rendering'")]
    pub covered_by: Option<String>,
}

impl From<Coverage> for BindingCoverage {
    fn from(range: Coverage) -> Self {
        Self {
            from: number(range.from),
            to: number(range.to),
            what: range.what,
            covered_by: range.covered_by.map(|covered| covered.name().to_owned()),
        }
    }
}
