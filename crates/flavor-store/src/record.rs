//! Records: the 128 bytes beside a slot or a work environment that say it is complete (STORE.md 7). What has no valid
//! record is not believed.

use crate::boot::BootId;
use crate::checksum::checksum;
use crate::error::{During as _, Result};
use crate::root::Root;
use crate::staging::Staging;
use crate::system::Folder;

const SIZE: usize = 128;
const MARK: &[u8; 8] = b"FLVREC01";

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) boot: BootId,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) bytes: u64,
    pub(crate) members: u64,
    pub(crate) subject: [u8; 32],
}

/// What a record says about the directory beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Complete, and written in this boot or synced.
    Believed,
    /// Complete when it was written, in another boot.
    OtherBoot,
    /// Not to be used.
    Absent,
}

impl Record {
    fn encode(&self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        bytes[..8].copy_from_slice(MARK);
        bytes[16..32].copy_from_slice(&self.boot.0);
        let numbers = [self.device, self.inode, self.bytes, self.members];
        for (field, number) in bytes[32..64].chunks_exact_mut(8).zip(numbers) {
            field.copy_from_slice(&number.to_le_bytes());
        }
        bytes[64..96].copy_from_slice(&self.subject);
        let sum = checksum(&bytes[16..]);
        bytes[8..16].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; SIZE] = bytes.try_into().ok()?;
        let number =
            |at: usize| -> Option<u64> { Some(u64::from_le_bytes(bytes[at..at + 8].try_into().ok()?)) };
        if &bytes[..8] != MARK
            || number(8)? != checksum(&bytes[16..])
            || bytes[96..].iter().any(|byte| *byte != 0)
        {
            return None;
        }
        Some(Self {
            boot: BootId(bytes[16..32].try_into().ok()?),
            device: number(32)?,
            inode: number(40)?,
            bytes: number(48)?,
            members: number(56)?,
            subject: bytes[64..96].try_into().ok()?,
        })
    }

    /// The record of directory `name` below `parent`, whatever it is about, and when it was written.
    pub(crate) fn of(parent: &Folder, name: &str) -> Option<(Self, i64)> {
        let directory = Root::own_directory(parent, name)?;
        let identity = directory.status().ok()?.identity();
        let file = crate::private_file::read(parent, &record_name(name), SIZE)?;
        let record = Self::decode(&file.bytes)?;
        let fits = record.device == identity.device && record.inode == identity.inode;
        fits.then_some((record, file.status.identity().modified.0))
    }

    /// The state of directory `name` below `parent`, whose record must be about `subject`.
    pub(crate) fn state(parent: &Folder, name: &str, subject: &[u8; 32]) -> State {
        match Self::of(parent, name).filter(|(record, _)| record.subject == *subject) {
            None => State::Absent,
            Some((record, _)) if record.boot.holds_in(BootId::current) => State::Believed,
            Some(_) => State::OtherBoot,
        }
    }

    /// Writes the record of directory `name` below `parent`, replacing an older one.
    pub(crate) fn write(
        staging: &Staging,
        parent: &Folder,
        name: &str,
        boot: BootId,
        unpacked: pspf::metadata::Unpacked,
        subject: [u8; 32],
    ) -> Result<()> {
        let identity = parent.find(name).during("look at", || name)?.identity();
        let record = Self {
            boot,
            device: identity.device,
            inode: identity.inode,
            bytes: unpacked.bytes,
            members: unpacked.members,
            subject,
        };
        staging.publish_file(&record.encode(), parent, &record_name(name))
    }
}

/// The name of the record beside `name`.
pub(crate) fn record_name(name: &str) -> String {
    format!("{name}.record")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_altered_in_any_byte_is_no_record() {
        let record =
            Record { boot: BootId([7; 16]), device: 1, inode: 2, bytes: 3, members: 4, subject: [9; 32] };
        let encoded = record.encode();
        assert_eq!(Record::decode(&encoded), Some(record));
        for position in 0..encoded.len() {
            let mut altered = encoded;
            altered[position] ^= 0x40;
            assert_eq!(Record::decode(&altered), None, "byte {position}");
        }
        assert_eq!(Record::decode(&encoded[..127]), None);
    }
}
