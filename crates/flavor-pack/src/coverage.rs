//! Which bytes of a file the signature vouches for, and through what. In packages of ours that is every byte; other
//! builders sign the JSON and the digests in it, and everything else can be changed by whoever has the file.
//!
//! A list of half-open ranges in the order of the file that names every byte. Only a file whose regions overlap, which
//! other builders' may, has ranges that do.

use pspf::layout::{DESCRIPTOR_SIZE, MARKER_SIZE, TRAILER_SIZE, index};
use pspf::{Package, ReadAt};

use crate::Result;

/// What vouches for a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoveredBy {
    /// It is signed, or the signature itself.
    Signature,
    /// Its SHA-256 is in the signed text.
    Digest,
    /// It was compared with what the signed text determines.
    Rendering,
}

impl CoveredBy {
    /// The word that callers show.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Digest => "signed-digest",
            Self::Rendering => "rendering",
        }
    }
}

/// A range of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Offset of the first byte.
    pub from: u64,
    /// Offset behind the last byte.
    pub to: u64,
    /// What lies there.
    pub what: String,
    /// What vouches for it; nothing where whoever has the file can change it.
    pub covered_by: Option<CoveredBy>,
}

/// The ranges of an opened package.
pub(crate) fn of<R: ReadAt>(package: &Package<R>) -> Result<Vec<Coverage>> {
    let index = package.index();
    let ours = !package.is_foreign();
    let rendered = ours.then_some(CoveredBy::Rendering);
    let digest = Some(CoveredBy::Digest);
    let mut ranges = Ranges::default();
    ranges.add(0, index.launcher_size, "launcher", digest.filter(|_| ours));
    let header = gzip_header(package)?;
    ranges.add(index.metadata_offset, header, "gzip header of the metadata", rendered);
    let text = index.metadata_size.saturating_sub(header);
    ranges.add(index.metadata_offset + header, text, "metadata", Some(CoveredBy::Signature));
    let table = package.descriptors().len() as u64 * DESCRIPTOR_SIZE as u64;
    ranges.add(index.slot_table_offset, table, "slot table", rendered);
    for (position, descriptor) in package.descriptors().iter().enumerate() {
        let slot = package.metadata().slots.get(position);
        let what = format!("slot {position} ({})", slot.map_or("", |slot| slot.id.as_str()));
        let covered = digest.filter(|_| slot.is_some_and(|slot| slot.digest().is_some()));
        ranges.add(descriptor.offset, descriptor.size, what, covered);
    }
    let trailer = package.length() - TRAILER_SIZE as u64;
    let block = trailer + MARKER_SIZE as u64;
    let signed = Some(CoveredBy::Signature);
    let mut end = trailer;
    for (field, size, what) in [(index::PUBLIC_KEY, 32, "public key"), (index::SIGNATURE, 64, "signature")] {
        let field = block + field as u64;
        ranges.add(end, field - end, "index block", rendered);
        ranges.add(field, size, what, signed);
        end = field + size;
    }
    ranges.add(end, package.length() - end, "index block", rendered);
    Ok(ranges.closed(rendered))
}

#[derive(Default)]
struct Ranges(Vec<Coverage>);

impl Ranges {
    fn add(&mut self, from: u64, size: u64, what: impl Into<String>, covered_by: Option<CoveredBy>) {
        if size > 0 {
            // Inside the file: the reader has checked every region when it opened the package.
            self.0.push(Coverage { from, to: from + size, what: what.into(), covered_by });
        }
    }

    /// In order, with what lies between.
    fn closed(mut self, gap: Option<CoveredBy>) -> Vec<Coverage> {
        self.0.sort_by_key(|range| (range.from, range.to));
        let mut closed: Vec<Coverage> = Vec::with_capacity(self.0.len());
        let mut end = 0;
        for range in self.0 {
            if range.from > end {
                closed.push(Coverage { from: end, to: range.from, what: "gap".to_owned(), covered_by: gap });
            }
            end = end.max(range.to);
            closed.push(range);
        }
        closed
    }
}

/// Length of the header of the gzip member that holds the metadata: whatever it says, the text is the same.
fn gzip_header<R: ReadAt>(package: &Package<R>) -> Result<u64> {
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const CHECKSUM: u8 = 2;
    let index = package.index();
    let (offset, length) = (index.metadata_offset, index.metadata_size);
    // The reader has held the length against its limit, and decoded the member.
    let mut stored = vec![0; usize::try_from(length).unwrap_or(0)];
    package.source().read_exact_at(&mut stored, offset).map_err(|source| pspf::Error::Io {
        offset,
        length,
        source,
    })?;
    let flags = stored.get(3).copied().unwrap_or(0);
    let mut end = 10;
    if flags & EXTRA != 0 {
        let size = stored.get(end..end + 2).map_or(0, |size| u16::from_le_bytes([size[0], size[1]]));
        end += 2 + usize::from(size);
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            let rest = stored.get(end..).unwrap_or_default();
            end += rest.iter().position(|byte| *byte == 0).map_or(rest.len(), |zero| zero + 1);
        }
    }
    if flags & CHECKSUM != 0 {
        end += 2;
    }
    Ok((end as u64).min(length))
}
