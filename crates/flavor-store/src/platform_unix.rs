//! macOS and other Unix systems. Not run yet; STORE.md 12 says what is open.

#[cfg(not(target_os = "macos"))]
use std::os::fd::AsFd;

use rustix::fs::OFlags;
#[cfg(not(target_os = "macos"))]
use rustix::fs::StatVfs;

#[cfg(target_os = "macos")]
#[path = "platform_macos.rs"]
mod macos;

#[cfg(target_os = "macos")]
pub use macos::has_reliable_change_time;
#[cfg(target_os = "macos")]
pub(crate) use macos::{boot_id, denies_programs, sync_file_system};

/// How a directory is opened that is only walked through.
pub(crate) const SEARCH: OFlags = OFlags::RDONLY;
/// The user's cache folder below HOME.
pub(crate) const DEFAULT_CACHE: &str =
    if cfg!(target_os = "macos") { "Library/Caches/flavor" } else { ".cache/flavor" };
/// The user's data folder below HOME.
pub(crate) const DEFAULT_DATA: &str =
    if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/share" };
/// The user's configuration folder below HOME.
pub(crate) const DEFAULT_CONFIG: &str =
    if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };
/// Root's home where the password database does not say.
pub(crate) const ROOT_HOME: &str = if cfg!(target_os = "macos") { "/var/root" } else { "/root" };

/// Not known here: records do not survive the start that wrote them.
#[cfg(not(target_os = "macos"))]
pub(crate) fn boot_id() -> Option<[u8; 16]> {
    None
}

/// Not known here: no receipt is written.
#[cfg(not(target_os = "macos"))]
pub fn has_reliable_change_time(_file: impl AsFd) -> bool {
    false
}

/// Not known here: starting a program from there will tell.
#[cfg(not(target_os = "macos"))]
#[expect(clippy::unnecessary_wraps, reason = "systems that have to be asked share the form")]
pub(crate) fn denies_programs(_file: impl AsFd, _said: &StatVfs) -> rustix::io::Result<bool> {
    Ok(false)
}

/// Writes everything to the disk.
#[cfg(not(target_os = "macos"))]
#[expect(clippy::unnecessary_wraps, reason = "systems that say whether they did it share the form")]
pub(crate) fn sync_file_system(_file: impl AsFd) -> rustix::io::Result<()> {
    rustix::fs::sync();
    Ok(())
}
