//! Packages made by hand, also ones that no builder of ours would write: any chain, any tar stream, any claim about
//! what a slot unpacks to, in the form of ours and in that of other builders. Everything is signed.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::Write as _;

use pspf::codec::{Encoder, Level};
use pspf::keys::SigningKey;
use pspf::layout::{END_MARKER, START_MARKER, TRAILER_SIZE};
use pspf::operations::{Operation, OperationChain};
use pspf::render::Rendering;
use pspf::{IndexBlock, Metadata, SlotDescriptor, hex, keys, metadata, render};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const LAUNCHER: &[u8] = b"launcher";

/// One slot and what is said about it.
#[derive(Clone)]
pub(crate) struct HandSlot {
    pub(crate) id: String,
    pub(crate) operations: String,
    pub(crate) permissions: String,
    pub(crate) stored: Vec<u8>,
    /// Stored and content bytes of each frame; only packages of ours state them.
    pub(crate) frames: Vec<(usize, usize)>,
    /// Bytes and members that it is said to unpack to.
    pub(crate) unpacked: (u64, u64),
    /// Whether the metadata has a digest of it.
    pub(crate) digest: bool,
}

impl HandSlot {
    /// Content under a chain; cut into frames of `frame` bytes of content before a last zstd.
    pub(crate) fn new(
        id: &str,
        operations: &str,
        content: &[u8],
        unpacked: (u64, u64),
        frame: usize,
    ) -> Self {
        let chain = OperationChain::parse(operations).expect("operations");
        let mut frames = Vec::new();
        let stored = match chain.operations() {
            [before @ .., Operation::Zstd] if frame > 0 => {
                let inner = encoded(before, content);
                let mut stored = Vec::new();
                for part in inner.chunks(frame) {
                    let part_stored = zstd::bulk::compress(part, 3).expect("compress");
                    frames.push((part_stored.len(), part.len()));
                    stored.extend(part_stored);
                }
                stored
            }
            operations => encoded(operations, content),
        };
        Self {
            id: id.to_owned(),
            operations: operations.to_owned(),
            permissions: "0644".to_owned(),
            stored,
            frames,
            unpacked,
            digest: true,
        }
    }

    /// A tree whose tar stream is these members and the end of the archive, in one frame where frames are due.
    pub(crate) fn tree(operations: &str, members: &[Vec<u8>], unpacked: (u64, u64)) -> Self {
        let content = [members.concat(), vec![0; 1024]].concat();
        Self::new("tree", operations, &content, unpacked, usize::MAX)
    }

    /// Stored bytes that are what they are.
    pub(crate) fn stored(id: &str, operations: &str, stored: Vec<u8>, unpacked: (u64, u64)) -> Self {
        Self { stored, ..Self::new(id, operations, b"", unpacked, 0) }
    }

    fn entry(&self, position: usize) -> Value {
        let checksum = format!("sha256:{}", hex::encode(&Sha256::digest(&self.stored)));
        let mut entry = json!({
            "slot": position, "id": self.id, "source": self.id, "target": "{workenv}/x",
            "size": self.stored.len(), "checksum": if self.digest { checksum } else { String::new() },
            "operations": self.operations, "purpose": "data", "lifecycle": "runtime", "permissions": self.permissions,
        });
        if self.stored.is_empty() && self.unpacked == (0, 0) {
            entry["self_ref"] = json!(true);
        }
        entry
    }
}

fn encoded(operations: &[Operation], content: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(operations, Vec::new(), Level::Fast).expect("encoder");
    encoder.write_all(content).expect("encode");
    encoder.finish().expect("encode")
}

fn key() -> SigningKey {
    SigningKey::from_secret(&Sha256::digest(b"test123").into())
}

/// The parts of a package around one raw slot that is too large to be held.
pub(crate) struct Around {
    /// Everything in front of the slot.
    pub(crate) head: Vec<u8>,
    /// Where the slot begins.
    pub(crate) slot: u64,
    /// Everything behind it.
    pub(crate) trailer: Vec<u8>,
}

/// A package of ours with one raw slot of so many bytes and this digest.
pub(crate) fn raw_of_size(size: u64, digest: [u8; 32]) -> Around {
    let slot = HandSlot::new("large", "raw", b"", (size, 1), 0);
    let mut document = document("linux", &[slot]);
    document["slots"][0]["size"] = json!(size);
    document["slots"][0]["checksum"] = json!(format!("sha256:{}", hex::encode(&digest)));
    let rendering = rendered(&document);
    let mut head = LAUNCHER.to_vec();
    head.extend_from_slice(&rendering.metadata);
    head.resize(usize::try_from(rendering.table_offset).expect("small"), 0);
    head.extend_from_slice(&rendering.table);
    Around { head, slot: rendering.slot_offsets[0], trailer: rendering.trailer }
}

/// A package of ours for `os` around any slots.
pub(crate) fn ours(os: &str, slots: &[HandSlot]) -> Vec<u8> {
    let rendering = rendered(&document(os, slots));
    let mut file = LAUNCHER.to_vec();
    let mut place = |offset: u64, bytes: &[u8]| {
        let offset = usize::try_from(offset).expect("small");
        file.resize(file.len().max(offset + bytes.len()), 0);
        file[offset..offset + bytes.len()].copy_from_slice(bytes);
    };
    place(rendering.metadata_offset, &rendering.metadata);
    place(rendering.table_offset, &rendering.table);
    for (slot, offset) in slots.iter().zip(&rendering.slot_offsets) {
        place(*offset, &slot.stored);
    }
    place(rendering.trailer_offset, &rendering.trailer);
    file
}

fn rendered(document: &Value) -> Rendering {
    let key = key();
    let json = metadata::canonical_json(document);
    let metadata = Metadata::decode(&json).expect("metadata");
    render::render(&json, &metadata, key.public_key(), key.sign(&json)).expect("render")
}

fn document(os: &str, slots: &[HandSlot]) -> Value {
    let facts = slots.iter().map(|slot| {
        let mut offset = 0;
        let frames = slot.frames.iter().map(|(stored, content)| {
            let bytes = &slot.stored[offset..offset + stored];
            offset += stored;
            json!({"stored": stored, "content": content, "sha256": hex::encode(&Sha256::digest(bytes))})
        });
        let frames: Vec<Value> = frames.collect();
        let (bytes, members) = slot.unpacked;
        let mut facts =
            json!({"role": "data", "share": false, "unpacked": {"bytes": bytes, "members": members}});
        if !frames.is_empty() {
            facts["frames"] = frames.into();
        }
        facts
    });
    json!({
        "format": "PSPF/2025", "format_version": "1.0.0",
        "package": {"name": "hand", "version": "1"},
        "slots": slots.iter().enumerate().map(|(position, slot)| slot.entry(position)).collect::<Vec<_>>(),
        "execution": {"primary_slot": 0, "command": "x", "env": {}, "environment": {}},
        "extensions": {"x-flavor": {
            "schema": 1, "target": {"os": os, "arch": "amd64"},
            "launcher": {"kind": "rust", "version": "0", "size": LAUNCHER.len(),
                         "sha256": hex::encode(&Sha256::digest(LAUNCHER))},
            "slots": facts.collect::<Vec<_>>(),
            "signer": {"key": hex::encode(&keys::fingerprint(&key().public_key()))},
        }},
    })
}

/// A package as another builder would make it: deflated JSON with a name in the gzip header, no `x-flavor`, gaps.
pub(crate) fn foreign(slots: &[HandSlot]) -> Vec<u8> {
    let entries: Vec<Value> = slots.iter().enumerate().map(|(position, slot)| slot.entry(position)).collect();
    let json =
        json!({"format": "PSPF/2025", "package": {"name": "Foreign_One", "version": "2"}, "slots": entries,
                      "execution": {"primary_slot": 0, "command": "x"}})
        .to_string();
    let mut stored =
        flate2::GzBuilder::new().filename("psp.json").write(Vec::new(), flate2::Compression::default());
    stored.write_all(json.as_bytes()).expect("compress");
    let stored = stored.finish().expect("compress");
    let mut bytes = [LAUNCHER, b"gap!", &stored].concat();
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let slot_table_offset = bytes.len();
    let mut offset = slot_table_offset + slots.len() * 64 + 16;
    for (position, slot) in slots.iter().enumerate() {
        let descriptor = SlotDescriptor {
            id: position as u64,
            name_hash: 0,
            offset: offset as u64,
            size: slot.stored.len() as u64,
            original_size: slot.stored.len() as u64,
            operations: OperationChain::parse(&slot.operations).expect("operations").pack(),
            checksum: 0,
            purpose: 0,
            lifecycle: 2,
            permissions: 0o600,
        };
        bytes.extend_from_slice(&descriptor.encode());
        offset += slot.stored.len();
    }
    bytes.extend_from_slice(&[b'.'; 16]);
    for slot in slots {
        bytes.extend_from_slice(&slot.stored);
    }
    let key = key();
    let index = IndexBlock {
        page_aligned: false,
        package_size: (bytes.len() + TRAILER_SIZE) as u64,
        launcher_size: LAUNCHER.len() as u64,
        metadata_offset: LAUNCHER.len() as u64 + 4,
        metadata_size: stored.len() as u64,
        slot_table_offset: slot_table_offset as u64,
        slot_count: u32::try_from(slots.len()).expect("few"),
        public_key: key.public_key(),
        metadata_checksum: Sha256::digest(&stored).into(),
        signature: key.sign(json.as_bytes()),
    };
    [bytes.as_slice(), &START_MARKER, &index.encode(), &END_MARKER].concat()
}

/// A tar header of any kind with any name, which no check has seen; data and padding behind it.
pub(crate) fn member(kind: u8, name: &str, target: &str, mode: u32, data: &[u8]) -> Vec<u8> {
    let mut header = vec![0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(format!("{mode:07o}").as_bytes());
    header[108..115].copy_from_slice(b"0000000");
    header[116..123].copy_from_slice(b"0000000");
    header[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
    header[136..147].copy_from_slice(b"00000000000");
    header[156] = kind;
    header[157..157 + target.len()].copy_from_slice(target.as_bytes());
    header[257..265].copy_from_slice(b"ustar\x0000");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header.extend_from_slice(data);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

pub(crate) fn file(name: &str, data: &[u8]) -> Vec<u8> {
    member(b'0', name, "", 0o644, data)
}

pub(crate) fn folder(name: &str) -> Vec<u8> {
    member(b'5', &format!("{name}/"), "", 0o755, b"")
}

pub(crate) fn link(name: &str, target: &str) -> Vec<u8> {
    member(b'2', name, target, 0o755, b"")
}
