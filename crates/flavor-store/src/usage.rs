//! Who uses what of the store (STORE.md 13): the lock that a program holds while it runs, the lock that keeps the
//! collector out while something is looked for and published, and the description of what an environment refers to.
//! What may be removed is [`crate::collect`]'s decision.

use std::fs::File;
use std::time::{Duration, Instant};

use pspf::{ErrorCode, hex};

use crate::checksum::checksum;
use crate::error::{During as _, Error, Result};
use crate::private_file;
use crate::root::Root;
use crate::staging::Staging;
use crate::system::{self, Errno, Lock};

/// The lock between starts and the collector.
const COLLECT: &str = "collect";
/// How often a collector that waits looks again.
const PAUSE: Duration = Duration::from_millis(20);

const MARK: &[u8; 8] = b"FLVENV01";
const HEAD: usize = 32;
const KEY: usize = 32;
const MAX_ABOUT: usize = 256 * 1024;

/// The shared lock of somebody who looks for things in the store and publishes others; it ends when it is dropped.
#[derive(Debug)]
pub struct Entered(#[expect(dead_code, reason = "held, never used")] File);

/// Keeps the collector out until the answer is dropped (STORE.md 13.3). Waits for one that is at work.
pub fn enter(root: &Root) -> Result<Entered> {
    let file = open_lock(root, COLLECT)?;
    match system::lock(&file, Lock::Shared) {
        Ok(()) => Ok(Entered(file)),
        // Without locks there is no collector either: it needs the same one.
        Err(error) if is_unsupported(error) => Ok(Entered(file)),
        Err(error) => Err(error).during("lock", || lock_path(root, COLLECT)),
    }
}

/// The collector's own lock (STORE.md 14.1).
pub(crate) fn enter_alone(root: &Root, patience: Duration) -> Result<File> {
    let file = open_lock(root, COLLECT)?;
    let since = Instant::now();
    loop {
        match system::lock(&file, Lock::TryExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK) if since.elapsed() < patience => std::thread::sleep(PAUSE),
            Err(Errno::WOULDBLOCK) => {
                let message = format!(
                    "a program is being unpacked into `{}`, or another clean-up is at work there",
                    root.path().display()
                );
                return Err(Error::refused(ErrorCode::StoreBusy, message));
            }
            Err(error) => return Err(error).during("lock", || lock_path(root, COLLECT)),
        }
    }
}

/// A shared lock on a work environment (STORE.md 13.1); it ends when its last descriptor is closed.
#[derive(Debug)]
pub struct Hold(Option<File>);

impl Hold {
    /// For a warm start: takes the lock if its file is there.
    pub(crate) fn take(root: &Root, environment: &str) -> Option<Self> {
        Self::lock(root.locks.open_file(lock_name(environment)).ok()?)
    }

    /// For everybody else: makes the file if it is missing, and notes the use.
    pub fn create(root: &Root, environment: &str) -> Result<Self> {
        let name = lock_name(environment);
        let file = open_lock(root, &name)?;
        system::touch(&file).during("note the use in", || lock_path(root, &name))?;
        Self::lock(file).ok_or(Errno::NOLCK).during("lock", || lock_path(root, &name))
    }

    fn lock(file: File) -> Option<Self> {
        match system::lock(&file, Lock::Shared) {
            Ok(()) => Some(Self(Some(file))),
            Err(error) => is_unsupported(error).then_some(Self(None)),
        }
    }

    /// The file that holds, close-on-exec, for a launcher that leaves it to its program (STORE.md 13.4). `None`
    /// where the system has no locks.
    pub fn into_file(self) -> Option<File> {
        self.0
    }
}

/// Whether nobody holds the environment: the lock, to be kept while it is removed, or `None` where there is no file.
/// `Err` says that somebody does.
pub(crate) fn try_alone(root: &Root, environment: &str) -> std::result::Result<Option<File>, ()> {
    let file = match root.locks.open_file(lock_name(environment)) {
        Ok(file) => file,
        // Starts are kept out, and one that finds no file does not begin: nobody can come meanwhile.
        Err(Errno::NOENT) => return Ok(None),
        Err(_) => return Err(()),
    };
    system::lock(&file, Lock::TryExclusive).map(|()| Some(file)).map_err(|_| ())
}

/// When a cold start last noted a use of the environment.
pub(crate) fn noted(root: &Root, environment: &str) -> Option<i64> {
    Some(root.locks.find(lock_name(environment)).ok()?.identity().modified.0)
}

/// What an environment is and refers to (STORE.md 13.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Name of the package.
    pub name: String,
    /// Version of the package.
    pub version: String,
    /// Keys of all its shared slots.
    pub slots: Vec<String>,
    /// Whether it is a private environment (STORE.md 8.7), in which programs may keep files of the user.
    pub private: bool,
}

/// Publishes the description of an environment if it is missing or different.
pub fn describe(root: &Root, staging: &Staging, environment: &str, about: &About) -> Result<()> {
    let bytes = about.encode();
    let name = about_name(environment);
    if private_file::read(&root.envs, &name, MAX_ABOUT).is_some_and(|file| file.bytes == bytes) {
        return Ok(());
    }
    staging.publish_file(&bytes, &root.envs, &name)
}

impl About {
    /// The description of an environment, if it has a valid one.
    pub(crate) fn of(root: &Root, environment: &str) -> Option<Self> {
        Self::decode(&private_file::read(&root.envs, &about_name(environment), MAX_ABOUT)?.bytes)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEAD];
        bytes[..8].copy_from_slice(MARK);
        let numbers = [self.name.len(), self.version.len(), self.slots.len()];
        for (field, number) in bytes[16..28].chunks_exact_mut(4).zip(numbers) {
            field.copy_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
        }
        bytes[28..HEAD].copy_from_slice(&u32::from(self.private).to_le_bytes());
        for key in &self.slots {
            bytes.extend_from_slice(&hex::decode_digest(key).unwrap_or_default());
        }
        bytes.extend_from_slice(self.name.as_bytes());
        bytes.extend_from_slice(self.version.as_bytes());
        let sum = checksum(&bytes[16..]);
        bytes[8..16].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| -> Option<usize> {
            usize::try_from(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?)).ok()
        };
        let sum = u64::from_le_bytes(bytes.get(8..16)?.try_into().ok()?);
        if bytes.get(..8)? != MARK || number(28)? > 1 || sum != checksum(&bytes[16..]) {
            return None;
        }
        let keys = number(24)?.checked_mul(KEY)?.checked_add(HEAD)?;
        let name_end = keys.checked_add(number(16)?)?;
        let version_end = name_end.checked_add(number(20)?)?;
        if version_end != bytes.len() {
            return None;
        }
        let text = |part: &[u8]| String::from_utf8(part.to_vec()).ok();
        Some(Self {
            name: text(&bytes[keys..name_end])?,
            version: text(&bytes[name_end..])?,
            slots: bytes[HEAD..keys].chunks_exact(KEY).map(hex::encode).collect(),
            private: number(28)? == 1,
        })
    }
}

/// The name of the description beside `environment`.
pub(crate) fn about_name(environment: &str) -> String {
    format!("{environment}.about")
}

fn lock_name(environment: &str) -> String {
    format!("use-{environment}")
}

fn lock_path(root: &Root, name: &str) -> std::path::PathBuf {
    root.below("v1/locks").join(name)
}

fn open_lock(root: &Root, name: &str) -> Result<File> {
    root.locks.open_or_create(name).during("open the lock", || lock_path(root, name))
}

fn is_unsupported(error: Errno) -> bool {
    // On some systems two of these are one number.
    [Errno::NOLCK, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::NOSYS].contains(&error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_altered_in_any_byte_is_none() {
        let about = About {
            name: "demo".into(),
            version: "1.0".into(),
            slots: vec![hex::encode(&[1; 32]), hex::encode(&[2; 32])],
            private: true,
        };
        let encoded = about.encode();
        assert_eq!(About::decode(&encoded), Some(about));
        for position in 0..encoded.len() {
            let mut altered = encoded.clone();
            altered[position] ^= 0x20;
            assert_eq!(About::decode(&altered), None, "byte {position}");
            assert_eq!(About::decode(&encoded[..position]), None, "{position} bytes");
        }
    }
}
