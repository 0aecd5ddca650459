use super::*;
use crate::{Mode, Pin};

fn refused(text: &str, expected: &str) {
    let reason = parse(text, Owner::User).expect_err(text);
    assert!(reason.contains(expected), "{reason:?} should contain {expected:?}");
}

#[test]
fn a_whole_file_is_read() {
    let digits = pspf::hex::encode(&KEY);
    let text = format!(
        r#" {{
        "schema": 1, "mode": "require", "user_keys": true, "keys": [
            {{"name": "release", "fingerprint": "{digits}", "packages": ["acme", "acme-*"], "expires": "1970-01-02"}},
            {{"name": "raw", "public_key": "{digits}"}},
            {{"name": "pem", "public_key": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n"}}
        ]}}
        "#
    );
    let file = parse(&text, Owner::System).expect("file");
    assert_eq!((file.mode, file.user_keys, file.pins.len()), (Mode::Require, true, 3));
    let Pin { name, fingerprint, packages, expires } = &file.pins[0];
    assert_eq!((name.as_str(), *fingerprint), ("release", KEY));
    assert_eq!(packages, &["acme", "acme-*"]);
    assert_eq!(expires.as_ref().map(|moment| moment.seconds), Some(86_400));
    assert_eq!(file.pins[1].fingerprint, pspf::keys::fingerprint(&KEY));
    let published = pspf::hex::encode(&file.pins[2].fingerprint);
    assert_eq!(published, "21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9");
}

#[test]
fn what_is_left_out_has_the_documented_meaning() {
    let file = parse(r#"{"schema":1}"#, Owner::User).expect("file");
    assert_eq!(file, TrustFile { mode: Mode::Integrity, user_keys: false, pins: Vec::new() });
}

#[test]
fn s9_a_file_outside_the_strict_profile_is_refused() {
    for (text, expected) in [
        ("", "the end"),
        ("null", "an object"),
        ("{}", "schema"),
        (r#"{"schema":1"#, "expected"),
        (r#"{"schema":1} x"#, "behind"),
        (r#"{"schema":1,"schema":1}"#, "duplicate"),
        (r#"{"schema":1,"Mode":"require"}"#, "only in case"),
        (r#"{"schema":1,"mode":null}"#, "null"),
        (r#"{"schema":1,"keys":null}"#, "null"),
        (r#"{"schema":1,"keys":[null]}"#, "null"),
        (r#"{"schema":1.0}"#, "integers"),
        (r#"{"schema":"1"}"#, "invalid type"),
        (r#"{"schema":1,"mode":1}"#, "invalid type"),
        (r#"{"schema":1,"keys":{}}"#, "invalid type"),
        (r#"{"schema":1,"keys":["x"]}"#, "invalid type"),
    ] {
        refused(text, expected);
    }
    refused(&" ".repeat((1 << 20) + 1), "at most");
    let reason = TrustFile::parse(b"{\"schema\":1,\"mode\":\"\xff\"}", Owner::User).expect_err("no UTF-8");
    assert!(reason.contains("UTF-8"), "{reason}");
}

#[test]
fn a_file_that_asks_for_what_this_version_does_not_know_is_refused_and_told_so() {
    refused(r#"{"schema":2}"#, "schema 2");
    refused(&text("tofu", &[]), "`tofu` is not supported");
    refused(&text("Require", &[]), "mode \"Require\"");
    for key in ["revoked", "policy", "rotations", "tofu"] {
        refused(&format!(r#"{{"schema":1,"{key}":[]}}"#), "no revocation, rotation or policy");
    }
    refused(&text("require", &[("x", KEY, r#","rollback":"refuse""#)]), "no revocation, rotation or policy");
}

#[test]
fn a_pin_that_means_nothing_or_two_things_is_refused() {
    let digits = pspf::hex::encode(&KEY);
    for (pin, expected) in [
        (r#"{"name":"x"}"#.to_owned(), "exactly one"),
        (format!(r#"{{"name":"x","fingerprint":"{digits}","public_key":"{digits}"}}"#), "exactly one"),
        (format!(r#"{{"fingerprint":"{digits}"}}"#), "missing field"),
        (format!(r#"{{"name":" ","fingerprint":"{digits}"}}"#), "`name` is empty"),
        (format!(r#"{{"name":"x","fingerprint":"{}"}}"#, digits.to_uppercase()), "64 lower-case"),
        (format!(r#"{{"name":"x","fingerprint":"{}"}}"#, &digits[..63]), "64 lower-case"),
        (r#"{"name":"x","public_key":"ssh-ed25519 AAAA"}"#.to_owned(), "neither"),
        (format!(r#"{{"name":"x","fingerprint":"{digits}","packages":[]}}"#), "`packages` is empty"),
        (format!(r#"{{"name":"x","fingerprint":"{digits}","packages":["Acme"]}}"#), "pattern \"Acme\""),
        (format!(r#"{{"name":"x","fingerprint":"{digits}","packages":[null]}}"#), "invalid type"),
        (format!(r#"{{"name":"x","fingerprint":"{digits}","packages":"*"}}"#), "invalid type"),
        (format!(r#"{{"name":"x","fingerprint":"{digits}","expires":"soon"}}"#), "expires \"soon\""),
        (format!(r#"{{"name":"x","fingerprint":"{digits}","expires":1}}"#), "invalid type"),
    ] {
        refused(&format!(r#"{{"schema":1,"keys":[{pin}]}}"#), expected);
    }
}

#[test]
fn s2_only_the_system_says_whether_pins_of_users_count() {
    refused(r#"{"schema":1,"user_keys":true}"#, "system's trust file only");
    refused(r#"{"schema":1,"user_keys":false}"#, "system's trust file only");
}
