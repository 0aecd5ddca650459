//! The only places that write to the standard streams. Failing to write is ignored: there is nobody to tell.

use std::io::Write as _;
use std::time::Instant;

/// Writes to standard error in one piece.
pub(crate) fn to_stderr(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Writes a result; a reader that has gone away ends the program like any other.
pub(crate) fn to_stdout(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// Phase lines for `FLAVOR_LOG_LEVEL=debug` (LAUNCH.md 10.3). They never hold values of variables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Log {
    since: Option<Instant>,
}

impl Log {
    pub(crate) fn new(debug: bool) -> Self {
        Self { since: debug.then(Instant::now) }
    }

    /// Prints a line; the text is made only if somebody asked for it.
    pub(crate) fn debug(self, text: impl FnOnce() -> String) {
        if let Some(since) = self.since {
            let text = crate::failure::escaped(&text());
            to_stderr(&format!(
                "flavor-launcher: debug: {text} ({:.3} ms)\n",
                since.elapsed().as_secs_f64() * 1000.0
            ));
        }
    }
}
