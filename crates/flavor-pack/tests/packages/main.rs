//! Packages made, verified, extracted and attacked. One program for all files, so that they are linked once and run beside each
//! other; what measures its own memory is a program of its own.
#![cfg(unix)]

mod assemble;
mod assemble_builder;
mod assemble_cache;
mod assemble_plan;
mod assemble_slots;
mod assemble_snapshot;
#[path = "../support/by_hand.rs"]
mod by_hand;
mod extract;
mod extract_hostile;
mod hostile;
mod size;
mod size_predict;
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "shared with the tests of pspf, which use more of it")]
#[path = "../../../pspf/tests/support/table.rs"]
mod table;
mod tamper;
mod trust;
mod vectors;
