//! Package operations: archive trees deterministically, compress, sign and assemble; verify and inspect packages;
//! keep keys. Knows no Python and no Node, prints nothing and reads no environment variables.
//!
//! | what | module |
//! |---|---|
//! | plan + launcher + key → package file | [`assemble`] |
//! | what an assembly is told | [`plan`], composition rules in `compose` |
//! | what a slot is made from | `material`, `archive`, `encoded`, `members` |
//! | material → stored bytes | `store`, `cut`, `frames` |
//! | what machine a launcher is for | `executable` |
//! | the signed JSON | `document` |
//! | every byte of a package checked | [`verify`] |
//! | what a package says about itself | [`inspect`] |
//! | key files and seeds | [`keys`] |
//! | ticks and cancellation | [`progress`] |
#![forbid(unsafe_code)]

mod archive;
pub mod assemble;
mod compose;
mod cut;
mod document;
mod encoded;
mod error;
mod executable;
mod frames;
pub mod inspect;
pub mod keys;
mod material;
mod members;
mod place;
pub mod plan;
pub mod progress;
mod store;
pub mod verify;

pub use error::{Error, Result};
