//! The only places that write to the standard streams. Failing to write is ignored: there is nobody to tell.

use std::io::Write as _;

/// Writes to standard error in one piece.
pub(crate) fn to_stderr(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Writes a result; a reader that has gone away ends the program like any other.
pub(crate) fn to_stdout(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}
