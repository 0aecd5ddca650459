//! One slot into a place that nobody looks at yet.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use flavor_store::tree::{Tree, TreeWriter};
use pspf::metadata::Unpacked;
use pspf::tar::{Member, MemberSink};
use pspf::{Error as FormatError, ErrorCode, ReadAt};

use super::Kind;
use crate::decode::{Announced, Counted, FileCount, Slot};
use crate::frames::Meter;
use crate::judgement::{Ground, judge};
use crate::{Error, Result};

/// Writes a slot to `staged`, which must not exist. Errors name `destination`.
pub(super) fn slot<R: ReadAt + Sync>(
    slot: &Slot<'_, R>,
    staged: &Path,
    destination: &Path,
    raw: bool,
    ground: Ground,
    meter: &Meter<'_>,
) -> Result<(Kind, Unpacked)> {
    let failed = || Error::output("extract to", destination);
    if raw {
        let mut file = create(staged, 0o644).map_err(failed())?;
        slot.stored(meter, |piece| file.write_all(piece).map_err(failed()))?;
        return Ok((Kind::Stored, Unpacked { bytes: slot.size(), members: 1 }));
    }
    let announced = Announced::of(slot.package, slot.position, meter.progress);
    if slot.is_tree() {
        fs::create_dir(staged).map_err(failed())?;
        tree(slot, staged, destination, ground, &announced, meter)?;
        return Ok((Kind::Tree, announced.settle()?));
    }
    let mut file = create(staged, mode(slot)).map_err(failed())?;
    let count = FileCount::new(&announced)?;
    slot.content(meter, |piece| {
        count.add(piece)?;
        file.write_all(piece).map_err(failed())
    })?;
    Ok((Kind::File, announced.settle()?))
}

fn tree<R: ReadAt + Sync>(
    slot: &Slot<'_, R>,
    staged: &Path,
    destination: &Path,
    ground: Ground,
    announced: &Announced<'_>,
    meter: &Meter<'_>,
) -> Result<()> {
    struct Writer<'a> {
        inner: TreeWriter<'a>,
        destination: &'a Path,
    }

    impl MemberSink for Writer<'_> {
        type Error = Error;

        fn begin(&mut self, member: &Member) -> Result<()> {
            self.inner.begin(member).map_err(|error| named(error, self.destination))
        }

        fn data(&mut self, piece: &[u8]) -> Result<()> {
            self.inner.data(piece).map_err(|error| named(error, self.destination))
        }

        fn end(&mut self) -> Result<()> {
            self.inner.end().map_err(|error| named(error, self.destination))
        }
    }

    /// The store's errors in the words of this crate: `verify` has the same codes.
    fn named(error: flavor_store::Error, destination: &Path) -> Error {
        match error {
            flavor_store::Error::Package(error) => error.into(),
            flavor_store::Error::Io { action, path, source } => {
                Error::Output { action, path: destination.join(path), source }
            }
            other => FormatError::rule(ErrorCode::PspfMemberName, other.to_string()).into(),
        }
    }

    let tree = Tree::new(staged).map_err(|error| named(error, destination))?;
    let sinks = slot.tree(meter, || Counted::new(announced, Writer { inner: tree.writer(), destination }))?;
    announced.settle()?;
    let mut members = Vec::new();
    let mut writers = Vec::new();
    for sink in sinks {
        members.extend(sink.members);
        writers.push(sink.inner.inner);
    }
    let implied = judge(slot, &members, ground)?;
    tree.finish(writers, implied).map_err(|error| named(error, destination))
}

/// The mode of a single file. Its owner can always read and write it; set-id and sticky bits are dropped.
fn mode<R: ReadAt + Sync>(slot: &Slot<'_, R>) -> u32 {
    let stated =
        slot.package.metadata().slots.get(slot.position).and_then(|slot| slot.permissions.as_deref());
    let octal = stated.map(|text| text.strip_prefix("0o").unwrap_or(text));
    let mode = octal.and_then(|text| u32::from_str_radix(text, 8).ok()).unwrap_or(0o644);
    mode & 0o777 | 0o600
}

#[cfg(unix)]
fn create(path: &Path, mode: u32) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path, _: u32) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}
