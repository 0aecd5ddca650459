//! Public keys as people have them (LAUNCH.md 13.4): 64 hex digits, or the PEM of a public key. Only one spelling of the
//! latter exists for Ed25519, so it is compared and not parsed.

use base64ct::{Base64, Encoding as _};

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";
/// SEQUENCE of the algorithm 1.3.101.112 and a BIT STRING of 32 bytes.
const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The raw key.
pub(crate) fn parse(text: &str) -> Option<[u8; 32]> {
    if let Some(key) = pspf::hex::decode_digest(text) {
        return Some(key);
    }
    let base64 = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?.trim();
    let mut document = [0; PREFIX.len() + 32];
    let decoded = Base64::decode(base64, &mut document).ok()?;
    decoded.strip_prefix(&PREFIX)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    /// `openssl pkey -pubout` of the key of TEST 1 in RFC 8032.
    const PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    const HEX: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    #[test]
    fn hex_and_pem_give_the_same_key() {
        let key = parse(HEX).expect("hex");
        assert_eq!(pspf::hex::encode(&key), HEX);
        assert_eq!(parse(PEM), Some(key));
        assert_eq!(parse(&PEM.replace('\n', "\r\n")), Some(key));
        assert_eq!(parse(PEM.trim()), Some(key));
    }

    #[test]
    fn anything_else_is_no_key() {
        let x25519 = PEM.replace("AyEA", "byEA");
        let longer = PEM.replace("URo=", "URoA");
        let private = PEM.replace("PUBLIC", "PRIVATE");
        for text in ["", "d75a", &HEX.to_uppercase(), &x25519, &longer, &private, &PEM[..60], "é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
