//! What differs between the Unix systems, each in a file of its own. Asked by `system_unix` and `location_unix` only.

#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "platform_linux.rs"]
mod system;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[path = "platform_unix.rs"]
mod system;

pub use system::has_reliable_change_time;
pub(crate) use system::{
    DEFAULT_CACHE, DEFAULT_CONFIG, DEFAULT_DATA, ROOT_HOME, SEARCH, boot_id, denies_programs,
    sync_file_system,
};
