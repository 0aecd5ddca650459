//! The vectors, and the question that every test here asks: what does the reader say about these bytes?
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]

mod judge;
mod repair;
mod table;

pub(crate) use judge::judge;
pub(crate) use repair::repair;
pub(crate) use table::{Layer, Refusal, Vector, bytes_of, folder, vectors};
