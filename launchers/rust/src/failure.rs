//! How a start can fail, and what is printed then (LAUNCH.md 10). The exit code comes from the error's code.

use std::error::Error as StdError;
use std::fmt::Write as _;

use pspf::ErrorCode;

/// A failure with everything that its message needs.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

/// Shorthand of this crate.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Prints the failure; `app` is the name that the user knows. Returns the exit code.
    pub(crate) fn report(&self, app: &str) -> u8 {
        let app = escaped(app);
        let mut text = format!("{app}: error: {} [{}]\n", escaped(&self.message), self.code);
        if let Some(hint) = self.code.hint() {
            let _ = writeln!(text, "{app}: hint: {hint}");
        }
        crate::output::to_stderr(&text);
        self.code.launcher_exit()
    }
}

impl From<pspf::Error> for Failure {
    fn from(error: pspf::Error) -> Self {
        Self { code: error.code(), message: with_causes(&error) }
    }
}

impl From<flavor_store::Error> for Failure {
    fn from(error: flavor_store::Error) -> Self {
        Self { code: error.code(), message: with_causes(&error) }
    }
}

fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// `text` without characters that act on a terminal or reorder what is shown (S23).
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_active(character) {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Whether a character acts on a terminal or on the order of others.
pub(crate) fn is_active(character: char) -> bool {
    let bidirectional = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    character.is_control() || bidirectional
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn s23_control_and_bidi_characters_are_escaped() {
        assert_eq!(escaped("a\x1b[31m\n\u{202e}b\u{2066}é"), "a\\u{1b}[31m\\u{a}\\u{202e}b\\u{2066}é");
    }
}
