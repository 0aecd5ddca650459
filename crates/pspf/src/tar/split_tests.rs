//! Split members (FORMAT.md §9), as frames of a run.

use super::tests::{archive_without_end, decode_frames, file};
use super::*;
use crate::ErrorCode;
use crate::layout::SPLIT_CONTENT;

const S: usize = 16 << 20;

/// A file of `size` bytes as one stream without the end of the archive: a header, data, padding.
fn stream(size: usize) -> Vec<u8> {
    archive_without_end(&[(file("big", size as u64), &vec![7; size])])
}

/// Cuts a stream at `places`.
fn cut<'a>(stream: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut from = 0;
    let mut frames = Vec::new();
    for place in places.iter().chain([&stream.len()]) {
        frames.push(&stream[from..*place]);
        from = *place;
    }
    frames
}

fn refused(name: &str, frames: &[&[u8]]) {
    let error = decode_frames(frames).expect_err(name);
    assert_eq!(error.code(), ErrorCode::PspfTar, "{name}: {error}");
}

#[test]
fn a_file_that_is_split_as_the_format_says_is_read_across_its_frames() {
    assert_eq!(SPLIT_CONTENT, S as u64);
    for size in [S + 1, S + 512, 2 * S - 1, 2 * S, 2 * S + 700, 3 * S] {
        let mut stream = stream(size);
        let end = stream.len();
        stream.extend(END_OF_ARCHIVE);
        let mut places: Vec<usize> = (1..size.div_ceil(S)).map(|part| 512 + part * S).collect();
        places.push(end);
        let members = decode_frames(&cut(&stream, &places)).expect("decode");
        assert_eq!(members.len(), 1);
        assert_eq!(members[0].1.len(), size);
    }
}

#[test]
fn a_frame_may_hold_small_members_before_the_file_that_it_splits() {
    let mut stream =
        archive_without_end(&[(file("a", 3), b"abc"), (file("big", S as u64 + 5), &vec![1; S + 5])]);
    let end = stream.len();
    stream.extend(END_OF_ARCHIVE);
    let members = decode_frames(&cut(&stream, &[1024 + 512 + S, end])).expect("decode");
    assert_eq!(members.len(), 2);
}

#[test]
fn s11_a_file_that_is_cut_anywhere_else_is_refused() {
    let stream = stream(2 * S + 700);
    let end = stream.len();
    for (name, places) in [
        ("one byte early", vec![512 + S - 1]),
        ("one byte late", vec![512 + S + 1]),
        ("before any data", vec![512]),
        ("small frames", vec![512 + 1000, 512 + 2000]),
        ("content of exactly S that begins at a boundary", vec![S]),
        ("a second part that is short", vec![512 + S, 512 + 2 * S - 1]),
        ("a second part that is long", vec![512 + S, 512 + 2 * S + 1]),
        ("a second part that is empty", vec![512 + S, 512 + S]),
        ("a rest of more than S", vec![512 + S]),
        ("inside the padding", vec![512 + S, 512 + 2 * S, end - 1]),
        ("between the data and its padding", vec![512 + S, 512 + 2 * S, 512 + 2 * S + 700]),
    ] {
        let mut all = stream.clone();
        all.extend(END_OF_ARCHIVE);
        let places: Vec<usize> = places.into_iter().chain([end]).collect();
        refused(name, &cut(&all, &places));
    }
}

#[test]
fn s11_a_file_of_at_most_s_bytes_is_never_split() {
    let mut stream = stream(S);
    let end = stream.len();
    stream.extend(END_OF_ARCHIVE);
    assert!(decode_frames(&cut(&stream, &[end])).is_ok());
    refused("a file of S bytes", &cut(&stream, &[512 + S - 512, end]));
}

#[test]
fn s11_the_frame_that_ends_a_split_file_holds_nothing_else() {
    let big = stream(S + 700);
    for (name, behind) in [
        ("another member", archive_without_end(&[(file("next", 0), b"")])),
        ("the end of the archive", END_OF_ARCHIVE.to_vec()),
        ("one byte", vec![0]),
    ] {
        let all = [&big[..], &behind, &END_OF_ARCHIVE].concat();
        refused(name, &cut(&all, &[512 + S, big.len() + behind.len()]));
        let ends_there = [&big[..], &behind].concat();
        refused(name, &cut(&ends_there, &[512 + S]));
    }
}

#[test]
fn s11_a_slot_that_ends_inside_a_split_file_or_in_a_pax_record_is_refused() {
    let big = stream(S + 700);
    refused("the last frame", &cut(&big[..512 + S], &[]));
    let mut decoder = Decoder::new();
    decoder.feed(&big[..512 + S], &mut super::tests::Recorder::default()).expect("feed");
    assert!(decoder.finish(false).is_err(), "a run ends inside a file");

    let long = "n".repeat(200);
    let mut stream = archive_without_end(&[(file(&long, S as u64 + 1), &vec![0; S + 1])]);
    let end = stream.len();
    stream.extend(END_OF_ARCHIVE);
    let headers = 3 * 512;
    assert!(decode_frames(&cut(&stream, &[headers + S, end])).is_ok());
    refused("a pax record without its member", &cut(&stream, &[1024, headers + S, end]));
    refused("a pax header alone", &cut(&stream, &[512, headers + S, end]));
}
