//! Slots of a package as files and folders: trees unpacked, single files decoded, or the stored bytes as they are.
//!
//! Guaranteed: everything is written into a private folder beside its destination and renamed when the last byte was
//! decoded, counted, and its digest compared; a failure, also a cancelled one, leaves nothing. Nothing is written
//! outside the destination: names come from here or were judged (security rules S13, S14), and an existing file is
//! replaced only when the caller says so, an existing folder only when it is empty.
//!
//! Nothing of the package runs, and whom to trust is not decided here. Modes are 0644 and 0755, for a single file what
//! the package says without set-id bits; the umask takes from them as usual.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use pspf::{ErrorCode, Package, hex};

use crate::decode::Slot;
use crate::frames::Meter;
use crate::inspect::ATTESTATION;
use crate::judgement::Ground;
use crate::package_file::PackageFile;
use crate::progress::{Progress, Stage};
use crate::{Error, Result};

mod destination;
mod file_name;
mod write;

use destination::Staging;

/// Where a slot goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// To this path.
    At(PathBuf),
    /// Into this folder, under a name made from the slot's.
    In(PathBuf),
}

/// What to extract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Position or id of the slot; digits are a position.
    pub slot: String,
    /// Where it goes; the folder of that must exist.
    pub place: Place,
    /// Whether the stored bytes are wanted as they are.
    pub raw: bool,
    /// Whether an existing file may be replaced. A folder never is.
    pub replace: bool,
}

/// What a slot became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A folder with the members of the slot.
    Tree,
    /// The one file that the slot holds.
    File,
    /// A file with the stored bytes.
    Stored,
}

impl Kind {
    /// The word that callers show.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tree => "tree",
            Self::File => "file",
            Self::Stored => "stored",
        }
    }
}

/// One extracted slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// Position.
    pub slot: usize,
    /// Name.
    pub id: String,
    /// The file or folder.
    pub path: PathBuf,
    /// What it became.
    pub kind: Kind,
    /// Bytes written as regular files.
    pub bytes: u64,
    /// Files, folders and links; 1 for a file.
    pub members: u64,
    /// Whether the signature covers it; only the attestation slot of other builders may lack that.
    pub signed: bool,
}

/// All slots of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtractedAll {
    /// The folder.
    pub folder: PathBuf,
    /// A copy of the signed text, in the folder.
    pub metadata: PathBuf,
    /// The slots in order.
    pub slots: Vec<Extracted>,
    /// Lower hex SHA-256 of the signer's public key.
    pub fingerprint: String,
}

/// Extracts one slot.
pub fn extract(path: &Path, request: &Request, progress: &dyn Progress) -> Result<Extracted> {
    progress.check()?;
    let file = PackageFile::open(path)?;
    let package = Package::open(file.file()).map_err(Error::package(path))?;
    let slot = Slot::of(&package, find(&package, &request.slot)?)?;
    let destination = match &request.place {
        Place::At(path) => path.clone(),
        Place::In(folder) => folder.join(file_name::of_slot(&slot, request.raw)),
    };
    let staging = if slot.is_tree() && !request.raw {
        Staging::for_folder(&destination)?
    } else {
        Staging::for_file(&destination, request.replace)?
    };
    let done = AtomicU64::new(0);
    let meter = Meter { progress, stage: Stage::Extract, done: &done, total: slot.size(), detail: slot.id() };
    let ground = Ground::of_target(&package).and(staging.ground()?);
    let mut extracted = slot_to(&slot, &staging.staged(), &destination, request.raw, ground, &meter)?;
    file.must_be_unchanged()?;
    progress.check()?;
    staging.publish()?;
    extracted.path = destination;
    Ok(extracted)
}

/// Extracts every slot into a folder that does not exist or is empty, and the signed text as `metadata.json`.
pub fn extract_all(path: &Path, folder: &Path, raw: bool, progress: &dyn Progress) -> Result<ExtractedAll> {
    progress.check()?;
    let file = PackageFile::open(path)?;
    let package = Package::open(file.file()).map_err(Error::package(path))?;
    let staging = Staging::for_folder(folder)?;
    let staged = staging.staged();
    std::fs::create_dir(&staged).map_err(Error::output("write in", folder))?;
    let ground = Ground::of_target(&package).and(staging.ground()?);
    let done = AtomicU64::new(0);
    let total = package.descriptors().iter().map(|slot| slot.size).sum();
    let mut slots = Vec::new();
    // Descriptors without an entry in the metadata mean nothing (FORMAT.md §12).
    for position in 0..package.metadata().slots.len() {
        let slot = Slot::of(&package, position)?;
        let name = file_name::numbered(&slot, raw);
        let destination = folder.join(&name);
        let meter = Meter { progress, stage: Stage::Extract, done: &done, total, detail: slot.id() };
        let mut extracted = slot_to(&slot, &staged.join(name), &destination, raw, ground, &meter)?;
        extracted.path = destination;
        slots.push(extracted);
    }
    let metadata = staged.join(file_name::METADATA);
    std::fs::write(&metadata, package.metadata_json()).map_err(Error::output("write in", folder))?;
    file.must_be_unchanged()?;
    progress.check()?;
    staging.publish()?;
    Ok(ExtractedAll {
        folder: folder.to_path_buf(),
        metadata: folder.join(file_name::METADATA),
        slots,
        fingerprint: hex::encode(&package.fingerprint()),
    })
}

fn slot_to(
    slot: &Slot<'_, &File>,
    staged: &Path,
    destination: &Path,
    raw: bool,
    ground: Ground,
    meter: &Meter<'_>,
) -> Result<Extracted> {
    let signed = slot.expected.is_some() || slot.size() == 0;
    if !signed && slot.id() != ATTESTATION {
        let message = format!("slot {} has no full SHA-256 in the metadata", slot.position);
        return Err(pspf::Error::rule(ErrorCode::PspfForeign, message).into());
    }
    let (kind, unpacked) = write::slot(slot, staged, destination, raw, ground, meter)?;
    Ok(Extracted {
        slot: slot.position,
        id: slot.id().to_owned(),
        path: destination.to_path_buf(),
        kind,
        bytes: unpacked.bytes,
        members: unpacked.members,
        signed,
    })
}

/// The position of a slot that is named by its position or its id.
fn find<R: pspf::ReadAt>(package: &Package<R>, name: &str) -> Result<usize> {
    let count = package.metadata().slots.len();
    let ids = || package.metadata().slots.iter().map(|slot| slot.id.as_str());
    let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let position = if is_number {
        name.parse().ok().filter(|position| *position < count)
    } else {
        ids().position(|id| id == name)
    };
    position.ok_or_else(|| {
        let known: Vec<String> =
            ids().enumerate().map(|(position, id)| format!("{position} {id:?}")).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Error::Option { message: format!("the package has no slot {name:?}; it has: {known}") }
    })
}
