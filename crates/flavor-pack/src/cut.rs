//! Where the tar stream of a slot is cut into frames (FORMAT.md §9): at member boundaries, and inside files that
//! are too large for one frame. The cuts depend on the members and the level alone; no content is read here.

use std::ops::Range;

use pspf::layout::{FRAME_CONTENT, FRAME_CONTENT_SMALLEST, SPLIT_CONTENT};
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

/// Content after which a frame is closed.
pub(crate) fn frame_content(level: i32) -> u64 {
    if level >= 19 { FRAME_CONTENT_SMALLEST } else { FRAME_CONTENT }
}

/// Cuts the stream of a tree. There is always a last frame, the one that ends the archive.
pub(crate) fn cut(tree: &Tree, level: i32, mtime: u64) -> Result<Vec<Cut>> {
    let limit = frame_content(level);
    let whole = |members| Cut { members, part: None, last: false, content: 0 };
    let mut cuts = Vec::new();
    let mut current = whole(0..0);
    for (position, entry) in tree.entries.iter().enumerate() {
        let head = header(entry, mtime)?.len() as u64;
        let size = file_size(entry);
        let length = head + size + tar::padding(size) as u64;
        if current.content > 0 && current.content + length > limit {
            cuts.push(std::mem::replace(&mut current, whole(position..position)));
        }
        if size > SPLIT_CONTENT {
            // Closed by now: a member of this size passes any limit.
            split(&mut cuts, position, head, size);
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
        assert_eq!(cuts(&[exact; 4], 9), [(0..4, 4 * MIB + 1024)]);
        assert_eq!(cuts(&[exact; 5], 9), [(0..4, 4 * MIB), (4..5, MIB + 1024)]);
        assert_eq!(cuts(&[exact, exact, exact, exact + 1], 9), [(0..3, 3 * MIB), (3..4, MIB + 512 + 1024)]);
    }

    #[test]
    fn at_level_19_frames_hold_eight_mebibytes() {
        assert_eq!(cuts(&[MIB - 512; 9], 19), [(0..8, 8 * MIB), (8..9, MIB + 1024)]);
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
