//! Keys whose secret is published (S7, LAUNCH.md 13.9): a signature of theirs says nothing about who signed. Keys that
//! only live in the memory of a unit test are not here: no file that is signed with them leaves it.

/// What each key is, and its fingerprint.
const KNOWN: [(&str, &str); 10] = [
    (
        "the key of the seed `test123`, from the original's documents",
        "9cd6f6b4b6a956c15add65c28ae19feb99857ec30c8daf65f4999f705cfc89a5",
    ),
    (
        "the key of the seed `example-seed`, from our documents",
        "6d5226079fe992274eaf9d7acab22c89c62ebf915fb8429f6d2d5f8f81905171",
    ),
    ("the first key of our test vectors", "3216534b83a2f981e51bc7117c2a391d780e91694fa07da025fec7c4e67309c8"),
    (
        "the second key of our test vectors",
        "ca493f1e23b2b46954bbebb2b4a6fb86f388aaab4b962c0ef4dc01970a07c722",
    ),
    ("the third key of our test vectors", "5c992fc525957020fadc90458f893e6f8340837ba5bb3291a2ff7f50738a8ba6"),
    ("the key of TEST 1 in RFC 8032", "21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9"),
    ("the key of TEST 2 in RFC 8032", "39f713d0a644253f04529421b9f51b9b08979d08295959c4f3990ee617f5139f"),
    ("the key of TEST 3 in RFC 8032", "dac073e0123bdea59dd9b3bda9cf6037f63aca82627d7abcd5c4ac29dd74003e"),
    ("the key of TEST 1024 in RFC 8032", "91384c411e5af29648f17f922b402655b11ecaec1b33fc45796241963f95f202"),
    (
        "the key of TEST SHA(abc) in RFC 8032",
        "5f9b247e2a654719f198e4f241d6b0df9a1a937a13ef5ef899f64d9285fce224",
    ),
];

/// What the key with this fingerprint is, if everybody can sign with it.
pub fn find(fingerprint: &[u8; 32]) -> Option<&'static str> {
    let digits = pspf::hex::encode(fingerprint);
    KNOWN.iter().find(|(_, known)| *known == digits).map(|(what, _)| *what)
}

/// What to tell about such a key.
pub fn sentence(what: &str) -> String {
    format!("the signer's key is publicly known ({what}): anybody can sign such a package")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pspf::keys::{SigningKey, fingerprint};
    use sha2::{Digest as _, Sha256};

    #[test]
    fn s7_every_published_secret_is_found_by_the_fingerprint_of_its_public_key() {
        let seeds = [
            "test123",
            "example-seed",
            "flavorpack-native vectors: signer",
            "flavorpack-native vectors: other",
            "flavorpack-native vectors: foreign",
        ];
        let published = [
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        ];
        let secrets = seeds.iter().map(|seed| Sha256::digest(seed.as_bytes()).into());
        let secrets =
            secrets.chain(published.iter().map(|hex| pspf::hex::decode_digest(hex).expect("32 bytes")));
        for (secret, (what, _)) in secrets.zip(KNOWN) {
            let key = SigningKey::from_secret(&secret);
            assert_eq!(find(&fingerprint(&key.public_key())), Some(what));
        }
        assert_eq!(find(&fingerprint(&SigningKey::from_secret(&[7; 32]).public_key())), None);
    }
}
