//! Files of `dist`: written whole or not at all.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The entries of a folder; none if there is no such folder.
pub(super) fn entries(directory: &Path) -> Result<Vec<fs::DirEntry>> {
    match fs::read_dir(directory) {
        Ok(entries) => Ok(entries.collect::<std::io::Result<_>>()?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", directory.display())),
    }
}

/// Writes a file whole: beside its place, then renamed, because the old one may be running.
pub(super) fn place(path: &Path, bytes: &[u8], executable: bool) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let parent = path.parent().context("a file has a folder")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let staged = path.with_added_extension(format!("{}.new", std::process::id()));
    fs::write(&staged, bytes).with_context(|| format!("cannot write {}", staged.display()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = if executable { 0o755 } else { 0o644 };
        fs::set_permissions(&staged, fs::Permissions::from_mode(mode))?;
    }
    #[cfg(not(unix))]
    let _ = executable;
    fs::rename(&staged, path).with_context(|| format!("cannot write {}", path.display()))
}
