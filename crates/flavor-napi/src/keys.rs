//! `generateKeys`: a key pair on disk; `readPublicKey`: whose public key a file holds.

use std::path::PathBuf;

use flavor_pack::keys::{self, KeyPair};
use napi::bindgen_prelude::{AsyncTask, Either};
use napi::{Env, Task};
use napi_derive::napi;

use crate::error::{BindingFailure, settle};

/// A key pair on disk.
#[napi(object, object_from_js = false)]
pub struct BindingKeyPair {
    /// PKCS#8 PEM, readable by its owner only.
    pub private_key_path: String,
    /// SPKI PEM.
    pub public_key_path: String,
    /// Lower hex SHA-256 of the raw public key.
    pub fingerprint: String,
}

/// A key generation on its way to a worker thread.
pub struct GenerateKeysTask {
    directory: PathBuf,
    force: bool,
}

impl Task for GenerateKeysTask {
    type Output = Either<BindingFailure, KeyPair>;
    type JsValue = Either<BindingFailure, BindingKeyPair>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(settle(|| keys::generate_pair(&self.directory, self.force)))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(match output {
            Either::A(failure) => Either::A(failure),
            Either::B(pair) => Either::B(BindingKeyPair {
                private_key_path: pair.private_key.to_string_lossy().into_owned(),
                public_key_path: pair.public_key.to_string_lossy().into_owned(),
                fingerprint: pair.fingerprint,
            }),
        })
    }
}

/// Makes a key pair in a directory, which is created when missing. Existing keys are replaced only with `force`.
#[napi(ts_return_type = "Promise<BindingFailure | BindingKeyPair>")]
pub fn generate_keys(directory: String, force: bool) -> AsyncTask<GenerateKeysTask> {
    AsyncTask::new(GenerateKeysTask { directory: directory.into(), force })
}

/// What a public key file holds.
#[napi(object, object_from_js = false)]
pub struct BindingPublicKey {
    /// Lower hex SHA-256 of the raw public key.
    pub fingerprint: String,
}

/// A look into a public key file on its way to a worker thread.
pub struct ReadPublicKeyTask {
    path: PathBuf,
}

impl Task for ReadPublicKeyTask {
    type Output = Either<BindingFailure, String>;
    type JsValue = Either<BindingFailure, BindingPublicKey>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(settle(|| keys::public_key_fingerprint(&self.path)))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(match output {
            Either::A(failure) => Either::A(failure),
            Either::B(fingerprint) => Either::B(BindingPublicKey { fingerprint }),
        })
    }
}

/// Reads a public key file: SPKI PEM, or 32 raw bytes.
#[napi(ts_return_type = "Promise<BindingFailure | BindingPublicKey>")]
pub fn read_public_key(path: String) -> AsyncTask<ReadPublicKeyTask> {
    AsyncTask::new(ReadPublicKeyTask { path: path.into() })
}
