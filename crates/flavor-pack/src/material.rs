//! What a slot is made from: the source of a plan, looked at once, and the operation chain that fits it.
//!
//! A folder becomes a tar stream of ours. A file is encoded, unless it is encoded already as its chain says: then it
//! is stored byte for byte, after it was decoded to the end (FORMAT.md §15). The one exception are chains that end
//! with zstd, whose frames only we can cut: such a file is decoded and framed anew. Nothing is stored here.

use std::fs::{self, File};
use std::io::{self, Read, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use pspf::ErrorCode;
use pspf::codec::{self, Limits};
use pspf::layout::limit;
use pspf::metadata::Unpacked;
use pspf::operations::{Operation, OperationChain};
use pspf::tar::{Decoder, Kind, Member, MemberSink};
use sha2::{Digest as _, Sha256};

use crate::archive::{self, Entry, Source, Tree};
use crate::plan::PlanSlot;
use crate::progress::Progress;
use crate::{Error, Result, members};

/// Enough to recognise each kind of encoding, and a tar header.
const HEAD: usize = 512;
const PIECE: usize = 128 * 1024;

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
}

impl Material {
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
        let plain = |unpacked| Input { path: path.to_path_buf(), size, sha256: None, unpacked };
        let Some(last) = chain.operations().last() else {
            return Ok(Material::Plain(plain(Unpacked { bytes: size, members: 1 })));
        };
        let head = head(path)?;
        let refuse = |what: &str| {
            let message = format!("{} {what} {:?}", path.display(), chain.text());
            Err(Error::plan(format!("slots[{position}].source"), message))
        };
        if is_encoded(&head, *last) {
            match self.encoded(path, size, chain) {
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
                Ok(read) => Ok(Material::Plain(plain(read.unpacked))),
                Err(error) if is_about_the_file(&error) => {
                    refuse(&format!("cannot be stored ({error}) under the operations"))
                }
                Err(error) => Err(error),
            };
        } else if chain.is_tree() {
            return refuse("is neither a folder nor an archive, as it must be for the operations");
        }
        Ok(Material::Plain(plain(Unpacked { bytes: size, members: 1 })))
    }

    /// A file that begins as its chain ends.
    fn encoded(&self, path: &Path, size: u64, chain: &OperationChain) -> Result<Material> {
        if *chain == OperationChain::tar_zstd() {
            return Ok(Material::Tree(self.unpacked(path, chain.operations())?));
        }
        // What is framed anew is never decoded by a reader as it is now.
        let limits = if chain.ends_with_zstd() { Limits::FOREIGN } else { Limits::OURS };
        let read = if chain.is_tree() {
            read_archive(path, chain.operations(), limits, self.progress)?
        } else {
            read_file(path, chain.operations(), limits, self.progress)?
        };
        let input =
            Input { path: path.to_path_buf(), size, sha256: Some(read.sha256), unpacked: read.unpacked };
        Ok(if chain.ends_with_zstd() { Material::Reframed(input) } else { Material::Ready(input) })
    }

    /// Unpacks an archive into a file without a name, so that it can be archived again in our order.
    fn unpacked(&self, path: &Path, operations: &[Operation]) -> Result<Tree> {
        let failed = |error| Error::output("write temporary data beside the output in", self.folder)(error);
        let spool = tempfile::tempfile_in(self.folder).map_err(failed)?;
        let mut sink = Unpack {
            collected: Collect::new(self.progress),
            out: io::BufWriter::with_capacity(PIECE, spool),
            written: 0,
            offsets: Vec::new(),
            folder: self.folder,
        };
        feed(path, operations, Limits::FOREIGN, self.progress, &mut sink)?;
        let mut spool = sink.out.into_inner().map_err(|error| failed(error.into_error()))?;
        spool.rewind().map_err(failed)?;
        let (spool, archive): (Arc<File>, Arc<Path>) = (Arc::new(spool), Arc::from(path));
        let entry = |(member, offset)| {
            let source = Source::Spool { spool: Arc::clone(&spool), offset, archive: Arc::clone(&archive) };
            Entry { member, source }
        };
        let bytes = sink.collected.bytes;
        let entries = sink.collected.members.into_iter().zip(sink.offsets).map(entry);
        archive::of_archive(entries.collect(), bytes)
    }
}

/// Whether a failure says something about the file and not about the attempt to read it.
fn is_about_the_file(error: &Error) -> bool {
    matches!(error, Error::Format(error) if error.code() != ErrorCode::PspfIo)
        || matches!(error, Error::Member { .. })
}

fn head(path: &Path) -> Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    File::open(path)
        .and_then(|file| file.take(HEAD as u64).read_to_end(&mut head))
        .map_err(Error::io("read the source of a slot", path))?;
    Ok(head)
}

/// Whether a file begins as the result of an operation does.
fn is_encoded(head: &[u8], operation: Operation) -> bool {
    match operation {
        Operation::Tar => head.get(257..262) == Some(b"ustar"),
        Operation::Gzip => head.starts_with(&[0x1f, 0x8b]),
        Operation::Bzip2 => head.starts_with(b"BZh"),
        Operation::Xz => head.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]),
        Operation::Zstd => {
            head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
                || head.get(1..4) == Some(&[0x2a, 0x4d, 0x18]) && head[0] & 0xf0 == 0x50
        }
    }
}

/// What a file turned out to hold.
struct Contents {
    sha256: [u8; 32],
    unpacked: Unpacked,
}

/// Hashes what passes through.
struct Hashing<R> {
    inner: R,
    hasher: Arc<Mutex<Sha256>>,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.hasher.lock().unwrap_or_else(PoisonError::into_inner).update(&buffer[..length]);
        Ok(length)
    }
}

/// Decodes a file to the end and gives its content to `take`; the digest of the file comes back.
fn decode(
    path: &Path,
    operations: &[Operation],
    limits: Limits,
    progress: &dyn Progress,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<[u8; 32]> {
    let file = File::open(path).map_err(Error::io("read the source of a slot", path))?;
    let hasher = Arc::new(Mutex::new(Sha256::new()));
    let hashing = Hashing { inner: file, hasher: Arc::clone(&hasher) };
    let mut stream = codec::decoder(operations, Box::new(hashing), limits)?;
    let mut piece = vec![0; PIECE];
    loop {
        progress.check()?;
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => take(&piece[..length])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(codec::error_of(error).into()),
        }
    }
    let digest = hasher.lock().unwrap_or_else(PoisonError::into_inner).clone().finalize();
    Ok(digest.into())
}

fn read_file(
    path: &Path,
    operations: &[Operation],
    limits: Limits,
    progress: &dyn Progress,
) -> Result<Contents> {
    let mut bytes = 0_u64;
    let sha256 = decode(path, operations, limits, progress, |piece| {
        bytes += piece.len() as u64;
        check_size(bytes, 1)
    })?;
    Ok(Contents { sha256, unpacked: Unpacked { bytes, members: 1 } })
}

fn read_archive(
    path: &Path,
    operations: &[Operation],
    limits: Limits,
    progress: &dyn Progress,
) -> Result<Contents> {
    let mut sink = Collect::new(progress);
    let sha256 = feed(path, operations, limits, progress, &mut sink)?;
    members::check(sink.members.iter()).map_err(|broken| {
        Error::member(path, format!("{:?}: {}", sink.members[broken.position].path, broken.message))
    })?;
    Ok(Contents { sha256, unpacked: Unpacked { bytes: sink.bytes, members: sink.members.len() as u64 } })
}

/// Decodes an archive of somebody else to the end.
fn feed<S: MemberSink<Error = Error>>(
    path: &Path,
    operations: &[Operation],
    limits: Limits,
    progress: &dyn Progress,
    sink: &mut S,
) -> Result<[u8; 32]> {
    let mut decoder = Decoder::new();
    let sha256 = decode(path, operations, limits, progress, |piece| decoder.feed(piece, sink))?;
    decoder.finish(true)?;
    Ok(sha256)
}

fn check_size(bytes: u64, members: u64) -> Result<()> {
    if bytes <= limit::CONTENT_BYTES && members <= limit::MEMBERS {
        return Ok(());
    }
    let message = format!(
        "more than {} members or {} bytes, which a package may not hold",
        limit::MEMBERS,
        limit::CONTENT_BYTES
    );
    Err(pspf::Error::rule(ErrorCode::PspfLimit, message).into())
}

/// Keeps the member list.
struct Collect<'a> {
    members: Vec<Member>,
    bytes: u64,
    progress: &'a dyn Progress,
}

impl<'a> Collect<'a> {
    fn new(progress: &'a dyn Progress) -> Self {
        Self { members: Vec::new(), bytes: 0, progress }
    }
}

impl MemberSink for Collect<'_> {
    type Error = Error;

    fn begin(&mut self, member: &Member) -> Result<()> {
        self.progress.check()?;
        if let Kind::File { size, .. } = member.kind {
            self.bytes = self.bytes.saturating_add(size);
        }
        self.members.push(member.clone());
        check_size(self.bytes, self.members.len() as u64)
    }

    fn data(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Keeps the contents, too.
struct Unpack<'a> {
    collected: Collect<'a>,
    out: io::BufWriter<File>,
    written: u64,
    offsets: Vec<u64>,
    folder: &'a Path,
}

impl MemberSink for Unpack<'_> {
    type Error = Error;

    fn begin(&mut self, member: &Member) -> Result<()> {
        self.offsets.push(self.written);
        self.collected.begin(member)
    }

    fn data(&mut self, piece: &[u8]) -> Result<()> {
        self.written += piece.len() as u64;
        let failed = Error::output("write temporary data beside the output in", self.folder);
        self.out.write_all(piece).map_err(failed)
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}
