//! Verification and repair of a store (STORE.md 15, S18): every slot and environment whose package can be found is
//! compared with what that package decodes to; what fails is made anew from it. No digest list is stored anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use pspf::{ErrorCode, Package, ReadAt};

use crate::compare::{Likeness, compare_slot};
use crate::environment::{self, Part, Wanted, install};
use crate::error::{Error, Result};
use crate::inventory::{self, Inventory, PackageState};
use crate::publish::{Records, publish_slot, reopen};
use crate::record::{Record, record_name};
use crate::root::Root;
use crate::slot_key::slot_key;
use crate::staging::{self, Staging};
use crate::umask::ZeroUmask;
use crate::usage::enter;

/// Whoever waits for a verification or repair.
pub trait Watch: Sync {
    /// `read` of `total` bytes of the package at `path`; packages may be read more than once.
    fn progress(&self, path: &Path, read: u64, total: u64);
    /// Whether to stop; the operation then fails with `ERR_FLAVOR_ABORTED`.
    fn is_cancelled(&self) -> bool;
}

/// What kind of thing a finding is about.
pub use crate::collect::Kind;

/// What something in the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// What its package says.
    Intact,
    /// A slot that also holds something else.
    Added,
    /// Not what its package says.
    Changed,
    /// Without a record.
    Incomplete,
    /// A slot that its environment needs and that is not there.
    Missing,
    /// Its package was not found.
    Unknown,
    /// A private environment: the package's setup made it, and nothing can be compared with it.
    Private,
    /// It was made anew.
    Repaired,
}

impl Condition {
    /// A word for reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Intact => "intact",
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Incomplete => "incomplete",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Private => "private",
            Self::Repaired => "repaired",
        }
    }

    /// Whether something is wrong.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Added | Self::Changed | Self::Incomplete | Self::Missing)
    }
}

/// What was found out about one slot or environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Slot or environment.
    pub kind: Kind,
    /// Key or folder name.
    pub name: String,
    /// How it is.
    pub condition: Condition,
    /// The package that it was compared with.
    pub package: Option<PathBuf>,
}

/// What was found out about a store.
#[derive(Debug, Default)]
pub struct Report {
    /// Environments, then slots, each sorted by name.
    pub findings: Vec<Finding>,
    /// Packages that receipts name and that cannot be used, with the reason.
    pub unusable: Vec<(PathBuf, String)>,
}

/// Compares everything whose package is found in receipts or among `packages`. Changes nothing.
pub fn verify(root: &Root, packages: &[PathBuf], watch: &dyn Watch) -> Result<Report> {
    let _entered = enter(root)?;
    look(root, packages, watch, |_, _, _| Ok(()))
}

/// Does what [`verify`] does, and makes anew what failed (STORE.md 15.3). Sets the umask meanwhile.
pub fn repair(root: &Root, packages: &[PathBuf], watch: &dyn Watch) -> Result<Report> {
    let _entered = enter(root)?;
    look(root, packages, watch, |package, path, findings| {
        let failed: Vec<&mut Finding> = findings
            .iter_mut()
            .filter(|finding| finding.condition.is_failure() && finding.package.as_deref() == Some(path))
            .collect();
        if failed.is_empty() {
            return Ok(());
        }
        let _umask = ZeroUmask::set();
        let staging = Staging::create(root)?;
        for finding in &failed {
            let (parent, lock) = match finding.kind {
                Kind::Slot => (&root.slots, format!("slot-{}", finding.name)),
                _ => (&root.envs, format!("env-{}", finding.name)),
            };
            let _lock = staging::lock(root, &lock)?;
            staging.move_aside(parent, &record_name(&finding.name))?;
        }
        for position in environment::shared_slots(package) {
            let key = slot_key(package, position)?;
            if failed.iter().any(|finding| finding.kind == Kind::Slot && finding.name == key) {
                publish_slot(root, &staging, package, position, Records::Believed)?;
            }
        }
        for wanted in starts(package) {
            let name = wanted.environment_name(package);
            if failed.iter().any(|finding| finding.kind == Kind::Environment && finding.name == name) {
                install(root, &staging, package, &wanted)?;
            }
        }
        for finding in failed {
            finding.condition = Condition::Repaired;
        }
        Ok(())
    })
}

type Opened<'a> = Package<Watched<'a>>;

fn look(
    root: &Root,
    packages: &[PathBuf],
    watch: &dyn Watch,
    mut then: impl FnMut(&Opened, &Path, &mut Vec<Finding>) -> Result<()>,
) -> Result<Report> {
    let inventory = inventory::take(root)?;
    let mut report = Report::default();
    let mut found = Findings { root, inventory: &inventory, done: BTreeMap::new() };
    for (path, given) in sources(&inventory, packages) {
        let examined = (|| {
            let package = open(&path, watch)?;
            let mut findings = found.examine(&package, &path)?;
            then(&package, &path, &mut findings)?;
            Ok(findings)
        })();
        if watch.is_cancelled() {
            return Err(Error::refused(ErrorCode::FlavorAborted, "the operation was cancelled"));
        }
        match examined {
            Ok(findings) => found.note(findings),
            Err(error) if given => return Err(error),
            // A package that was damaged since says nothing about the store.
            Err(error @ Error::Package(_)) => report.unusable.push((path, error.to_string())),
            Err(error) => return Err(error),
        }
    }
    report.findings = found.finish();
    Ok(report)
}

/// Package files to look at, each once; `true` for those that were given.
fn sources(inventory: &Inventory, packages: &[PathBuf]) -> Vec<(PathBuf, bool)> {
    let mut seen = BTreeSet::new();
    let mut environments = BTreeSet::new();
    let mut sources = Vec::new();
    for path in packages {
        if seen.insert(path.clone()) {
            sources.push((path.clone(), true));
        }
    }
    for content in inventory.receipts.iter().filter_map(|receipt| receipt.content.as_ref()) {
        // Copies of one package have one environment, and say the same.
        let is_new = content.state == PackageState::Present && environments.insert(&content.environment);
        if is_new && seen.insert(content.path.clone()) {
            sources.push((content.path.clone(), false));
        }
    }
    sources
}

fn open<'a>(path: &'a Path, watch: &'a dyn Watch) -> Result<Opened<'a>> {
    let file = crate::error::During::during(File::open(path), "open the package", || path)?;
    Ok(Package::open(Watched { file, path, watch, read: AtomicU64::new(0) })?)
}

/// What the store may have been asked for by starts of the package: ordinary ones, and those of its developers.
fn starts<R: ReadAt>(package: &Package<R>) -> Vec<Wanted> {
    let wanted = |development| Wanted::by_lifecycles(package, development, Records::Believed);
    [false, true].into_iter().filter_map(wanted).collect()
}

struct Findings<'a> {
    root: &'a Root,
    inventory: &'a Inventory,
    done: BTreeMap<(bool, String), Finding>,
}

impl Findings<'_> {
    /// Compares what the store holds of `package`; nothing if its environment and slots are not there.
    fn examine(&self, package: &Opened, path: &Path) -> Result<Vec<Finding>> {
        let starts = starts(package);
        let is_known = |wanted: &&Wanted| {
            let folder = wanted.environment_name(package);
            self.inventory.environments.iter().any(|known| known.folder == folder)
        };
        let known: Vec<&Wanted> = starts.iter().filter(is_known).collect();
        let mut findings: Vec<Finding> = Vec::new();
        let finding = |kind, name: &str, condition| Finding {
            kind,
            name: name.to_owned(),
            condition,
            package: Some(path.to_path_buf()),
        };
        // Nothing of packages without starts of this kind can be compared (STORE.md 15.2).
        let shared = if starts.is_empty() { Vec::new() } else { environment::shared_slots(package) };
        for position in shared {
            let key = slot_key(package, position)?;
            let is_seen = |finding: &Finding| finding.kind == Kind::Slot && finding.name == key;
            if self.done.contains_key(&(true, key.clone())) || findings.iter().any(is_seen) {
                continue;
            }
            let condition = if self.inventory.slots.iter().any(|known| known.key == key) {
                self.slot(package, position, &key)?
            } else if known.iter().any(|wanted| wanted.parts[position] == Part::Shared) {
                Condition::Missing
            } else {
                continue;
            };
            findings.push(finding(Kind::Slot, &key, condition));
        }
        for wanted in known {
            let folder = wanted.environment_name(package);
            if self.done.contains_key(&(false, folder.clone())) {
                continue;
            }
            let condition = match environment::compare(self.root, package, wanted)? {
                None => Condition::Incomplete,
                Some(true) => Condition::Intact,
                Some(false) => Condition::Changed,
            };
            findings.push(finding(Kind::Environment, &folder, condition));
        }
        Ok(findings)
    }

    fn slot(&self, package: &Opened, position: usize, key: &str) -> Result<Condition> {
        let tree = Root::own_directory(&self.root.slots, key);
        let Some(tree) = tree.filter(|_| Record::of(&self.root.slots, key).is_some()) else {
            return Ok(Condition::Incomplete);
        };
        Ok(match compare_slot(package, position, &reopen(&tree, key)?, true)? {
            Likeness::Equal => Condition::Intact,
            Likeness::Added => Condition::Added,
            Likeness::Differs => Condition::Changed,
        })
    }

    fn note(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            self.done.insert((finding.kind == Kind::Slot, finding.name.clone()), finding);
        }
    }

    /// Everything, that included whose package was not found.
    fn finish(mut self) -> Vec<Finding> {
        let environments = self.inventory.environments.iter().map(|entry| (Kind::Environment, &entry.folder));
        let slots = self.inventory.slots.iter().map(|entry| (Kind::Slot, &entry.key));
        for (kind, name) in environments.chain(slots) {
            let is_private = |entry: &inventory::Environment| entry.private && entry.folder == *name;
            let private = kind == Kind::Environment && self.inventory.environments.iter().any(is_private);
            self.done.entry((kind == Kind::Slot, name.clone())).or_insert_with(|| Finding {
                kind,
                name: name.clone(),
                condition: if private { Condition::Private } else { Condition::Unknown },
                package: None,
            });
        }
        self.done.into_values().collect()
    }
}

/// A package file that tells how far it was read, and cannot be read once the operation was cancelled.
struct Watched<'a> {
    file: File,
    path: &'a Path,
    watch: &'a dyn Watch,
    read: AtomicU64,
}

impl ReadAt for Watched<'_> {
    fn len(&self) -> io::Result<u64> {
        ReadAt::len(&self.file)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        if self.watch.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        ReadAt::read_exact_at(&self.file, buffer, offset)?;
        let read = self.read.fetch_add(buffer.len() as u64, Ordering::Relaxed) + buffer.len() as u64;
        let total = ReadAt::len(&self.file)?;
        self.watch.progress(self.path, read.min(total), total);
        Ok(())
    }
}
