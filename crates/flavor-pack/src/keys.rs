//! Ed25519 keys as people keep them: PKCS#8 and SPKI PEM, raw 32 bytes, seeds of the original.
//! Keys are never created as a side effect; secrets are wiped from memory when they are dropped. What a signature covers
//! is not the business of this file.

mod pair;

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use pkcs8::der::Decode as _;
use pkcs8::der::asn1::{BitStringRef, OctetStringRef};
use pkcs8::spki::SubjectPublicKeyInfoRef;
use pkcs8::{Document, ObjectIdentifier, PrivateKeyInfoRef, SecretDocument};
use pspf::keys::SigningKey;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

pub use self::pair::{KeyPair, PRIVATE_KEY_FILE, PUBLIC_KEY_FILE, generate_pair};
use crate::{Error, Result};

/// A key file is a few hundred bytes; whatever is longer is something else.
const KEY_FILE_LIMIT: u64 = 64 * 1024;
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// Where a signing key comes from.
pub enum KeySource {
    /// A new key that nobody keeps: integrity without identity.
    Ephemeral,
    /// SHA-256 of a text, as in the original. Whoever knows the text has the key.
    Seed(Zeroizing<String>),
    /// A key file.
    File(PathBuf),
    /// Any of them, and a file with the public key that must belong to it.
    Pair {
        /// Where the private key comes from.
        key: Box<Self>,
        /// The public key.
        public: PathBuf,
    },
}

impl KeySource {
    /// Opens or makes the key.
    pub fn signing_key(&self) -> Result<SigningKey> {
        match self {
            Self::Ephemeral => Ok(SigningKey::from_secret(&*fresh_secret()?)),
            Self::Seed(seed) => signing_key_of_seed(seed),
            Self::File(path) => read_signing_key(path),
            Self::Pair { key: source, public } => {
                let key = source.signing_key()?;
                if read_public_key(public)? == key.public_key() {
                    return Ok(key);
                }
                Err(refused(public, format!("another key than the one that belongs to {source}")))
            }
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ephemeral => f.write_str("the ephemeral key"),
            Self::Seed(_) => f.write_str("the seed"),
            Self::File(path) => path.display().fmt(f),
            Self::Pair { key, .. } => key.fmt(f),
        }
    }
}

/// Lower hex SHA-256 of the public key in a file, by which a signer is known.
pub fn public_key_fingerprint(path: &Path) -> Result<String> {
    Ok(pspf::hex::encode(&pspf::keys::fingerprint(&read_public_key(path)?)))
}

/// The key of a seed text.
pub fn signing_key_of_seed(seed: &str) -> Result<SigningKey> {
    if seed.is_empty() {
        return Err(Error::Option { message: "the key seed is empty".to_owned() });
    }
    let secret = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(seed.as_bytes())));
    Ok(SigningKey::from_secret(&secret))
}

/// Reads a private key: PKCS#8 PEM, or exactly 32 raw bytes.
pub fn read_signing_key(path: &Path) -> Result<SigningKey> {
    let bytes = read_key_file(path)?;
    if let Ok(secret) = <&[u8; 32]>::try_from(bytes.as_slice()) {
        return Ok(SigningKey::from_secret(secret));
    }
    let text = pem_text(path, &bytes, "PKCS#8 PEM or 32 raw bytes of an Ed25519 private key")?;
    match label(text) {
        "PRIVATE KEY" => {}
        "ENCRYPTED PRIVATE KEY" => {
            let message = "an encrypted private key, which is not supported; decrypt it first";
            return Err(refused(path, message));
        }
        "PUBLIC KEY" => return Err(refused(path, "a public key, expected an Ed25519 private key")),
        other => return Err(refused(path, format!("{other:?} PEM, expected an Ed25519 key as PKCS#8"))),
    }
    let (_, document) = SecretDocument::from_pem(text).map_err(|error| malformed(path, error))?;
    let info = PrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|error| malformed(path, error))?;
    if info.algorithm.oid != ED25519 {
        let found = algorithm(info.algorithm.oid);
        return Err(refused(path, format!("{found} private key, expected Ed25519")));
    }
    let inner =
        <&OctetStringRef>::from_der(info.private_key.as_bytes()).map_err(|error| malformed(path, error))?;
    let secret = <&[u8; 32]>::try_from(inner.as_bytes())
        .map_err(|_| refused(path, "an Ed25519 key whose secret is not 32 bytes long"))?;
    let key = SigningKey::from_secret(secret);
    if let Some(stated) = info.public_key.as_ref().and_then(BitStringRef::as_bytes)
        && stated != key.public_key()
    {
        let message = "an Ed25519 key whose public half does not belong to its private half";
        return Err(refused(path, message));
    }
    Ok(key)
}

/// Reads a public key: SPKI PEM, or exactly 32 raw bytes.
pub fn read_public_key(path: &Path) -> Result<[u8; 32]> {
    let bytes = read_key_file(path)?;
    if let Ok(raw) = <[u8; 32]>::try_from(bytes.as_slice()) {
        return Ok(raw);
    }
    let text = pem_text(path, &bytes, "SubjectPublicKeyInfo PEM or 32 raw bytes of an Ed25519 public key")?;
    if label(text) != "PUBLIC KEY" {
        return Err(refused(path, format!("{:?} PEM, expected an Ed25519 public key", label(text))));
    }
    let (_, document) = Document::from_pem(text).map_err(|error| malformed(path, error))?;
    let info =
        SubjectPublicKeyInfoRef::try_from(document.as_bytes()).map_err(|error| malformed(path, error))?;
    if info.algorithm.oid != ED25519 {
        let found = algorithm(info.algorithm.oid);
        return Err(refused(path, format!("{found} public key, expected Ed25519")));
    }
    info.subject_public_key
        .as_bytes()
        .and_then(|raw| <[u8; 32]>::try_from(raw).ok())
        .ok_or_else(|| refused(path, "an Ed25519 public key that is not 32 bytes long"))
}

fn fresh_secret() -> Result<Zeroizing<[u8; 32]>> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut_slice()).map_err(|error| Error::Key {
        path: None,
        message: format!("the system gives no random bytes for a key: {error}"),
    })?;
    Ok(secret)
}

fn read_key_file(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path).map_err(Error::io("open the key file", path))?;
    // Reserved in one piece: a growing buffer would leave copies of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(KEY_FILE_LIMIT).unwrap_or(0) + 1));
    file.take(KEY_FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(Error::io("read the key file", path))?;
    if bytes.len() as u64 > KEY_FILE_LIMIT {
        return Err(refused(path, "a file too long for a key"));
    }
    Ok(bytes)
}

fn pem_text<'a>(path: &Path, bytes: &'a [u8], expected: &str) -> Result<&'a str> {
    let text = std::str::from_utf8(bytes).ok().map(str::trim).filter(|text| text.starts_with("-----BEGIN "));
    text.ok_or_else(|| refused(path, format!("{} bytes that are no PEM, expected {expected}", bytes.len())))
}

/// What a PEM text calls itself; it begins with `-----BEGIN `.
fn label(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("-----BEGIN ").trim_end_matches('-')
}

fn refused(path: &Path, found: impl std::fmt::Display) -> Error {
    Error::Key { path: Some(path.to_path_buf()), message: format!("{} holds {found}", path.display()) }
}

fn malformed(path: &Path, error: impl std::fmt::Display) -> Error {
    refused(path, format!("a malformed key ({error})"))
}

fn algorithm(oid: ObjectIdentifier) -> String {
    match oid.to_string().as_str() {
        "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => "an RSA".to_owned(),
        "1.2.840.10045.2.1" => "an EC".to_owned(),
        "1.2.840.10040.4.1" => "a DSA".to_owned(),
        "1.3.101.110" => "an X25519".to_owned(),
        "1.3.101.111" => "an X448".to_owned(),
        "1.3.101.113" => "an Ed448".to_owned(),
        other => format!("a (algorithm {other})"),
    }
}

#[cfg(test)]
mod tests {
    use super::pair::{PKCS8_PREFIX, SPKI_PREFIX, private_pem};
    use super::*;
    use std::fs;

    use base64ct::{Base64, Encoding as _};
    use pspf::ErrorCode;

    fn key_file(folder: &Path, bytes: &[u8]) -> PathBuf {
        let path = folder.join("key");
        fs::write(&path, bytes).expect("write");
        path
    }

    fn pem(label: &str, der: &[u8]) -> String {
        let text = Base64::encode_string(der);
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    #[test]
    fn a_seed_gives_the_same_key_as_in_the_original() {
        let key = signing_key_of_seed("test123").expect("key");
        let expected = "d27367ba3d436463c468ecc68cfd2735b4d33b6be611355d72ac03666b47335d";
        assert_eq!(pspf::hex::encode(&key.public_key()), expected);
        assert!(signing_key_of_seed("").is_err());
    }

    #[test]
    fn raw_keys_and_keys_with_a_public_half_are_read() {
        let folder = tempfile::tempdir().expect("folder");
        let secret = [9; 32];
        let public = SigningKey::from_secret(&secret).public_key();
        let key = read_signing_key(&key_file(folder.path(), &secret)).expect("raw private");
        assert_eq!(key.public_key(), public);
        assert_eq!(read_public_key(&key_file(folder.path(), &public)).expect("raw public"), public);

        // RFC 5958 version 2: [1] holds the public key.
        let mut der = PKCS8_PREFIX.to_vec();
        der[1] = 0x51;
        der[4] = 1;
        der.extend_from_slice(&secret);
        der.extend_from_slice(&[0x81, 0x21, 0x00]);
        der.extend_from_slice(&public);
        let key =
            read_signing_key(&key_file(folder.path(), pem("PRIVATE KEY", &der).as_bytes())).expect("v2");
        assert_eq!(key.public_key(), public);
        let last = der.len() - 1;
        der[last] ^= 1;
        let error = read_signing_key(&key_file(folder.path(), pem("PRIVATE KEY", &der).as_bytes())).err();
        assert!(error.expect("refused").to_string().contains("does not belong"));
    }

    #[test]
    fn keys_of_another_kind_are_refused_with_the_kind_that_was_found() {
        let folder = tempfile::tempdir().expect("folder");
        let other = |oid: &[u8]| {
            let mut der =
                vec![0x30, 0, 0x02, 0x01, 0x00, 0x30, 0, 0x06, u8::try_from(oid.len()).expect("short")];
            der.extend_from_slice(oid);
            der[6] = u8::try_from(oid.len() + 2).expect("short");
            der.extend_from_slice(&[0x04, 0x01, 0x00]);
            der[1] = u8::try_from(der.len() - 2).expect("short");
            pem("PRIVATE KEY", &der)
        };
        let public = pem("PUBLIC KEY", &[SPKI_PREFIX.as_slice(), &[1; 32]].concat());
        for (text, expected) in [
            (other(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]), "an RSA private key"),
            (other(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]), "an EC private key"),
            (other(&[0x2b, 0x65, 0x6e]), "an X25519 private key"),
            (pem("RSA PRIVATE KEY", &[1]), "RSA PRIVATE KEY"),
            (pem("OPENSSH PRIVATE KEY", &[1]), "OPENSSH PRIVATE KEY"),
            (pem("ENCRYPTED PRIVATE KEY", &[1]), "encrypted"),
            (public, "a public key"),
            (pem("PRIVATE KEY", &[0x30, 0x01]), "a malformed key"),
            ("hello\n".to_owned(), "6 bytes that are no PEM"),
            ("x".repeat(70_000), "too long"),
        ] {
            let error = read_signing_key(&key_file(folder.path(), text.as_bytes())).err().expect("refused");
            assert_eq!(error.code(), ErrorCode::FlavorKey);
            assert!(error.to_string().contains(expected), "{error}");
        }
        let private = private_pem(&[1; 32]).expect("PEM");
        let error = read_public_key(&key_file(folder.path(), private.as_bytes())).expect_err("refused");
        assert!(error.to_string().contains("PRIVATE KEY"), "{error}");
        let missing = read_signing_key(&folder.path().join("missing")).err().expect("refused");
        assert_eq!(missing.code(), ErrorCode::FlavorNotFound);
    }
}
