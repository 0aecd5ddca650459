//! What the store asks of the operating system: folders that are reached by handle, what stands in them, locks, and what is
//! known of files and file systems. One set of operations with a side for each system (`system_unix`, `system_windows`);
//! everything else here is written against it. Whose files are believed is `ownership`'s part.
//!
//! Names are single components; a name is never followed through a link. What is opened is not inherited by programs.

#[cfg(unix)]
#[path = "system_unix.rs"]
mod side;
#[cfg(windows)]
#[path = "system_windows.rs"]
mod side;

pub use side::{Errno, has_reliable_change_time, os_string};
pub(crate) use side::{
    Folder, Status, boot_id, file_system_at, find, find_link, is_refused_name, lock, may_create_in,
    open_file_at, os_str, path_below, read_at, slashed, status_of, sync, sync_files, touch, variable_key,
};
#[cfg(windows)]
pub(crate) use side::{security, windows_folder};

/// What stands at a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link; on Windows any reparse point.
    Link,
    /// Anything else.
    Other,
}

/// How a file is locked, as a whole. Locks end with the handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Together with others, waiting for whoever has it alone.
    Shared,
    /// Alone, waiting for all others.
    Exclusive,
    /// Alone, or not at all: then the error is [`Errno::WOULDBLOCK`].
    TryExclusive,
}

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
