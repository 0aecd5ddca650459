//! One small text as the reference programs encode it, so that no library's next version changes a vector.

/// The text.
pub(crate) const TEXT: &[u8] = b"hello, vectors\n";
/// gzip, level 9, deflated.
pub(crate) const GZIP: &str = "1f8b08000000000000ffcb48cdc9c9d751284b4d2ec92f2ae602000672c31e0f000000";
/// bzip2, level 9.
pub(crate) const BZIP2: &str = "425a6839314159265359ac89ab9d0000035180001040040a449d002000228c9b41ea10340d0b7a4527be080d177245385090ac89ab9d";
/// The same text as two bzip2 streams.
pub(crate) const BZIP2_TWO_STREAMS: &str = "425a6839314159265359756a1005000001910040040244a00021800c016b2e1c5dc914e14241d5a84014425a6839314159265359bfa5c65b000003c18000100a009d002000310c082069a7a341e04177245385090bfa5c65b0";
/// xz, preset 6.
pub(crate) const XZ: &str = "fd377a585a000004e6d6b4460200210116000000742fe5a301000e68656c6c6f2c20766563746f72730a000070a3d61e13311d570001270fdf1afc6a1fb6f37d010000000004595a";
/// The same text as two xz streams.
pub(crate) const XZ_TWO_STREAMS: &str = "fd377a585a000004e6d6b4460200210116000000742fe5a301000668656c6c6f2c200000103183e0d4c9f83600011f07162eb8731fb6f37d010000000004595afd377a585a000004e6d6b4460200210116000000742fe5a3010007766563746f72730a0018acd3760c342c4d00012008bb19d9bb1fb6f37d010000000004595a";

/// The bytes of hexadecimal digits.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks_exact(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex"))
        .collect()
}
