//! A package of ours before it is signed: its document as a JSON value that can be changed at will, and its slots.

use pspf::keys::{self, SigningKey};
use pspf::layout::{DESCRIPTOR_SIZE, END_MARKER, START_MARKER, TRAILER_SIZE};
use pspf::operations::OperationChain;
use pspf::{IndexBlock, Metadata, SlotDescriptor, hex, metadata, render, slot, stored_gzip};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{tar, zstd};

/// The launcher part of the vectors: filler that is no program.
pub(crate) const LAUNCHER: &[u8] = b"#filler launcher";

/// The key that signs unless a vector says otherwise.
pub(crate) fn signer() -> SigningKey {
    key("flavorpack-native vectors: signer")
}

/// A key whose secret is the SHA-256 of a text.
pub(crate) fn key(text: &str) -> SigningKey {
    SigningKey::from_secret(&Sha256::digest(text.as_bytes()).into())
}

/// `sha256:` and the digits, as `slots[].checksum` has it.
pub(crate) fn checksum(bytes: &[u8]) -> String {
    format!("sha256:{}", digest(bytes))
}

/// SHA-256 as hexadecimal digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes))
}

/// One slot: stored bytes and what the document says about them.
#[derive(Clone)]
pub(crate) struct SlotDraft {
    pub(crate) id: String,
    pub(crate) operations: String,
    pub(crate) stored: Vec<u8>,
    pub(crate) frames: Vec<(u64, u64, String)>,
    pub(crate) bytes: u64,
    pub(crate) members: u64,
}

impl SlotDraft {
    /// A slot that is one file, stored under a chain without zstd.
    pub(crate) fn file(id: &str, operations: &str, stored: Vec<u8>, content: u64) -> Self {
        let (id, operations) = (id.to_owned(), operations.to_owned());
        Self { id, operations, stored, frames: Vec::new(), bytes: content, members: 1 }
    }

    /// A `tar.zst` slot of frames with the given content; the end of the archive is part of the last.
    pub(crate) fn framed(id: &str, frames: &[Vec<u8>], bytes: u64, members: u64) -> Self {
        let stored: Vec<(Vec<u8>, u64)> =
            frames.iter().map(|content| (zstd::frame(content), content.len() as u64)).collect();
        Self::stored_frames(id, &stored, bytes, members)
    }

    /// A `tar.zst` slot of stored frames, each with the length of its content.
    pub(crate) fn stored_frames(id: &str, frames: &[(Vec<u8>, u64)], bytes: u64, members: u64) -> Self {
        let entry = |(stored, content): &(Vec<u8>, u64)| (stored.len() as u64, *content, digest(stored));
        Self {
            id: id.to_owned(),
            operations: "tar.zst".to_owned(),
            stored: frames.iter().flat_map(|(stored, _)| stored.clone()).collect(),
            frames: frames.iter().map(entry).collect(),
            bytes,
            members,
        }
    }

    /// A `tar.zst` slot of one frame with these members.
    pub(crate) fn tree(id: &str, members: &[Vec<u8>], bytes: u64) -> Self {
        let count = members.len() as u64;
        let content = [members.concat().as_slice(), &tar::END].concat();
        Self::framed(id, &[content], bytes, count)
    }

    fn document(&self, position: usize) -> Value {
        json!({
            "slot": position, "id": self.id, "source": self.id, "target": format!("{{workenv}}/{}", self.id),
            "size": self.stored.len(), "checksum": checksum(&self.stored), "operations": self.operations,
            "purpose": "data", "lifecycle": "runtime", "permissions": "0644",
        })
    }

    fn flavor(&self) -> Value {
        let mut value = json!({
            "role": "data", "share": false, "unpacked": {"bytes": self.bytes, "members": self.members},
        });
        if !self.frames.is_empty() {
            let entry = |(stored, content, sha256): &(u64, u64, String)| json!({"stored": stored, "content": content, "sha256": sha256});
            value["frames"] = self.frames.iter().map(entry).collect();
        }
        value
    }
}

/// A package of ours.
pub(crate) struct Draft {
    pub(crate) launcher: Vec<u8>,
    pub(crate) json: Value,
    pub(crate) stored: Vec<Vec<u8>>,
    pub(crate) key: SigningKey,
}

/// The tree that most vectors hold: a directory, a program, a link to it.
pub(crate) fn usual_tree() -> SlotDraft {
    let members = [
        tar::directory("bin"),
        tar::program("bin/hello", b"#!/bin/sh\necho hello\n"),
        tar::link("hello", "bin/hello"),
    ];
    SlotDraft::tree("app", &members, 21)
}

impl Draft {
    /// A package with the usual tree, one command and a private slot.
    pub(crate) fn new() -> Self {
        Self::of(&[usual_tree()])
    }

    /// A package with one slot.
    pub(crate) fn slot(slot: SlotDraft) -> Self {
        Self::of(&[slot])
    }

    /// A package with these slots.
    pub(crate) fn of(slots: &[SlotDraft]) -> Self {
        let key = signer();
        let json = json!({
            "format": "PSPF/2025", "format_version": "1.0.0",
            "package": {"name": "vector", "version": "1.0"},
            "slots": slots.iter().enumerate().map(|(position, slot)| slot.document(position)).collect::<Value>(),
            "execution": {"primary_slot": 0, "command": "{workenv}/bin/hello", "env": {}, "environment": {}},
            "extensions": {"x-flavor": {
                "schema": 1,
                "target": {"os": "linux", "arch": "amd64", "libc": "gnu"},
                "launcher": {"kind": "rust", "version": "0.1.0", "size": LAUNCHER.len(), "sha256": digest(LAUNCHER)},
                "slots": slots.iter().map(SlotDraft::flavor).collect::<Value>(),
                "workenv": {"unpack": [], "links": [], "files": [], "path": []},
                "commands": {"hello": {"argv": ["{workenv}/bin/hello"]}},
                "default": "hello",
                "signer": {"key": hex::encode(&keys::fingerprint(&key.public_key()))},
            }},
        });
        let stored = slots.iter().map(|slot| slot.stored.clone()).collect();
        Self { launcher: LAUNCHER.to_vec(), json, stored, key }
    }

    /// Another value at a place of the document; the last step of the path may be new.
    pub(crate) fn set(mut self, path: &str, value: Value) -> Self {
        let (parent, name) = path.rsplit_once('/').expect("a pointer");
        match self.json.pointer_mut(parent).expect(path) {
            Value::Object(keys) => drop(keys.insert(name.to_owned(), value)),
            Value::Array(items) => items[name.parse::<usize>().expect("a position")] = value,
            other => panic!("{path}: {other} holds nothing"),
        }
        self
    }

    /// Another value in the `x-flavor` block.
    pub(crate) fn flavor(self, path: &str, value: Value) -> Self {
        self.set(&format!("/extensions/x-flavor{path}"), value)
    }

    /// The document without a key.
    pub(crate) fn without(mut self, path: &str) -> Self {
        let (parent, name) = path.rsplit_once('/').expect("a pointer");
        let parent = self.json.pointer_mut(parent).expect(path);
        parent.as_object_mut().and_then(|keys| keys.remove(name)).expect(path);
        self
    }

    /// A plain package: no commands, no default, no work environment.
    pub(crate) fn plain(self) -> Self {
        ["commands", "default", "workenv"]
            .into_iter()
            .fold(self, |draft, key| draft.without(&format!("/extensions/x-flavor/{key}")))
    }

    /// The document as it is signed.
    pub(crate) fn text(&self) -> Vec<u8> {
        metadata::canonical_json(&self.json)
    }

    /// The file, rendered as FORMAT.md §8 says.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes_of(&self.text())
    }

    /// The file around another spelling of the document.
    pub(crate) fn bytes_of(&self, json: &[u8]) -> Vec<u8> {
        let metadata = Metadata::decode(json).expect("a document that the model accepts");
        let parts =
            render::render(json, &metadata, self.key.public_key(), self.key.sign(json)).expect("rendering");
        let mut file = [self.launcher.as_slice(), &parts.metadata].concat();
        for (offset, region) in [parts.table_offset]
            .into_iter()
            .filter(|_| !metadata.slots.is_empty())
            .chain(parts.slot_offsets)
            .zip([parts.table].iter().filter(|table| !table.is_empty()).chain(&self.stored))
        {
            file.resize(usize::try_from(offset).expect("small"), 0);
            file.extend_from_slice(region);
        }
        file.extend_from_slice(&parts.trailer);
        file
    }

    /// The file around any text, also one that no reader accepts: laid out and signed like a right one.
    pub(crate) fn bytes_around(&self, json: &[u8]) -> Vec<u8> {
        let stored = stored_gzip::render(json);
        let mut file = [self.launcher.as_slice(), &stored].concat();
        file.resize(file.len().next_multiple_of(8), 0);
        let table_offset = file.len();
        let mut offset = table_offset + self.stored.len() * DESCRIPTOR_SIZE;
        for position in 0..self.stored.len() {
            offset = offset.next_multiple_of(8);
            file.extend_from_slice(&self.descriptor(position, offset).encode());
            offset += self.stored[position].len();
        }
        for bytes in &self.stored {
            file.resize(file.len().next_multiple_of(8), 0);
            file.extend_from_slice(bytes);
        }
        let index = IndexBlock {
            package_size: (file.len() + TRAILER_SIZE) as u64,
            launcher_size: self.launcher.len() as u64,
            metadata_offset: self.launcher.len() as u64,
            metadata_size: stored.len() as u64,
            slot_table_offset: if self.stored.is_empty() { 0 } else { table_offset as u64 },
            slot_count: u32::try_from(self.stored.len()).expect("few slots"),
            public_key: self.key.public_key(),
            metadata_checksum: Sha256::digest(&stored).into(),
            signature: self.key.sign(json),
            page_aligned: false,
        };
        file.extend_from_slice(&START_MARKER);
        file.extend_from_slice(&index.encode());
        file.extend_from_slice(&END_MARKER);
        file
    }

    /// The descriptor of a slot as it would be if the document were right.
    fn descriptor(&self, position: usize, offset: usize) -> SlotDescriptor {
        let bytes = &self.stored[position];
        let said = |path: &str| self.json.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let operations = OperationChain::parse(said(&format!("/slots/{position}/operations")));
        let frames = self.json.pointer(&format!("/extensions/x-flavor/slots/{position}/frames"));
        let content = frames.and_then(Value::as_array).map_or(bytes.len() as u64, |frames| {
            frames.iter().filter_map(|frame| frame["content"].as_u64()).fold(0, u64::wrapping_add)
        });
        SlotDescriptor {
            id: slot::descriptor_id(position as u64),
            name_hash: slot::name_hash(said(&format!("/slots/{position}/id"))),
            offset: offset as u64,
            size: bytes.len() as u64,
            original_size: content,
            operations: operations.unwrap_or_default().pack(),
            checksum: slot::short_digest(&Sha256::digest(bytes).into()),
            purpose: 0,
            lifecycle: 2,
            permissions: 0o644,
        }
    }
}
