use std::io::{self, Read, Write as _};

use super::*;
use crate::operations::Operation::{Bzip2, Gzip, Tar, Xz, Zstd};

const ENCODINGS: [Operation; 4] = [Gzip, Bzip2, Xz, Zstd];
const LEVELS: [Level; 3] = [Level::Fast, Level::Normal, Level::Smallest];

fn encode(operations: &[Operation], content: &[u8], level: Level) -> Vec<u8> {
    let mut encoder = Encoder::new(operations, Vec::new(), level).expect("encoder");
    encoder.write_all(content).expect("encode");
    encoder.finish().expect("finish")
}

fn decode_with(operations: &[Operation], stored: &[u8], limits: Limits) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    decoder(operations, Box::new(stored), limits)?.read_to_end(&mut content).map_err(error_of)?;
    Ok(content)
}

fn decode(operations: &[Operation], stored: &[u8]) -> Result<Vec<u8>> {
    decode_with(operations, stored, Limits::OURS)
}

fn content(length: usize) -> Vec<u8> {
    (0_u32..).flat_map(|number| (number.wrapping_mul(0x9e37_79b1) >> 20).to_le_bytes()).take(length).collect()
}

#[test]
fn every_encoding_and_chain_decodes_to_what_was_encoded() {
    let chains: [&[Operation]; 9] = [
        &[],
        &[Tar],
        &[Gzip],
        &[Bzip2],
        &[Xz],
        &[Zstd],
        &[Tar, Gzip, Xz],
        &[Gzip, Gzip, Bzip2, Bzip2, Xz, Xz, Zstd, Zstd],
        &[Zstd, Xz, Bzip2, Gzip],
    ];
    for length in [0, 1, 300_000] {
        let content = content(length);
        for chain in chains {
            let stored = encode(chain, &content, Level::Fast);
            assert_eq!(decode(chain, &stored).expect("decode"), content, "{chain:?} {length}");
        }
    }
}

#[test]
fn every_level_of_every_encoding_decodes_within_the_limits_for_packages_of_ours() {
    let content = content(2_000_000);
    for operation in ENCODINGS {
        for level in LEVELS {
            let stored = encode(&[operation], &content, level);
            assert_eq!(decode(&[operation], &stored).expect("decode"), content, "{operation:?} {level:?}");
        }
    }
}

#[test]
fn encoded_bytes_do_not_depend_on_the_pieces_in_which_the_content_came() {
    let content = content(400_000);
    for operation in ENCODINGS {
        for level in LEVELS {
            let whole = encode(&[operation], &content, level);
            for piece in [999, 300_000] {
                let mut encoder = Encoder::new(&[operation], Vec::new(), level).expect("encoder");
                for part in content.chunks(piece) {
                    encoder.write_all(part).expect("encode");
                }
                let same = encoder.finish().expect("finish") == whole;
                assert!(same, "{operation:?} {level:?} in pieces of {piece}");
            }
        }
    }
}

#[test]
fn a_gzip_stream_of_ours_names_no_file_no_time_and_no_system() {
    let stored = encode(&[Gzip], b"hello", Level::Normal);
    assert_eq!(stored[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    assert_eq!(stored[9], 255);
}

#[test]
fn streams_one_after_another_decode_to_their_contents_one_after_another() {
    for operation in ENCODINGS {
        let stored = [
            encode(&[operation], b"one ", Level::Fast),
            encode(&[operation], b"", Level::Fast),
            encode(&[operation], b"two", Level::Normal),
        ];
        assert_eq!(decode(&[operation], &stored.concat()).expect("decode"), b"one two", "{operation:?}");
    }
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let frame = encode(&[Zstd], b"hello", Level::Fast);
    let stored = [&skippable[..], &frame, &skippable, &frame, &skippable].concat();
    assert_eq!(decode(&[Zstd], &stored).expect("decode"), b"hellohello");
}

#[test]
fn every_truncation_and_whatever_follows_the_streams_is_refused() {
    for operation in ENCODINGS {
        let stored = encode(&[operation], &content(3000), Level::Normal);
        for length in 0..stored.len() {
            let error = decode(&[operation], &stored[..length]).expect_err("truncated");
            assert_eq!(error.code(), ErrorCode::PspfEncoding, "{operation:?} {length}");
        }
        for tail in [&b"\0"[..], b"x", b"\0\0\0\0\0\0\0", &[0x1f], b"BZh", &stored[..stored.len() / 2]] {
            let error = decode(&[operation], &[&stored, tail].concat()).expect_err("trailing bytes");
            assert_eq!(error.code(), ErrorCode::PspfEncoding, "{operation:?} {tail:?}");
        }
    }
}

#[test]
fn a_reader_that_has_failed_never_reports_an_end() {
    for operation in ENCODINGS {
        let mut stored = encode(&[operation], &content(3000), Level::Normal);
        // The check value behind the content; zstd streams of ours have none, so its first header is damaged.
        let at = if operation == Zstd { 1 } else { stored.len() - 6 };
        stored[at] ^= 0xff;
        let mut stream = decoder(&[operation], Box::new(stored.as_slice()), Limits::OURS).expect("decoder");
        assert!(io::copy(&mut stream, &mut io::sink()).is_err(), "{operation:?}");
        assert_eq!(
            error_of(stream.read(&mut [0; 9]).expect_err("still")).code(),
            ErrorCode::PspfEncoding,
            "{operation:?}"
        );
    }
}

#[test]
fn a_failing_disk_is_not_reported_as_a_damaged_encoding() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(5))
        }
    }
    for chain in [&[][..], &[Gzip], &[Bzip2], &[Xz], &[Zstd], &[Gzip, Zstd, Xz]] {
        let mut stream = decoder(chain, Box::new(Broken), Limits::OURS).expect("decoder");
        let error = error_of(stream.read(&mut [0; 9]).expect_err("broken"));
        assert_eq!(error.code(), ErrorCode::PspfIo, "{chain:?}");
    }
}

#[test]
fn tar_behind_another_operation_and_nine_operations_are_refused() {
    for chain in [&[Gzip, Tar][..], &[Tar, Tar], &[Tar, Gzip, Tar], &[Gzip; 9]] {
        let error = decoder(chain, Box::new(io::empty()), Limits::OURS).map(drop).expect_err("decoder");
        assert_eq!(error.code(), ErrorCode::PspfOperations);
        let error = Encoder::new(chain, Vec::new(), Level::Fast).map(drop).expect_err("encoder");
        assert_eq!(error.code(), ErrorCode::PspfOperations);
    }
}

/// A zstd stream of `length` zeros with a window of `log` bits.
fn zstd_window(log: u32, length: u64) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).expect("encoder");
    encoder.set_parameter(zstd::stream::raw::CParameter::WindowLog(log)).expect("window");
    io::copy(&mut io::repeat(0).take(length), &mut encoder).expect("compress");
    encoder.finish().expect("finish")
}

#[test]
fn s12_a_zstd_window_beyond_the_limit_is_refused() {
    for (log, ours, foreign) in [(23, true, true), (24, false, true), (27, false, true), (28, false, false)] {
        let stored = zstd_window(log, 9 << 20);
        assert_eq!(decode_with(&[Zstd], &stored, Limits::OURS).is_ok(), ours, "{log}");
        assert_eq!(decode_with(&[Zstd], &stored, Limits::FOREIGN).is_ok(), foreign, "{log}");
    }
}

/// A frame of one raw block that asks for a window of `log` bits, and says how much it holds or not.
fn small_frame(log: u8, content: &[u8], says_size: bool) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("small");
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, if says_size { 0x80 } else { 0 }, (log - 10) << 3];
    if says_size {
        frame.extend_from_slice(&length.to_le_bytes());
    }
    frame.extend_from_slice(&(1 | length << 3).to_le_bytes()[..3]);
    frame.extend_from_slice(content);
    frame
}

#[test]
fn s12_the_window_that_a_frame_asks_for_counts_whatever_it_holds_and_in_every_stage() {
    for says_size in [true, false] {
        for (log, fits) in [(17, true), (23, true), (24, false), (30, false)] {
            let frame = small_frame(log, b"small", says_size);
            for chain in [&[Zstd][..], &[Zstd, Gzip], &[Zstd, Xz], &[Zstd, Zstd], &[Zstd, Bzip2, Gzip]] {
                let stored = encode(&chain[1..], &frame, Level::Fast);
                let decoded = decode_with(chain, &stored, Limits::OURS);
                assert_eq!(decoded.is_ok(), fits, "{log} {chain:?} {says_size}");
                if let Err(error) = decoded {
                    assert_eq!(error.code(), ErrorCode::PspfEncoding, "{error}");
                }
            }
        }
    }
}

#[test]
fn s12_an_xz_dictionary_beyond_the_memory_limit_is_refused() {
    use liblzma::stream::{Check, Filters, LzmaOptions, Stream};
    for (mebibytes, fits) in [(64, true), (192, false)] {
        let mut options = LzmaOptions::new_preset(0).expect("preset");
        options.dict_size(mebibytes << 20);
        let stream =
            Stream::new_stream_encoder(Filters::new().lzma2(&options), Check::Crc32).expect("encoder");
        let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
        encoder.write_all(b"hello").expect("encode");
        let stored = encoder.finish().expect("finish");
        let decoded = decode(&[Xz], &stored);
        assert_eq!(decoded.is_ok(), fits, "{mebibytes}");
        if let Err(error) = decoded {
            assert_eq!(error.code(), ErrorCode::PspfEncoding, "{error}");
        }
    }
}

#[test]
fn s12_ten_kilobytes_that_hold_ten_gigabytes_are_refused_after_one() {
    // 80 frames of 128 MiB of zeros, encoded again: two stages, each of which is counted on its own.
    let frames = zstd_window(17, 128 << 20).repeat(80);
    let bomb = encode(&[Zstd], &frames, Level::Normal);
    assert!(bomb.len() < 10_000, "{}", bomb.len());
    let mut stream = decoder(&[Zstd, Zstd], Box::new(bomb.as_slice()), Limits::OURS).expect("decoder");
    let mut content = 0;
    let mut piece = vec![0; 64 * 1024];
    let error = loop {
        match stream.read(&mut piece) {
            Ok(0) => panic!("decoded to {content} bytes"),
            Ok(read) => content += read as u64,
            Err(error) => break error_of(error),
        }
    };
    assert_eq!(error.code(), ErrorCode::PspfLimit);
    assert!(content < Limits::OURS.ratio_free_bytes, "{content}");
}

#[test]
fn s12_the_ratio_is_counted_for_every_stage() {
    let limits = Limits { ratio_free_bytes: 1 << 20, ..Limits::OURS };
    let zeros = vec![0; 4 << 20];
    for operation in [Bzip2, Xz, Zstd] {
        let inner = encode(&[operation], &zeros, Level::Normal);
        for chain in [&[operation][..], &[operation, Gzip], &[operation, Zstd, Bzip2]] {
            let stored = encode(&chain[1..], &inner, Level::Fast);
            let error = decode_with(chain, &stored, limits).expect_err("too dense");
            assert_eq!(error.code(), ErrorCode::PspfLimit, "{chain:?}: {error}");
            assert_eq!(decode(chain, &stored).expect("small enough").len(), zeros.len(), "{chain:?}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400),
        at in 0_usize..3000,
        number in 0_usize..4,
    ) {
        let chain = [ENCODINGS[number]];
        let _ = decode(&chain, &bytes);
        let mut stored = encode(&chain, &content(3000), Level::Fast);
        let length = stored.len();
        stored[at % length] ^= bytes.first().copied().unwrap_or(1) | 1;
        let _ = decode(&chain, &stored);
    }
}
