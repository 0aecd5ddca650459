//! Where the tar stream of a slot is cut into frames (FORMAT.md §9): at member boundaries, and inside files that
//! are too large for one frame. The cuts depend on the members and the level alone; no content is read here.

use std::ops::Range;

use pspf::layout::{FRAME_CONTENT, FRAME_CONTENT_LEAST, FRAME_CONTENT_SMALLEST, SPLIT_CONTENT};
use pspf::tar::{self, END_OF_ARCHIVE, Kind};

use crate::archive::{Entry, Tree};
use crate::{Error, Result};

/// What one frame holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Whole members, or the one whose part this is.
    pub(crate) members: Range<usize>,
    /// A part of a split member instead of whole ones.
    pub(crate) part: Option<Part>,
    /// Whether the archive ends in this frame.
    pub(crate) last: bool,
    /// Bytes of the tar stream.
    pub(crate) content: u64,
}

/// Bytes of a file that is split over several frames. The header stands in front of the first part, the padding
/// behind the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) last: bool,
}

/// The most content after which a frame is closed.
pub(crate) fn frame_content(level: i32) -> u64 {
    if level >= 19 { FRAME_CONTENT_SMALLEST } else { FRAME_CONTENT }
}

/// Cuts the stream of a tree. There is always a last frame, the one that ends the archive.
pub(crate) fn cut(tree: &Tree, level: i32, mtime: u64) -> Result<Vec<Cut>> {
    let most = frame_content(level);
    let lengths =
        tree.entries.iter().map(|entry| member_length(entry, mtime)).collect::<Result<Vec<u64>>>()?;
    let mut rest: u64 = lengths.iter().sum();
    // Workers that take frames in order end within one frame of each other, so frames get smaller towards the end.
    let limit_of = |rest: u64| (rest / 4).clamp(FRAME_CONTENT_LEAST, most);
    let mut limit = most;
    let whole = |members| Cut { members, part: None, last: false, content: 0 };
    let mut cuts = Vec::new();
    let mut current = whole(0..0);
    for (position, (entry, length)) in tree.entries.iter().zip(lengths).enumerate() {
        let size = file_size(entry);
        if current.content > 0 && current.content + length > limit {
            cuts.push(std::mem::replace(&mut current, whole(position..position)));
        }
        if current.content == 0 {
            limit = limit_of(rest);
        }
        rest -= length;
        if size > SPLIT_CONTENT {
            // Closed by now: a member of this size passes any limit.
            split(&mut cuts, position, length - size - tar::padding(size) as u64, size);
            current = whole(position + 1..position + 1);
            continue;
        }
        current.members.end = position + 1;
        current.content += length;
    }
    current.content += END_OF_ARCHIVE.len() as u64;
    current.last = true;
    cuts.push(current);
    Ok(cuts)
}

fn split(cuts: &mut Vec<Cut>, position: usize, head: u64, size: u64) {
    let mut offset = 0;
    while offset < size {
        let length = (size - offset).min(SPLIT_CONTENT);
        let last = offset + length == size;
        let content =
            length + if offset == 0 { head } else { 0 } + if last { tar::padding(size) as u64 } else { 0 };
        let part = Some(Part { offset, length, last });
        cuts.push(Cut { members: position..position + 1, part, last: false, content });
        offset += length;
    }
}

/// Length of a member in the stream.
fn member_length(entry: &Entry, mtime: u64) -> Result<u64> {
    let size = file_size(entry);
    Ok(header(entry, mtime)?.len() as u64 + size + tar::padding(size) as u64)
}

/// Length of a member's data.
pub(crate) fn file_size(entry: &Entry) -> u64 {
    match entry.member.kind {
        Kind::File { size, .. } => size,
        Kind::Directory | Kind::Symlink { .. } => 0,
    }
}

/// The blocks in front of a member's data.
pub(crate) fn header(entry: &Entry, mtime: u64) -> Result<Vec<u8>> {
    tar::header(&entry.member, mtime).map_err(|error| Error::member(entry.source.path(), error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Source;
    use pspf::tar::Member;

    const MIB: u64 = 1024 * 1024;

    fn cuts_of(sizes: &[u64], level: i32) -> Vec<Cut> {
        let entries = sizes.iter().enumerate().map(|(position, size)| Entry {
            member: Member {
                path: format!("{position:04}"),
                kind: Kind::File { size: *size, executable: false },
            },
            source: Source::File("unread".into()),
        });
        let tree = Tree { entries: entries.collect(), bytes: sizes.iter().sum() };
        cut(&tree, level, tar::DEFAULT_MTIME).expect("cut")
    }

    fn cuts(sizes: &[u64], level: i32) -> Vec<(Range<usize>, u64)> {
        cuts_of(sizes, level).into_iter().map(|cut| (cut.members, cut.content)).collect()
    }

    #[test]
    fn an_empty_tree_is_one_frame_that_ends_the_archive() {
        assert_eq!(cuts(&[], 9), [(0..0, 1024)]);
    }

    #[test]
    fn a_frame_is_closed_before_the_member_that_would_take_it_past_four_mebibytes() {
        // A member of 1 MiB - 512 makes exactly 1 MiB with its header.
        let exact = MIB - 512;
        let sizes = [exact; 40];
        assert_eq!(cuts(&sizes, 9)[..2], [(0..4, 4 * MIB), (4..8, 4 * MIB)]);
        let mut larger = sizes;
        larger[3] += 1;
        assert_eq!(cuts(&larger, 9)[..2], [(0..3, 3 * MIB), (3..6, 3 * MIB + 512)]);
    }

    #[test]
    fn at_level_19_frames_hold_eight_mebibytes() {
        assert_eq!(cuts(&[MIB - 512; 40], 19)[..2], [(0..8, 8 * MIB), (8..16, 8 * MIB)]);
    }

    #[test]
    fn frames_get_smaller_towards_the_end_down_to_one_mebibyte() {
        let eighth = MIB / 8 - 512;
        let mebibytes = |count: usize, level: i32| -> Vec<u64> {
            cuts(&vec![eighth; count * 8], level).iter().map(|(_, content)| content / (MIB / 8)).collect()
        };
        // In eighths: a quarter of 24 MiB is more than a frame may hold, one of 12 MiB is 3 MiB.
        assert_eq!(mebibytes(24, 9), [32, 32, 32, 24, 18, 13, 10, 8, 8, 8, 7]);
        assert_eq!(mebibytes(24, 19), [48, 36, 27, 20, 15, 11, 8, 8, 8, 8, 3]);
        // A small tree is cut for two workers as well, one of a mebibyte is not cut.
        assert_eq!(mebibytes(2, 9), [8, 8]);
        assert_eq!(mebibytes(1, 9), [8]);
    }

    #[test]
    fn a_member_larger_than_a_frame_is_a_frame_of_its_own() {
        assert_eq!(
            cuts(&[10, 16 * MIB, 10, 10], 9),
            [(0..1, 1024), (1..2, 16 * MIB + 512), (2..4, 2048 + 1024)]
        );
        assert_eq!(cuts(&[16 * MIB], 9), [(0..1, 16 * MIB + 512 + 1024)]);
    }

    #[test]
    fn a_file_of_more_than_sixteen_mebibytes_is_split_and_nothing_else_stands_in_its_frames() {
        assert_eq!(
            cuts(&[10, 40 * MIB + 1, 10], 9),
            [
                (0..1, 1024),
                (1..2, 16 * MIB + 512),
                (1..2, 16 * MIB),
                (1..2, 8 * MIB + 512),
                (2..3, 1024 + 1024)
            ]
        );
        assert_eq!(cuts(&[16 * MIB + 1], 19), [(0..1, 16 * MIB + 512), (0..1, 512), (1..1, 1024)]);
        assert_eq!(cuts(&[32 * MIB], 9), [(0..1, 16 * MIB + 512), (0..1, 16 * MIB), (1..1, 1024)]);
    }

    #[test]
    fn the_parts_of_a_split_file_cover_it_and_only_the_last_frame_ends_the_archive() {
        let all = cuts_of(&[100 * MIB + 77], 3);
        let parts: Vec<Part> = all.iter().filter_map(|cut| cut.part).collect();
        let mut end = 0;
        for (position, part) in parts.iter().enumerate() {
            assert_eq!((part.offset, part.last), (end, position + 1 == parts.len()));
            end += part.length;
        }
        assert_eq!(end, 100 * MIB + 77);
        assert_eq!(all.iter().filter(|cut| cut.last).count(), 1);
        assert!(all.last().is_some_and(|cut| cut.last && cut.part.is_none()));
    }
}
