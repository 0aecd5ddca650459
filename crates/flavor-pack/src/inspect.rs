//! What a package says about itself. The package is opened with every check of the reader, so nothing unsigned is
//! shown as if it were signed; launcher and slots are not read (that is `verify`).

use std::path::{Path, PathBuf};

use pspf::Package;
use pspf::hex;
use pspf::operations::OperationChain;

use crate::package_file::PackageFile;
use crate::{Error, Result};

/// The slot in which the original keeps its own statements about a package. It has no full digest, and nothing of it is
/// ever executed (security rule S21).
pub(crate) const ATTESTATION: &str = "_attestation";

/// A package as its metadata describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// Its length in bytes.
    pub size: u64,
    /// The signed text.
    pub metadata_json: String,
    /// Lower hex SHA-256 of the signer's public key.
    pub fingerprint: String,
    /// Bytes of the launcher.
    pub launcher_size: u64,
    /// The slots in order.
    pub slots: Vec<Slot>,
    /// Whether another builder made it.
    pub foreign: bool,
}

/// One slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Position.
    pub index: usize,
    /// Name.
    pub id: String,
    /// Absolute offset of the stored bytes.
    pub offset: u64,
    /// Stored bytes.
    pub stored: u64,
    /// Bytes before compression, as the slot table says.
    pub content: u64,
    /// Canonical text form of the operation chain.
    pub operations: String,
    /// What the slot is for; packages of ours only.
    pub role: Option<String>,
    /// Members of any kind; packages of ours only.
    pub members: Option<u64>,
    /// Independently compressed parts.
    pub frames: u64,
}

/// Opens a package and describes it.
pub fn inspect(path: &Path) -> Result<Report> {
    let file = PackageFile::open(path)?;
    let package = Package::open(file.file()).map_err(Error::package(path))?;
    let mut slots = Vec::new();
    for (index, descriptor) in package.descriptors().iter().enumerate() {
        let chain = OperationChain::unpack(descriptor.operations, 0).map_err(Error::package(path))?;
        let flavor = package.flavor().and_then(|flavor| flavor.slots.get(index));
        slots.push(Slot {
            index,
            id: package.metadata().slots.get(index).map(|slot| slot.id.clone()).unwrap_or_default(),
            offset: descriptor.offset,
            stored: descriptor.size,
            content: descriptor.original_size,
            operations: chain.text(),
            role: flavor.map(|slot| slot.role.clone()),
            members: flavor.map(|slot| slot.unpacked.members),
            frames: package.frames(index).len() as u64,
        });
    }
    let metadata_json = String::from_utf8(package.metadata_json().to_vec())
        .map_err(|_| Error::Internal { message: "checked metadata is not UTF-8".to_owned() })?;
    Ok(Report {
        path: path.to_path_buf(),
        size: package.length(),
        metadata_json,
        fingerprint: hex::encode(&package.fingerprint()),
        launcher_size: package.index().launcher_size,
        slots,
        foreign: package.is_foreign(),
    })
}
