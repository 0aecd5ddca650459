//! Archives that other programs write (FORMAT.md §10, tolerant profile).

use super::tests::{Recorder, archive, archive_without_end, file, fix_checksum};
use super::*;
use crate::{ErrorCode, Result};

fn decode(stream: &[u8]) -> Result<Vec<(Member, Vec<u8>)>> {
    let mut decoder = Decoder::tolerant();
    let mut sink = Recorder::default();
    for piece in stream.chunks(97) {
        decoder.feed(piece, &mut sink)?;
    }
    decoder.finish(true)?;
    Ok(sink.0)
}

fn paths(stream: &[u8]) -> Vec<String> {
    decode(stream).expect("decode").into_iter().map(|(member, _)| member.path).collect()
}

/// A header of any kind with `data` behind it.
fn raw(kind: u8, name: &[u8], data: &[u8]) -> Vec<u8> {
    let mut blocks = archive_without_end(&[(file("x", data.len() as u64), data)]);
    blocks[..100].fill(0);
    blocks[..name.len()].copy_from_slice(name);
    blocks[156] = kind;
    fix_checksum(&mut blocks);
    blocks
}

fn ended(parts: &[&[u8]]) -> Vec<u8> {
    [&parts.concat()[..], &END_OF_ARCHIVE].concat()
}

fn record(key: &str, value: &str) -> Vec<u8> {
    let body = key.len() + value.len() + 3;
    let length =
        (body + 1..body + 9).find(|length| body + length.to_string().len() == *length).expect("a length");
    format!("{length} {key}={value}\n").into_bytes()
}

#[test]
fn what_our_writer_renders_is_read_the_same_with_either_profile() {
    let stream = archive(&[
        (Member { path: "dir".into(), kind: Kind::Directory }, b""),
        (file(&"dir/n".repeat(30), 3), b"abc"),
        (Member { path: "link".into(), kind: Kind::Symlink { target: "../".repeat(50) + "x" } }, b""),
    ]);
    let mut strict = (Decoder::new(), Recorder::default());
    strict.0.feed(&stream, &mut strict.1).expect("feed");
    strict.0.finish(true).expect("finish");
    assert_eq!(decode(&stream).expect("decode"), strict.1.0);
}

#[test]
fn any_number_of_zeros_may_end_an_archive_but_not_fewer_than_two_blocks() {
    let members = archive_without_end(&[(file("a", 1), b"x")]);
    for zeros in [1024, 1025, 10_240, 100_000] {
        assert!(decode(&[&members[..], &vec![0; zeros]].concat()).is_ok(), "{zeros}");
    }
    for zeros in [0, 1, 512, 1023] {
        assert!(decode(&[&members[..], &vec![0; zeros]].concat()).is_err(), "{zeros}");
    }
    assert!(decode(&[&members[..], &[0; 1024], b"x"].concat()).is_err());
    assert!(decode(&[&members[..], &[0; 512], &members, &[0; 1024]].concat()).is_err());
    assert!(decode(&[]).is_err());
}

#[test]
fn an_archive_is_told_from_a_file_by_its_first_block() {
    assert!(begins_archive(&archive(&[(file("a", 0), b"")])));
    assert!(begins_archive(&[0; 10_240]), "an empty one");
    for other in [&b""[..], b"#!/bin/sh\n", &[b'u'; 600], &[0; 511], &archive(&[(file("a", 0), b"")])[..511]]
    {
        assert!(!begins_archive(other));
    }
}

#[test]
fn gnu_long_names_and_targets_are_read() {
    let long = "d/".repeat(40) + &"n".repeat(150);
    let mut link = raw(b'2', b"truncated", b"");
    link[157..160].copy_from_slice(b"abc");
    fix_checksum(&mut link);
    let stream = ended(&[
        &raw(b'L', b"././@LongLink", format!("{long}\0").as_bytes()),
        &raw(b'K', b"././@LongLink", b"target/of/the/link\0"),
        &link,
        &raw(b'0', b"next", b"1"),
    ]);
    let members = decode(&stream).expect("decode");
    assert_eq!(
        members[0].0,
        Member { path: long, kind: Kind::Symlink { target: "target/of/the/link".into() } }
    );
    assert_eq!(members[1].0.path, "next");
}

#[test]
fn gnu_headers_use_the_prefix_field_for_other_things() {
    let mut stream = ended(&[&raw(b'0', b"name", b"")]);
    stream[257..265].copy_from_slice(&GNU_MAGIC);
    stream[345..357].copy_from_slice(b"14722341234\0");
    fix_checksum(&mut stream);
    assert_eq!(paths(&stream), ["name"]);
}

#[test]
fn numbers_in_base_256_with_blanks_or_without_digits_are_read() {
    let mut stream = ended(&[&raw(b'0', b"name", b"hello")]);
    stream[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
    stream[100..108].copy_from_slice(b"   755 \0");
    stream[108..116].fill(0);
    fix_checksum(&mut stream);
    let members = decode(&stream).expect("decode");
    assert_eq!(members[0].0.kind, Kind::File { size: 5, executable: true });
    assert_eq!(members[0].1, b"hello");

    for bad in
        [[0xff; 12], [0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5], [0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]]
    {
        let mut stream = stream.clone();
        stream[124..136].copy_from_slice(&bad);
        fix_checksum(&mut stream);
        assert!(decode(&stream).is_err(), "{bad:?}");
    }
}

#[test]
fn other_pax_keys_and_global_headers_are_without_effect() {
    let records =
        [record("mtime", "1.5"), record("SCHILY.xattr.user.x", "\u{1}"), record("path", "renamed")].concat();
    let stream = ended(&[
        &raw(b'g', b"pax_global_header", &[record("comment", "abc"), record("path", "never")].concat()),
        &raw(b'x', b"PaxHeaders/x", &records),
        &raw(b'0', b"name", b"1"),
        &raw(b'0', b"other", b""),
    ]);
    assert_eq!(paths(&stream), ["renamed", "other"]);
    assert_eq!(
        paths(&ended(&[&raw(b'g', b"pax_global_header", &record("comment", "abc"))])),
        Vec::<String>::new()
    );
    assert!(decode(&ended(&[&raw(b'x', b"x", &record("path", "a"))])).is_err());
    assert!(decode(&ended(&[&raw(b'x', b"x", b"nonsense")])).is_err());
}

#[test]
fn names_that_begin_at_the_folder_itself_are_normalised() {
    let stream = ended(&[
        &raw(b'5', b"./", b""),
        &raw(b'5', b".", b""),
        &raw(b'5', b"./dir//", b""),
        &raw(b'0', b"./dir/./file", b"1"),
        &raw(0, b"old/", b""),
        &raw(0, b"old/file", b"2"),
        &raw(b'7', b"old/contiguous", b"3"),
    ]);
    assert_eq!(paths(&stream), ["dir", "dir/file", "old", "old/file", "old/contiguous"]);
    for bad in [&b"/etc/x"[..], b"../x", b"./../x", b"a/../../x", b"C:/x", b"file/", b"./", b""] {
        let error = decode(&ended(&[&raw(b'0', bad, b"")])).expect_err("must be refused");
        assert_eq!(error.code(), ErrorCode::PspfMemberName, "{bad:?}");
    }
}

#[test]
fn s14_hard_links_devices_pipes_and_sparse_files_are_refused_all_the_same() {
    for kind in [b'1', b'3', b'4', b'6', b'S', b'D', b'M', b'V', b'X', b'A'] {
        let error = decode(&ended(&[&raw(kind, b"a", b"")])).expect_err("must be refused");
        assert_eq!(error.code(), ErrorCode::PspfTar, "{}", char::from(kind));
    }
    let sparse = [record("GNU.sparse.major", "1"), record("GNU.sparse.minor", "0")].concat();
    assert!(decode(&ended(&[&raw(b'x', b"x", &sparse), &raw(b'0', b"a", b"1")])).is_err());
}

#[test]
fn s14_setuid_setgid_and_sticky_bits_are_dropped() {
    struct Bits(Vec<u32>);
    impl MemberSink for Bits {
        type Error = Error;
        fn permissions(&mut self, bits: u32) {
            self.0.push(bits);
        }
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
    let mut stream = ended(&[&raw(b'0', b"a", b"")]);
    stream[100..108].copy_from_slice(b"0007751\0");
    fix_checksum(&mut stream);
    let mut bits = Bits(Vec::new());
    Decoder::tolerant().feed(&stream, &mut bits).expect("feed");
    assert_eq!(bits.0, [0o751]);
}

#[test]
fn s12_a_record_beyond_64_kibibytes_is_refused() {
    for kind in [b'x', b'g', b'L', b'K'] {
        assert!(
            decode(&ended(&[&raw(kind, b"x", &vec![b'a'; 64 * 1024 + 1]), &raw(b'0', b"a", b"")])).is_err()
        );
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..3000),
        changes in proptest::collection::vec((0_usize..4000, proptest::num::u8::ANY), 1..6),
        kind in proptest::num::u8::ANY,
    ) {
        let _ = decode(&bytes);
        let mut stream = ended(&[&raw(kind, b"././x", &record("path", "a")), &raw(b'0', b"a", b"1")]);
        for (at, byte) in changes {
            let length = stream.len();
            stream[at % length] = byte;
        }
        fix_checksum(&mut stream);
        let _ = decode(&stream);
    }
}
