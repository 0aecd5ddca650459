//! The signature (security rule S7) and whose key it is (S5). The small-order and non-canonical cases are those that
//! a lax implementation accepts: where that needs the secret scalar, the vector is made with it.

use curve25519_dalek::Scalar;
use pspf::ErrorCode;
use pspf::layout::index;
use pspf::{hex, keys};
use serde_json::json;
use sha2::{Digest, Sha256, Sha512};

use super::good::BASE;
use crate::alter::{altered, broken, index_base, repair_index};
use crate::draft::{Draft, key};
use crate::encoded;
use crate::table::{Table, open};

/// The order of the group, little-endian.
const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
/// Points of small order, canonical first; `2` and the three last are encodings with y ≥ p.
const SMALL_ORDER: [(&str, &str); 11] = [
    ("identity", "0100000000000000000000000000000000000000000000000000000000000000"),
    ("order-2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("order-4", "0000000000000000000000000000000000000000000000000000000000000000"),
    ("order-4-negative", "0000000000000000000000000000000000000000000000000000000000000080"),
    ("order-8-a", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    ("order-8-b", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
    ("order-8-c", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ("order-8-d", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
    ("identity-sign-set", "0100000000000000000000000000000000000000000000000000000000000080"),
    ("identity-not-canonical", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("order-4-not-canonical", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
];

pub(crate) fn add(table: &mut Table) {
    table.group("signature");
    let base = Draft::new().bytes();
    let text = Draft::new().text();
    let refusal = open("signature", ErrorCode::PspfSignature);
    let mut case = |name: &str, signature: [u8; 64], note: &str| {
        table.altered(name, BASE, with_signature(&base, &signature), refusal, note);
    };
    let right = Draft::new().key.sign(&text);
    case("zero", [0; 64], "no signature at all");
    let other = key("flavorpack-native vectors: other").sign(&text);
    case("of-another-key", other, "another key over the same text");
    case(
        "of-other-bytes",
        Draft::new().key.sign(&pspf::stored_gzip::render(&text)),
        "over the stored bytes, not over the JSON",
    );
    case("r-flipped", flipped(right, 5), "one bit of R");
    case("s-flipped", flipped(right, 40), "one bit of S");
    case("s-plus-order", plus_order(right), "S + L, which a lax reader accepts");
    case(
        "s-largest",
        {
            let mut wrong = right;
            wrong[32..].fill(0xff);
            wrong
        },
        "the highest bits of S are set",
    );
    let secret = Secret::of_signer();
    for (name, point) in [SMALL_ORDER[0], SMALL_ORDER[2], SMALL_ORDER[4], SMALL_ORDER[9]] {
        let signature = secret.sign_with_r(&encoded::bytes(point), &text);
        case(
            &format!("r-small-{name}"),
            signature,
            "R of small order; the equation holds, up to the cofactor, for S as it is",
        );
    }
    for (name, point) in SMALL_ORDER {
        let public: [u8; 32] = encoded::bytes(point).try_into().expect("32 bytes");
        let mut signature = [0; 64];
        signature[0] = 1;
        let draft = Draft::new().flavor("/signer/key", json!(hex::encode(&keys::fingerprint(&public))));
        let bytes = with_key(&draft.bytes(), &public, &signature);
        let note = "a public key of small order, under which R = 1 and S = 0 sign everything in a lax reader";
        table.bad(&format!("key-{name}"), bytes, refusal, note);
    }
    let no_point = encoded::bytes("0200000000000000000000000000000000000000000000000000000000000000");
    let bytes = with_key(&base, &no_point.try_into().expect("32 bytes"), &right);
    table.altered("key-no-point", BASE, bytes, refusal, "a public key that is no point of the curve");
    let flipped = altered(&base, |bytes| {
        let at = index_base(bytes) + index::PUBLIC_KEY;
        bytes[at] ^= 1;
    });
    table.altered("key-flipped", BASE, flipped, refusal, "one bit of the public key");

    table.group("signer-key");
    let refusal = open("signer-key", ErrorCode::PspfSignerKey);
    let resigned = key("flavorpack-native vectors: other");
    let bytes = with_key(&base, &resigned.public_key(), &resigned.sign(&text));
    table.altered(
        "another-signer",
        BASE,
        bytes,
        refusal,
        "another key signs the same text, with everything else put right",
    );
    let digest = Draft::new().flavor("/signer/key", json!("00".repeat(32)));
    table.bad("zero", digest.bytes(), refusal, "the metadata names the digest of another key");
}

fn flipped(mut signature: [u8; 64], position: usize) -> [u8; 64] {
    signature[position] ^= 1;
    signature
}

fn with_signature(base: &[u8], signature: &[u8; 64]) -> Vec<u8> {
    broken(base, |bytes| {
        let at = index_base(bytes) + index::SIGNATURE;
        bytes[at..at + 64].copy_from_slice(signature);
        repair_index(bytes);
    })
}

fn with_key(base: &[u8], public: &[u8; 32], signature: &[u8; 64]) -> Vec<u8> {
    broken(base, |bytes| {
        let at = index_base(bytes);
        let fingerprint = hex::encode(&keys::fingerprint(public));
        bytes[at + index::PUBLIC_KEY..][..32].copy_from_slice(public);
        bytes[at + index::SIGNATURE..][..64].copy_from_slice(signature);
        bytes[at + index::ATTESTATION_KEY..][..64].copy_from_slice(fingerprint.as_bytes());
        repair_index(bytes);
    })
}

fn plus_order(mut signature: [u8; 64]) -> [u8; 64] {
    let mut carry = 0;
    for (digit, order) in signature[32..].iter_mut().zip(encoded::bytes(ORDER)) {
        let sum = u16::from(*digit) + u16::from(order) + carry;
        *digit = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0, "S + L fits into 32 bytes");
    signature
}

/// The signer's secret scalar, for signatures that no signing function makes.
struct Secret {
    scalar: Scalar,
    public: [u8; 32],
}

impl Secret {
    fn of_signer() -> Self {
        let secret = Sha256::digest(b"flavorpack-native vectors: signer");
        let hash = Sha512::digest(secret);
        let mut low: [u8; 32] = hash[..32].try_into().expect("32 bytes");
        low = curve25519_dalek::scalar::clamp_integer(low);
        let public = Draft::new().key.public_key();
        Self { scalar: Scalar::from_bytes_mod_order(low), public }
    }

    /// S = H(R ‖ A ‖ M)·a for a given R: with R the identity the verification equation holds exactly.
    fn sign_with_r(&self, r: &[u8], message: &[u8]) -> [u8; 64] {
        let hash: [u8; 64] =
            Sha512::new().chain_update(r).chain_update(self.public).chain_update(message).finalize().into();
        let s = Scalar::from_bytes_mod_order_wide(&hash) * self.scalar;
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(r);
        signature[32..].copy_from_slice(s.as_bytes());
        signature
    }
}
