//! What a package says about itself, all of it. The package is opened with every check of the reader, so nothing
//! unsigned is shown as if it were signed; launcher and slots are not read (that is `verify`).

use std::path::{Path, PathBuf};

use pspf::operations::OperationChain;
use pspf::{Package, hex};

use crate::coverage::{self, Coverage};
use crate::package_file::PackageFile;
use crate::{Error, Result};

mod index_fields;

pub use index_fields::IndexField;

/// The slot in which the original keeps its own statements about a package. It has no full digest, and nothing of it is
/// ever executed (security rule S21).
pub(crate) const ATTESTATION: &str = "_attestation";

/// A package as it describes itself.
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
    /// Lower hex public key.
    pub public_key: String,
    /// Bytes of the launcher.
    pub launcher_size: u64,
    /// The fields of the index block.
    pub index: Vec<IndexField>,
    /// Every byte of the file in order: what lies there, and what vouches for it.
    pub regions: Vec<Coverage>,
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
    /// Name; empty where the metadata has no entry for it.
    pub id: String,
    /// Absolute offset of the stored bytes.
    pub offset: u64,
    /// Stored bytes.
    pub stored: u64,
    /// Bytes before compression, as the slot table says.
    pub content: u64,
    /// Canonical text form of the operation chain.
    pub operations: String,
    /// Lower hex SHA-256 of the stored bytes, where the metadata has it.
    pub sha256: Option<String>,
    /// Where it came from, in the builder's words.
    pub source: String,
    /// Where it goes, in the builder's words.
    pub target: String,
    /// What it is for, in the format's words.
    pub purpose: String,
    /// When it is there.
    pub lifecycle: String,
    /// Octal mode of a single file.
    pub permissions: Option<String>,
    /// What packages of ours say besides.
    pub facts: Option<SlotFacts>,
    /// Its entry in the slot table.
    pub descriptor: Descriptor,
}

/// What packages of ours say about a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotFacts {
    /// What the slot is for.
    pub role: String,
    /// Whether it may live in the shared store.
    pub share: bool,
    /// Bytes of its regular files.
    pub bytes: u64,
    /// Members of any kind.
    pub members: u64,
    /// Independently compressed parts.
    pub frames: Vec<Frame>,
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Stored bytes.
    pub stored: u64,
    /// Bytes after decoding.
    pub content: u64,
    /// Lower hex SHA-256 of the stored bytes.
    pub sha256: String,
}

/// A slot's entry in the slot table; what is not a size or a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// `0x…`.
    pub id: String,
    /// The eight bytes as they stand in the file, lower hex.
    pub name_hash: String,
    /// Packed operation chain, `0x…`.
    pub operations: String,
    /// The eight bytes as they stand in the file, lower hex.
    pub checksum: String,
    /// Purpose byte.
    pub purpose: u8,
    /// Lifecycle byte.
    pub lifecycle: u8,
    /// Octal mode.
    pub permissions: String,
}

/// Opens a package and describes it.
pub fn inspect(path: &Path) -> Result<Report> {
    let file = PackageFile::open(path)?;
    let package = Package::open(file.file()).map_err(Error::package(path))?;
    let mut slots = Vec::new();
    for (index, descriptor) in package.descriptors().iter().enumerate() {
        let chain = OperationChain::unpack(descriptor.operations, 0).map_err(Error::package(path))?;
        let entry = package.metadata().slots.get(index);
        let text = |part: fn(&pspf::metadata::Slot) -> &String| entry.map(part).cloned().unwrap_or_default();
        slots.push(Slot {
            index,
            id: text(|slot| &slot.id),
            offset: descriptor.offset,
            stored: descriptor.size,
            content: descriptor.original_size,
            operations: chain.text(),
            sha256: entry.and_then(pspf::metadata::Slot::digest).map(|digest| hex::encode(&digest)),
            source: text(|slot| &slot.source),
            target: text(|slot| &slot.target),
            purpose: text(|slot| &slot.purpose),
            lifecycle: text(|slot| &slot.lifecycle),
            permissions: entry.and_then(|slot| slot.permissions.clone()),
            facts: package.flavor().and_then(|flavor| flavor.slots.get(index)).map(facts),
            descriptor: Descriptor {
                id: format!("{:#x}", descriptor.id),
                name_hash: hex::encode(&descriptor.name_hash.to_le_bytes()),
                operations: format!("{:#x}", descriptor.operations),
                checksum: hex::encode(&descriptor.checksum.to_le_bytes()),
                purpose: descriptor.purpose,
                lifecycle: descriptor.lifecycle,
                permissions: format!("{:04o}", descriptor.permissions),
            },
        });
    }
    let metadata_json = String::from_utf8(package.metadata_json().to_vec())
        .map_err(|_| Error::Internal { message: "checked metadata is not UTF-8".to_owned() })?;
    Ok(Report {
        path: path.to_path_buf(),
        size: package.length(),
        metadata_json,
        fingerprint: hex::encode(&package.fingerprint()),
        public_key: hex::encode(&package.index().public_key),
        launcher_size: package.index().launcher_size,
        index: index_fields::of(package.trailer(), package.length() - package.trailer().len() as u64),
        regions: coverage::of(&package)?,
        slots,
        foreign: package.is_foreign(),
    })
}

fn facts(slot: &pspf::metadata::FlavorSlot) -> SlotFacts {
    let frames = slot.frames.iter().map(|frame| Frame {
        stored: frame.stored,
        content: frame.content,
        sha256: hex::encode(&frame.sha256.0),
    });
    SlotFacts {
        role: slot.role.clone(),
        share: slot.share,
        bytes: slot.unpacked.bytes,
        members: slot.unpacked.members,
        frames: frames.collect(),
    }
}
