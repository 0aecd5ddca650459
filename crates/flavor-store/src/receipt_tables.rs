//! Reading the parts of a receipt (STORE.md 9.2). Every position is looked up in the bytes that were read and may be anything;
//! what does not fit is `None`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{
    ARGUMENT, COMMAND, CONDITION, EDIT, FIXED, MARK, NO_STRING, READS_CONTENT, Receipt, STAT, TRUST, at,
};
use crate::checksum::checksum;
use crate::plan::{Edit, Plan, PlannedCommand};
use crate::system::os_str;
use crate::trust_source;

/// Positions of the tables, all of which lie inside the receipt.
pub(super) struct Tables {
    pub(super) trust_count: usize,
    pub(super) commands: usize,
    pub(super) command_count: usize,
    pub(super) arguments: usize,
    pub(super) argument_count: usize,
    pub(super) edits: usize,
    pub(super) edit_count: usize,
    pub(super) stats: usize,
    pub(super) stat_count: usize,
    pub(super) conditions: usize,
    pub(super) condition_count: usize,
}

impl Receipt {
    pub(super) fn number(&self, offset: usize) -> Option<usize> {
        let bytes = self.bytes.get(offset..offset.checked_add(4)?)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    }

    pub(super) fn flags(&self) -> Option<u32> {
        u32::try_from(self.number(at::FLAGS)?).ok()
    }

    pub(super) fn long(&self, offset: usize) -> Option<i64> {
        Some(i64::from_le_bytes(self.bytes.get(offset..offset + 8)?.try_into().ok()?))
    }

    pub(super) fn string(&self, offset: usize) -> Option<&OsStr> {
        let strings = self.bytes.get(self.number(at::STRINGS)?..)?;
        let start = self.number(offset)?;
        let length = self.number(offset + 4)?;
        strings.get(start..start.checked_add(length)?).and_then(os_str)
    }

    pub(super) fn tables(&self) -> Option<Tables> {
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
    pub(super) fn check_form(&self) -> Option<()> {
        let bytes = &self.bytes;
        if bytes.len() < at::TABLES || &bytes[..8] != MARK || self.number(at::LENGTH)? != bytes.len() {
            return None;
        }
        let sum = u64::from_le_bytes(bytes[at::CHECKSUM..at::LENGTH].try_into().ok()?);
        let flags = self.flags()?;
        let zeros = &bytes[at::RESERVED..at::TRAILER];
        if flags & !(READS_CONTENT | FIXED) != 0
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

    /// Path, and state with identity, of a trust source.
    pub(super) fn trust_at(&self, position: usize) -> Option<(&Path, &[u8])> {
        let entry = at::TABLES + position * TRUST;
        Some((Path::new(self.string(entry)?), self.bytes.get(entry + 8..entry + TRUST)?))
    }

    pub(super) fn condition_at(&self, tables: &Tables, position: usize) -> Option<(usize, &OsStr, &OsStr)> {
        let entry = tables.conditions + position * CONDITION;
        let kind = self.number(entry)?;
        let condition = (kind, self.string(entry + 4)?, self.string(entry + 12)?);
        (1..=3).contains(&kind).then_some(condition)
    }

    pub(super) fn command_at(&self, tables: &Tables, position: usize) -> Option<PlannedCommand> {
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
        // Any other path would begin at the user's working folder (STORE.md 9.2).
        let program = Path::new(argv.first()?);
        let starts = program.is_absolute() || program.file_name() == Some(program.as_os_str());
        starts.then_some(PlannedCommand { name, argv, edits, cwd })
    }

    pub(super) fn edit_at(&self, entry: usize) -> Option<Edit> {
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
            reads_content: self.flags()? & READS_CONTENT != 0,
        })
    }
}
