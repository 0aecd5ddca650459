//! What a store holds (STORE.md 13 and 14): environments, slots and receipts with their sizes, last uses and
//! references. It only looks; deciding is [`crate::collect`]'s part.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pspf::ReadAt;
use pspf::layout::TRAILER_SIZE;

use crate::error::{During as _, Result};
use crate::receipt::Receipt;
use crate::record::Record;
use crate::root::Root;
use crate::system::{FileKind, Folder, open_file_at};
use crate::usage::{About, noted, try_alone};
use crate::usage_processes::{Running, running};

/// Everything in one store.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// Root path.
    pub root: PathBuf,
    /// Work environments, sorted by folder name.
    pub environments: Vec<Environment>,
    /// Shared slots, sorted by key.
    pub slots: Vec<Slot>,
    /// Receipts, sorted by name.
    pub receipts: Vec<ReceiptEntry>,
    /// Staging folders of dead starts.
    pub dead: usize,
}

/// One work environment.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Folder name.
    pub folder: String,
    /// Name and version of the package, if the description says.
    pub package: Option<(String, String)>,
    /// Bytes of regular files, those included that programs added.
    pub bytes: u64,
    /// Entries of any kind.
    pub members: u64,
    /// Seconds since 1970; may be a day early (STORE.md 13.6).
    pub last_used: i64,
    /// Whether a program was seen to use it.
    pub in_use: bool,
    /// Whether it has a record.
    pub complete: bool,
    /// Whether programs may keep files of the user in it (STORE.md 8.7).
    pub private: bool,
    /// Keys of its slots, if the description says.
    pub slots: Option<Vec<String>>,
}

/// One shared slot.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Its key.
    pub key: String,
    /// Bytes of regular files.
    pub bytes: u64,
    /// Entries of any kind.
    pub members: u64,
    /// When its record was written; the folder's change where there is none.
    pub recorded: i64,
    /// The latest of `recorded` and the last uses of its environments.
    pub last_used: i64,
    /// Whether a process was seen to use it, or an environment that is in use refers to it.
    pub in_use: bool,
    /// Whether it has a record.
    pub complete: bool,
    /// Environments that refer to it.
    pub environments: Vec<String>,
}

/// What is at the path in a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageState {
    /// The package.
    Present,
    /// Nothing, or something else.
    Gone,
}

/// One receipt.
#[derive(Debug, Clone)]
pub struct ReceiptEntry {
    /// File name.
    pub name: String,
    /// When it was stamped.
    pub last_used: i64,
    /// What it says; `None` if it is malformed or of another root path.
    pub content: Option<ReceiptContent>,
}

/// What a receipt says.
#[derive(Debug, Clone)]
pub struct ReceiptContent {
    /// Name of the package.
    pub package: String,
    /// Path of the package file when it was written.
    pub path: PathBuf,
    /// Whether the package is still there.
    pub state: PackageState,
    /// Folder name of the work environment.
    pub environment: String,
    /// Keys of the slots that it names.
    pub slots: Vec<String>,
}

/// Looks at everything. Sizes of environments are measured, those of slots are their records'.
pub fn take(root: &Root) -> Result<Inventory> {
    let running = running(root.path());
    let receipts = receipts(root)?;
    let environments = environments(root, &receipts, &running)?;
    let slots = slots(root, &environments, &running)?;
    let dead = crate::staging::dead(root).len();
    Ok(Inventory { root: root.path().to_path_buf(), environments, slots, receipts, dead })
}

/// The receipts whose work environment is `environment`.
pub(crate) fn receipts_of<'a>(
    receipts: &'a [ReceiptEntry],
    environment: &'a str,
) -> impl Iterator<Item = &'a ReceiptEntry> {
    let is_of = move |receipt: &&ReceiptEntry| {
        receipt.content.as_ref().is_some_and(|content| content.environment == environment)
    };
    receipts.iter().filter(is_of)
}

/// The receipts of a store.
pub(crate) fn receipts(root: &Root) -> Result<Vec<ReceiptEntry>> {
    let mut found = Vec::new();
    for name in sorted(&root.receipts, || root.below("v1/receipts"))? {
        let read = Receipt::read(root, name.clone());
        let last_used = read.as_ref().map_or(0, Receipt::stamped);
        let content = read.and_then(|receipt| content(root, &receipt));
        found.push(ReceiptEntry { name, last_used, content });
    }
    Ok(found)
}

fn content(root: &Root, receipt: &Receipt) -> Option<ReceiptContent> {
    if !receipt.is_of(root) {
        return None;
    }
    let path = receipt.package_path()?.to_path_buf();
    let slots_folder = root.below("v1/slots");
    let slots = receipt.stat_paths()?.into_iter().filter_map(|path| {
        let name = path.strip_prefix(&slots_folder).ok()?.components().next()?;
        name.as_os_str().to_str().filter(|name| is_key(name)).map(str::to_owned)
    });
    let state =
        if has_trailer(&path, receipt.trailer()?) { PackageState::Present } else { PackageState::Gone };
    Some(ReceiptContent {
        package: receipt.package()?.to_owned(),
        state,
        path,
        environment: receipt.environment(root)?.to_owned(),
        slots: slots.collect(),
    })
}

/// Whether the file at `path` ends with this trailer.
pub(crate) fn has_trailer(path: &Path, trailer: &[u8]) -> bool {
    trailer_of(path).is_some_and(|found| found == trailer)
}

/// The last bytes of a regular file.
pub(crate) fn trailer_of(path: &Path) -> Option<Vec<u8>> {
    if !path.is_absolute() {
        return None;
    }
    let file = open_file_at(path).ok()?;
    let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let mut trailer = vec![0; TRAILER_SIZE];
    ReadAt::read_exact_at(&file, &mut trailer, metadata.len().checked_sub(TRAILER_SIZE as u64)?).ok()?;
    Some(trailer)
}

/// The last use of an environment (STORE.md 13.6).
pub(crate) fn last_use(root: &Root, folder: &str, receipts: &[ReceiptEntry]) -> i64 {
    let recorded = Record::of(&root.envs, folder).map(|(_, written)| written);
    let stamped = receipts_of(receipts, folder).map(|receipt| receipt.last_used).max();
    [noted(root, folder), recorded, stamped].into_iter().flatten().max().unwrap_or(0)
}

fn environments(root: &Root, receipts: &[ReceiptEntry], running: &Running) -> Result<Vec<Environment>> {
    let mut found = Vec::new();
    for folder in sorted(&root.envs, || root.below("v1/envs"))? {
        let Ok(directory) = root.envs.open_folder(&folder) else { continue };
        let (bytes, members) = measure(&directory);
        let about = About::of(root, &folder);
        let runs = running.environments.contains(&folder)
            || about.iter().flat_map(|about| &about.slots).any(|key| running.unattributed.contains(key));
        found.push(Environment {
            bytes,
            members,
            last_used: last_use(root, &folder, receipts),
            in_use: runs || try_alone(root, &folder).is_err(),
            complete: Record::of(&root.envs, &folder).is_some(),
            private: about.as_ref().is_some_and(|about| about.private),
            package: about.as_ref().map(|about| (about.name.clone(), about.version.clone())),
            slots: about.map(|about| about.slots),
            folder,
        });
    }
    Ok(found)
}

fn slots(root: &Root, environments: &[Environment], running: &Running) -> Result<Vec<Slot>> {
    let mut users: BTreeMap<&str, Vec<&Environment>> = BTreeMap::new();
    for environment in environments {
        for key in environment.slots.iter().flatten() {
            users.entry(key).or_default().push(environment);
        }
    }
    let mut found = Vec::new();
    for key in sorted(&root.slots, || root.below("v1/slots"))?.into_iter().filter(|name| is_key(name)) {
        let Ok(directory) = root.slots.open_folder(&key) else { continue };
        let record = Record::of(&root.slots, &key);
        let (bytes, members) = match &record {
            Some((record, _)) => (record.bytes, record.members),
            None => measure(&directory),
        };
        let recorded = match &record {
            Some((_, written)) => *written,
            None => directory.status().map_or(0, |status| status.identity().modified.0),
        };
        let users = users.get(key.as_str()).map_or(&[][..], Vec::as_slice);
        let used = users.iter().map(|environment| environment.last_used).max().unwrap_or(recorded);
        found.push(Slot {
            bytes,
            members,
            recorded,
            last_used: used.max(recorded),
            in_use: running.slots.contains(&key) || users.iter().any(|environment| environment.in_use),
            complete: record.is_some(),
            environments: users.iter().map(|environment| environment.folder.clone()).collect(),
            key,
        });
    }
    Ok(found)
}

/// Whether `name` can be the folder of a slot.
pub(crate) fn is_key(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Names in a folder of the store. Names that are not UTF-8 are nobody's.
fn sorted(directory: &Folder, path: impl FnOnce() -> PathBuf) -> Result<Vec<String>> {
    let found = directory.names().during("read", path)?;
    let mut found: Vec<String> = found.into_iter().filter_map(|name| name.into_string().ok()).collect();
    found.sort_unstable();
    Ok(found)
}

/// Bytes of regular files and number of entries below `directory`; what cannot be read counts as nothing.
fn measure(directory: &Folder) -> (u64, u64) {
    let (mut bytes, mut members) = (0, 0);
    for name in directory.names().unwrap_or_default() {
        members += 1;
        let Ok(status) = directory.find(&name) else { continue };
        match status.kind() {
            FileKind::File => bytes += status.identity().size,
            FileKind::Folder => {
                let (more, below) = directory.open_folder(&name).map_or((0, 0), |child| measure(&child));
                bytes += more;
                members += below;
            }
            FileKind::Link | FileKind::Other => {}
        }
    }
    (bytes, members)
}
