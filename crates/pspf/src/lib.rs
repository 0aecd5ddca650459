//! PSPF/2025, the package format, and nothing else: no Python, no Node, no printing, no environment variables.
//! `FORMAT.md` is normative; this crate follows it.
//!
//! A package is: launcher · gzip of the metadata JSON · slot table · slots · trailer. Where to find what:
//!
//! | part of the format | module |
//! |---|---|
//! | every number of it | [`layout`] |
//! | trailer and index block | [`index_block`] |
//! | slot table | [`slot`], [`operations`] |
//! | metadata: strict pass, model, canonical form | [`strict_json`], [`schema`], [`metadata`] |
//! | keys that only launchers act upon | [`native`] |
//! | stored form of the metadata | [`stored_gzip`] |
//! | signature | [`keys`] |
//! | composition of work environments | [`composition`], [`placeholder`] |
//! | encodings of operation chains | `codec` (feature `codecs`) |
//! | slots: frames, tar profile | [`frame`], [`tar`] |
//! | what the signature determines, byte for byte | [`render`] |
//! | reading a file | [`reader`]; the steps of opening in `opening`; a slot as a stream in `content` |
//!
//! A reader never allocates from a number that it has not checked against the file's length, and never panics on
//! any input.
#![forbid(unsafe_code)]

mod bytes;
#[cfg(feature = "codecs")]
pub mod codec;
pub mod composition;
mod content;
#[cfg(all(test, feature = "all-codecs", feature = "write"))]
mod content_tests;
mod error;
mod error_code;
mod flavor;
pub mod frame;
pub mod hex;
pub mod index_block;
pub mod keys;
pub mod layout;
pub mod metadata;
pub mod native;
mod opening;
pub mod operations;
pub mod placeholder;
pub mod reader;
mod regions;
pub mod render;
pub mod schema;
pub mod slot;
mod source;
pub mod stored_gzip;
pub mod strict_json;
pub mod tar;

pub use content::{SlotDigest, SlotReader};
pub use error::{Error, Result};
pub use error_code::ErrorCode;
pub use index_block::IndexBlock;
pub use metadata::Metadata;
pub use opening::{Check, Tolerance};
pub use reader::Package;
pub use slot::SlotDescriptor;
pub use source::ReadAt;
