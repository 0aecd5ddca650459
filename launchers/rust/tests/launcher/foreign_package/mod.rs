//! Packages as the original's builders make them (reference: the layouts and habits of its Python, Go and Rust builder),
//! and ones that nobody should make.

pub(crate) mod place;

use pspf::index_block::IndexBlock;
use pspf::keys::SigningKey;
use pspf::slot::{SlotDescriptor, name_hash};
use pspf::{hex, stored_gzip};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const RAW: u64 = 0;
pub(crate) const TAR: u64 = 0x01;
pub(crate) const GZIP: u64 = 0x10;
pub(crate) const TGZ: u64 = 0x1001;
pub(crate) const TAR_BZIP2: u64 = 0x1301;
pub(crate) const TAR_ZSTD: u64 = 0x1b01;

/// One member of a tar archive.
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: u8,
    pub(crate) mode: u32,
    pub(crate) data: &'a [u8],
    pub(crate) link: &'a str,
}

pub(crate) fn file<'a>(name: &'a str, mode: u32, data: &'a str) -> Entry<'a> {
    Entry { name, kind: b'0', mode, data: data.as_bytes(), link: "" }
}

pub(crate) fn folder(name: &str, mode: u32) -> Entry<'_> {
    Entry { name, kind: b'5', mode, data: b"", link: "" }
}

pub(crate) fn link<'a>(name: &'a str, target: &'a str) -> Entry<'a> {
    Entry { name, kind: b'2', mode: 0o777, data: b"", link: target }
}

pub(crate) fn hard_link<'a>(name: &'a str, target: &'a str) -> Entry<'a> {
    Entry { name, kind: b'1', mode: 0o666, data: b"", link: target }
}

/// A whole archive, padded to ten KiB as most programs do it.
pub(crate) fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut archive = Vec::new();
    for entry in entries {
        let mut header = [0_u8; 512];
        header[..entry.name.len()].copy_from_slice(entry.name.as_bytes());
        header[100..108].copy_from_slice(format!("{:07o}\0", entry.mode).as_bytes());
        header[108..116].copy_from_slice(b"0000000\0");
        header[116..124].copy_from_slice(b"0000000\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", entry.data.len()).as_bytes());
        header[136..148].copy_from_slice(b"00000000000\0");
        header[148..156].fill(b' ');
        header[156] = entry.kind;
        header[157..157 + entry.link.len()].copy_from_slice(entry.link.as_bytes());
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend(header);
        archive.extend(entry.data);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize((archive.len() + 1024).next_multiple_of(10240), 0);
    archive
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    stored_gzip::render(content)
}

pub(crate) struct Slot {
    pub(crate) entry: Value,
    pub(crate) operations: u64,
    pub(crate) stored: Vec<u8>,
}

/// A slot; its stored bytes are given.
pub(crate) fn slot(id: &str, target: &str, operations: u64, stored: &[u8]) -> Slot {
    let text = match operations {
        TAR => "tar",
        GZIP => "gzip",
        TGZ => "tgz",
        TAR_BZIP2 => "tar.bz2",
        TAR_ZSTD => "tar.zst",
        _ => "raw",
    };
    let entry = json!({
        "id": id, "source": format!("/home/somebody/build/{id}"), "target": target, "size": stored.len(),
        "checksum": format!("sha256:{}", hex::encode(&Sha256::digest(stored))), "operations": text,
        "purpose": "payload", "lifecycle": "runtime", "permissions": "0755",
    });
    Slot { entry, operations, stored: stored.to_vec() }
}

impl Slot {
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.entry[key] = value.into();
        self
    }

    pub(crate) fn init(self) -> Self {
        self.with("lifecycle", "init")
    }
}

/// A package of another builder.
pub(crate) struct Foreign {
    pub(crate) document: Value,
    slots: Vec<Slot>,
    launcher: Vec<u8>,
    hole: usize,
    alignment: usize,
}

impl Foreign {
    pub(crate) fn new(command: &str) -> Self {
        Self {
            document: json!({
                "format": "PSPF/2025", "format_version": "1.0.0",
                "package": {"name": "Foreign_App", "version": "1.2"},
                "execution": {"primary_slot": 0, "command": command},
            }),
            slots: Vec::new(),
            launcher: b"#!/bin/sh\nexit 99\n".to_vec(),
            hole: 0,
            alignment: 8,
        }
    }

    /// A program at `app.sh` that does what `script` says.
    pub(crate) fn script(script: &str) -> Self {
        Self::new("/bin/sh {workenv}/app.sh").slot(slot("app", "app.sh", RAW, script.as_bytes()))
    }

    pub(crate) fn slot(mut self, slot: Slot) -> Self {
        self.slots.push(slot);
        self
    }

    pub(crate) fn with(mut self, key: &str, value: Value) -> Self {
        self.document[key] = value;
        self
    }

    pub(crate) fn setup(self, commands: Value) -> Self {
        self.with("setup_commands", commands)
    }

    pub(crate) fn edit(mut self, edit: impl FnOnce(&mut Value)) -> Self {
        edit(&mut self.document);
        self
    }

    pub(crate) fn launcher(mut self, launcher: &[u8]) -> Self {
        self.launcher = launcher.to_vec();
        self
    }

    /// What the original's Rust builder leaves behind the launcher.
    pub(crate) fn hole(mut self) -> Self {
        self.hole = 8192;
        self
    }

    /// Slots as the original's Python builder lays them out.
    pub(crate) fn pages(mut self) -> Self {
        self.alignment = 4096;
        self
    }

    pub(crate) fn bytes(mut self) -> Vec<u8> {
        let entries = self.slots.iter().enumerate().map(|(number, slot)| {
            let mut entry = slot.entry.clone();
            entry["slot"] = json!(number);
            entry
        });
        self.document["slots"] = entries.collect();
        let json = serde_json::to_string_pretty(&self.document).expect("json").into_bytes();
        let key = SigningKey::from_secret(&[9; 32]);
        let metadata = gzip(&json);
        let mut bytes = self.launcher.clone();
        bytes.resize(bytes.len() + self.hole, 0);
        let metadata_offset = bytes.len() as u64;
        bytes.extend(&metadata);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let table = bytes.len();
        bytes.resize(table + 64 * self.slots.len(), 0);
        for (number, slot) in self.slots.iter().enumerate() {
            bytes.resize(bytes.len().next_multiple_of(self.alignment), 0);
            let descriptor = SlotDescriptor {
                id: number as u64,
                name_hash: name_hash(slot.entry["id"].as_str().unwrap_or_default()),
                offset: bytes.len() as u64,
                size: slot.stored.len() as u64,
                original_size: slot.stored.len() as u64,
                operations: slot.operations,
                checksum: 0,
                purpose: 0,
                lifecycle: 2,
                permissions: 0o644,
            };
            bytes[table + 64 * number..table + 64 * (number + 1)].copy_from_slice(&descriptor.encode());
            bytes.extend(&slot.stored);
        }
        let index = IndexBlock {
            package_size: bytes.len() as u64 + 8200,
            launcher_size: self.launcher.len() as u64,
            metadata_offset,
            metadata_size: metadata.len() as u64,
            slot_table_offset: if self.slots.is_empty() { 0 } else { table as u64 },
            slot_count: u32::try_from(self.slots.len()).expect("count"),
            public_key: key.public_key(),
            metadata_checksum: Sha256::digest(&metadata).into(),
            signature: key.sign(&json),
            page_aligned: false,
        };
        bytes.extend("📦".as_bytes());
        bytes.extend(index.encode());
        bytes.extend("🪄".as_bytes());
        bytes
    }
}

/// A package as the original's Python builder makes it of a Python project, with a shell in the place of Python.
pub(crate) fn of_the_python_builder(script: &str) -> Foreign {
    let tree = tar(&[file("bin/hello", 0o644, script), file("lib/data.txt", 0o640, "data\n")]);
    let wheels = tar(&[
        file("wheels/b-1.whl", 0o644, "b\n"),
        file("wheels/a-1.whl", 0o644, "a\n"),
        file("wheels/README", 0o644, "no wheel\n"),
    ]);
    let installer = "#!/bin/sh\necho \"$1 $2\" >> \"$FLAVOR_WORKENV/installed\"\n";
    Foreign::new("{workenv}/bin/hello")
        .pages()
        .slot(slot("uv", "{workenv}/bin/uv", GZIP, &gzip(installer.as_bytes())).with("permissions", "0700"))
        .slot(slot("python", "{workenv}", TGZ, &gzip(&tree)).with("permissions", Value::Null).with("size", 4096))
        .slot(slot("wheels", "{workenv}/wheels", TGZ, &gzip(&wheels)).with("lifecycle", "cache"))
        .slot(
            slot("_attestation", "{workenv}/_attestation", RAW, b"{\"sbom\": {}}")
                .with("checksum", "0123456789abcdef")
                .with("source", "")
                .with("lifecycle", "attestation"),
        )
        .edit(|document| {
            document["execution"] = json!({"command": "{workenv}/bin/hello", "env": {}});
            document["workenv"] = json!({
                "directories": [
                    {"path": "{workenv}/tmp", "mode": "0700"},
                    {"path": "{workenv}/var/log", "mode": "0755"},
                    {"path": "{workenv}/home", "mode": "0700"},
                ],
                "env": {"TMPDIR": "{workenv}/tmp", "HOME": "{workenv}/home"},
            });
            document["runtime"] = json!({"env": {"unset": ["PYTHONPATH", "UV_*"]}});
            document["setup_commands"] = json!([
                {"type": "enumerate_and_execute", "command": "{workenv}/bin/uv install",
                    "enumerate": {"path": "{workenv}/wheels", "pattern": "*.whl"}},
                {"type": "chmod", "path": "{workenv}/bin/*", "mode": "700"},
                {"type": "write_file", "path": "{workenv}/metadata/installed",
                    "content": "{package_name}-{version}"},
            ]);
            document["cache_validation"] =
                json!({"check_file": "{workenv}/metadata/installed", "expected_content": "{package_name}-{version}"});
            document["verification"] = json!({"integrity_seal": {"required": true, "algorithm": "ed25519"}});
            document["launcher"] = json!({"tool": "launcher", "checksum": "sha256:sha256:00"});
        })
}
