//! Putting files into place: everything is written under another name in the same folder and renamed when it is
//! complete, so that whoever looks sees the old file, the new one, or none.

use std::fs::File;
use std::io;
use std::path::Path;

/// The folder that a file will lie in; the current one for a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Sets a Unix mode whatever the umask is. Other systems have no such modes.
pub(crate) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(std::fs::Permissions::from_mode(mode))
    }
    #[cfg(not(unix))]
    {
        let _ = (file, mode);
        Ok(())
    }
}
