//! The way from the root of the file system to a folder that only the effective user (or the system) can have arranged
//! (STORE.md 3, S17), and whether a file is believed. Each system says in its own words whose something is.

use std::path::PathBuf;

use crate::system::Folder;

#[cfg(unix)]
#[path = "ownership_unix.rs"]
mod side;
#[cfg(windows)]
#[path = "ownership_windows.rs"]
mod side;

pub(crate) use side::{is_own, judge_own, walk, walk_to_file};

/// A folder whose way from the root was judged.
#[derive(Debug)]
pub(crate) struct Walked {
    /// The folder, opened for walking only.
    pub(crate) directory: Folder,
    /// Its path without links.
    pub(crate) path: PathBuf,
}

/// Why a walk ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A component does not exist.
    Missing,
    /// A rule is broken, or the system refused.
    Refused(String),
}

/// Whose folders, links and files are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owners {
    /// The effective user's and root's.
    UserOrRoot,
    /// Root's only; on Windows the system's, its administrators' and its installer's.
    Root,
}
