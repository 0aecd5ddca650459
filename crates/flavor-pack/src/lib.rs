//! Package operations: archive trees deterministically, compress, sign and assemble; verify and inspect packages;
//! keep keys. Knows no Python and no Node, prints nothing and reads no environment variables.
//!
//! | what | module |
//! |---|---|
//! | plan + launcher + key → package file | [`assemble`] |
//! | what an assembly is told | [`plan`], composition rules in `compose` |
//! | what a slot is made from | `material`, `archive`, `encoded`, `members` |
//! | material → stored bytes | `store`, `cut`, `frames`, kept ones in `frame_cache` |
//! | what machine a launcher is for | `executable` |
//! | the signed JSON | `document` |
//! | stored bytes → content, for the next two | `decode`, rules in `judgement` |
//! | every byte of a package checked | [`verify`] |
//! | slots as files and folders | [`extract`] |
//! | where the bytes of a package are, and what would change them | [`size`] |
//! | which bytes the signature vouches for | [`coverage`] |
//! | what trust files say about its signer | [`trust`] |
//! | what a package says about itself | [`inspect`] |
//! | key files and seeds | [`keys`] |
//! | ticks and cancellation | [`progress`] |
#![forbid(unsafe_code)]

mod archive;
pub mod assemble;
mod compose;
pub mod coverage;
mod cut;
mod decode;
mod document;
mod encoded;
mod error;
mod executable;
pub mod extract;
mod frame_cache;
mod frames;
pub mod inspect;
mod judgement;
pub mod keys;
mod material;
mod members;
mod package_file;
mod place;
pub mod plan;
pub mod progress;
pub mod size;
mod store;
pub mod trust;
pub mod verify;

pub use error::{Error, Result};
