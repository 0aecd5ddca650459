//! Receipts (STORE.md 9): what a warm start needs and nothing else. Decoding allocates nothing from a number that was
//! not checked; every doubt makes a receipt invalid, and the start takes the full path.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use pspf::layout::{MARKER_SIZE, TRAILER_SIZE, index};

use crate::boot::BootId;
use crate::checksum::checksum;
use crate::error::Result;
use crate::identity::{IDENTITY_SIZE, Identity};
use crate::plan::{Condition, Edit, Plan, PlannedCommand};
use crate::root::Root;
use crate::staging::Staging;
use crate::trust_source::{self, STATE_SIZE, TrustRecord};
use crate::usage::Hold;

#[path = "receipt_access.rs"]
mod access;

/// Longest receipt, in bytes.
pub const MAX_SIZE: usize = 64 * 1024;
const MARK: &[u8; 8] = b"FLVRCP02";
const NO_STRING: u32 = u32::MAX;
/// A receipt that was last used longer ago gets a new time stamp, in seconds.
const STAMP_AGE: i64 = 86_400;
/// A package file changed less than this many seconds ago gets no receipt.
const SETTLE_SECONDS: i64 = 2;

/// Offsets of the fixed part.
mod at {
    use pspf::layout::TRAILER_SIZE;

    pub(super) const CHECKSUM: usize = 8;
    pub(super) const LENGTH: usize = 16;
    pub(super) const STRINGS: usize = 20;
    pub(super) const BOOT: usize = 24;
    pub(super) const CREATED: usize = 40;
    pub(super) const FLAGS: usize = 52;
    pub(super) const EXPIRY: usize = 56;
    pub(super) const PACKAGE: usize = 64;
    pub(super) const PACKAGE_PATH: usize = 112;
    pub(super) const ROOT: usize = 120;
    pub(super) const WORKENV: usize = 128;
    pub(super) const NAME: usize = 136;
    pub(super) const COUNTS: usize = 144;
    pub(super) const RESERVED: usize = 172;
    pub(super) const TRAILER: usize = 176;
    pub(super) const TABLES: usize = TRAILER + TRAILER_SIZE;
}

/// Lengths of the entries of the tables.
const TRUST: usize = 8 + STATE_SIZE;
const COMMAND: usize = 32;
const ARGUMENT: usize = 8;
const EDIT: usize = 20;
const STAT: usize = 8 + IDENTITY_SIZE;
const CONDITION: usize = 20;

/// Each start needs content of the package.
const READS_CONTENT: u32 = 1;
/// The package's identity has no padding behind it.
const PACKAGE_IDENTITY: usize = at::PACKAGE_PATH - at::PACKAGE;

/// What a receipt must fit to.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Identity of the package's open descriptor.
    pub package: Identity,
    /// The trailer as read from it.
    pub trailer: &'a [u8; TRAILER_SIZE],
}

/// A receipt that was found valid.
#[derive(Debug)]
pub struct Receipt {
    bytes: Vec<u8>,
    file: OwnedFd,
    stamped: i64,
    hold: Option<Hold>,
    /// File name below `receipts`, for logs.
    pub name: String,
}

/// Why there is no valid receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Miss {
    /// For logs.
    pub reason: &'static str,
    /// Whether the receipt was right about the package, but something in the store is not as it was.
    pub store_changed: bool,
}

impl From<&'static str> for Miss {
    fn from(reason: &'static str) -> Self {
        Self { reason, store_changed: false }
    }
}

/// Seconds and nanoseconds since 1970.
pub fn now() -> (i64, u32) {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(time) => (i64::try_from(time.as_secs()).unwrap_or(i64::MAX), time.subsec_nanos()),
        Err(_) => (i64::MIN, 0),
    }
}

/// Whether a package with this identity may get a receipt when it was opened at `opened` (S20): a change within the
/// clock's grain of the last one would leave its identity as it is.
pub fn is_settled(package: &Identity, opened: (i64, u32)) -> bool {
    let newest = package.newest();
    (newest.0.saturating_add(SETTLE_SECONDS), newest.1) <= opened
}

/// The receipt's file name.
pub fn name(package: &Identity, trailer: &[u8; TRAILER_SIZE]) -> String {
    let signature = MARKER_SIZE + index::SIGNATURE;
    format!("{}-{}-{}", pspf::hex::encode(&trailer[signature..signature + 8]), package.device, package.inode)
}

/// Looks for a valid receipt in `root`; otherwise the reason, for logs. `trust` names the trust sources of this start,
/// in order; `variable` looks up an environment variable.
pub fn find(
    root: &Root,
    expected: Expected,
    trust: &[PathBuf],
    variable: impl Fn(&OsStr) -> Option<OsString>,
) -> std::result::Result<Receipt, Miss> {
    let name = name(&expected.package, expected.trailer);
    let mut receipt = Receipt::read(root, name).ok_or("there is none")?;
    receipt.check_form().ok_or("it is malformed")?;
    receipt.check_facts(root, expected, trust)?;
    receipt.check_conditions(variable)?;
    // Held before the store is looked at, so that the collector takes nothing away that was just seen (STORE.md 13.2).
    let environment = receipt.environment(root).ok_or("it is malformed")?;
    receipt.hold = Some(Hold::take(root, environment).ok_or("its environment cannot be held")?);
    receipt.check_store()?;
    Ok(receipt)
}

/// Writes the receipt of a verified package that lies at `path`; `false` if it would be too long.
pub fn write(
    root: &Root,
    staging: &Staging,
    plan: &Plan,
    path: &OsStr,
    trust: &TrustRecord,
    expected: Expected,
    boot: BootId,
) -> Result<bool> {
    let mut stats = Vec::new();
    for path in &plan.stats {
        let stat = crate::error::During::during(rustix::fs::stat(path), "look at", || path)?;
        stats.push((path.as_path(), Identity::of(&stat)));
    }
    let Some(bytes) = encode(root.path(), plan, path, &stats, trust, expected, boot) else {
        return Ok(false);
    };
    let name = name(&expected.package, expected.trailer);
    staging.publish_file(&bytes, &root.receipts, &name)?;
    Ok(true)
}

struct Strings(Vec<u8>);

impl Strings {
    fn add(&mut self, text: &OsStr) -> [u8; 8] {
        let text = text.as_bytes();
        // Receipts over 64 KiB are thrown away, so what does not fit 32 bits is never written.
        let number = |value: usize| u32::try_from(value).unwrap_or(NO_STRING).to_le_bytes();
        let mut reference = [0; 8];
        reference[..4].copy_from_slice(&number(self.0.len()));
        reference[4..].copy_from_slice(&number(text.len()));
        self.0.extend_from_slice(text);
        reference
    }
}

fn encode(
    root: &Path,
    plan: &Plan,
    path: &OsStr,
    stats: &[(&Path, Identity)],
    trust: &TrustRecord,
    expected: Expected,
    boot: BootId,
) -> Option<Vec<u8>> {
    let created = now();
    let mut strings = Strings(Vec::new());
    let mut bytes = vec![0; at::TABLES];
    bytes[..8].copy_from_slice(MARK);
    bytes[at::BOOT..at::BOOT + 16].copy_from_slice(&boot.0);
    bytes[at::CREATED..at::CREATED + 8].copy_from_slice(&created.0.to_le_bytes());
    bytes[at::CREATED + 8..at::CREATED + 12].copy_from_slice(&created.1.to_le_bytes());
    let flags = if plan.reads_content { READS_CONTENT } else { 0 };
    bytes[at::FLAGS..at::FLAGS + 4].copy_from_slice(&flags.to_le_bytes());
    // Second 0 would read as none; whatever ends in or before 1970 has ended in second 1 too.
    let expiry = trust.expiry.map_or(0, |expiry| expiry.max(1));
    bytes[at::EXPIRY..at::PACKAGE].copy_from_slice(&expiry.to_le_bytes());
    bytes[at::PACKAGE..at::PACKAGE_PATH].copy_from_slice(&expected.package.encode()[..PACKAGE_IDENTITY]);
    for (offset, text) in [
        (at::PACKAGE_PATH, path),
        (at::ROOT, root.as_os_str()),
        (at::WORKENV, plan.workenv.as_os_str()),
        (at::NAME, OsStr::new(&plan.package)),
    ] {
        bytes[offset..offset + 8].copy_from_slice(&strings.add(text));
    }
    bytes[at::TRAILER..at::TABLES].copy_from_slice(expected.trailer);

    let (mut commands, mut arguments, mut edits) = (Vec::new(), Vec::new(), Vec::new());
    let count = |bytes: &Vec<u8>, size: usize| u32::try_from(bytes.len() / size).ok();
    for command in &plan.commands {
        commands.extend_from_slice(&strings.add(OsStr::new(&command.name)));
        match &command.cwd {
            Some(cwd) => commands.extend_from_slice(&strings.add(cwd)),
            None => commands.extend_from_slice(&[[0; 4], NO_STRING.to_le_bytes()].concat()),
        }
        commands.extend_from_slice(&count(&arguments, ARGUMENT)?.to_le_bytes());
        commands.extend_from_slice(&u32::try_from(command.argv.len()).ok()?.to_le_bytes());
        commands.extend_from_slice(&count(&edits, EDIT)?.to_le_bytes());
        commands.extend_from_slice(&u32::try_from(command.edits.len()).ok()?.to_le_bytes());
        for argument in &command.argv {
            arguments.extend_from_slice(&strings.add(argument));
        }
        for edit in &command.edits {
            let (operation, name, value) = edit_parts(edit);
            edits.extend_from_slice(&operation.to_le_bytes());
            edits.extend_from_slice(&strings.add(name));
            edits.extend_from_slice(&strings.add(value));
        }
    }
    let mut trust_table = Vec::new();
    for source in &trust.sources {
        trust_table.extend_from_slice(&strings.add(source.path.as_os_str()));
        trust_table.extend_from_slice(&source.encode());
    }
    let mut stat_table = Vec::new();
    for (path, identity) in stats {
        stat_table.extend_from_slice(&strings.add(path.as_os_str()));
        stat_table.extend_from_slice(&identity.encode());
    }
    let mut conditions = Vec::new();
    for condition in &plan.conditions {
        let none = OsStr::new("");
        let (kind, name, value): (u32, &OsStr, &OsStr) = match condition {
            Condition::Absent(name) => (1, name, none),
            Condition::Equal(name, value) => (2, name, value),
            Condition::Directory(path) => (3, path.as_os_str(), none),
        };
        conditions.extend_from_slice(&kind.to_le_bytes());
        conditions.extend_from_slice(&strings.add(name));
        conditions.extend_from_slice(&strings.add(value));
    }
    let counts = [
        count(&trust_table, TRUST)?,
        count(&commands, COMMAND)?,
        u32::try_from(plan.default).ok()?,
        count(&stat_table, STAT)?,
        count(&arguments, ARGUMENT)?,
        count(&edits, EDIT)?,
        count(&conditions, CONDITION)?,
    ];
    for (field, count) in bytes[at::COUNTS..at::RESERVED].chunks_exact_mut(4).zip(counts) {
        field.copy_from_slice(&count.to_le_bytes());
    }
    for table in [trust_table, commands, arguments, edits, stat_table, conditions] {
        bytes.extend_from_slice(&table);
    }
    let strings_at = u32::try_from(bytes.len()).ok()?;
    bytes.extend_from_slice(&strings.0);
    if bytes.len() > MAX_SIZE {
        return None;
    }
    let length = u32::try_from(bytes.len()).ok()?;
    bytes[at::LENGTH..at::LENGTH + 4].copy_from_slice(&length.to_le_bytes());
    bytes[at::STRINGS..at::STRINGS + 4].copy_from_slice(&strings_at.to_le_bytes());
    let sum = checksum(&bytes[at::LENGTH..]);
    bytes[at::CHECKSUM..at::CHECKSUM + 8].copy_from_slice(&sum.to_le_bytes());
    Some(bytes)
}

fn edit_parts(edit: &Edit) -> (u32, &OsStr, &OsStr) {
    let none = OsStr::new("");
    match edit {
        Edit::Unset(name) => (1, name, none),
        Edit::Set(name, value) => (2, name, value),
        Edit::Prepend(name, value) => (3, name, value),
        Edit::SetPackage(name) => (4, name, none),
        Edit::SetOriginalCommand(name) => (5, name, none),
        Edit::Protect(pattern) => (6, pattern, none),
        Edit::UnsetMatching(pattern) => (7, pattern, none),
        Edit::Rename(from, to) => (8, from, to),
    }
}

/// Positions of the tables, all of which lie inside the receipt.
struct Tables {
    trust_count: usize,
    commands: usize,
    command_count: usize,
    arguments: usize,
    argument_count: usize,
    edits: usize,
    edit_count: usize,
    stats: usize,
    stat_count: usize,
    conditions: usize,
    condition_count: usize,
}

impl Receipt {
    fn number(&self, offset: usize) -> Option<usize> {
        let bytes = self.bytes.get(offset..offset.checked_add(4)?)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    }

    fn long(&self, offset: usize) -> Option<i64> {
        Some(i64::from_le_bytes(self.bytes.get(offset..offset + 8)?.try_into().ok()?))
    }

    fn string(&self, offset: usize) -> Option<&OsStr> {
        let strings = self.bytes.get(self.number(at::STRINGS)?..)?;
        let start = self.number(offset)?;
        let length = self.number(offset + 4)?;
        strings.get(start..start.checked_add(length)?).map(OsStr::from_bytes)
    }

    fn tables(&self) -> Option<Tables> {
        let count = |position: usize| self.number(at::COUNTS + 4 * position);
        // Each count is bounded by the receipt's own length before it is multiplied.
        let bounded = |count: usize| (count <= self.bytes.len()).then_some(count);
        let trust_count = bounded(count(0)?)?;
        let command_count = bounded(count(1)?)?;
        let stat_count = bounded(count(3)?)?;
        let argument_count = bounded(count(4)?)?;
        let edit_count = bounded(count(5)?)?;
        let condition_count = bounded(count(6)?)?;
        let commands = at::TABLES + trust_count * TRUST;
        let arguments = commands + command_count * COMMAND;
        let edits = arguments + argument_count * ARGUMENT;
        let stats = edits + edit_count * EDIT;
        let conditions = stats + stat_count * STAT;
        let end = conditions + condition_count * CONDITION;
        let fits = end == self.number(at::STRINGS)? && end <= self.bytes.len();
        fits.then_some(Tables {
            trust_count,
            commands,
            command_count,
            arguments,
            argument_count,
            edits,
            edit_count,
            stats,
            stat_count,
            conditions,
            condition_count,
        })
    }

    /// Whether mark, length, checksum, tables and references fit.
    fn check_form(&self) -> Option<()> {
        let bytes = &self.bytes;
        if bytes.len() < at::TABLES || &bytes[..8] != MARK || self.number(at::LENGTH)? != bytes.len() {
            return None;
        }
        let sum = u64::from_le_bytes(bytes[at::CHECKSUM..at::LENGTH].try_into().ok()?);
        let flags = self.number(at::FLAGS)?;
        let zeros = &bytes[at::RESERVED..at::TRAILER];
        if flags > READS_CONTENT as usize
            || sum != checksum(&bytes[at::LENGTH..])
            || zeros.iter().any(|byte| *byte != 0)
        {
            return None;
        }
        let tables = self.tables()?;
        for offset in [at::PACKAGE_PATH, at::ROOT, at::WORKENV, at::NAME] {
            self.string(offset)?;
        }
        self.string(at::NAME)?.to_str()?;
        if self.number(at::COUNTS + 8)? >= tables.command_count {
            return None;
        }
        for position in 0..tables.trust_count {
            let (_, state) = self.trust_at(position)?;
            trust_source::is_well_formed(state).then_some(())?;
        }
        for position in 0..tables.command_count {
            self.command_at(&tables, position)?;
        }
        for position in 0..tables.stat_count {
            self.string(tables.stats + position * STAT)?;
        }
        for position in 0..tables.condition_count {
            self.condition_at(&tables, position)?;
        }
        Some(())
    }

    /// Whether the receipt is about this file, this place, this boot and this moment.
    fn check_facts(
        &self,
        root: &Root,
        expected: Expected,
        trust: &[PathBuf],
    ) -> std::result::Result<(), Miss> {
        let malformed = "it is malformed";
        let bytes = &self.bytes;
        if bytes[at::PACKAGE..at::PACKAGE_PATH] != expected.package.encode()[..PACKAGE_IDENTITY] {
            return Err("the package file is another one or was changed".into());
        }
        if bytes[at::TRAILER..at::TABLES] != *expected.trailer {
            return Err("the trailer is another one".into());
        }
        if self.string(at::ROOT) != Some(root.path().as_os_str()) {
            return Err("the store was moved".into());
        }
        let now = now();
        let nanoseconds = self.number(at::CREATED + 8).ok_or(malformed)?;
        let created =
            (self.long(at::CREATED).ok_or(malformed)?, u32::try_from(nanoseconds).map_err(|_| malformed)?);
        if now < created {
            return Err("the clock is before its creation".into());
        }
        let expiry = self.long(at::EXPIRY).ok_or(malformed)?;
        if expiry != 0 && now.0 >= expiry {
            return Err("it has expired".into());
        }
        let boot: [u8; 16] = bytes[at::BOOT..at::CREATED].try_into().map_err(|_| malformed)?;
        if !BootId(boot).holds_in(BootId::current) {
            return Err("it is of another boot".into());
        }
        let tables = self.tables().ok_or(malformed)?;
        if tables.trust_count != trust.len() {
            return Err("other trust files are consulted".into());
        }
        for (position, named) in trust.iter().enumerate() {
            let (path, state) = self.trust_at(position).ok_or(malformed)?;
            if path != named {
                return Err("other trust files are consulted".into());
            }
            if !trust_source::holds(path, state) {
                return Err("a trust file was added, changed or removed".into());
            }
        }
        Ok(())
    }

    /// Whether what the plan names is as it was.
    fn check_store(&self) -> std::result::Result<(), Miss> {
        let malformed = "it is malformed";
        let bytes = &self.bytes;
        let tables = self.tables().ok_or(malformed)?;
        for position in 0..tables.stat_count {
            let entry = tables.stats + position * STAT;
            let path = self.string(entry).ok_or(malformed)?;
            let changed = |reason| Miss { reason, store_changed: true };
            let stat = rustix::fs::stat(path).map_err(|_| changed("a file that it names is missing"))?;
            if Identity::of(&stat).encode() != bytes[entry + 8..entry + STAT] {
                return Err(changed("a file that it names was changed"));
            }
        }
        Ok(())
    }

    /// Path, and state with identity, of a trust source.
    fn trust_at(&self, position: usize) -> Option<(&Path, &[u8])> {
        let entry = at::TABLES + position * TRUST;
        Some((Path::new(self.string(entry)?), self.bytes.get(entry + 8..entry + TRUST)?))
    }

    fn condition_at(&self, tables: &Tables, position: usize) -> Option<(usize, &OsStr, &OsStr)> {
        let entry = tables.conditions + position * CONDITION;
        let kind = self.number(entry)?;
        let condition = (kind, self.string(entry + 4)?, self.string(entry + 12)?);
        (1..=3).contains(&kind).then_some(condition)
    }

    /// Whether what the plan depends on besides the package is as it was.
    fn check_conditions(
        &self,
        variable: impl Fn(&OsStr) -> Option<OsString>,
    ) -> std::result::Result<(), Miss> {
        let malformed = "it is malformed";
        let tables = self.tables().ok_or(malformed)?;
        for position in 0..tables.condition_count {
            let (kind, name, value) = self.condition_at(&tables, position).ok_or(malformed)?;
            let holds = match kind {
                1 => variable(name).is_none(),
                2 => variable(name).as_deref() == Some(value),
                _ => rustix::fs::stat(name)
                    .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir()),
            };
            if !holds {
                return Err("a variable or folder that it depends on is not as it was".into());
            }
        }
        Ok(())
    }

    fn command_at(&self, tables: &Tables, position: usize) -> Option<PlannedCommand> {
        let entry = tables.commands + position * COMMAND;
        let range = |first: usize, all: usize| -> Option<std::ops::Range<usize>> {
            let start = self.number(first)?;
            let end = start.checked_add(self.number(first + 4)?)?;
            (end <= all).then_some(start..end)
        };
        let argv = range(entry + 16, tables.argument_count)?
            .map(|number| self.string(tables.arguments + number * ARGUMENT).map(OsStr::to_owned))
            .collect::<Option<Vec<_>>>()?;
        let edits = range(entry + 24, tables.edit_count)?
            .map(|number| self.edit_at(tables.edits + number * EDIT))
            .collect::<Option<Vec<_>>>()?;
        let without_cwd = self.bytes.get(entry + 12..entry + 16)? == NO_STRING.to_le_bytes();
        let cwd = if without_cwd { None } else { Some(self.string(entry + 8)?.to_owned()) };
        let name = self.string(entry)?.to_str()?.to_owned();
        (!argv.is_empty()).then_some(PlannedCommand { name, argv, edits, cwd })
    }

    fn edit_at(&self, entry: usize) -> Option<Edit> {
        let name = self.string(entry + 4)?.to_owned();
        let value = self.string(entry + 12)?.to_owned();
        match self.number(entry)? {
            1 => Some(Edit::Unset(name)),
            2 => Some(Edit::Set(name, value)),
            3 => Some(Edit::Prepend(name, value)),
            4 => Some(Edit::SetPackage(name)),
            5 => Some(Edit::SetOriginalCommand(name)),
            6 => Some(Edit::Protect(name)),
            7 => Some(Edit::UnsetMatching(name)),
            8 => Some(Edit::Rename(name, value)),
            _ => None,
        }
    }

    /// The commands that the receipt stands for. Stat list and conditions are left out: they were checked.
    pub fn plan(&self) -> Option<Plan> {
        let tables = self.tables()?;
        Some(Plan {
            package: self.string(at::NAME)?.to_str()?.to_owned(),
            workenv: PathBuf::from(self.string(at::WORKENV)?),
            commands: (0..tables.command_count)
                .map(|position| self.command_at(&tables, position))
                .collect::<Option<_>>()?,
            default: self.number(at::COUNTS + 8)?,
            stats: Vec::new(),
            conditions: Vec::new(),
            reads_content: self.number(at::FLAGS)? == READS_CONTENT as usize,
        })
    }

    /// Notes that the package was started, if that was not noted today. Failure harms nothing.
    pub fn stamp(&self) {
        if now().0.saturating_sub(self.stamped) <= STAMP_AGE {
            return;
        }
        let present = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
        let times = rustix::fs::Timestamps { last_access: present, last_modification: present };
        let _ = rustix::fs::futimens(self.file.as_fd(), &times);
    }
}
