//! What a slot is made from: the source of a plan, looked at once, and the operation chain that fits it.
//!
//! A folder becomes a tar stream of ours. A file is encoded, unless it is encoded already as its chain says: then it
//! is stored byte for byte, after it was decoded to the end (FORMAT.md §15). The one exception are chains that end
//! with zstd, whose frames only we can cut: such a file is decoded and framed anew. Nothing is stored here.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use pspf::ErrorCode;
use pspf::codec::Limits;
use pspf::metadata::Unpacked;
use pspf::operations::{Operation, OperationChain};
use pspf::tar::{Kind, Member};

use crate::archive::{self, Entry, Source, Tree};
use crate::encoded::{self, Contents, head, is_encoded, read_archive, read_file};
use crate::plan::PlanSlot;
use crate::progress::Progress;
use crate::{Error, Result};

/// What the stored bytes of a slot are made from.
#[derive(Debug)]
pub(crate) enum Material {
    /// A tree, archived by us.
    Tree(Tree),
    /// A file that the encodings of the chain are applied to; behind a tar it is an archive of somebody else.
    Plain(Input),
    /// A file that is stored as it is.
    Ready(Input),
    /// A file whose last encoding is undone and applied anew, cut into frames.
    Reframed(Input),
    /// The package itself: no bytes.
    Itself,
}

/// A file as it was looked at.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    /// Known where the whole file was read.
    pub(crate) sha256: Option<[u8; 32]>,
    pub(crate) unpacked: Unpacked,
    /// What a store makes of it: the one file, or what the archive holds and implies.
    pub(crate) members: Vec<Member>,
}

impl Material {
    /// Everything that there will be below the slot's root.
    pub(crate) fn members(&self) -> Vec<&Member> {
        match self {
            Self::Tree(tree) => tree.entries.iter().map(|entry| &entry.member).collect(),
            Self::Plain(input) | Self::Ready(input) | Self::Reframed(input) => input.members.iter().collect(),
            Self::Itself => Vec::new(),
        }
    }

    /// The member with this path.
    pub(crate) fn member(&self, path: &str) -> Option<&Member> {
        match self {
            Self::Tree(tree) => tree.member(path),
            Self::Plain(input) | Self::Ready(input) | Self::Reframed(input) => {
                input.members.iter().find(|member| member.path == path)
            }
            Self::Itself => None,
        }
    }

    /// What the slot unpacks to.
    pub(crate) fn unpacked(&self) -> Unpacked {
        match self {
            Self::Tree(tree) => Unpacked { bytes: tree.bytes, members: tree.entries.len() as u64 },
            Self::Plain(input) | Self::Ready(input) | Self::Reframed(input) => input.unpacked,
            Self::Itself => Unpacked { bytes: 0, members: 0 },
        }
    }

    /// Bytes that will be read.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Tree(tree) => tree.bytes,
            Self::Plain(input) | Self::Ready(input) | Self::Reframed(input) => input.size,
            Self::Itself => 0,
        }
    }
}

/// Looks at sources.
pub(crate) struct Surveyor<'a> {
    /// What relative sources are relative to.
    pub(crate) base: &'a Path,
    /// What `{workenv}` stands for.
    pub(crate) workenv_base: &'a Path,
    /// Where archives are unpacked to, in files without a name.
    pub(crate) folder: &'a Path,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) warnings: Mutex<Vec<String>>,
}

impl Surveyor<'_> {
    /// The material of one slot and its chain.
    pub(crate) fn survey(&self, position: usize, slot: &PlanSlot) -> Result<(Material, OperationChain)> {
        self.progress.check()?;
        let stated = slot.operations.as_deref().map(OperationChain::parse).transpose()?;
        if slot.is_self() {
            return Ok((Material::Itself, OperationChain::default()));
        }
        let path = self.path(&slot.source);
        let metadata = fs::metadata(&path).map_err(Error::io("read the source of a slot", &path))?;
        if metadata.is_dir() {
            let chain = stated.unwrap_or_else(OperationChain::tar_zstd);
            if !chain.is_tree() {
                let message = format!(
                    "{:?} for the folder {}, expected a chain that begins with tar",
                    chain.text(),
                    path.display()
                );
                return Err(Error::plan(format!("slots[{position}].operations"), message));
            }
            return Ok((Material::Tree(archive::walk(&path, self.progress)?), chain));
        }
        if !metadata.is_file() {
            return Err(Error::member(&path, "a slot is made from a folder or a file, this is neither"));
        }
        let chain = stated.unwrap_or_default();
        if !chain.is_tree() && slot.path()?.is_empty() {
            let message = format!("{:?} names no file, but {} is one", slot.target, path.display());
            return Err(Error::plan(format!("slots[{position}].target"), message));
        }
        let material = self.file(position, slot, &path, metadata.len(), &chain)?;
        Ok((material, chain))
    }

    fn path(&self, source: &str) -> PathBuf {
        self.base.join(source.replace("{workenv}", &self.workenv_base.to_string_lossy()))
    }

    fn file(
        &self,
        position: usize,
        slot: &PlanSlot,
        path: &Path,
        size: u64,
        chain: &OperationChain,
    ) -> Result<Material> {
        let plain =
            |unpacked, members| Input { path: path.to_path_buf(), size, sha256: None, unpacked, members };
        let whole =
            || Ok(Material::Plain(plain(Unpacked { bytes: size, members: 1 }, one_file(slot, size)?)));
        let Some(last) = chain.operations().last() else { return whole() };
        let head = head(path)?;
        let refuse = |what: &str| {
            let message = format!("{} {what} {:?}", path.display(), chain.text());
            Err(Error::plan(format!("slots[{position}].source"), message))
        };
        if is_encoded(&head, *last) {
            match self.encoded(slot, path, size, chain) {
                Err(error) if !is_about_the_file(&error) => return Err(error),
                Err(error) if chain.is_tree() => {
                    return refuse(&format!("cannot be stored ({error}) under the operations"));
                }
                Err(error) => {
                    let message = format!(
                        "slot {:?}: {} begins like {} but is not ready for {:?} ({error}); it is encoded as any file",
                        slot.id,
                        path.display(),
                        last.name(),
                        chain.text()
                    );
                    self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(message);
                }
                material => return material,
            }
        } else if chain.is_tree() && is_encoded(&head, Operation::Tar) {
            if *chain == OperationChain::tar_zstd() {
                return Ok(Material::Tree(self.unpacked(path, &[])?));
            }
            return match read_archive(path, &[], Limits::FOREIGN, self.progress) {
                Ok(read) => Ok(Material::Plain(plain(read.unpacked, read.members))),
                Err(error) if is_about_the_file(&error) => {
                    refuse(&format!("cannot be stored ({error}) under the operations"))
                }
                Err(error) => Err(error),
            };
        } else if chain.is_tree() {
            return refuse("is neither a folder nor an archive, as it must be for the operations");
        }
        whole()
    }

    /// A file that begins as its chain ends.
    fn encoded(&self, slot: &PlanSlot, path: &Path, size: u64, chain: &OperationChain) -> Result<Material> {
        if *chain == OperationChain::tar_zstd() {
            return Ok(Material::Tree(self.unpacked(path, chain.operations())?));
        }
        // What is framed anew is never decoded by a reader as it is now.
        let limits = if chain.ends_with_zstd() { Limits::FOREIGN } else { Limits::OURS };
        let mut read = if chain.is_tree() {
            read_archive(path, chain.operations(), limits, self.progress)?
        } else {
            read_file(path, chain.operations(), limits, self.progress)?
        };
        if !chain.is_tree() {
            read.members = one_file(slot, read.unpacked.bytes)?;
        }
        let Contents { sha256, unpacked, members } = read;
        let input = Input { path: path.to_path_buf(), size, sha256: Some(sha256), unpacked, members };
        Ok(if chain.ends_with_zstd() { Material::Reframed(input) } else { Material::Ready(input) })
    }

    /// Unpacks an archive, so that it can be archived again in our order.
    fn unpacked(&self, path: &Path, operations: &[Operation]) -> Result<Tree> {
        let unpacking = encoded::unpack(path, operations, self.folder, self.progress)?;
        let (spool, archive): (Arc<File>, Arc<Path>) = (Arc::new(unpacking.spool), Arc::from(path));
        let entry = |(member, offset)| {
            let source = Source::Spool { spool: Arc::clone(&spool), offset, archive: Arc::clone(&archive) };
            Entry { member, source }
        };
        archive::of_archive(unpacking.members.into_iter().map(entry).collect(), unpacking.bytes)
    }
}

/// What a slot without tar holds.
fn one_file(slot: &PlanSlot, size: u64) -> Result<Vec<Member>> {
    let kind = Kind::File { size, executable: slot.is_executable() };
    Ok(vec![Member { path: slot.path()?.to_owned(), kind }])
}

/// Whether a failure says something about the file and not about the attempt to read it.
fn is_about_the_file(error: &Error) -> bool {
    matches!(error, Error::Format(error) if error.code() != ErrorCode::PspfIo)
        || matches!(error, Error::Member { .. })
}
