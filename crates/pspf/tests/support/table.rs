//! The vectors of `__test__/vectors` as Rust values.

use std::path::{Path, PathBuf};

use pspf::ErrorCode;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// How far a reader gets before it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Layer {
    /// While opening.
    Open,
    /// When digests are compared.
    Bytes,
    /// When a slot is decoded.
    Content,
    /// When the finished member list is judged.
    Tree,
}

impl Layer {
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "open" => Self::Open,
            "bytes" => Self::Bytes,
            "content" => Self::Content,
            "tree" => Self::Tree,
            other => panic!("no layer {other}"),
        }
    }
}

/// Why a package is refused, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) layer: Layer,
    pub(crate) step: String,
    pub(crate) code: ErrorCode,
}

/// One line of the outcome table with its bytes.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// `None`: every reader accepts it.
    pub(crate) refusal: Option<Refusal>,
    /// What a launcher says instead while it unpacks.
    pub(crate) unpack: Option<ErrorCode>,
    /// What it says while it composes the work environment.
    pub(crate) compose: Option<ErrorCode>,
    /// The slot keys, for slots with frames.
    pub(crate) slot_keys: Vec<Option<String>>,
}

/// Where the vectors are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/vectors")
}

/// All of them.
pub(crate) fn vectors() -> Vec<Vector> {
    let text = std::fs::read(folder().join("vectors.json")).expect("read vectors.json");
    let table: Vec<Value> = serde_json::from_slice(&text).expect("vectors.json");
    table.iter().map(vector).collect()
}

/// The bytes of one.
pub(crate) fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(format!("packages/{name}.pspf"))).expect(name)
}

fn vector(entry: &Value) -> Vector {
    let text = |key: &str| entry[key].as_str().unwrap_or_else(|| panic!("{entry} has no {key}")).to_owned();
    let mut bytes = std::fs::read(folder().join(text("file"))).expect("read a package");
    if let Some(edits) = entry["edits"].as_array() {
        for edit in edits.iter().rev() {
            let number = |key: &str| usize::try_from(edit[key].as_u64().expect(key)).expect(key);
            let insert = hex(edit["insert"].as_str().expect("insert"));
            bytes.splice(number("at")..number("at") + number("remove"), insert);
        }
        let digest = pspf::hex::encode(&Sha256::digest(&bytes));
        assert_eq!(digest, text("sha256"), "{}: the edits lead elsewhere", text("name"));
    }
    let refusal = (text("outcome") != "ok").then(|| Refusal {
        code: code(&text("outcome")),
        layer: Layer::named(&text("layer")),
        step: text("step"),
    });
    let unpack = entry["unpack"].as_str().map(code);
    let compose = entry["compose"].as_str().map(code);
    let keys = entry["slot_keys"].as_array().into_iter().flatten();
    let slot_keys = keys.map(|key| key.as_str().map(str::to_owned)).collect();
    Vector { name: text("name"), bytes, refusal, unpack, compose, slot_keys }
}

fn code(name: &str) -> ErrorCode {
    *ErrorCode::ALL.iter().find(|code| code.as_str() == name).unwrap_or_else(|| panic!("no code {name}"))
}

fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex"))
        .collect()
}
