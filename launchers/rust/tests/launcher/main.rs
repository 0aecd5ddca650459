//! The launcher as a process, judged from outside. One program for all files: many of these tests wait until a package is
//! old enough to get a receipt (STORE.md 9.5), and so they wait together.
#![cfg(target_os = "linux")]

mod environment;
mod foreign;
mod foreign_attacks;
mod foreign_package;
mod foreign_setup;
mod foreign_slots;
mod kinds;
mod lifecycles;
mod lifecycles_signals;
mod out_of_reach;
mod start;
mod start_log;
mod support;
mod tools;
mod tools_doctor;
mod tools_foreign;
mod tools_uninstall;
mod trust;
mod validation;
