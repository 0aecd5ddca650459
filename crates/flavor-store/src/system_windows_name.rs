//! Windows: which names are names (S13). `NtCreateFile` itself would take most of these, but every program that asks for such a
//! file by its path gets something else: another file, a stream of one, or a device.

use std::ffi::{OsStr, OsString};
use std::os::windows::ffi::{OsStrExt as _, OsStringExt as _};

use super::Result;
use super::error::Errno;

/// One component as Windows takes it; `.` is the folder itself.
pub(super) fn component(name: &OsStr) -> Result<Vec<u16>> {
    if name == "." {
        return Ok(Vec::new());
    }
    let text: Vec<u16> = name.encode_wide().collect();
    let is_special = |unit: &u16| matches!(u8::try_from(*unit), Ok(b'\\' | b'/' | b':' | 0..=31));
    let ends_badly = |unit: &u16| matches!(u8::try_from(*unit), Ok(b'.' | b' '));
    let is_odd = text.is_empty() || text.iter().any(is_special) || text.last().is_some_and(ends_badly);
    if is_odd || is_device(&name.to_string_lossy()) { Err(Errno::NAME) } else { Ok(text) }
}

/// The devices of FORMAT.md 10, whatever extension they have.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end_matches(' ').to_ascii_lowercase();
    let number = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
    matches!(&*stem, "con" | "prn" | "aux" | "nul" | "conin$" | "conout$")
        || number.is_some_and(|number| {
            let mut signs = number.chars();
            matches!((signs.next(), signs.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
}

/// `text` with the separators of Windows.
pub(super) fn separated(text: &OsStr) -> OsString {
    let separated = text.encode_wide().map(|unit| if unit == 0x2f { 0x5c } else { unit });
    OsString::from_wide(&separated.collect::<Vec<u16>>())
}
