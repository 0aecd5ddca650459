//! Ed25519 as the format uses it: raw keys, signatures over the exact metadata bytes, strict verification
//! (security rule S7: canonical encodings, S below the group order, no small-order points). Key files and
//! seeds are not the business of this crate.

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

/// SHA-256 of a raw public key: how a signer is named.
pub fn fingerprint(public_key: &[u8; 32]) -> [u8; 32] {
    Sha256::digest(public_key).into()
}

/// Whether the signature over `message` holds under strict rules.
pub fn verify(public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(public_key)
        .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}

/// A secret key; its bytes are wiped when it is dropped.
#[cfg(feature = "write")]
pub struct SigningKey(ed25519_dalek::SigningKey);

#[cfg(feature = "write")]
impl SigningKey {
    /// The key of an RFC 8032 secret of 32 bytes.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(secret))
    }

    /// The raw public key.
    pub fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// The signature over `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        use ed25519_dalek::Signer as _;
        self.0.sign(message).to_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_of_the_original_gives_the_published_public_key() {
        let secret: [u8; 32] = Sha256::digest(b"test123").into();
        let key = SigningKey::from_secret(&secret);
        assert_eq!(
            crate::hex::encode(&key.public_key()),
            "d27367ba3d436463c468ecc68cfd2735b4d33b6be611355d72ac03666b47335d"
        );
        let signature = key.sign(b"text");
        assert!(verify(&key.public_key(), b"text", &signature));
        assert!(!verify(&key.public_key(), b"texts", &signature));
    }

    #[test]
    fn s7_a_small_order_key_verifies_nothing() {
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert!(!verify(&identity, b"", &signature));
        assert!(!verify(&[0; 32], b"", &[0; 64]));
    }
}
