//! Where the store may be (STORE.md 1.1 and 1.2): an ordered list of places, made from variables that the caller
//! hands in. It creates and probes nothing; that is [`crate::root`]'s part. Which variables, each system says in a file of its own.

use std::ffi::OsString;
use std::path::PathBuf;

#[cfg(unix)]
#[path = "location_unix.rs"]
mod side;
#[cfg(windows)]
#[path = "location_windows.rs"]
mod side;

pub(crate) use side::user_folder;
pub use side::{configuration, places, system_configuration};

/// One place, and the variable that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Absolute path of the store's root.
    pub path: PathBuf,
    /// The variable.
    pub origin: &'static str,
}

/// Folders of the user, besides the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserFolder {
    Data,
    Config,
}

/// The absolute path in a variable, if it holds one.
fn folder_of(name: &str, variable: &impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    variable(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// Adds a place that is not among them yet.
fn add(places: &mut Vec<Place>, path: Option<PathBuf>, origin: &'static str) {
    if let Some(path) = path.filter(|path| !places.iter().any(|place| place.path == *path)) {
        places.push(Place { path, origin });
    }
}
