//! Packages of other builders: each freedom that they take and a reader grants, and what it refuses all the same.
//! They are made here after the original's layouts; packages that it really made are the interop suite's.

use flate2::GzBuilder;
use pspf::layout::{DESCRIPTOR_SIZE, END_MARKER, INDEX_SIZE, START_MARKER, index};
use pspf::{ErrorCode, slot};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::metadata::deflated;
use crate::alter::{altered, broken, index_base, index_number, with_field};
use crate::draft::{checksum, key};
use crate::encoded::{self, TEXT};
use crate::table::{Table, bytes, open};
use crate::tar;

/// A package without an `x-flavor` block.
pub(crate) struct Foreign {
    launcher: usize,
    /// Bytes between launcher and metadata.
    hole: usize,
    /// Slots begin at multiples of this.
    page: usize,
    /// What stands in gaps.
    gap: u8,
    document: Value,
    /// How the metadata is stored.
    stored: fn(&[u8]) -> Vec<u8>,
    /// Packed chain of every slot.
    operations: u64,
    slots: Vec<Vec<u8>>,
    /// What stands in fields that no reader looks at.
    noise: u8,
}

impl Foreign {
    /// One raw slot, slots back to back, deflated metadata: what the original's Python builder makes.
    pub(crate) fn new() -> Self {
        Self {
            launcher: 100,
            hole: 0,
            page: 1,
            gap: 0,
            document: document(TEXT, "raw"),
            stored: |json| deflated(json, GzBuilder::new()),
            operations: 0,
            slots: vec![TEXT.to_vec()],
            noise: 0,
        }
    }

    /// The same with another packed chain in the slot table.
    pub(crate) fn with_operations(operations: u64) -> Self {
        Self { operations, ..Self::new() }
    }

    fn holding(stored: Vec<u8>, text: &str, operations: u64) -> Self {
        Self { document: document(&stored, text), operations, slots: vec![stored], ..Self::new() }
    }

    fn with(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.document);
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        // Pretty-printed as the original does it; only the bytes are signed.
        self.bytes_of(&serde_json::to_vec_pretty(&self.document).expect("JSON"))
    }

    fn bytes_of(&self, json: &[u8]) -> Vec<u8> {
        let key = key("flavorpack-native vectors: foreign");
        let stored = (self.stored)(json);
        let mut file = b"\x7fELF".to_vec();
        file.resize(self.launcher, b'#');
        file.resize(self.launcher + self.hole, self.gap);
        let metadata_offset = file.len();
        file.extend_from_slice(&stored);
        file.resize(file.len().next_multiple_of(8), self.gap);
        let table_offset = file.len();
        let mut offset = table_offset + self.slots.len() * DESCRIPTOR_SIZE;
        for (position, bytes) in self.slots.iter().enumerate() {
            offset = offset.next_multiple_of(self.page);
            file.extend_from_slice(&self.descriptor(position, bytes, offset));
            offset += bytes.len();
        }
        for bytes in &self.slots {
            file.resize(file.len().next_multiple_of(self.page), self.gap);
            file.extend_from_slice(bytes);
        }
        let mut block = [0; INDEX_SIZE];
        block[60..64].fill(self.noise);
        block[640..].fill(self.noise);
        for (field, bytes) in [
            (index::FORMAT_VERSION, &pspf::layout::FORMAT_VERSION.to_le_bytes()[..]),
            (index::LAUNCHER_SIZE, &(self.launcher as u64).to_le_bytes()),
            (index::METADATA_OFFSET, &(metadata_offset as u64).to_le_bytes()),
            (index::METADATA_SIZE, &(stored.len() as u64).to_le_bytes()),
            (index::SLOT_TABLE_OFFSET, &(table_offset as u64).to_le_bytes()),
            (index::SLOT_TABLE_SIZE, &((self.slots.len() * DESCRIPTOR_SIZE) as u64).to_le_bytes()),
            (index::SLOT_COUNT, &u32::try_from(self.slots.len()).expect("few").to_le_bytes()),
            (index::PUBLIC_KEY, &key.public_key()),
            (index::SIGNATURE, &key.sign(json)),
        ] {
            block[field..field + bytes.len()].copy_from_slice(bytes);
        }
        file.extend_from_slice(&START_MARKER);
        file.extend_from_slice(&block);
        file.extend_from_slice(&END_MARKER);
        altered(&file, |_| ())
    }

    fn descriptor(&self, position: usize, bytes: &[u8], offset: usize) -> [u8; DESCRIPTOR_SIZE] {
        let mut descriptor = pspf::SlotDescriptor {
            id: position as u64,
            name_hash: slot::name_hash("text"),
            offset: offset as u64,
            size: bytes.len() as u64,
            original_size: bytes.len() as u64,
            operations: self.operations,
            checksum: slot::short_digest(&Sha256::digest(bytes).into()),
            purpose: 0,
            lifecycle: 2,
            permissions: 0o755,
        }
        .encode();
        if self.noise != 0 {
            descriptor[..16].fill(self.noise);
            descriptor[56..].fill(self.noise);
        }
        descriptor
    }
}

fn document(stored: &[u8], operations: &str) -> Value {
    json!({
        "format": "PSPF/2025", "format_version": "1.0.0",
        "package": {"name": "Hello_World", "version": "1.0", "description": "by another builder"},
        "slots": [{"slot": 0, "id": "text", "source": "/build/text", "target": "{workenv}/text", "size": 4096,
            "checksum": checksum(stored), "operations": operations, "purpose": "data", "lifecycle": "runtime",
            "permissions": "0755"}],
        "execution": {"primary_slot": 0, "command": "{workenv}/text", "env": {"A": "b"}},
        "verification": {"integrity_seal": {"required": true, "algorithm": "ed25519"}, "signed": true,
            "require_verification": true},
    })
}

pub(crate) fn add(table: &mut Table) {
    table.group("foreign");
    table.good(
        "back-to-back",
        Foreign::new().bytes(),
        "deflated metadata, slots without alignment, a name that is not folded, a size before processing",
    );
    table.good(
        "hole",
        Foreign { hole: 8192, page: 8, ..Foreign::new() }.bytes(),
        "8192 zero bytes between launcher and metadata",
    );
    table.good("page-4096", Foreign { page: 4096, ..Foreign::new() }.bytes(), "slots at page boundaries");
    table.good(
        "gaps-not-zero",
        Foreign { hole: 16, page: 64, gap: 0xaa, ..Foreign::new() }.bytes(),
        "gaps of any content",
    );
    table.good(
        "fields-of-any-value",
        Foreign { noise: 0x5a, ..Foreign::new() }.bytes(),
        "index fields and descriptor fields that nobody looks at",
    );
    table.good(
        "stored-metadata",
        Foreign { stored: pspf::stored_gzip::render, ..Foreign::new() }.bytes(),
        "metadata in stored blocks",
    );
    let named =
        |json: &[u8]| deflated(json, GzBuilder::new().filename("psp.json").mtime(1).operating_system(3));
    table.good(
        "gzip-name-and-time",
        Foreign { stored: named, ..Foreign::new() }.bytes(),
        "a name and a time in the gzip header",
    );
    documents(table);
    slots(table);
    refused(table);
    tables(table);
}

/// What the document may say or leave out.
fn documents(table: &mut Table) {
    let go = Foreign { page: 8, ..Foreign::new() }.with(|json| {
        json["format_version"] = json!("");
        json["execution"] =
            json!({"primary_slot": 0, "command": "{workenv}/text", "environment": {"A": "b"}});
        json["verification"]["integrity_seal"]["algorithm"] = json!("ecdsa-p256");
        json["verification"]["signed"] = json!(false);
    });
    table.good(
        "go-builder",
        go.bytes(),
        "an empty format_version, `environment` instead of `env`, a seal that says ecdsa",
    );
    let nulls = Foreign::new().with(|json| {
        json["slots"][0]["permissions"] = Value::Null;
        json["execution"]["environment"] = Value::Null;
        for key in [
            "runtime",
            "workenv",
            "build",
            "launcher",
            "verification",
            "compatibility",
            "cache_validation",
            "policy",
        ] {
            json[key] = Value::Null;
        }
    });
    table.good("nulls", nulls.bytes(), "null permissions, environment and optional objects");
    let least = Foreign::new().with(|json| {
        *json = json!({"format": "PSPF/2025", "package": {"name": "x", "version": "1"},
            "slots": [{"slot": 0, "id": "text", "checksum": checksum(TEXT)}], "execution": {"command": "x"}});
    });
    table.good(
        "least-keys",
        least.bytes(),
        "no format_version, no primary_slot, no env, a slot of three keys",
    );
    let more = Foreign::new().with(|json| {
        json["slots"][0]["resolution"] = json!("build");
        json["setup_commands"] = json!([{"type": "execute", "command": "true"}]);
        json["cache_validation"] = json!({"check_file": "a", "expected_content": "b"});
        json["workenv"] = json!({"directories": [{"path": "tmp", "mode": "0700"}], "env": {"A": "b"}});
        json["runtime"] =
            json!({"env": {"unset": ["A"], "pass": ["B*"], "map": {"C": "D"}, "set": {"E": "F"}}});
        json["extensions"] = json!({"x-other": {"anything": null}});
        json["launcher"] = json!({"checksum": "sha256:sha256:00"});
    });
    table.good("all-keys", more.bytes(), "set-up commands, work environment, runtime, another extension");
    let none = Foreign { slots: Vec::new(), ..Foreign::new() }.with(|json| json["slots"] = json!([]));
    table.good("no-slots", none.bytes(), "no slots, and a table offset all the same");
}

/// What slots may hold.
fn slots(table: &mut Table) {
    let attestation = Foreign { slots: vec![TEXT.to_vec(), b"{}".to_vec()], ..Foreign::new() }.with(|json| {
        json["slots"].as_array_mut().expect("slots").push(json!({"slot": 1, "id": "_attestation"}));
    });
    table.good(
        "attestation-without-digest",
        attestation.bytes(),
        "the slot `_attestation` of 0.5.4 may lack a digest: nothing of it is executed",
    );
    let own = Foreign { slots: vec![Vec::new()], ..Foreign::new() }.with(|json| {
        json["slots"][0] = json!({"slot": 0, "id": "self", "self_ref": true, "size": 0, "checksum": checksum(b""), "operations": ""});
    });
    let own = broken(&own.bytes(), |bytes| {
        let at = index_number(bytes, index::SLOT_TABLE_OFFSET) + 16;
        bytes[at..at + 8].fill(0);
    });
    table.good("self-at-zero", own, "a $SELF slot: no bytes, at byte 0");
    let archive = [tar::file("./a", b"1"), tar::END.to_vec(), vec![0; 8192]].concat();
    table.good(
        "tar-padded",
        Foreign::holding(archive, "tar", 0x01).bytes(),
        "a tar stream padded to records of 20 blocks, `./` in front of a name",
    );
    let gzip = encoded::bytes(encoded::GZIP);
    table.good(
        "gzip-slot",
        Foreign::holding([gzip.clone(), gzip].concat(), "gzip", 0x10).bytes(),
        "two gzip members in a slot",
    );
}

fn refused(table: &mut Table) {
    let base = Foreign::new();
    let file = base.bytes();
    let refusal = open("signature", ErrorCode::PspfSignature);
    let at = index_base(&file);
    table.altered(
        "signature",
        "foreign-back-to-back",
        with_field(&file, index::SIGNATURE, &[0; 64]),
        refusal,
        "no signature",
    );
    let refusal = open("metadata", ErrorCode::PspfMetadataChecksum);
    let checksum = broken(&file, |bytes| bytes[110] ^= 1);
    table.altered(
        "metadata-changed",
        "foreign-back-to-back",
        checksum,
        refusal,
        "a byte of the stored metadata",
    );
    let refusal = open("index", ErrorCode::PspfIndexChecksum);
    let adler = broken(&file, |bytes| bytes[at + index::CHECKSUM..][..4].fill(0));
    table.altered(
        "index-checksum-zero",
        "foreign-back-to-back",
        adler,
        refusal,
        "a stored 0 is no exemption here either",
    );
    let refusal = open("json", ErrorCode::PspfMetadataJson);
    for (name, from, to, note) in [
        ("json-key-twice", "{", "{\"format\":\"PSPF/2025\",", "a key twice"),
        ("json-other-case", "\"execution\"", "\"Execution\"", "a key in another case"),
        ("json-fraction", "4096", "4096.0", "a size with a fraction"),
        (
            "json-null-setup",
            "\"format\":",
            "\"setup_commands\":null,\"format\":",
            "null for the set-up commands",
        ),
    ] {
        let text = serde_json::to_string(&base.document).expect("JSON").replacen(from, to, 1);
        table.bad(name, base.bytes_of(text.as_bytes()), refusal, note);
    }
    let refusal = open("json", ErrorCode::PspfMetadataModel);
    let other = Foreign::new().with(|json| json["format"] = json!("PSPF/2026"));
    table.bad("model-format", other.bytes(), refusal, "another format");
    let other =
        Foreign::new().with(|json| drop(json.as_object_mut().expect("an object").remove("execution")));
    table.bad("model-execution", other.bytes(), refusal, "nothing to execute");
    let refusal = open("json", ErrorCode::PspfLimit);
    let many =
        Foreign::new().with(|json| json["slots"] = (0..4097).map(|_| json!({"slot": 0, "id": ""})).collect());
    table.bad("slots-4097", many.bytes(), refusal, "4097 slots in the metadata");
    let refusal = bytes("slot 0", ErrorCode::PspfSlotDigest);
    let wrong = Foreign::new().with(|json| json["slots"][0]["checksum"] = json!(checksum_of_nothing()));
    table.bad("slot-digest", wrong.bytes(), refusal, "another digest of the slot");
    let changed = altered(&file, |bytes| {
        let slot = index_number(bytes, index::SLOT_TABLE_OFFSET) + DESCRIPTOR_SIZE;
        bytes[slot] ^= 1;
    });
    table.altered("slot-changed", "foreign-back-to-back", changed, refusal, "a byte of the slot");
    let refusal = bytes("slot 0", ErrorCode::PspfForeign);
    for (name, value) in [("none", ""), ("short", "sha256:0011223344556677"), ("other", "adler32:00000001")] {
        let wrong = Foreign::new().with(|json| json["slots"][0]["checksum"] = json!(value));
        table.bad(
            &format!("slot-digest-{name}"),
            wrong.bytes(),
            refusal,
            "no full SHA-256: nothing says that the slot is the one that was meant",
        );
    }
}

fn checksum_of_nothing() -> String {
    checksum(b"")
}

fn tables(table: &mut Table) {
    let file = Foreign::new().bytes();
    let at = index_number(&file, index::SLOT_TABLE_OFFSET);
    let refusal = open("slot-table", ErrorCode::PspfRegion);
    let with = |field: usize, value: u64| {
        broken(&file, |bytes| bytes[at + field..][..8].copy_from_slice(&value.to_le_bytes()))
    };
    let length = file.len() as u64;
    for (name, field, value, note) in [
        ("slot-offset-beyond", 16, length, "a slot behind the file"),
        ("slot-offset-in-trailer", 16, length - 8200, "a slot that reaches into the trailer"),
        ("slot-offset-largest", 16, u64::MAX, "a sum that overflows"),
        ("slot-size-beyond", 24, length, "a slot that reaches beyond the file"),
        ("slot-in-launcher", 16, 0, "a slot that lies in the launcher"),
        ("slot-in-table", 16, at as u64 + 63, "a slot that begins in the slot table"),
        ("slot-size-largest", 24, u64::MAX, "a size from which nothing may be allocated"),
    ] {
        table.altered(name, "foreign-back-to-back", with(field, value), refusal, note);
    }
    let two = Foreign { slots: vec![TEXT.to_vec(), TEXT.to_vec()], ..Foreign::new() }.with(second_slot);
    table.good("two-slots", two.bytes(), "two slots, back to back");
    let shared = broken(&two.bytes(), |bytes| {
        let at = index_number(bytes, index::SLOT_TABLE_OFFSET) + 16;
        bytes.copy_within(at..at + 8, at + DESCRIPTOR_SIZE);
    });
    table.altered(
        "slots-share-bytes",
        "foreign-two-slots",
        shared,
        refusal,
        "two slots of the same bytes of the file",
    );
    let refusal = open("slot-table", ErrorCode::PspfIndex);
    let more = Foreign::new().with(second_slot);
    table.bad("slots-without-table", more.bytes(), refusal, "two slots in the metadata, one in the table");
}

/// A second entry like the first.
fn second_slot(json: &mut Value) {
    let slot = json["slots"][0].clone();
    json["slots"].as_array_mut().expect("slots").push(slot);
}
