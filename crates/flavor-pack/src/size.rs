//! Where the bytes of a package are, to the byte: launcher, metadata, slot table, slots, trailer and padding, and within
//! the slots distributions, parts of the interpreter, folders and files. And, in [`predict`], what the file would weigh
//! after a change.
//!
//! Guaranteed: the package verifies, and the stored bytes of the rows without children add up to the length of the file.
//! The stored bytes of a frame belong to all that is in it; they are shared out among the files of the frame by their
//! content (largest remainder). What is left to nobody, such as a frame of folders alone, has a row of its own.
//!
//! What ought to go is not decided here: that depends on manifests, of which this crate knows nothing.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use pspf::layout::TRAILER_SIZE;
use pspf::{Package, hex};

use crate::decode::Slot;
use crate::frames::Meter;
use crate::inspect::ATTESTATION;
use crate::package_file::PackageFile;
use crate::progress::{Progress, Stage};
use crate::verify::verify_open;
use crate::{Error, Result};

mod kinds;
mod level;
mod modules;
mod owners;
pub mod predict;
mod read;
mod rows;
mod share;

pub use kinds::{Copy, Duplicate, FileType};
pub use rows::{Row, RowKind};

use read::Content;
use rows::Rows;

/// Where the bytes of a package are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// Its length in bytes.
    pub size: u64,
    /// Name of the packaged program.
    pub package_name: String,
    /// Its version.
    pub package_version: String,
    /// Whether another builder made the package.
    pub foreign: bool,
    /// Lower hex signature: what tells this package from any other.
    pub signature: String,
    /// The slots in order.
    pub slots: Vec<SlotSize>,
    /// Parents before their children; the first is the package.
    pub rows: Vec<Row>,
    /// The files of all slots by what their names end with, largest first.
    pub types: Vec<FileType>,
    /// Contents that are there more than once, largest waste first.
    pub duplicates: Vec<Duplicate>,
    /// Folders of tests that modules outside of such folders import: paths of a slot, or their ends.
    pub imported_tests: Vec<String>,
}

/// One slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotSize {
    /// Position.
    pub index: usize,
    /// Name; empty where the metadata has no entry for it.
    pub id: String,
    /// What it is for; only in packages of ours.
    pub role: Option<String>,
    /// Canonical text form of the operation chain.
    pub operations: String,
    /// Whether it holds a tree.
    pub tree: bool,
    /// Stored bytes.
    pub stored: u64,
    /// Bytes of its files.
    pub unpacked: u64,
    /// Number of its files.
    pub files: u64,
    /// Number of the level that its frames were compressed with; nothing where there are none.
    pub level: Option<i32>,
}

/// Verifies the package at `path` and tells where its bytes are.
pub fn measure(path: &Path, progress: &dyn Progress) -> Result<Report> {
    progress.check()?;
    let file = PackageFile::open(path)?;
    let package = Package::open(file.file()).map_err(Error::package(path))?;
    let verified = verify_open(path, file.file(), false, progress)?;
    if let Some(failure) = verified.failure {
        return Err(Error::package(path)(pspf::Error::rule(failure.code, failure.message)));
    }
    let index = package.index();
    let mut rows = Rows::new(&package.metadata().package.name);
    rows.region(RowKind::Launcher, "launcher", index.launcher_size);
    rows.region(RowKind::Metadata, "metadata", index.metadata_size);
    let table = package.descriptors().len() * pspf::layout::DESCRIPTOR_SIZE;
    rows.region(RowKind::SlotTable, "slot table", table as u64);
    rows.region(RowKind::Trailer, "trailer", TRAILER_SIZE as u64);

    let done = AtomicU64::new(0);
    let total = package.descriptors().iter().map(|slot| slot.size).sum();
    let mut slots = Vec::new();
    let mut kinds = kinds::Kinds::default();
    let mut imported = Vec::new();
    for position in 0..package.descriptors().len() {
        let slot = Slot::of(&package, position)?;
        let meter = Meter { progress, stage: Stage::Measure, done: &done, total, detail: slot.id() };
        let content = if is_opaque(&slot) { Content::default() } else { read::slot(&slot, None, &meter)? };
        let role = package.flavor().map(|flavor| flavor.slots[position].role.clone());
        let level = level::of_slot(&slot)?;
        let entry = SlotSize {
            index: position,
            id: slot.id().to_owned(),
            role,
            operations: slot.chain.text(),
            tree: slot.is_tree(),
            stored: slot.size(),
            unpacked: content.files.iter().map(|file| file.size).sum(),
            files: content.files.len() as u64,
            level,
        };
        rows.slot(&entry, &content);
        kinds.add(position, &content.files);
        imported.extend(content.imported_tests);
        slots.push(entry);
    }
    file.must_be_unchanged()?;
    progress.check()?;
    let (types, duplicates) = kinds.finish();
    imported.sort_unstable();
    imported.dedup();
    Ok(Report {
        path: path.to_path_buf(),
        size: package.length(),
        package_name: package.metadata().package.name.clone(),
        package_version: package.metadata().package.version.clone(),
        foreign: package.is_foreign(),
        signature: hex::encode(&index.signature),
        slots,
        rows: rows.finish(package.length())?,
        types,
        duplicates,
        imported_tests: imported,
    })
}

/// Whether nothing vouches for what a slot holds, so that nothing is said about it but its length.
fn is_opaque<R: pspf::ReadAt + Sync>(slot: &Slot<'_, R>) -> bool {
    slot.expected.is_none()
        && (slot.id() == ATTESTATION || slot.position >= slot.package.metadata().slots.len())
}
