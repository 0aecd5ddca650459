//! Files that other tools have encoded: whether one begins like an encoding, and what it holds when it is read to the
//! end. Everything is decoded before anything is believed, and nothing is written here except what the caller's sink
//! writes.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use pspf::ErrorCode;
use pspf::codec::{self, Limits};
use pspf::layout::limit;
use pspf::metadata::Unpacked;
use pspf::operations::Operation;
use pspf::tar::{Decoder, Kind, Member, MemberSink};
use sha2::{Digest as _, Sha256};

use crate::frames::waiting;
use crate::judgement::implied;
use crate::progress::Progress;
use crate::{Error, Result, members};

/// Enough to recognise each kind of encoding, and a tar header.
const HEAD: usize = 512;
const PIECE: usize = 128 * 1024;

/// The first bytes of a file.
pub(crate) fn head(path: &Path) -> Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    File::open(path)
        .and_then(|file| file.take(HEAD as u64).read_to_end(&mut head))
        .map_err(Error::io("read the source of a slot", path))?;
    Ok(head)
}

/// Whether a file begins as the result of an operation does.
pub(crate) fn is_encoded(head: &[u8], operation: Operation) -> bool {
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
pub(crate) struct Contents {
    pub(crate) sha256: [u8; 32],
    pub(crate) unpacked: Unpacked,
    /// Of an archive, with the folders that it only implies.
    pub(crate) members: Vec<Member>,
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

/// What a file holds behind every encoding.
pub(crate) fn read_file(
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
    Ok(Contents { sha256, unpacked: Unpacked { bytes, members: 1 }, members: Vec::new() })
}

/// What an archive holds behind every encoding.
pub(crate) fn read_archive(
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
    let unpacked = Unpacked { bytes: sink.bytes, members: sink.members.len() as u64 };
    let mut members = sink.members;
    let folders = implied(&members);
    members.extend(folders);
    Ok(Contents { sha256, unpacked, members })
}

/// Decodes an archive of somebody else to the end.
fn feed<S: MemberSink<Error = Error>>(
    path: &Path,
    operations: &[Operation],
    limits: Limits,
    progress: &dyn Progress,
    sink: &mut S,
) -> Result<[u8; 32]> {
    let mut decoder = Decoder::tolerant();
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

/// Keeps the contents, too: one behind the other in a file without a name.
struct Unpack<'a> {
    collected: Collect<'a>,
    out: io::BufWriter<File>,
    written: u64,
    offsets: Vec<u64>,
    folder: &'a Path,
}

/// What an archive was unpacked to.
pub(crate) struct Unpacking {
    /// Members and where their content begins.
    pub(crate) members: Vec<(Member, u64)>,
    /// Sum of the file sizes.
    pub(crate) bytes: u64,
    /// The contents.
    pub(crate) spool: File,
}

/// Unpacks an archive into a file without a name in `folder`.
pub(crate) fn unpack(
    path: &Path,
    operations: &[Operation],
    folder: &Path,
    progress: &dyn Progress,
) -> Result<Unpacking> {
    let failed = |error| waiting(folder)(error);
    let mut sink = Unpack {
        collected: Collect::new(progress),
        out: io::BufWriter::with_capacity(PIECE, tempfile::tempfile_in(folder).map_err(failed)?),
        written: 0,
        offsets: Vec::new(),
        folder,
    };
    feed(path, operations, Limits::FOREIGN, progress, &mut sink)?;
    let spool = sink.out.into_inner().map_err(|error| failed(error.into_error()))?;
    let members = sink.collected.members.into_iter().zip(sink.offsets).collect();
    Ok(Unpacking { members, bytes: sink.collected.bytes, spool })
}

impl MemberSink for Unpack<'_> {
    type Error = Error;

    fn begin(&mut self, member: &Member) -> Result<()> {
        self.offsets.push(self.written);
        self.collected.begin(member)
    }

    fn data(&mut self, piece: &[u8]) -> Result<()> {
        self.written += piece.len() as u64;
        self.out.write_all(piece).map_err(waiting(self.folder))
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}
