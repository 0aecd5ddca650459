//! Properties of every reader of the format, seeded from the vectors: arbitrary bytes and changes of packages never
//! make it panic, never make it allocate more than the file justifies, and never verify unless nothing was changed.

#[path = "support/allocation.rs"]
mod allocation;
mod support;

use std::sync::LazyLock;

use allocation::peak;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use pspf::layout::{DESCRIPTOR_SIZE, INDEX_SIZE, limit};
use pspf::operations::OperationChain;
use pspf::tar::{Decoder, Member, MemberSink};
use pspf::{Error, ErrorCode, IndexBlock, Metadata, Package, SlotDescriptor, frame, strict_json};
use support::{Vector, judge, repair, vectors};

/// Every vector but those that unpack to tens of megabytes.
static VECTORS: LazyLock<Vec<Vector>> =
    LazyLock::new(|| vectors().into_iter().filter(|vector| !vector.name.starts_with("split-")).collect());

/// What the reader may take for a file of so many bytes: a buffer for each region, pieces of content, and the
/// metadata, whose text may be 8 MiB however few bytes it is deflated to, twice while the buffer grows.
fn allowed(length: usize) -> usize {
    (4 << 20) + 3 * usize::try_from(limit::METADATA_BYTES).expect("small") + 64 * length
}

/// Judges bytes and checks that they made the reader take no more than they justify.
fn judged(bytes: &[u8]) -> Result<(), ErrorCode> {
    let (result, peak) = peak(|| judge(bytes));
    assert!(peak <= allowed(bytes.len()), "{peak} bytes allocated for a file of {}", bytes.len());
    result.map_err(|refusal| refusal.code)
}

/// One change of a file.
#[derive(Debug, Clone)]
enum Change {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Copy(Index, Index, usize),
    Number(Index, u64),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let end = |at: usize, length: usize| (at + length).min(bytes.len());
        match self {
            Self::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Insert(at, more) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Remove(at, length) => {
                let at = at.index(bytes.len());
                bytes.drain(at..end(at, *length));
            }
            Self::Copy(from, to, length) => {
                let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
                let length = (*length).min(bytes.len() - from.max(to));
                bytes.copy_within(from..from + length, to);
            }
            Self::Number(at, number) => {
                let at = at.index(bytes.len());
                let length = end(at, 8) - at;
                bytes[at..at + length].copy_from_slice(&number.to_le_bytes()[..length]);
            }
        }
    }
}

fn apply(changes: &[Change], bytes: &mut Vec<u8>) {
    for change in changes {
        change.apply(bytes);
    }
}

fn change() -> impl Strategy<Value = Change> {
    let number = prop_oneof![
        any::<u64>(),
        0_u64..20_000,
        (0_u64..20_000).prop_map(|small| u64::MAX - small),
        (0_u32..64).prop_map(|bit| 1 << bit),
    ];
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        1 => (any::<Index>(), vec(any::<u8>(), 1..40)).prop_map(|(at, more)| Change::Insert(at, more)),
        1 => (any::<Index>(), 1_usize..600).prop_map(|(at, length)| Change::Remove(at, length)),
        1 => (any::<Index>(), any::<Index>(), 1_usize..600).prop_map(|(from, to, length)| Change::Copy(from, to, length)),
        2 => (any::<Index>(), number).prop_map(|(at, number)| Change::Number(at, number)),
    ]
}

/// Members of a stream as text, to compare two readings.
#[derive(Default, PartialEq, Debug)]
struct Record(Vec<String>, Vec<u8>);

impl MemberSink for Record {
    type Error = Error;

    fn begin(&mut self, member: &Member) -> Result<(), Error> {
        self.0.push(format!("{member:?}"));
        Ok(())
    }

    fn data(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.1.extend_from_slice(piece);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Error> {
        self.0.push("end".to_owned());
        Ok(())
    }
}

/// Feeds a stream in pieces of the given length.
fn parse(mut decoder: Decoder, bytes: &[u8], piece: usize) -> (Result<(), ErrorCode>, Record) {
    let mut record = Record::default();
    let result = bytes
        .chunks(piece.max(1))
        .try_for_each(|piece| decoder.feed(piece, &mut record))
        .and_then(|()| decoder.finish(true));
    (result.map_err(|error| error.code()), record)
}

/// Decoded content of a vector's first slot, as a seed for the tar parser.
fn archive() -> Vec<u8> {
    let vector = VECTORS.iter().find(|vector| vector.name == "good-tree-long-names").expect("a vector");
    let package = Package::open(vector.bytes.as_slice()).expect("open");
    let mut stored = Vec::new();
    package.read_frame(0, 0, &mut stored).expect("frame");
    let mut content = Vec::new();
    frame::decode_into::<Error>(&stored, package.frames(0)[0].content, |piece| {
        content.extend_from_slice(piece);
        Ok(())
    })
    .expect("decode");
    content
}

#[test]
fn no_vector_makes_the_reader_allocate_more_than_it_justifies() {
    for vector in VECTORS.iter() {
        assert_eq!(
            judged(&vector.bytes).is_err(),
            vector.refusal.as_ref().is_some_and(|it| it.layer != support::Layer::Tree),
            "{}",
            vector.name
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whole_package_arbitrary_bytes_never_verify(bytes in vec(any::<u8>(), 0..9000), repaired in any::<bool>()) {
        let mut bytes = bytes;
        if repaired && bytes.len() > 8200 {
            let start = bytes.len() - 8200;
            let end = bytes.len() - 4;
            bytes[start..start + 4].copy_from_slice(&pspf::layout::START_MARKER);
            bytes[end..].copy_from_slice(&pspf::layout::END_MARKER);
            repair(&mut bytes);
        }
        prop_assert!(judged(&bytes).is_err());
    }

    #[test]
    fn whole_package_changed_vectors_never_verify(
        which in any::<Index>(),
        changes in vec(change(), 1..6),
        repaired in any::<bool>(),
    ) {
        let vector = which.get(&VECTORS);
        let mut bytes = vector.bytes.clone();
        apply(&changes, &mut bytes);
        if repaired {
            repair(&mut bytes);
        }
        let accepted = judged(&bytes).is_ok();
        // Bytes of packages of other builders that nothing covers may change; those that digests cover may not.
        let foreign = Package::open(bytes.as_slice()).is_ok_and(|package| package.is_foreign());
        let tree = vector.refusal.as_ref().is_some_and(|refusal| refusal.layer == support::Layer::Tree);
        let known = VECTORS.iter().any(|vector| vector.bytes == bytes);
        prop_assert!(!accepted || foreign || known || (tree && bytes == vector.bytes), "{}: accepted", vector.name);
    }

    #[test]
    fn index_block_arbitrary_bytes_never_panic(
        bytes in vec(any::<u8>(), INDEX_SIZE),
        changes in vec(change(), 0..6),
        zeroed in any::<bool>(),
    ) {
        let mut block = [0; INDEX_SIZE];
        block.copy_from_slice(&bytes);
        if zeroed {
            block[192..].fill(0);
        }
        let mut changed = block.to_vec();
        changes.iter().filter(|change| matches!(change, Change::Set(..) | Change::Number(..))).for_each(|change| change.apply(&mut changed));
        block.copy_from_slice(&changed);
        block[0..4].copy_from_slice(&pspf::layout::FORMAT_VERSION.to_le_bytes());
        let length = u64::from_le_bytes(block[8..16].try_into().expect("eight bytes"));
        let sum = pspf::index_block::checksum(&block);
        block[4..8].copy_from_slice(&sum.to_le_bytes());
        let (result, peak) = peak(|| IndexBlock::decode(&block, 0, length));
        prop_assert!(peak < 64 * 1024, "{peak} bytes");
        if let Ok(decoded) = result {
            // What was understood is written again as it was read.
            let again = IndexBlock::decode(&decoded.encode(), 0, length).expect("its own encoding");
            prop_assert_eq!(again, decoded);
        }
    }

    #[test]
    fn metadata_arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        let (result, peak) = peak(|| strict_json::check(&bytes).and_then(|()| Metadata::decode(&bytes)));
        prop_assert!(result.is_err());
        prop_assert!(peak < 64 * 1024 + 64 * bytes.len(), "{peak} bytes");
    }

    #[test]
    fn metadata_that_passes_the_strict_profile_is_read_by_other_decoders_alike(
        text in "[\\[\\]{},:\"\\\\ntrue0-9.eE aAsS\u{17f}\u{1}u-]{0,60}",
        which in any::<Index>(),
        at in any::<Index>(),
    ) {
        let vector = which.get(&VECTORS);
        let Ok(package) = Package::open(vector.bytes.as_slice()) else { return Ok(()) };
        let mut json = package.metadata_json().to_vec();
        let at = at.index(json.len());
        json.splice(at..at, text.bytes());
        let (result, peak) = peak(|| strict_json::check(&json));
        prop_assert!(peak < 64 * 1024 + 64 * json.len(), "{peak} bytes");
        if result.is_ok() {
            // Whatever passes is JSON, and decoding it never panics.
            serde_json::from_slice::<serde_json::Value>(&json).expect("JSON");
            let _ = Metadata::decode(&json);
        }
    }

    #[test]
    fn slot_table_arbitrary_descriptors_never_panic(bytes in vec(any::<u8>(), DESCRIPTOR_SIZE), packed in any::<u64>()) {
        let mut descriptor = [0; DESCRIPTOR_SIZE];
        descriptor.copy_from_slice(&bytes);
        let decoded = SlotDescriptor::decode(&descriptor);
        prop_assert_eq!(SlotDescriptor::decode(&decoded.encode()), decoded.clone());
        for packed in [packed, decoded.operations, packed & 0x1b1b_1010] {
            if let Ok(chain) = OperationChain::unpack(packed, 0) {
                prop_assert_eq!(chain.pack(), packed);
                prop_assert_eq!(OperationChain::parse(&chain.text()).expect("its own text"), chain);
            }
        }
    }

    #[test]
    fn operations_arbitrary_texts_never_panic(text in "[a-zA-Z0-9.|, ]{0,40}") {
        if let Ok(chain) = OperationChain::parse(&text) {
            prop_assert_eq!(OperationChain::parse(&chain.text()).expect("its own text"), chain);
        }
    }

    #[test]
    fn frames_arbitrary_bytes_and_changed_frames_never_decode_to_more_than_announced(
        bytes in vec(any::<u8>(), 0..400),
        changes in vec(change(), 0..4),
        announced in prop_oneof![0_u64..100_000, any::<u64>()],
    ) {
        let content: Vec<u8> = (0..2000_u32).flat_map(u32::to_le_bytes).collect();
        let mut frame = zstd::bulk::compress(&content, 3).expect("compress");
        apply(&changes, &mut frame);
        for stored in [[&[0x28, 0xb5, 0x2f, 0xfd], bytes.as_slice()].concat(), bytes, frame] {
            let mut given = 0_u64;
            let (result, peak) = peak(|| {
                frame::decode_into::<Error>(&stored, announced, |piece| {
                    given += piece.len() as u64;
                    Ok(())
                })
            });
            prop_assert!(given <= announced, "{given} of {announced}");
            prop_assert!(peak < (1 << 20), "{peak} bytes");
            if result.is_ok() {
                prop_assert_eq!(given, announced);
            }
        }
    }

    #[test]
    fn tar_arbitrary_and_changed_streams_never_panic_and_pieces_do_not_matter(
        bytes in vec(any::<u8>(), 0..3000),
        changes in vec(change(), 0..5),
        piece in 1_usize..2000,
        changed in any::<bool>(),
        tolerant in any::<bool>(),
    ) {
        let mut stream = if changed { archive() } else { bytes };
        apply(&changes, &mut stream);
        let decoder = || if tolerant { Decoder::tolerant() } else { Decoder::new() };
        let ((whole, seen), peak) = peak(|| parse(decoder(), &stream, usize::MAX));
        prop_assert!(peak < (1 << 20) + 16 * stream.len(), "{peak} bytes");
        let (pieces, seen_in_pieces) = parse(decoder(), &stream, piece);
        prop_assert_eq!(whole, pieces);
        if whole.is_ok() {
            prop_assert_eq!(seen, seen_in_pieces);
        }
    }
}
