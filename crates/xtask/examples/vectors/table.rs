//! What a vector is: bytes, and what every reader says about them.

use pspf::ErrorCode;

use crate::alter::{Edit, difference};
use crate::sets::BASE;

/// Edits that take more characters than this give way to a file.
const LONGEST_EDITS: usize = 2400;

fn cost(edits: &[Edit]) -> usize {
    edits.iter().map(|edit| 40 + 2 * edit.insert.len()).sum()
}

/// How far a reader gets before it refuses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// While opening, before a byte of launcher or slots is read.
    Open,
    /// When the digests of launcher and slots are compared.
    Bytes,
    /// When a slot is decoded.
    Content,
    /// When the finished member list of a slot is judged.
    Tree,
}

impl Layer {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Bytes => "bytes",
            Self::Content => "content",
            Self::Tree => "tree",
        }
    }
}

/// What a reader says.
#[derive(Clone)]
pub(crate) enum Outcome {
    /// Everything holds, down to the members of every slot.
    Good,
    /// The refusal of verification.
    Refused { code: ErrorCode, layer: Layer, step: String },
}

/// Where the bytes are.
#[derive(Clone)]
pub(crate) enum Body {
    /// In a file of their own.
    File(Vec<u8>),
    /// Edits of another vector's file.
    Edits { base: String, edits: Vec<Edit>, bytes: Vec<u8> },
}

/// One vector.
#[derive(Clone)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
    pub(crate) body: Body,
    pub(crate) note: String,
    /// A launcher's code where unpacking says it in the words of the store.
    pub(crate) unpack: Option<ErrorCode>,
    /// The same where composing the work environment says it.
    pub(crate) compose: Option<ErrorCode>,
}

/// All vectors, in the order of the format.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) vectors: Vec<Vector>,
    group: &'static str,
}

impl Table {
    /// Names of the vectors that follow begin with `group`.
    pub(crate) fn group(&mut self, group: &'static str) {
        self.group = group;
    }

    /// A package that every reader accepts.
    pub(crate) fn good(&mut self, name: &str, bytes: Vec<u8>, note: &str) {
        self.push(name, Outcome::Good, Body::File(bytes), note);
    }

    /// A package that every reader refuses. It is stored as edits of the usual package where they are short.
    pub(crate) fn bad(&mut self, name: &str, bytes: Vec<u8>, refusal: Refusal<'_>, note: &str) {
        let body = match self.edits(BASE, bytes) {
            Body::Edits { edits, bytes, .. } if cost(&edits) > LONGEST_EDITS => Body::File(bytes),
            body => body,
        };
        self.push(name, refusal.outcome(), body, note);
    }

    /// The same as edits of the file of the vector `base`.
    pub(crate) fn altered(
        &mut self,
        name: &str,
        base: &str,
        bytes: Vec<u8>,
        refusal: Refusal<'_>,
        note: &str,
    ) {
        let body = self.edits(base, bytes);
        self.push(name, refusal.outcome(), body, note);
    }

    /// A launcher says it with a code of the store.
    pub(crate) fn unpack(&mut self, code: ErrorCode) {
        if let Some(last) = self.vectors.last_mut() {
            last.unpack = Some(code);
        }
    }

    /// A launcher says it with a code of the store while it composes the work environment.
    pub(crate) fn compose(&mut self, code: ErrorCode) {
        if let Some(last) = self.vectors.last_mut() {
            last.compose = Some(code);
        }
    }

    fn edits(&self, base: &str, bytes: Vec<u8>) -> Body {
        let original = self.vectors.iter().find(|vector| vector.name == base).expect("a vector made before");
        let Body::File(original) = &original.body else { panic!("{base} is no file") };
        assert!(*original != bytes, "edits of {base} that change nothing");
        Body::Edits { base: base.to_owned(), edits: difference(original, &bytes), bytes }
    }

    fn push(&mut self, name: &str, outcome: Outcome, body: Body, note: &str) {
        let name = format!("{}-{name}", self.group);
        assert!(
            name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')),
            "{name}: a name is made of a-z, 0-9 and `-`"
        );
        assert!(self.vectors.iter().all(|vector| vector.name != name), "{name} stands twice");
        let (unpack, compose) = (None, None);
        self.vectors.push(Vector { name, outcome, body, note: note.to_owned(), unpack, compose });
    }
}

/// Code, layer and step of a refusal.
#[derive(Clone, Copy)]
pub(crate) struct Refusal<'a> {
    code: ErrorCode,
    layer: Layer,
    step: &'a str,
}

impl Refusal<'_> {
    fn outcome(self) -> Outcome {
        Outcome::Refused { code: self.code, layer: self.layer, step: self.step.to_owned() }
    }
}

/// A refusal while opening, at the named step.
pub(crate) const fn open(step: &str, code: ErrorCode) -> Refusal<'_> {
    Refusal { code, layer: Layer::Open, step }
}

/// A refusal when digests are compared.
pub(crate) const fn bytes(step: &str, code: ErrorCode) -> Refusal<'_> {
    Refusal { code, layer: Layer::Bytes, step }
}

/// A refusal when the first slot is decoded.
pub(crate) const fn content(code: ErrorCode) -> Refusal<'static> {
    Refusal { code, layer: Layer::Content, step: "slot 0" }
}

/// A refusal of the first slot's member list.
pub(crate) const fn tree() -> Refusal<'static> {
    Refusal { code: ErrorCode::PspfMemberName, layer: Layer::Tree, step: "slot 0" }
}

/// A refusal of what the member lists of all slots make of the work environment.
pub(crate) const fn environment(code: ErrorCode) -> Refusal<'static> {
    Refusal { code, layer: Layer::Tree, step: "workenv" }
}
