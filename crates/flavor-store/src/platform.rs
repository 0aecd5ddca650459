//! What differs between the Unix systems, each in a file of its own.

#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "platform_linux.rs"]
mod system;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[path = "platform_unix.rs"]
mod system;

pub use system::has_reliable_change_time;
pub(crate) use system::{
    DEFAULT_CACHE, DEFAULT_CONFIG, DEFAULT_DATA, ROOT_HOME, SEARCH, boot_id, file_system, sync_file_system,
};

/// What a file system allows, and what is free on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileSystem {
    /// Mounted read-only.
    pub(crate) is_read_only: bool,
    /// Mounted so that no program can be started from it.
    pub(crate) denies_programs: bool,
    /// Bytes that are free for this user.
    pub(crate) free: u64,
    /// Files that can still be made, where the file system counts them.
    pub(crate) free_files: Option<u64>,
}

impl FileSystem {
    fn of(status: &rustix::fs::StatVfs, denies_programs: bool) -> Self {
        Self {
            is_read_only: status.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
            denies_programs,
            free: status.f_bavail.saturating_mul(status.f_frsize),
            free_files: (status.f_files > 0).then_some(status.f_favail),
        }
    }
}
