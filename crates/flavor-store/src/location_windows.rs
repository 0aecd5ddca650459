//! Windows: the folders that a user's profile has (STORE.md 1.1, 18.1). HOME is not looked at: shells from other systems set it to
//! whatever they like.

use std::ffi::OsString;
use std::path::{Component, PathBuf};

use super::{Place, UserFolder, add, folder_of};

/// Folders below the user's application data.
const NAME: &str = "flavor";

/// The folder of the operator's trust file, on the drive of the system. No variable changes it. It lies where only administrators
/// can make folders; into `ProgramData` anybody could put one before them.
pub fn system_configuration() -> PathBuf {
    let mut folder = crate::system::windows_folder();
    let drive = folder.components().find(|part| matches!(part, Component::Prefix(_)));
    folder = drive.map_or_else(|| "C:".into(), |drive| PathBuf::from(drive.as_os_str()));
    folder.push("\\");
    folder.join("Program Files").join(NAME)
}

/// The places, best first. `variable` looks up an environment variable.
pub fn places(variable: impl Fn(&str) -> Option<OsString>) -> Vec<Place> {
    let folder = |name: &str| folder_of(name, &variable);
    let mut found = Vec::new();
    let mut add = |path: Option<PathBuf>, origin: &'static str| add(&mut found, path, origin);
    add(folder("FLAVOR_CACHE"), "FLAVOR_CACHE");
    add(folder("FLAVOR_CACHE_DIR"), "FLAVOR_CACHE_DIR");
    add(folder("XDG_CACHE_HOME").map(|path| path.join(NAME)), "XDG_CACHE_HOME");
    add(folder("LOCALAPPDATA").map(|path| path.join(NAME)), "LOCALAPPDATA");
    add(folder("TEMP").map(|path| path.join("flavor-cache")), "TEMP");
    found
}

/// The folder of the user's trust file (LAUNCH.md 13.2); it need not exist.
pub fn configuration(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    folder_of("FLAVOR_CONFIG_DIR", &variable).or_else(|| {
        let base = folder_of("XDG_CONFIG_HOME", &variable).or_else(|| folder_of("APPDATA", &variable));
        base.map(|base| base.join(NAME))
    })
}

/// The user's folder of a kind, and the variables that its place depends on.
pub(crate) fn user_folder(
    kind: UserFolder,
    variable: impl Fn(&str) -> Option<OsString>,
) -> (Option<PathBuf>, Vec<&'static str>) {
    let name = match kind {
        UserFolder::Data => "XDG_DATA_HOME",
        UserFolder::Config => "XDG_CONFIG_HOME",
    };
    match folder_of(name, &variable) {
        Some(own) => (Some(own), vec![name]),
        // One folder for both, as the store itself lies in the other one of the two.
        None => (folder_of("APPDATA", &variable), vec![name, "APPDATA"]),
    }
}
