//! The bytes of a receipt (STORE.md 9.2), from a plan and what it was made under.

use std::ffi::OsStr;
use std::path::Path;

use super::{
    ARGUMENT, COMMAND, CONDITION, EDIT, Expected, FIXED, MARK, MAX_SIZE, NO_STRING, PACKAGE_IDENTITY,
    READS_CONTENT, STAT, TRUST, at, now,
};
use crate::boot::BootId;
use crate::checksum::checksum;
use crate::identity::Identity;
use crate::plan::{Condition, Edit, Plan};
use crate::trust_source::TrustRecord;

struct Strings(Vec<u8>);

impl Strings {
    fn add(&mut self, text: &OsStr) -> [u8; 8] {
        let text = text.as_encoded_bytes();
        // Receipts over 64 KiB are thrown away, so what does not fit 32 bits is never written.
        let number = |value: usize| u32::try_from(value).unwrap_or(NO_STRING).to_le_bytes();
        let mut reference = [0; 8];
        reference[..4].copy_from_slice(&number(self.0.len()));
        reference[4..].copy_from_slice(&number(text.len()));
        self.0.extend_from_slice(text);
        reference
    }
}

pub(super) fn encode(
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
    let reads = if plan.reads_content { READS_CONTENT } else { 0 };
    let flags = if expected.fixed.is_some() { reads | FIXED } else { reads };
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
