//! Where the repository lies, and how generated files are written or compared.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The root of the repository: two levels above this crate.
pub(crate) fn root() -> PathBuf {
    let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_directory.ancestors().nth(2).expect("the crate lies in crates/xtask").to_path_buf()
}

/// Writes `content` unless the file holds it already, so that an unchanged file keeps its time stamp
/// and nothing that depends on it is rebuilt. Returns whether the file differed.
pub(crate) fn write_or_compare(path: &Path, content: &str, check: bool) -> Result<bool> {
    let differs = fs::read_to_string(path).ok().as_deref() != Some(content);
    if differs && !check {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        }
        fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(differs)
}
