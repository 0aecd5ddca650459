//! Placeholders (STORE.md 8.4): `{workenv}` and `{slot:N}` become absolute paths, once, from left to right.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use pspf::ErrorCode;

use crate::error::{Error, Result};

/// What placeholders stand for.
#[derive(Debug, Clone)]
pub struct Places {
    /// The work environment's final path.
    pub workenv: PathBuf,
    /// The path of each shared slot; `None` for private ones.
    pub slots: Vec<Option<PathBuf>>,
}

impl Places {
    /// `text` with its placeholders replaced. What was inserted is not looked at again; other braces stay.
    pub fn replace(&self, text: &str) -> Result<Vec<u8>> {
        let mut replaced = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            replaced.extend_from_slice(&rest.as_bytes()[..start]);
            rest = &rest[start..];
            let placeholder = rest.find('}').map(|end| &rest[..=end]);
            let value = placeholder.map(|placeholder| self.value(placeholder)).transpose()?.flatten();
            let (length, inserted) =
                value.map_or((1, &b"{"[..]), |(length, path)| (length, path.as_os_str().as_bytes()));
            replaced.extend_from_slice(inserted);
            rest = &rest[length..];
        }
        replaced.extend_from_slice(rest.as_bytes());
        Ok(replaced)
    }

    fn value(&self, placeholder: &str) -> Result<Option<(usize, &Path)>> {
        if placeholder == "{workenv}" {
            return Ok(Some((placeholder.len(), &self.workenv)));
        }
        let Some(number) = placeholder.strip_prefix("{slot:").and_then(|rest| rest.strip_suffix('}')) else {
            return Ok(None);
        };
        let slot = number.parse::<usize>().ok().and_then(|slot| self.slots.get(slot)?.as_deref());
        slot.map(|path| Some((placeholder.len(), path))).ok_or_else(|| {
            Error::refused(
                ErrorCode::StoreComposition,
                format!("`{placeholder}` names no shared slot of the package"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        Places { workenv: PathBuf::from("/w{slot:0}"), slots: vec![Some(PathBuf::from("/s{workenv}")), None] }
    }

    #[test]
    fn placeholders_are_replaced_once() {
        let replace = |text: &str| String::from_utf8(places().replace(text).expect(text)).expect("text");
        assert_eq!(replace("{workenv}/bin"), "/w{slot:0}/bin");
        assert_eq!(replace("a{slot:0}b{workenv}c"), "a/s{workenv}b/w{slot:0}c");
        assert_eq!(replace("{{workenv}}"), "{/w{slot:0}}");
        assert_eq!(replace("{other} {} { {\"a\": 1}"), "{other} {} { {\"a\": 1}");
    }

    #[test]
    fn a_placeholder_of_a_private_or_missing_slot_is_refused() {
        for text in ["{slot:1}", "{slot:2}", "{slot:}", "{slot:x}", "{slot:-1}"] {
            let error = places().replace(text).expect_err(text);
            assert_eq!(error.code(), ErrorCode::StoreComposition, "{text}");
        }
    }
}
