//! Small staged trees, plans and launchers of filler for the tests of this crate.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use flavor_pack::assemble::{Assembled, Request, assemble};
use flavor_pack::keys::KeySource;
use flavor_pack::progress::Silent;
use pspf::operations::OperationChain;
use pspf::tar::{Decoder, Kind, Member, MemberSink};
use pspf::{Package, codec, frame};
use serde_json::{Value, json};

/// A temporary folder with three staged trees and a launcher that is no program.
pub(crate) struct Stage {
    pub(crate) root: tempfile::TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let stage = Self { root: tempfile::tempdir().expect("temporary folder") };
        fs::write(stage.path("launcher"), filler(333)).expect("launcher");
        stage.file("runtime/bin/python3.14", b"\x7fELF python", true);
        stage.file("runtime/lib/python3.14/os.py", &filler(9000), false);
        stage.link("runtime/bin/python", "python3.14");
        stage.file("dependencies/click/__init__.py", b"# click\n", false);
        stage.file("dependencies/click/core.py", &filler(21_000), false);
        stage.folder("dependencies/empty");
        stage.file("application/hello/__init__.py", b"def main(): ...\n", false);
        stage.file("application/hello/data.txt", b"", false);
        stage.folder("out");
        stage
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    pub(crate) fn folder(&self, relative: &str) {
        fs::create_dir_all(self.path(relative)).expect("folder");
    }

    pub(crate) fn file(&self, relative: &str, content: &[u8], executable: bool) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        fs::write(&path, content).expect("file");
        set_mode(&path, if executable { 0o755 } else { 0o644 });
    }

    pub(crate) fn link(&self, relative: &str, target: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        std::os::unix::fs::symlink(target, path).expect("link");
    }

    /// The plan over the three trees.
    pub(crate) fn plan(&self) -> Value {
        let slot = |number: u64, id: &str| {
            json!({"slot": number, "id": id, "source": self.path(id), "target": "{workenv}",
                   "operations": "tar.zst", "purpose": id, "lifecycle": "runtime", "permissions": "0755"})
        };
        json!({
            "format": "PSPF/2025",
            "package": {"name": "hello", "version": "1.0.0", "description": "says hello"},
            "execution": {"primary_slot": 2, "command": "{workenv}/bin/python -m hello", "env": {"A": "b"}},
            "runtime": {"env": {"unset": ["PYTHONPATH"], "set": {"LANG": "C.UTF-8"}}},
            "slots": [slot(0, "runtime"), slot(1, "dependencies"), slot(2, "application")],
            "extensions": {"x-flavor": {
                "schema": 1,
                "target": {"os": "linux", "arch": "amd64", "libc": "gnu"},
                "launcher": {"kind": "rust", "version": "0.1.0"},
                "slots": [{"role": "runtime", "share": true}, {"role": "dependencies", "share": true},
                          {"role": "application", "share": false}],
                "workenv": {
                    "unpack": [{"slot": 2, "into": "lib/python3.14/site-packages"}],
                    "links": [{"path": "bin/python", "slot": 0, "to": "bin/python3.14", "kind": "symlink"}],
                    "files": [{"path": "pyvenv.cfg", "content": "home = {slot:0}/bin\n", "mode": "0644"}],
                    "path": ["scripts"]
                },
                "commands": {"hello": {"argv": ["{workenv}/bin/python", "-m", "hello"]}},
                "default": "hello"
            }}
        })
    }

    pub(crate) fn request(&self, plan: &Value) -> Request {
        Request {
            manifest_json: plan.to_string(),
            base: self.root.path().to_path_buf(),
            workenv_base: None,
            output: self.path("out/hello.psp"),
            launcher: self.path("launcher"),
            launcher_sha256: None,
            level: 9,
            threads: None,
            key: KeySource::Seed("test123".to_owned().into()),
            source_date_epoch: None,
            alignment: None,
            build_cache: None,
        }
    }

    /// Assembles the plan and returns the file's bytes.
    pub(crate) fn assembled(&self) -> (Assembled, Vec<u8>) {
        let assembled = assemble(&self.request(&self.plan()), &Silent).expect("assemble");
        let bytes = fs::read(&assembled.path).expect("read the package");
        (assembled, bytes)
    }

    /// Names in the output folder.
    pub(crate) fn output_folder(&self) -> Vec<String> {
        let items = fs::read_dir(self.path("out")).expect("list");
        items.map(|item| item.expect("item").file_name().to_string_lossy().into_owned()).collect()
    }
}

/// Bytes that do not compress to nothing, the same every time.
pub(crate) fn filler(length: usize) -> Vec<u8> {
    let mut state = 0x2025_0001_u64;
    let step = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33).to_le_bytes()[0] & 0x7f
    };
    (0..length).map(|_| step(&mut state)).collect()
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode");
}

struct Collect(BTreeMap<String, (Kind, Vec<u8>)>, String);

impl MemberSink for Collect {
    type Error = pspf::Error;

    fn begin(&mut self, member: &Member) -> pspf::Result<()> {
        self.1.clone_from(&member.path);
        assert!(self.0.insert(member.path.clone(), (member.kind.clone(), Vec::new())).is_none());
        Ok(())
    }

    fn data(&mut self, piece: &[u8]) -> pspf::Result<()> {
        self.0.get_mut(&self.1).expect("begun").1.extend_from_slice(piece);
        Ok(())
    }

    fn end(&mut self) -> pspf::Result<()> {
        Ok(())
    }
}

/// Members of a `tar.zst` slot by path, with the content of files, read run by run as readers do.
pub(crate) fn unpack(bytes: &[u8], slot: usize) -> BTreeMap<String, (Kind, Vec<u8>)> {
    let package = Package::open(bytes.to_vec()).expect("open");
    let mut sink = Collect(BTreeMap::new(), String::new());
    let frames = package.frames(slot).to_vec();
    for run in frame::runs(&frames) {
        let mut decoder = Decoder::new();
        for number in run.clone() {
            let mut stored = Vec::new();
            package.read_frame(slot, number, &mut stored).expect("frame");
            frame::decode_into::<pspf::Error>(&stored, frames[number].content, |piece| {
                decoder.feed(piece, &mut sink)
            })
            .expect("decode");
            if number + 1 < run.end {
                decoder.end_frame(false).expect("a frame of a run");
            }
        }
        decoder.finish(run.end == frames.len()).expect("boundary");
    }
    sink.0
}

/// A manifest as the original's native builders take it, with one slot for each of `slots`.
pub(crate) fn native(slots: &[Value]) -> Value {
    json!({
        "package": {"name": "hello", "version": "1.0.0"},
        "execution": {"command": "/bin/sh {workenv}/hello.sh"},
        "slots": slots,
    })
}

/// Stored bytes of a slot.
pub(crate) fn stored(bytes: &[u8], slot: usize) -> Vec<u8> {
    let package = Package::open(bytes.to_vec()).expect("open");
    let descriptor = &package.descriptors()[slot];
    let start = usize::try_from(descriptor.offset).expect("offset");
    bytes[start..start + usize::try_from(descriptor.size).expect("size")].to_vec()
}

/// What a slot holds behind every encoding of its chain: a file, or a tar stream.
pub(crate) fn content(bytes: &[u8], slot: usize) -> Vec<u8> {
    use std::io::Read as _;
    let package = Package::open(bytes.to_vec()).expect("open");
    package.verify_slot(slot).expect("digests");
    let chain = OperationChain::unpack(package.descriptors()[slot].operations, 0).expect("chain");
    let stored = stored(bytes, slot);
    let mut content = Vec::new();
    codec::decoder(chain.operations(), Box::new(stored.as_slice()), codec::Limits::OURS)
        .expect("decoder")
        .read_to_end(&mut content)
        .expect("decode");
    content
}

/// Members of a slot of any chain that begins with tar.
pub(crate) fn members(bytes: &[u8], slot: usize) -> BTreeMap<String, (Kind, Vec<u8>)> {
    let mut sink = Collect(BTreeMap::new(), String::new());
    let mut decoder = Decoder::tolerant();
    decoder.feed(&content(bytes, slot), &mut sink).expect("tar");
    decoder.finish(true).expect("whole");
    sink.0
}

/// Puts a value into a document, at the place that a pointer names.
pub(crate) fn put(document: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').expect("pointer");
    match document.pointer_mut(parent).expect("parent") {
        Value::Array(items) => items[key.parse::<usize>().expect("position")] = value,
        other => other[key] = value,
    }
}
