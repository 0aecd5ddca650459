//! One slot of a package, whole: through every operation of its chain down to members or bytes, counted against what
//! the metadata announces, and judged by the rules that concern the whole slot (security rules S13, S14).

use pspf::ReadAt;
use pspf::composition::target_path;
use pspf::tar::{Kind, Member, MemberSink};

use crate::decode::{Announced, Counted, FileCount, Slot};
use crate::frames::Meter;
use crate::judgement::{Ground, judge};
use crate::{Error, Result};

/// Checks one slot down to its content; the text says what was found. Its members come with it.
pub(super) fn content<R: ReadAt + Sync>(
    slot: &Slot<'_, R>,
    meter: &Meter<'_>,
) -> Result<(String, Vec<Member>)> {
    let mut members = Vec::new();
    let announced = Announced::of(slot.package, slot.position, meter.progress);
    let found = if slot.is_tree() {
        let sinks = slot.tree(meter, || Counted::new(&announced, Nothing))?;
        let unpacked = announced.settle()?;
        members = sinks.into_iter().flat_map(|sink| sink.members).collect();
        judge(slot, &members, Ground::of_target(slot.package))?;
        format!("{} members of {} bytes", unpacked.members, unpacked.bytes)
    } else {
        let count = FileCount::new(&announced)?;
        slot.content(meter, |piece| count.add(piece))?;
        let size = announced.settle()?.bytes;
        // Where a launcher puts it (STORE.md 5.9).
        let path = target_path(&slot.package.metadata().slots[slot.position].target);
        let path = path.filter(|path| !path.is_empty());
        members.extend(path.map(|path| Member { path, kind: Kind::File { size, executable: false } }));
        format!("one file of {size} bytes")
    };
    let frames = match slot.package.frames(slot.position).len() {
        0 => String::new(),
        1 => " in 1 frame".to_owned(),
        frames => format!(" in {frames} frames"),
    };
    Ok((format!("{}, {found}{frames}", stored_text(slot)), members))
}

/// Checks the stored bytes alone.
pub(super) fn stored<R: ReadAt + Sync>(slot: &Slot<'_, R>, meter: &Meter<'_>) -> Result<String> {
    slot.stored(meter, |_| Ok(()))?;
    Ok(format!("{}, not unpacked", stored_text(slot)))
}

fn stored_text<R: ReadAt + Sync>(slot: &Slot<'_, R>) -> String {
    let covered = if slot.expected.is_some() { "as signed" } else { "that the signature does not cover" };
    format!("{} bytes {covered}", slot.size())
}

/// Looks at nothing: counting and judging is all.
struct Nothing;

impl MemberSink for Nothing {
    type Error = Error;

    fn begin(&mut self, _: &Member) -> Result<()> {
        Ok(())
    }

    fn data(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}
