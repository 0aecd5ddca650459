//! The Node addon: conversions between JavaScript and `flavor-pack` and `flavor-store`, nothing else. Every type that crosses the
//! border is called `Binding…`.
//!
//! Every asynchronous export resolves to data, a result or a [`error::BindingFailure`]; it never rejects for a
//! reason of ours, and panics become `ERR_FLAVOR_INTERNAL`. Work runs off the JavaScript thread. Sizes are numbers
//! of bytes; JavaScript holds them exactly up to 2^53 - 1, which is also the format's limit.

pub mod assemble;
#[cfg(unix)]
pub mod cache;
#[cfg(unix)]
pub mod cache_report;
pub mod cancel;
pub mod coverage;
pub mod error;
pub mod extract;
pub mod inspect;
pub mod keys;
pub mod progress;
pub mod size;
pub mod verify;

/// A size as JavaScript takes it.
#[expect(clippy::cast_precision_loss, reason = "sizes are below 2^53, checked by the format")]
fn number(size: u64) -> f64 {
    size as f64
}
