//! Trust at launch (LAUNCH.md 13), judged by what runs: packages made around the built launcher, started as users
//! start them, with trust files beside them.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pspf::keys::{SigningKey, fingerprint};
use rustix::fs::inotify;
use sha2::{Digest as _, Sha256};

use crate::support::{Home, Settled, code, demo, err, launcher, out, package, write_package};

/// Fingerprint of the key that signs the packages of these tests.
fn signer() -> String {
    pspf::hex::encode(&fingerprint(&SigningKey::from_secret(&[7; 32]).public_key()))
}

fn pin(key: &str, rest: &str) -> String {
    format!(r#"{{"name":"release key","fingerprint":"{key}"{rest}}}"#)
}

fn require(pins: &[String]) -> String {
    format!(r#"{{"schema":1,"mode":"require","keys":[{}]}}"#, pins.join(","))
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("folder")).expect("folder");
    std::fs::write(path, text).expect("write");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).expect("mode");
}

impl Home {
    fn trust_file(&self) -> PathBuf {
        self.0.path().join(".config/flavor/trust.json")
    }

    fn trust(&self, text: &str) {
        write(&self.trust_file(), text);
    }

    /// Starts the package so that its program would leave a file; whether it did.
    fn start(&self) -> (Output, bool) {
        self.start_with(&mut self.command(package()))
    }

    fn start_with(&self, command: &mut Command) -> (Output, bool) {
        let marker = self.0.path().join("marker");
        let output = command.arg("touch").arg(&marker).output().expect("start");
        (output, std::fs::remove_file(marker).is_ok())
    }

    fn starts(&self) {
        let (output, ran) = self.start();
        assert!(ran, "{}", err(&output));
        assert_eq!(err(&output), "");
    }

    fn refuses(&self, error: &str, texts: &[&str]) {
        let (output, ran) = self.start();
        refused(&output, ran, error, texts);
    }

    /// Which way a start takes, from its log.
    fn way(&self) -> &'static str {
        self.way_with(&mut self.command(package()))
    }

    fn way_with(&self, command: &mut Command) -> &'static str {
        let (output, ran) = self.start_with(command.env("FLAVOR_LOG_LEVEL", "debug"));
        assert!(ran, "{}", err(&output));
        if err(&output).contains("warm start: receipt") { "warm" } else { "cold" }
    }
}

fn refused(output: &Output, ran: bool, error: &str, texts: &[&str]) {
    assert!(!ran, "the program ran");
    assert_eq!(code(output), Some(107), "{}", err(output));
    for text in [error].iter().chain(texts) {
        assert!(err(output).contains(text), "{text:?} is missing: {}", err(output));
    }
}

/// A trust file younger than this keeps receipts from being written (STORE.md 9.5).
fn settle() {
    std::thread::sleep(Duration::from_millis(2100));
}

#[test]
fn require_runs_pinned_signers_only_and_says_what_was_pinned_and_found() {
    let home = Home::new();
    home.starts();
    home.trust(&require(&[]));
    home.refuses("ERR_TRUST_SIGNER", &["demo: error: ", &signer(), "trust.json", "nothing is pinned for it"]);
    let other = "ab".repeat(32);
    home.trust(&require(&[pin(&other, "")]));
    home.refuses("ERR_TRUST_SIGNER", &["release key", &other, &signer(), "demo: hint: "]);
    home.trust(&require(&[pin(&other, ""), pin(&signer(), "")]));
    home.starts();
    let raw = pspf::hex::encode(&SigningKey::from_secret(&[7; 32]).public_key());
    home.trust(&require(&[format!(r#"{{"name":"raw","public_key":"{raw}"}}"#)]));
    home.starts();
    home.trust(r#"{"schema":1,"mode":"integrity"}"#);
    home.starts();
}

#[test]
fn pins_are_for_the_names_that_their_patterns_meet() {
    let home = Home::new();
    for (patterns, runs) in [
        (r#""demo""#, true),
        (r#""other","de*""#, true),
        (r#""demo-*""#, false),
        (r#""other""#, false),
        (r#""em""#, false),
    ] {
        home.trust(&require(&[pin(&signer(), &format!(r#","packages":[{patterns}]"#))]));
        if runs {
            home.starts();
        } else {
            home.refuses("ERR_TRUST_SIGNER", &["this key, only for"]);
        }
    }
}

#[test]
fn s20_an_expired_pin_ends_a_warm_start_too() {
    let home = Home::new();
    home.trust(&require(&[pin(&signer(), r#","expires":"2020-01-01""#)]));
    home.refuses("ERR_TRUST_SIGNER", &["this key, expired 2020-01-01"]);

    let end = SystemTime::now() + Duration::from_secs(6);
    let seconds = end.duration_since(UNIX_EPOCH).expect("time").as_secs();
    let date =
        Command::new("date").args(["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%dT%H:%M:%SZ"]).output();
    let date = out(&date.expect("date"));
    home.trust(&require(&[pin(&signer(), &format!(r#","expires":"{}""#, date.trim()))]));
    settle();
    assert_eq!(home.way(), "cold");
    assert_eq!(home.way(), "warm");
    while SystemTime::now() < UNIX_EPOCH + Duration::from_secs(seconds) {
        std::thread::sleep(Duration::from_millis(100));
    }
    home.refuses("ERR_TRUST_SIGNER", &["expired"]);
}

#[test]
fn s2_a_trust_file_that_cannot_be_read_believed_or_parsed_refuses() {
    let home = Home::new();
    let path = home.trust_file();
    let named = path.display().to_string();
    for text in [
        "",
        "garbage",
        "{}",
        r#"{"schema":2}"#,
        r#"{"schema":1,"mode":"tofu"}"#,
        r#"{"schema":1,"revoked":[]}"#,
        r#"{"schema":1,"mode":"integrity","mode":"require"}"#,
        r#"{"schema":1,"user_keys":true}"#,
    ] {
        home.trust(text);
        home.refuses("ERR_TRUST_FILE", &[&named]);
    }
    home.trust(r#"{"schema":1}"#);
    home.starts();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).expect("mode");
    home.refuses("ERR_TRUST_FILE", &[&named, "writable"]);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("mode");
    let folder = path.parent().expect("folder");
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).expect("mode");
    home.refuses("ERR_TRUST_FILE", &[&named, "others could replace"]);
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("mode");
    std::fs::remove_file(&path).expect("remove");
    symlink("nowhere", &path).expect("link");
    home.refuses("ERR_TRUST_FILE", &[&named, "leads nowhere"]);
    std::fs::remove_file(&path).expect("remove");
    std::fs::create_dir(&path).expect("folder");
    home.refuses("ERR_TRUST_FILE", &[&named, "not a regular file"]);
}

#[test]
fn s20_a_warm_start_sees_an_added_a_changed_and_a_removed_trust_file() {
    let home = Home::new();
    home.starts();
    assert_eq!(home.way(), "warm");
    home.trust(&require(&[]));
    home.refuses("ERR_TRUST_SIGNER", &[]);
    std::fs::remove_file(home.trust_file()).expect("remove");
    assert_eq!(home.way(), "warm");

    let allowing = require(&[pin(&signer(), "")]);
    home.trust(&allowing);
    settle();
    assert_eq!((home.way(), home.way()), ("cold", "warm"));
    // The same length and the same modification time: the change time tells.
    let modified = home.trust_file().metadata().expect("metadata").modified().expect("time");
    home.trust(&require(&[pin(&"ab".repeat(32), "")]));
    let file = std::fs::File::options().write(true).open(home.trust_file()).expect("open");
    file.set_modified(modified).expect("time");
    home.refuses("ERR_TRUST_SIGNER", &[]);
    home.trust(&allowing);
    assert_eq!(home.way(), "cold");
    settle();
    assert_eq!((home.way(), home.way()), ("cold", "warm"));
    std::fs::remove_file(home.trust_file()).expect("remove");
    assert_eq!((home.way(), home.way()), ("cold", "warm"));
}

#[test]
fn s20_a_receipt_of_a_start_that_named_other_trust_files_is_not_taken() {
    let home = Home::new();
    home.trust(&require(&[]));
    let elsewhere = tempfile::tempdir().expect("folder");
    for name in ["XDG_CONFIG_HOME", "FLAVOR_CONFIG_DIR"] {
        let elsewhere = || {
            let mut command = home.command(package());
            command.env(name, elsewhere.path());
            command
        };
        let ways = (home.way_with(&mut elsewhere()), home.way_with(&mut elsewhere()));
        assert_eq!(ways, ("cold", "warm"), "{name}");
        home.refuses("ERR_TRUST_SIGNER", &[]);
    }
}

#[test]
fn the_users_trust_file_is_the_first_that_a_variable_names() {
    let home = Home::new();
    let [first, second] = [tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder")];
    home.trust(&require(&[]));
    write(&second.path().join("flavor/trust.json"), r#"{"schema":1}"#);
    let mut command = home.command(package());
    assert!(home.start_with(command.env("XDG_CONFIG_HOME", second.path())).1);
    write(&first.path().join("trust.json"), &require(&[]));
    let mut command = home.command(package());
    command.env("XDG_CONFIG_HOME", second.path()).env("FLAVOR_CONFIG_DIR", first.path());
    let (output, ran) = home.start_with(&mut command);
    refused(&output, ran, "ERR_TRUST_SIGNER", &[&first.path().display().to_string()]);
}

#[test]
fn s3_no_level_of_validation_gets_around_a_trust_file() {
    let home = Home::new();
    home.trust(&require(&[]));
    for level in ["strict", "standard", "relaxed", "minimal", "none"] {
        let mut command = home.command(package());
        let (output, ran) = home.start_with(command.env("FLAVOR_VALIDATION", level));
        refused(&output, ran, "ERR_TRUST_SIGNER", &[]);
    }
    assert!(!home.store().join("v1/envs").exists(), "something was unpacked");
}

/// The demo package with a signature that does not hold, and checksums that fit.
fn with_broken_signature() -> Vec<u8> {
    let mut bytes = demo().bytes();
    let block = bytes.len() - 8196;
    bytes[block + 128] ^= 1;
    bytes[block + 4..block + 8].fill(0);
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in &bytes[block..block + 8192] {
        low = (low + u32::from(*byte)) % 65521;
        high = (high + low) % 65521;
    }
    bytes[block + 4..block + 8].copy_from_slice(&(high << 16 | low).to_le_bytes());
    bytes
}

#[test]
fn s3_a_signature_that_a_lowered_start_puts_up_with_is_nobodys() {
    let home = Home::new();
    let broken = home.0.path().join("broken.psp");
    write_package(&broken, &with_broken_signature());
    let start = || home.start_with(home.command(&broken).env("FLAVOR_VALIDATION", "none"));
    let (output, ran) = start();
    assert!(ran, "{}", err(&output));
    home.trust(&require(&[pin(&signer(), "")]));
    let (output, ran) = start();
    refused(&output, ran, "ERR_TRUST_SIGNER", &["a signature that does not hold"]);
}

#[test]
fn s1_a_launcher_without_payload_decides_before_a_byte_of_the_file_runs() {
    let home = Home::new();
    let bare = home.0.path().join("bare");
    write_package(&bare, &launcher());
    let hostile = home.0.path().join("hostile.psp");
    let head = format!("#!/bin/sh\n: > '{}'\n", home.0.path().join("marker").display());
    write_package(&hostile, &demo().launcher(head.as_bytes()).bytes());
    let run = |path: &Path, level: &str| {
        let mut command = home.command(&bare);
        command.env("FLAVOR_LAUNCHER_CLI", "1").env("FLAVOR_LOG_LEVEL", level).arg("run").arg(path);
        command
    };
    home.trust(&require(&[]));
    for path in [package(), &hostile] {
        let (output, ran) = home.start_with(&mut run(path, "error"));
        refused(&output, ran, "ERR_TRUST_SIGNER", &[]);
    }
    home.trust(&require(&[pin(&signer(), "")]));
    let output = run(&hostile, "debug").arg("exit").arg("7").output().expect("start");
    assert_eq!(code(&output), Some(7), "{}", err(&output));
    assert!(!home.0.path().join("marker").exists(), "the head of the file ran");
    assert!(err(&output).contains("launcher: unknown, vouched for by the signer"), "{}", err(&output));
}

#[test]
fn s7_a_publicly_known_key_gives_a_notice_once_and_is_refused_under_require() {
    static KNOWN: OnceLock<Settled> = OnceLock::new();
    let secret: [u8; 32] = Sha256::digest(b"test123").into();
    let known = &KNOWN.get_or_init(|| Settled::new(&demo().secret(secret).bytes())).path;
    let home = Home::new();
    let (output, ran) = home.start_with(&mut home.command(known));
    assert!(ran, "{}", err(&output));
    assert_eq!(err(&output).lines().count(), 1, "{}", err(&output));
    assert!(err(&output).starts_with("demo: notice: the signer's key is publicly known"), "{}", err(&output));
    let (output, ran) = home.start_with(&mut home.command(known));
    assert_eq!((err(&output).as_str(), ran), ("", true));

    let verify = home.command(known).env("FLAVOR_LAUNCHER_CLI", "1").arg("verify").output().expect("start");
    assert_eq!(code(&verify), Some(107));
    assert!(err(&verify).contains("ERR_TRUST_PUBLIC_KEY"), "{}", err(&verify));
    let last = out(&verify).lines().last().unwrap_or_default().to_owned();
    assert!(last.starts_with("FAILED trust  ") && last.contains("publicly known"), "{last}");

    let public = fingerprint(&SigningKey::from_secret(&secret).public_key());
    home.trust(&require(&[pin(&pspf::hex::encode(&public), "")]));
    let (output, ran) = home.start_with(&mut home.command(known));
    refused(&output, ran, "ERR_TRUST_PUBLIC_KEY", &["publicly known", "trust.json"]);
}

#[test]
fn verify_tells_what_the_trust_files_say() {
    let home = Home::new();
    let verify = || home.tool(&["verify"]);
    // A line a check, whatever the width of its columns.
    let lines = || {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        out(&verify()).lines().map(words).collect::<Vec<_>>()
    };
    let has = |line: &str| assert!(lines().iter().any(|found| found == line), "{:?}", lines());
    has("ok trust mode integrity, signer not pinned");
    has("ok launcher unknown, vouched for by the signer");
    home.trust(&require(&[pin(&signer(), "")]));
    assert!(
        lines()
            .iter()
            .any(|line| line.starts_with("ok trust mode require, signer pinned as \"release key\"")),
        "{:?}",
        lines()
    );
    home.trust(&require(&[]));
    let output = verify();
    assert_eq!(code(&output), Some(107));
    assert!(err(&output).contains("ERR_TRUST_SIGNER"), "{}", err(&output));
    assert_eq!(code(&home.tool(&["warm"])), Some(107));
}

#[test]
fn a_warm_start_stats_trust_files_and_does_not_open_them() {
    let home = Home::new();
    home.trust(&require(&[pin(&signer(), "")]));
    settle();
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).expect("inotify");
    inotify::add_watch(&watch, home.trust_file(), inotify::WatchFlags::OPEN).expect("watch");
    let was_opened = || rustix::io::read(&watch, &mut [0_u8; 4096]).is_ok();
    home.starts();
    assert!(was_opened());
    home.starts();
    assert!(!was_opened());
}

/// Needs a mount namespace to put a folder in the place of /etc; without one there is no way to the compiled-in path.
#[test]
fn s2_the_systems_trust_file_binds_everybody_where_a_mount_namespace_can_be_made() {
    let probe = Command::new("unshare").args(["-m", "true"]).output();
    if !rustix::process::geteuid().is_root() || !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no mount namespace can be made here");
        return;
    }
    let home = Home::new();
    let etc = tempfile::tempdir().expect("folder");
    std::fs::set_permissions(etc.path(), std::fs::Permissions::from_mode(0o755)).expect("mode");
    let system = etc.path().join("flavor/trust.json");
    let start = || {
        let mut command = home.command("/usr/bin/env");
        command.args(["unshare", "-m", "/bin/sh", "-c", r#"mount --bind "$0" /etc && exec "$@""#]);
        command.arg(etc.path()).arg(package());
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        home.start_with(&mut command)
    };
    let (output, ran) = start();
    assert!(ran, "{}", err(&output));
    // The start before left a receipt that says: absent.
    write(&system, &require(&[]));
    let (output, ran) = start();
    refused(&output, ran, "ERR_TRUST_SIGNER", &["`/etc/flavor/trust.json` requires"]);
    // The user's pins do not loosen it unless it says so.
    home.trust(&format!(r#"{{"schema":1,"keys":[{}]}}"#, pin(&signer(), "")));
    let (output, ran) = start();
    refused(&output, ran, "ERR_TRUST_SIGNER", &["not counted"]);
    write(&system, r#"{"schema":1,"mode":"require","user_keys":true}"#);
    let (output, ran) = start();
    assert!(ran, "{}", err(&output));
    std::os::unix::fs::chown(&system, Some(12345), None).expect("chown");
    let (output, ran) = start();
    refused(&output, ran, "ERR_TRUST_FILE", &["owner 12345"]);
}
