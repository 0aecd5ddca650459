//! Making key pairs: two PEM files that appear together, with narrow modes, and never over older ones unless that was
//! asked for. Reading them is the module above.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use pkcs8::{Document, LineEnding, SecretDocument};
use pspf::keys::SigningKey;
use zeroize::Zeroizing;

use super::fresh_secret;
use crate::{Error, Result};

/// File name of a private key.
pub const PRIVATE_KEY_FILE: &str = "flavor-private.key";
/// File name of a public key.
pub const PUBLIC_KEY_FILE: &str = "flavor-public.key";

/// PKCS#8 version 1 around an Ed25519 secret (RFC 8410); the 32 bytes follow.
pub(super) const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// `SubjectPublicKeyInfo` around an Ed25519 public key (RFC 8410); the 32 bytes follow.
pub(super) const SPKI_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A key pair on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// PKCS#8 PEM, mode 0600.
    pub private_key: PathBuf,
    /// SPKI PEM, mode 0644.
    pub public_key: PathBuf,
    /// Lower hex SHA-256 of the raw public key.
    pub fingerprint: String,
}

/// Makes a key pair in `directory`, which is created with mode 0700 if it does not exist. Both files appear
/// complete, or none does; existing ones are replaced only with `force`.
pub fn generate_pair(directory: &Path, force: bool) -> Result<KeyPair> {
    let pair_paths = (directory.join(PRIVATE_KEY_FILE), directory.join(PUBLIC_KEY_FILE));
    if !force {
        for path in [&pair_paths.0, &pair_paths.1] {
            if fs::symlink_metadata(path).is_ok() {
                return Err(Error::KeyExists { path: path.clone() });
            }
        }
    }
    create_directory(directory)?;
    let secret = fresh_secret()?;
    let public = SigningKey::from_secret(&secret).public_key();
    let private_pem = private_pem(&secret)?;
    let public_pem = public_pem(&public)?;
    let private = stage(directory, &pair_paths.0, private_pem.as_bytes(), 0o600)?;
    let public_file = stage(directory, &pair_paths.1, public_pem.as_bytes(), 0o644)?;
    publish(private, &pair_paths.0, force)?;
    if let Err(error) = publish(public_file, &pair_paths.1, force) {
        if !force {
            // Half a pair would stop the next attempt; this file was made a moment ago by this call.
            let _ = fs::remove_file(&pair_paths.0);
        }
        return Err(error);
    }
    let fingerprint = pspf::hex::encode(&pspf::keys::fingerprint(&public));
    Ok(KeyPair { private_key: pair_paths.0, public_key: pair_paths.1, fingerprint })
}

pub(super) fn private_pem(secret: &[u8; 32]) -> Result<Zeroizing<String>> {
    let mut encoded = Zeroizing::new(PKCS8_PREFIX.to_vec());
    encoded.extend_from_slice(secret);
    SecretDocument::try_from(encoded.as_slice())
        .and_then(|document| document.to_pem("PRIVATE KEY", LineEnding::LF))
        .map_err(|error| Error::Internal { message: format!("encoding a private key: {error}") })
}

fn public_pem(public: &[u8; 32]) -> Result<String> {
    let mut encoded = SPKI_PREFIX.to_vec();
    encoded.extend_from_slice(public);
    Document::try_from(encoded.as_slice())
        .and_then(|document| document.to_pem("PUBLIC KEY", LineEnding::LF))
        .map_err(|error| Error::Internal { message: format!("encoding a public key: {error}") })
}

fn create_directory(directory: &Path) -> Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(Error::output("create the key directory", directory))
}

fn stage(directory: &Path, path: &Path, bytes: &[u8], mode: u32) -> Result<tempfile::NamedTempFile> {
    let write = || -> io::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::Builder::new().prefix(".flavor-key-").tempfile_in(directory)?;
        file.write_all(bytes)?;
        crate::place::set_mode(file.as_file(), mode)?;
        Ok(file)
    };
    write().map_err(Error::output("write the key file", path))
}

fn publish(file: tempfile::NamedTempFile, path: &Path, force: bool) -> Result<()> {
    if force {
        return file
            .persist(path)
            .map(drop)
            .map_err(|failed| Error::output("write the key file", path)(failed.error));
    }
    file.persist_noclobber(path).map(drop).map_err(|failed| {
        if failed.error.kind() == io::ErrorKind::AlreadyExists {
            Error::KeyExists { path: path.to_path_buf() }
        } else {
            Error::output("write the key file", path)(failed.error)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{read_public_key, read_signing_key};
    use pspf::ErrorCode;

    #[test]
    fn a_generated_pair_reads_back_and_has_narrow_modes() {
        let folder = tempfile::tempdir().expect("folder");
        let directory = folder.path().join("new/keys");
        let pair = generate_pair(&directory, false).expect("generate");
        let key = read_signing_key(&pair.private_key).expect("private");
        assert_eq!(read_public_key(&pair.public_key).expect("public"), key.public_key());
        assert_eq!(pair.fingerprint, pspf::hex::encode(&pspf::keys::fingerprint(&key.public_key())));
        #[cfg(unix)]
        for (path, mode) in [(&directory, 0o700), (&pair.private_key, 0o600), (&pair.public_key, 0o644)] {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(path).expect("metadata").permissions().mode() & 0o777, mode, "{path:?}");
        }
        assert_eq!(fs::read_dir(&directory).expect("list").count(), 2);
    }

    #[test]
    fn keys_are_overwritten_only_when_that_was_asked_for() {
        let folder = tempfile::tempdir().expect("folder");
        let pair = generate_pair(folder.path(), false).expect("generate");
        let before = fs::read(&pair.private_key).expect("read");
        let error = generate_pair(folder.path(), false).expect_err("must be refused");
        assert_eq!(error.code(), ErrorCode::FlavorKeyExists);
        fs::remove_file(&pair.private_key).expect("remove");
        assert!(generate_pair(folder.path(), false).is_err(), "a lone public key is in the way, too");
        assert!(!pair.private_key.exists());
        generate_pair(folder.path(), true).expect("force");
        assert_ne!(fs::read(&pair.private_key).expect("read"), before);
        assert_eq!(fs::read_dir(folder.path()).expect("list").count(), 2);
    }
}
