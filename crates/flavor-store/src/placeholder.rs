//! Placeholders (STORE.md 8.4): `{workenv}` and `{slot:N}` become absolute paths, once, from left to right.

use std::path::{Path, PathBuf};

use pspf::ErrorCode;
use pspf::placeholder::{Piece, pieces, slot_number};

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
        for piece in pieces(text) {
            replaced.extend_from_slice(match piece {
                Piece::Text(text) => text.as_bytes(),
                Piece::Workenv => self.workenv.as_os_str().as_encoded_bytes(),
                Piece::Slot(number) => self.slot(number)?.as_os_str().as_encoded_bytes(),
            });
        }
        Ok(replaced)
    }

    fn slot(&self, number: &str) -> Result<&Path> {
        slot_number(number).and_then(|slot| self.slots.get(slot)?.as_deref()).ok_or_else(|| {
            Error::refused(
                ErrorCode::StoreComposition,
                format!("`{{slot:{number}}}` names no shared slot of the package"),
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
        for text in ["{slot:1}", "{slot:2}", "{slot:}", "{slot:x}", "{slot:-1}", "{slot:+0}", "{slot:00}"] {
            let error = places().replace(text).expect_err(text);
            assert_eq!(error.code(), ErrorCode::StoreComposition, "{text}");
        }
    }
}
