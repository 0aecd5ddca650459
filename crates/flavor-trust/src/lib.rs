//! Whose packages may start: trust files and the decision that follows from them. `launchers/LAUNCH.md`, part 13, is
//! normative; this crate follows it.
//!
//! | part of LAUNCH.md 13 | module |
//! |---|---|
//! | 13.2 and 13.3 sources | `places` |
//! | 13.4 form | `document`, `date`, `public_key` |
//! | 13.5 patterns | `pattern` |
//! | 13.6–13.8 modes, 13.10 what a receipt holds | `decision` |
//! | 13.9 publicly known keys | [`known_keys`] |
//!
//! It prints nothing and reads no environment variable by itself. Whether a signature holds is pspf's part, and was
//! asked before. A decision binds whoever asks for it; that a file which is started directly asks at all is up to the
//! launcher that it brings along (security rule S1).
#![forbid(unsafe_code)]

mod date;
mod decision;
mod document;
mod error;
pub mod known_keys;
mod pattern;
mod places;
mod public_key;
#[cfg(test)]
mod tests;

pub use decision::{MatchedPin, Mode, Owner, Source, Subject, Verdict, judge};
pub use document::{MAX_SIZE, Moment, Pin, TrustFile};
pub use error::{Error, Result};
pub use places::{Decision, Places, decide};
