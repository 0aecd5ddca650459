//! Compressed frames of earlier builds: a frame whose plain bytes were compressed before, in the same way, is taken from
//! a folder instead of being compressed again. A file that changed costs the frame that it lies in.
//!
//! Guaranteed: what is taken is, byte for byte, what the compressor would have given, as far as whoever may write into
//! the folder is the user. An entry is found by the SHA-256 of the plain bytes and of everything that the stored bytes
//! depend on, and states its own length and digest: one that was cut short or altered is compressed and written anew.
//! Entries appear complete or not at all, so any number of builds may share a folder. Nothing here fails a build: where
//! the folder cannot be read or written, that is one warning. Whose the folder is, and when entries go, is the
//! business of whoever names it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use pspf::hex;
use sha2::{Digest as _, Sha256};
use tempfile::SpooledTempFile;

use crate::frames::{FRAME_IN_MEMORY, Gather, PIECE};

/// Begins each entry. Another way to cut, feed or set up the compressor is another number.
const MAGIC: &[u8; 16] = b"flavor-frame-1\n\0";
/// Magic, length, digest.
const HEADER: u64 = 16 + 8 + 32;
/// A frame that did not shrink at all is at most this much longer than its content.
const OVERHEAD: u64 = 64 * 1024;
/// How often the time stamp by which unused entries are found is renewed.
const STAMP: Duration = Duration::from_hours(24);

/// What a frame is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key([u8; 32]);

impl Key {
    /// The key of a frame of `content` plain bytes. The window follows from level and content, and so do all other
    /// parameters; the compressor's own version and the machine that it was made for are part of the key.
    pub(crate) fn new(plain: [u8; 32], content: u64, level: i32) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(MAGIC);
        hasher.update(zstd::zstd_safe::version_number().to_le_bytes());
        hasher.update(std::env::consts::ARCH);
        hasher.update([0]);
        hasher.update(level.to_le_bytes());
        hasher.update(content.to_le_bytes());
        hasher.update(plain);
        Self(hasher.finalize().into())
    }
}

/// A folder of entries.
#[derive(Debug)]
pub(crate) struct FrameCache {
    folder: PathBuf,
    trouble: Mutex<Option<String>>,
}

/// A frame that was found, and checked.
pub(crate) struct Found {
    pub(crate) bytes: SpooledTempFile,
    pub(crate) length: u64,
    pub(crate) sha256: [u8; 32],
}

impl FrameCache {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), trouble: Mutex::new(None) }
    }

    /// What kept the folder from being of use, once.
    pub(crate) fn into_warning(self) -> Option<String> {
        self.trouble.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The frame of a key, copied while it is checked: nobody can change what was looked at. `spool` is where a large
    /// one waits.
    pub(crate) fn take(&self, key: Key, content: u64, spool: &Path) -> Option<Found> {
        let path = self.path(key);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                self.note("read", &error);
                return None;
            }
        };
        let found = read(&file, content, spool)
            .inspect_err(|error| {
                // What is in a file is no trouble: it is replaced.
                if !matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) {
                    self.note("read", error);
                }
            })
            .ok()?;
        let now = SystemTime::now();
        let age = file.metadata().and_then(|status| status.modified()).map(|then| now.duration_since(then));
        if !matches!(age, Ok(Ok(age)) if age < STAMP) {
            // Only says that the entry is of use; where that cannot be said, it goes earlier.
            let _ = file.set_modified(now);
        }
        Some(found)
    }

    /// Keeps a frame.
    pub(crate) fn keep(&self, key: Key, bytes: &mut SpooledTempFile, length: u64, sha256: [u8; 32]) {
        if let Err(error) = self.write(key, bytes, length, sha256) {
            self.note("written", &error);
        }
    }

    fn write(&self, key: Key, bytes: &mut SpooledTempFile, length: u64, sha256: [u8; 32]) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".frame-").suffix(".tmp").tempfile_in(&self.folder)?;
        file.write_all(MAGIC)?;
        file.write_all(&length.to_le_bytes())?;
        file.write_all(&sha256)?;
        bytes.seek(SeekFrom::Start(0))?;
        io::copy(bytes, &mut file)?;
        file.persist(self.path(key)).map(drop).map_err(|error| error.error)
    }

    fn path(&self, key: Key) -> PathBuf {
        self.folder.join(hex::encode(&key.0))
    }

    fn note(&self, what: &str, error: &io::Error) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.get_or_insert_with(|| {
            format!(
                "compressed parts could not be {what} in the build cache {}: {error}",
                self.folder.display()
            )
        });
    }
}

/// Copies the frame out of an entry. `InvalidData` and `UnexpectedEof` say that the entry is none.
fn read(mut file: &File, content: u64, spool: &Path) -> io::Result<Found> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let mut header = [0; 56];
    file.read_exact(&mut header)?;
    let (magic, rest) = header.split_at(16);
    let (length, digest) = rest.split_at(8);
    let length = u64::from_le_bytes(length.try_into().map_err(|_| invalid())?);
    let size = file.metadata()?.len();
    if magic != MAGIC || length > content + OVERHEAD || size.checked_sub(HEADER) != Some(length) {
        return Err(invalid());
    }
    let mut gather = Gather::new(SpooledTempFile::new_in(FRAME_IN_MEMORY, spool));
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        gather.write_all(&piece[..read])?;
        if gather.length > length {
            return Err(invalid());
        }
    }
    let (bytes, copied, sha256) = gather.finish();
    if copied != length || sha256 != digest {
        return Err(invalid());
    }
    Ok(Found { bytes, length, sha256 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: &[u8]) -> (SpooledTempFile, u64, [u8; 32]) {
        let mut gather = Gather::new(SpooledTempFile::new(1024));
        gather.write_all(bytes).expect("write");
        gather.finish()
    }

    fn content(mut found: Found) -> Vec<u8> {
        let mut bytes = Vec::new();
        found.bytes.seek(SeekFrom::Start(0)).expect("seek");
        found.bytes.read_to_end(&mut bytes).expect("read");
        bytes
    }

    fn kept(folder: &Path) -> (FrameCache, Key) {
        let cache = FrameCache::new(folder);
        let key = Key::new([7; 32], 100, 9);
        let (mut bytes, length, sha256) = frame(b"compressed");
        cache.keep(key, &mut bytes, length, sha256);
        (cache, key)
    }

    #[test]
    fn a_frame_that_was_kept_is_found_by_its_key_and_by_no_other() {
        let folder = tempfile::tempdir().expect("folder");
        let (cache, key) = kept(folder.path());
        let found = cache.take(key, 100, folder.path()).expect("found");
        assert_eq!(found.length, 10);
        assert_eq!(content(found), b"compressed");
        for other in [Key::new([8; 32], 100, 9), Key::new([7; 32], 101, 9), Key::new([7; 32], 100, 3)] {
            assert!(cache.take(other, 100, folder.path()).is_none());
        }
        assert_eq!(cache.into_warning(), None);
    }

    #[test]
    fn an_entry_that_was_cut_short_lengthened_or_altered_is_none_and_is_replaced() {
        let folder = tempfile::tempdir().expect("folder");
        let (cache, key) = kept(folder.path());
        let path = cache.path(key);
        let whole = std::fs::read(&path).expect("read");
        let mut longer = whole.clone();
        longer.push(0);
        let altered = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        };
        let damaged = [Vec::new(), whole[..20].to_vec(), whole[..whole.len() - 1].to_vec(), longer];
        for bytes in damaged.into_iter().chain((0..whole.len()).map(altered)) {
            std::fs::write(&path, &bytes).expect("write");
            assert!(cache.take(key, 100, folder.path()).is_none(), "{bytes:?}");
        }
        let (mut bytes, length, sha256) = frame(b"compressed");
        cache.keep(key, &mut bytes, length, sha256);
        assert_eq!(content(cache.take(key, 100, folder.path()).expect("found")), b"compressed");
        assert_eq!(cache.into_warning(), None);
    }

    #[test]
    fn an_entry_longer_than_its_content_could_need_is_none() {
        let folder = tempfile::tempdir().expect("folder");
        let cache = FrameCache::new(folder.path());
        let key = Key::new([7; 32], 100, 9);
        let (mut bytes, length, sha256) = frame(&vec![1; 100 + 64 * 1024 + 1]);
        cache.keep(key, &mut bytes, length, sha256);
        assert!(cache.take(key, 100, folder.path()).is_none());
    }

    #[test]
    fn use_renews_the_stamp_of_an_entry_that_has_an_old_one() {
        let folder = tempfile::tempdir().expect("folder");
        let (cache, key) = kept(folder.path());
        let old = SystemTime::now() - 20 * STAMP;
        let file = std::fs::OpenOptions::new().write(true).open(cache.path(key)).expect("open");
        file.set_modified(old).expect("stamp");
        assert!(cache.take(key, 100, folder.path()).is_some());
        let stamp = file.metadata().and_then(|status| status.modified()).expect("stamp");
        assert!(stamp.duration_since(old).expect("later") > STAMP);
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_one_warning() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("file");
        std::fs::write(&path, b"").expect("write");
        let (cache, key) = kept(&path);
        assert!(cache.take(key, 100, folder.path()).is_none());
        let warning = cache.into_warning().expect("warning");
        assert!(warning.contains("could not be written in the build cache"), "{warning}");
    }
}
