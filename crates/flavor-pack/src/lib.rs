//! Package operations: archive trees deterministically, compress, sign and assemble; verify and inspect packages;
//! keep keys. Knows no Python and no Node, prints nothing and reads no environment variables.
//!
//! | what | module |
//! |---|---|
//! | plan + launcher + key → package file | [`assemble`] |
//! | what an assembly is told | [`plan`], composition rules in `compose` |
//! | staged tree → members → frames | `archive`, `members`, `frames` |
//! | the signed JSON | `document` |
//! | every byte of a package checked | [`verify`] |
//! | what a package says about itself | [`inspect`] |
//! | key files and seeds | [`keys`] |
//! | ticks and cancellation | [`progress`] |
#![forbid(unsafe_code)]

mod archive;
pub mod assemble;
mod compose;
mod document;
mod error;
mod frames;
pub mod inspect;
pub mod keys;
mod members;
mod place;
pub mod plan;
pub mod progress;
pub mod verify;

pub use error::{Error, Result};
