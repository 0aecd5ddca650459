//! The store of unpacked slots, work environments and receipts. `STORE.md` is normative; this crate follows it.
//!
//! | part of STORE.md | module |
//! |---|---|
//! | 1 location | [`location`] |
//! | 2 layout, 3 ownership | [`root`], `ownership`, `private_file`, [`guarded_file`] |
//! | 4 slot keys | [`slot_key`] |
//! | 5 unpacking | `frames`, `stream`, `unpack`, `members`, `names`, `directories` |
//! | 6 publishing, 7 records | [`publish`], `compare`, `record` |
//! | 8 work environments, 17 slots and starts | [`environment`], [`lifecycle`], `compose`, `composition`, `placeholder` |
//! | 8.7–8.15 private environments | [`private`], `private_unpack`, `private_tree` |
//! | 9 receipts | [`plan`], [`pattern`], [`receipt`], [`trust_source`], [`identity`], `out_of_reach` |
//! | 18 data of the user | [`data`] |
//! | 10 staging | [`staging`], `removal` |
//! | 5.3–5.5 for a folder outside the store | [`tree`] |
//! | 13 use | [`usage`], `usage_processes` |
//! | 14 garbage collection | [`inventory`], [`collect`] |
//! | 15 verification and repair | [`repair`] |
//!
//! It prints nothing, reads no environment variable by itself, and does not decide whom to trust or what to run.
//!
//! What differs between systems stands in files of its own, `…_unix` and `…_windows`: `system` (folders by handle, locks,
//! what is known of files), `ownership` (whose they are), [`location`], and what only some systems have. The rest asks these.
// What macOS and Windows say has no safe form; the lint of the workspace denies it everywhere else there.
#![cfg_attr(not(any(target_os = "macos", windows)), forbid(unsafe_code))]

mod boot;
mod checksum;
pub mod collect;
mod compare;
mod compose;
mod composition;
pub mod data;
mod directories;
pub mod environment;
mod error;
pub mod extract;
mod frames;
pub mod guarded_file;
pub mod identity;
pub mod inventory;
pub mod lifecycle;
pub mod location;
mod members;
mod names;
#[cfg_attr(windows, path = "out_of_reach_windows.rs")]
mod out_of_reach;
mod ownership;
pub mod pattern;
pub mod placeholder;
pub mod plan;
#[cfg(unix)]
mod platform;
pub mod private;
mod private_file;
mod private_tree;
mod private_unpack;
pub mod publish;
pub mod receipt;
mod record;
mod removal;
pub mod repair;
pub mod root;
pub mod slot_key;
pub mod staging;
mod stream;
mod system;
#[cfg(all(test, unix))]
#[expect(dead_code, reason = "the launcher's tests use the rest")]
mod test_package;
#[cfg(all(test, unix))]
mod tests;
pub mod tree;
pub mod trust_source;
#[cfg_attr(windows, path = "umask_windows.rs")]
mod umask;
mod unpack;
pub mod usage;
mod usage_processes;
mod workers;

pub use boot::BootId;
pub use error::{Error, Refusal, Result};
pub use frames::verify_slot_bytes;
pub use out_of_reach::is_out_of_reach;
pub use ownership::Owners;
pub use system::{Errno, has_reliable_change_time, os_string};
pub use umask::ZeroUmask;
