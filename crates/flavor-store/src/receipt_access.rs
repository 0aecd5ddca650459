//! What others than a start ask of a receipt: the collector and the commands that look into the store (STORE.md 14), and
//! whoever passes its lock on.

use std::path::Path;

use super::{MAX_SIZE, Receipt, STAT, at};
use crate::root::Root;
use crate::usage::Hold;

impl Receipt {
    /// Reads receipt `name`, whatever it holds.
    pub(crate) fn read(root: &Root, name: String) -> Option<Self> {
        let read = crate::private_file::read(&root.receipts, &name, MAX_SIZE)?;
        let stamped = read.status.identity().modified.0;
        Some(Self { bytes: read.bytes, file: read.file, stamped, hold: None, name })
    }

    /// When it was last stamped.
    pub(crate) fn stamped(&self) -> i64 {
        self.stamped
    }

    pub(crate) fn trailer(&self) -> Option<&[u8]> {
        self.bytes.get(at::TRAILER..at::TABLES)
    }

    /// The folder name of its work environment, which must be one of this store.
    pub(crate) fn environment(&self, root: &Root) -> Option<&str> {
        let path = Path::new(self.string(at::WORKENV)?);
        (path.parent()? == root.below("v1/envs")).then_some(path.file_name()?.to_str()?)
    }

    /// Whether it can be read and is of this root path.
    pub(crate) fn is_of(&self, root: &Root) -> bool {
        self.check_form().is_some() && self.string(at::ROOT) == Some(root.path().as_os_str())
    }

    /// Name of the package.
    pub(crate) fn package(&self) -> Option<&str> {
        self.string(at::NAME)?.to_str()
    }

    /// Path of the package file when the receipt was written.
    pub(crate) fn package_path(&self) -> Option<&Path> {
        self.string(at::PACKAGE_PATH).map(Path::new)
    }

    /// The paths of its stat list.
    pub(crate) fn stat_paths(&self) -> Option<Vec<&Path>> {
        let tables = self.tables()?;
        (0..tables.stat_count).map(|at| self.string(tables.stats + at * STAT).map(Path::new)).collect()
    }

    /// The lock on the work environment, taken before the store was looked at (STORE.md 13.2).
    pub fn take_hold(&mut self) -> Option<Hold> {
        self.hold.take()
    }
}
