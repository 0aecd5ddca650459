//! Small packages for tests, made in memory with pspf's own encoder and rendering; also ones that no builder of ours
//! would write. Also used by the launcher's tests.

use pspf::keys::SigningKey;
use pspf::metadata::canonical_json;
use pspf::tar::{DEFAULT_MTIME, END_OF_ARCHIVE, Kind, Member, header, padding};
use pspf::{Metadata, Package, hex, render};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A member with its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) member: Member,
    pub(crate) data: Vec<u8>,
}

pub(crate) fn file(path: &str, data: &[u8]) -> Entry {
    executable(path, data, false)
}

pub(crate) fn executable(path: &str, data: &[u8], executable: bool) -> Entry {
    let kind = Kind::File { size: data.len() as u64, executable };
    Entry { member: Member { path: path.into(), kind }, data: data.to_vec() }
}

pub(crate) fn directory(path: &str) -> Entry {
    Entry { member: Member { path: path.into(), kind: Kind::Directory }, data: Vec::new() }
}

pub(crate) fn link(path: &str, target: &str) -> Entry {
    let kind = Kind::Symlink { target: target.into() };
    Entry { member: Member { path: path.into(), kind }, data: Vec::new() }
}

/// Members as a tar stream without its end.
pub(crate) fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut stream = Vec::new();
    for entry in entries {
        stream.extend(header(&entry.member, DEFAULT_MTIME).expect("header"));
        stream.extend(&entry.data);
        stream.extend(vec![0; padding(entry.data.len() as u64)]);
    }
    stream
}

struct BuiltSlot {
    share: bool,
    stored: Vec<u8>,
    frames: Vec<Value>,
    content: u64,
    bytes: u64,
    members: u64,
    operations: &'static str,
    target: &'static str,
    permissions: &'static str,
}

impl BuiltSlot {
    fn new(share: bool, operations: &'static str) -> Self {
        let (stored, frames, content, bytes, members) = (Vec::new(), Vec::new(), 0, 0, 0);
        let (target, permissions) = ("{workenv}", "0755");
        Self { share, stored, frames, content, bytes, members, operations, target, permissions }
    }

    fn push_frame(&mut self, content: &[u8]) {
        let stored = zstd::bulk::compress(content, 3).expect("compress");
        self.frames.push(json!({
            "stored": stored.len(), "content": content.len(), "sha256": hex::encode(&Sha256::digest(&stored)),
        }));
        self.content += content.len() as u64;
        self.stored.extend(stored);
    }
}

pub(crate) struct Builder {
    slots: Vec<BuiltSlot>,
    workenv: Value,
    launcher: Vec<u8>,
    secret: [u8; 32],
    edits: Vec<fn(&mut Value)>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        let launcher = b"launcher".to_vec();
        Self { slots: Vec::new(), workenv: json!({}), launcher, secret: [7; 32], edits: Vec::new() }
    }

    /// Adds a slot; every second member begins a new frame.
    pub(crate) fn slot(self, share: bool, entries: &[Entry]) -> Self {
        let mut frames: Vec<Vec<u8>> = entries.chunks(2).map(tar).collect();
        if let Some(last) = frames.last_mut() {
            last.extend(END_OF_ARCHIVE);
        }
        self.cut_slot(share, entries, &frames.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// Adds a slot of these frames, given as content.
    pub(crate) fn cut_slot(mut self, share: bool, entries: &[Entry], frames: &[&[u8]]) -> Self {
        let mut slot = BuiltSlot::new(share, "tar.zst");
        slot.bytes = entries.iter().map(|entry| entry.data.len() as u64).sum();
        slot.members = entries.len() as u64;
        for content in frames {
            slot.push_frame(content);
        }
        self.slots.push(slot);
        self
    }

    /// Adds a slot of these stored bytes, which unpack to so many bytes and members.
    pub(crate) fn stored_slot(
        mut self,
        share: bool,
        operations: &'static str,
        stored: &[u8],
        unpacked: (u64, u64),
    ) -> Self {
        let mut slot = BuiltSlot::new(share, operations);
        slot.stored = stored.to_vec();
        (slot.bytes, slot.members) = unpacked;
        self.slots.push(slot);
        self
    }

    /// Cuts the last slot, whose chain ends with zstd, into these frames, given as what zstd was given.
    pub(crate) fn framed(mut self, frames: &[&[u8]]) -> Self {
        let slot = self.slots.last_mut().expect("a slot");
        for content in frames {
            slot.push_frame(content);
        }
        self
    }

    /// Path and mode of the last slot, which holds one file.
    pub(crate) fn one_file(mut self, target: &'static str, permissions: &'static str) -> Self {
        let slot = self.slots.last_mut().expect("a slot");
        (slot.target, slot.permissions) = (target, permissions);
        self
    }

    /// Lies about what the last slot unpacks to.
    pub(crate) fn claiming(mut self, bytes: u64, members: u64) -> Self {
        let slot = self.slots.last_mut().expect("a slot");
        (slot.bytes, slot.members) = (bytes, members);
        self
    }

    pub(crate) fn workenv(mut self, workenv: &Value) -> Self {
        self.workenv = workenv.clone();
        self
    }

    /// The bytes at the head of the file.
    pub(crate) fn launcher(mut self, launcher: &[u8]) -> Self {
        self.launcher = launcher.to_vec();
        self
    }

    /// The secret of the key that signs.
    pub(crate) fn secret(mut self, secret: [u8; 32]) -> Self {
        self.secret = secret;
        self
    }

    /// Changes the document before it is signed.
    pub(crate) fn edit(mut self, edit: fn(&mut Value)) -> Self {
        self.edits.push(edit);
        self
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        let key = SigningKey::from_secret(&self.secret);
        let launcher = self.launcher;
        let slots: Vec<Value> = self.slots.iter().enumerate().map(|(number, slot)| json!({
            "slot": number, "id": format!("slot-{number}"), "source": format!("slot-{number}"), "target": slot.target,
            "size": slot.stored.len(), "checksum": format!("sha256:{}", hex::encode(&Sha256::digest(&slot.stored))),
            "operations": slot.operations, "purpose": "data", "lifecycle": "runtime", "permissions": slot.permissions,
        })).collect();
        let flavor: Vec<Value> = self
            .slots
            .iter()
            .map(|slot| {
                let unpacked = json!({"bytes": slot.bytes, "members": slot.members});
                let mut entry = json!({"role": "data", "share": slot.share, "unpacked": unpacked});
                if !slot.frames.is_empty() {
                    entry["frames"] = json!(slot.frames);
                }
                entry
            })
            .collect();
        let mut document = json!({
            "format": "PSPF/2025", "format_version": "1.0.0",
            "package": {"name": "demo", "version": "1.0"},
            "slots": slots,
            "execution": {"primary_slot": 0, "command": "run", "env": {}, "environment": {}},
            "extensions": {"x-flavor": {
                "schema": 1,
                "target": {"os": "linux", "arch": "amd64", "libc": "gnu"},
                "launcher": {"kind": "rust", "version": "0.1.0", "size": launcher.len(),
                    "sha256": hex::encode(&Sha256::digest(&launcher))},
                "slots": flavor, "workenv": self.workenv, "commands": {"demo": {"argv": ["{workenv}/bin/run"]}}, "default": "demo",
                "signer": {"key": hex::encode(&pspf::keys::fingerprint(&key.public_key()))},
            }},
        });
        for edit in &self.edits {
            edit(&mut document);
        }
        let json = canonical_json(&document);
        let metadata = Metadata::decode(&json).expect("metadata");
        let rendering =
            render::render(&json, &metadata, key.public_key(), key.sign(&json)).expect("rendering");
        let mut file = launcher;
        let mut place = |offset: u64, bytes: &[u8]| {
            let offset = usize::try_from(offset).expect("offset");
            file.resize(file.len().max(offset + bytes.len()), 0);
            file[offset..offset + bytes.len()].copy_from_slice(bytes);
        };
        place(rendering.metadata_offset, &rendering.metadata);
        place(rendering.table_offset, &rendering.table);
        for (slot, offset) in self.slots.iter().zip(&rendering.slot_offsets) {
            place(*offset, &slot.stored);
        }
        place(rendering.trailer_offset, &rendering.trailer);
        file
    }

    pub(crate) fn open(self) -> Package<Vec<u8>> {
        Package::open(self.bytes()).expect("package")
    }
}
