//! P1, the complete sweep over a small package: every byte, every length. Each change is repaired as far as that is
//! possible without the key before the reader is asked. (`crates/flavor-pack/tests/packages/tamper.rs` asks `verify` at sampled
//! positions of a larger package.)

mod support;

use std::collections::BTreeMap;

use pspf::ErrorCode;
use pspf::layout::TRAILER_SIZE;
use support::{bytes_of, judge, repair};

/// How often each code was the answer.
type Answers = BTreeMap<&'static str, usize>;

fn ask(what: &str, original: &[u8], changed: Vec<u8>, answers: &mut Answers) {
    let mut repaired = changed.clone();
    repair(&mut repaired);
    // A byte of an unkeyed checksum is restored by the repair; there the change itself must be refused.
    let bytes = if repaired == original { changed } else { repaired };
    assert!(bytes != original, "{what}: nothing was changed");
    match judge(&bytes) {
        Ok(()) => panic!("{what}: accepted"),
        Err(refusal) => *answers.entry(refusal.code.as_str()).or_default() += 1,
    }
}

#[test]
fn the_repair_leaves_an_intact_package_alone() {
    for name in ["good-one-slot", "good-worked-example", "rendering-three-slots", "good-no-slots"] {
        let original = bytes_of(name);
        let mut repaired = original.clone();
        repair(&mut repaired);
        assert!(repaired == original, "{name}");
        judge(&original).expect(name);
    }
}

#[test]
fn p1_every_single_byte_changed_is_refused_repaired_or_not() {
    let original = bytes_of("good-one-slot");
    let mut answers = Answers::new();
    for position in 0..original.len() {
        // The lowest bit, and every bit.
        for mask in [0x01, 0xff] {
            let mut changed = original.clone();
            changed[position] ^= mask;
            ask(&format!("byte {position} xor {mask:#x}"), &original, changed, &mut answers);
        }
        // As it is, without any repair.
        let mut changed = original.clone();
        changed[position] ^= 0x80;
        let refusal = judge(&changed).expect_err("accepted without repair");
        *answers.entry(refusal.code.as_str()).or_default() += 1;
    }
    println!("{} changes: {answers:?}", 3 * original.len());
    assert_eq!(answers.values().sum::<usize>(), 3 * original.len());
    for code in [
        ErrorCode::PspfLauncherDigest,
        ErrorCode::PspfSlotDigest,
        ErrorCode::PspfSignature,
        ErrorCode::PspfRendering,
        ErrorCode::PspfNotAPackage,
        ErrorCode::PspfIndex,
        ErrorCode::PspfIndexChecksum,
        ErrorCode::PspfMetadataGzip,
        ErrorCode::PspfRegion,
    ] {
        assert!(answers.contains_key(code.as_str()), "{code} was never the answer: {answers:?}");
    }
}

#[test]
fn p1_every_length_to_which_a_package_is_cut_is_refused() {
    let original = bytes_of("good-one-slot");
    let mut answers = Answers::new();
    for length in 0..original.len() {
        ask(&format!("cut to {length} bytes"), &original, original[..length].to_vec(), &mut answers);
    }
    assert_eq!(answers.keys().copied().collect::<Vec<_>>(), [ErrorCode::PspfNotAPackage.as_str()]);
}

#[test]
fn p1_every_number_of_bytes_taken_from_the_front_or_before_the_trailer_is_refused() {
    let original = bytes_of("good-one-slot");
    let body = original.len() - TRAILER_SIZE;
    let mut answers = Answers::new();
    for length in 1..=body {
        ask(&format!("{length} bytes less in front"), &original, original[length..].to_vec(), &mut answers);
        let cut = [&original[..body - length], &original[body..]].concat();
        ask(&format!("{length} bytes less before the trailer"), &original, cut, &mut answers);
    }
    assert_eq!(answers.values().sum::<usize>(), 2 * body);
}

#[test]
fn p1_every_byte_put_in_twice_or_left_out_is_refused() {
    let original = bytes_of("good-one-slot");
    let mut answers = Answers::new();
    // Inside the trailer a shift breaks a marker; a part of it is enough.
    let end = original.len() - TRAILER_SIZE;
    for position in (0..end).chain((end..original.len()).step_by(97)) {
        let mut longer = original.clone();
        longer.insert(position, original[position]);
        ask(&format!("byte {position} twice"), &original, longer, &mut answers);
        let mut shorter = original.clone();
        shorter.remove(position);
        ask(&format!("byte {position} left out"), &original, shorter, &mut answers);
    }
    assert!(answers.len() > 1, "{answers:?}");
}
