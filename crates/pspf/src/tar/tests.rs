use super::*;
use crate::Result;

#[derive(Default)]
pub(super) struct Recorder(pub(super) Vec<(Member, Vec<u8>)>);

impl MemberSink for Recorder {
    type Error = Error;
    fn begin(&mut self, member: &Member) -> Result<()> {
        self.0.push((member.clone(), Vec::new()));
        Ok(())
    }
    fn data(&mut self, piece: &[u8]) -> Result<()> {
        self.0.last_mut().expect("a member").1.extend_from_slice(piece);
        Ok(())
    }
    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

pub(super) fn file(path: &str, size: u64) -> Member {
    Member { path: path.to_owned(), kind: Kind::File { size, executable: false } }
}

pub(super) fn archive(members: &[(Member, &[u8])]) -> Vec<u8> {
    let mut stream = archive_without_end(members);
    stream.extend(END_OF_ARCHIVE);
    stream
}

pub(super) fn archive_without_end(members: &[(Member, &[u8])]) -> Vec<u8> {
    let mut stream = Vec::new();
    for (member, data) in members {
        stream.extend(header(member, DEFAULT_MTIME).expect("header"));
        stream.extend_from_slice(data);
        stream.resize(stream.len() + padding(data.len() as u64), 0);
    }
    stream
}

/// Reads frames one after another, as one run.
pub(super) fn decode_frames(frames: &[&[u8]]) -> Result<Vec<(Member, Vec<u8>)>> {
    let mut decoder = Decoder::new();
    let mut sink = Recorder::default();
    for (number, frame) in frames.iter().enumerate() {
        for piece in frame.chunks(100_000) {
            decoder.feed(piece, &mut sink)?;
        }
        if number + 1 < frames.len() {
            decoder.end_frame(false)?;
        }
    }
    decoder.finish(true)?;
    Ok(sink.0)
}

fn decode(stream: &[u8], piece: usize, last: bool) -> Result<Vec<(Member, Vec<u8>)>> {
    let mut decoder = Decoder::new();
    let mut sink = Recorder::default();
    for part in stream.chunks(piece) {
        decoder.feed(part, &mut sink)?;
    }
    decoder.finish(last)?;
    Ok(sink.0)
}

#[test]
fn what_the_encoder_writes_the_decoder_reads_in_pieces_of_any_size() {
    let long = format!("{}/{}", "d".repeat(120), "n".repeat(90));
    let longer = format!("ä{}/{}", "d".repeat(250), "n".repeat(200));
    let target = "../".repeat(50) + "x";
    let members: Vec<(Member, &[u8])> = vec![
        (Member { path: "dir".into(), kind: Kind::Directory }, b""),
        (file("dir/empty", 0), b""),
        (Member { path: "dir/run".into(), kind: Kind::File { size: 3, executable: true } }, b"abc"),
        (file(&long, 512), &[7; 512]),
        (file(&longer, 1), b"z"),
        (Member { path: "link".into(), kind: Kind::Symlink { target: target.clone() } }, b""),
        (Member { path: long.clone() + "2", kind: Kind::Directory }, b""),
    ];
    let stream = archive(&members);
    let expected: Vec<_> = members.iter().map(|(member, data)| (member.clone(), data.to_vec())).collect();
    for piece in [1, 7, 512, 513, 100_000] {
        assert_eq!(decode(&stream, piece, true).expect("decode"), expected, "{piece}");
    }
}

#[test]
fn s11_a_frame_that_ends_inside_a_member_or_an_archive_without_its_end_is_refused() {
    let stream = archive(&[(file("a", 600), &[1; 600])]);
    let body = stream.len() - 1024;
    assert!(decode(&stream[..body], 512, false).is_ok());
    for length in [1, 511, 512, 513, 1024, body - 1] {
        assert!(decode(&stream[..length], 512, false).is_err(), "{length}");
    }
    assert!(decode(&stream[..body], 512, true).is_err());
    assert!(decode(&stream[..body + 512], 512, true).is_err());
    assert!(decode(&stream, 512, false).is_err());
    assert!(decode(&[&stream[..], &[0; 512]].concat(), 512, true).is_err());
    assert!(decode(&[&stream[..], &[1]].concat(), 512, true).is_err());
}

#[test]
fn s13_names_that_leave_the_slot_are_refused_by_encoder_and_decoder() {
    for bad in [
        "",
        "/a",
        "../a",
        "a/../b",
        "a//b",
        "./a",
        "a/.",
        "C:/a",
        "c:",
        "a\0b",
        &"a/".repeat(64),
        &"n".repeat(256),
        &["n".repeat(250).as_str(); 5].join("/"),
    ] {
        assert!(header(&file(bad, 0), 0).is_err(), "{bad:?}");
        let mut stream = archive(&[(file("aaaaaaaaaaaaaaaa", 0), b"")]);
        if bad.len() > 100 || bad.contains('\0') {
            continue;
        }
        stream[..100].fill(0);
        stream[..bad.len()].copy_from_slice(bad.as_bytes());
        fix_checksum(&mut stream);
        assert!(decode(&stream, 512, true).is_err(), "{bad:?}");
    }
    for bad in ["", "/etc/passwd", "\\x"] {
        let link = Member { path: "l".into(), kind: Kind::Symlink { target: bad.to_owned() } };
        assert!(header(&link, 0).is_err(), "{bad:?}");
    }
}

#[test]
fn s14_hard_links_devices_and_unknown_kinds_are_refused() {
    for kind in [b'1', b'3', b'4', b'6', b'7', b'g', b'L', b'K', b'S', 0, b'V'] {
        let mut stream = archive(&[(file("a", 0), b"")]);
        stream[156] = kind;
        fix_checksum(&mut stream);
        let error = decode(&stream, 512, true).expect_err("must be refused");
        assert_eq!(error.code(), ErrorCode::PspfTar, "{}", char::from(kind));
    }
}

#[test]
fn a_wrong_checksum_other_pax_keys_and_padding_that_is_not_zero_are_refused() {
    let mut stream = archive(&[(file("a", 1), b"x")]);
    stream[0] = b'b';
    assert!(decode(&stream, 512, true).is_err());

    let mut stream = archive(&[(file("a", 1), b"x")]);
    stream[600] = 1;
    assert!(decode(&stream, 512, true).is_err());

    let long = "n".repeat(200);
    let good = archive(&[(file(&long, 0), b"")]);
    let at = good.windows(5).position(|window| window == b"path=").expect("a pax record");
    let mut stream = good.clone();
    stream[at..at + 4].copy_from_slice(b"tapk");
    assert!(decode(&good, 512, true).is_ok());
    assert!(decode(&stream, 512, true).is_err());
}

pub(super) fn fix_checksum(stream: &mut [u8]) {
    let mut block = [0; BLOCK];
    block.copy_from_slice(&stream[..BLOCK]);
    let sum = header_checksum(&block);
    stream[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..3000), at in 0_usize..3000) {
        let _ = decode(&bytes, 97, true);
        let mut stream = archive(&[(file("a/b", 700), &[3; 700]), (file(&"x".repeat(180), 0), b"")]);
        let length = stream.len();
        stream[at % length] ^= bytes.first().copied().unwrap_or(1);
        let _ = decode(&stream, 97, true);
    }
}
