use pspf::ErrorCode;

use super::*;
use crate::{Mode, Verdict, judge};

fn passes(name: &str, sources: &[Source]) -> Verdict {
    judge(subject(name), sources, 1000).expect(name)
}

fn refused(name: &str, sources: &[Source], expected: &[&str]) {
    let error = judge(subject(name), sources, 1000).expect_err(name);
    assert_eq!(error.code(), ErrorCode::TrustSigner);
    let message = error.to_string();
    for expected in expected {
        assert!(message.contains(expected), "{message:?} should contain {expected:?}");
    }
}

#[test]
fn without_trust_files_every_intact_package_passes() {
    let absent = |owner| Source { path: "/x".into(), owner, file: None };
    let verdict = passes("acme", &[absent(Owner::System), absent(Owner::User)]);
    assert_eq!(verdict, Verdict { mode: Mode::Integrity, pin: None, expiry: None, publicly_known: None });
}

#[test]
fn integrity_lets_everything_pass_and_tells_who_is_pinned() {
    let verdict = passes("acme", &[source(Owner::User, &text("integrity", &[("them", OTHER, "")]))]);
    assert_eq!((verdict.mode, verdict.pin), (Mode::Integrity, None));
    let expires = r#","expires":"2000-01-01""#;
    let verdict = passes("acme", &[source(Owner::User, &text("integrity", &[("us", KEY, expires)]))]);
    assert_eq!(verdict.pin.map(|pin| pin.name).as_deref(), Some("us"));
    // Nothing ends when such a pin expires.
    assert_eq!(verdict.expiry, None);
}

#[test]
fn s2_the_strictest_mode_of_all_sources_wins() {
    let (lax, strict) = (text("integrity", &[]), text("require", &[]));
    for (system, user) in [(&lax, &strict), (&strict, &lax), (&strict, &strict)] {
        let requiring = if *system == strict { "/system.json" } else { "/user.json" };
        let sources = [source(Owner::System, system), source(Owner::User, user)];
        refused("acme", &sources, &[requiring, "nothing is pinned for it"]);
    }
    passes("acme", &[source(Owner::System, &lax), source(Owner::User, &lax)]);
}

#[test]
fn require_lets_pinned_signers_pass_for_the_names_of_their_pins() {
    let only = |patterns: &str| {
        [source(Owner::User, &text("require", &[("us", KEY, &format!(r#","packages":[{patterns}]"#))]))]
    };
    let verdict = passes("acme-tool", &only(r#""acme-*""#));
    assert_eq!(verdict.mode, Mode::Require);
    assert_eq!(verdict.pin.map(|pin| pin.path), Some("/user.json".into()));
    passes("Acme_Tool", &only(r#""other","acme-*""#));
    passes("anything é", &only(r#""*""#));
    passes("anything é", &[source(Owner::User, &text("require", &[("us", KEY, "")]))]);
    refused("acme", &only(r#""acme-*""#), &["this key, only for acme-*", "\"us\""]);
    refused("acme-\u{e9}", &only(r#""acme-*""#), &["only for acme-*"]);
}

#[test]
fn a_refusal_says_what_was_found_and_what_was_pinned() {
    let others = text("require", &[("them", OTHER, ""), ("elsewhere", OTHER, r#","packages":["b"]"#)]);
    let (found, pinned) = (pspf::hex::encode(&KEY), pspf::hex::encode(&OTHER));
    let expected = [
        "\"acme\" is signed by",
        &found,
        "`/user.json` requires",
        &format!("pinned: \"them\" in `/user.json` ({pinned})"),
    ];
    refused("acme", &[source(Owner::User, &others)], &expected);
    let error = judge(subject("acme"), &[source(Owner::User, &others)], 0).expect_err("refused");
    assert!(!error.to_string().contains("elsewhere"), "{error}");
    let many: Vec<_> = (0..12).map(|_| ("them", OTHER, "")).collect();
    refused("acme", &[source(Owner::User, &text("require", &many))], &["and 4 more"]);
    refused("a\u{1b}[31m", &[source(Owner::User, &text("require", &[]))], &["\"a\\u{1b}[31m\""]);
}

#[test]
fn s20_a_pin_counts_until_the_second_of_its_expiry_and_the_earliest_one_is_told() {
    // 1970-01-01T00:16:40Z is second 1000.
    let until = |moment: &str| format!(r#","expires":"{moment}""#);
    let (now, later, latest) =
        (until("1970-01-01T00:16:40Z"), until("1970-01-01T00:16:41Z"), until("2000-01-01"));
    let with = |pins: &[(&str, [u8; 32], &str)]| [source(Owner::User, &text("require", pins))];
    refused("acme", &with(&[("us", KEY, &now)]), &["this key, expired 1970-01-01T00:16:40Z"]);
    assert_eq!(passes("acme", &with(&[("us", KEY, &later)])).expiry, Some(1001));
    assert_eq!(passes("acme", &with(&[("a", KEY, &latest), ("b", KEY, &later)])).expiry, Some(1001));
    // What did not let the package pass ends nothing.
    assert_eq!(passes("acme", &with(&[("a", OTHER, &later), ("b", KEY, &now), ("c", KEY, "")])).expiry, None);
}

#[test]
fn s2_under_a_system_that_requires_users_pins_count_only_if_it_says_so() {
    let user = source(Owner::User, &text("integrity", &[("mine", KEY, "")]));
    let system = source(Owner::System, &text("require", &[]));
    refused("acme", &[system, user.clone()], &["\"mine\" in `/user.json` (this key, not counted"]);
    let allowing = source(Owner::System, r#"{"schema":1,"mode":"require","user_keys":true}"#);
    assert_eq!(passes("acme", &[allowing, user]).pin.map(|pin| pin.name).as_deref(), Some("mine"));
    // The operator's pins count for users who require one.
    let system = source(Owner::System, &text("integrity", &[("operator", KEY, "")]));
    let user = source(Owner::User, &text("require", &[]));
    assert_eq!(passes("acme", &[system, user]).pin.map(|pin| pin.name).as_deref(), Some("operator"));
}

#[test]
fn s7_a_publicly_known_key_is_told_and_refused_under_require_even_if_pinned() {
    let digits = "9cd6f6b4b6a956c15add65c28ae19feb99857ec30c8daf65f4999f705cfc89a5";
    let fingerprint = pspf::hex::decode_digest(digits).expect("digest");
    let known = Subject { name: "acme", fingerprint: Some(fingerprint) };
    let verdict = judge(known, &[], 0).expect("passes");
    assert!(verdict.publicly_known.expect("known").contains("test123"));
    let pinned = text("require", &[("us", fingerprint, "")]);
    let error = judge(known, &[source(Owner::User, &pinned)], 0).expect_err("refused");
    assert_eq!(error.code(), ErrorCode::TrustPublicKey);
    assert!(error.to_string().contains("/user.json"), "{error}");
}

#[test]
fn s3_a_signature_that_a_start_puts_up_with_has_no_signer() {
    let nobody = Subject { name: "acme", fingerprint: None };
    assert_eq!(judge(nobody, &[], 0).expect("passes").mode, Mode::Integrity);
    let sources = [source(Owner::User, &text("require", &[("us", KEY, "")]))];
    let error = judge(nobody, &sources, 0).expect_err("refused");
    assert_eq!(error.code(), ErrorCode::TrustSigner);
    assert!(error.to_string().contains("does not hold"), "{error}");
}
