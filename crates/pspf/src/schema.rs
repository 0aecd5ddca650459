//! The keys of a document that have a meaning, as a tree; the tree of the metadata stands here. The strict JSON pass
//! walks it to find keys that differ from a known one only in case, nulls where none may stand, and unknown keys where
//! none are allowed. Types are checked afterwards by the typed model (`metadata`).

/// What may stand at a place of the document.
#[derive(Debug)]
pub enum Node {
    /// An object with keys that have a meaning.
    Object {
        /// The keys, each with what may stand below it.
        keys: &'static [Key],
        /// Whether any other key is refused.
        closed: bool,
        /// Whether an array in its place is left to those who act upon it.
        later: bool,
    },
    /// An object whose keys are names chosen by the package's author.
    Map(&'static Node),
    /// An array of like elements.
    Array(&'static Node),
    /// Anything; keys below it have no meaning to us.
    Any,
}

/// One key with a meaning.
#[derive(Debug)]
pub struct Key {
    pub(crate) name: &'static str,
    pub(crate) node: &'static Node,
    pub(crate) nullable: bool,
}

/// A key below which null may not stand.
pub const fn key(name: &'static str, node: &'static Node) -> Key {
    Key { name, node, nullable: false }
}

const fn nullable(name: &'static str, node: &'static Node) -> Key {
    Key { name, node, nullable: true }
}

const fn open(keys: &'static [Key]) -> Node {
    Node::Object { keys, closed: false, later: false }
}

/// An object whose type only those judge who start packages of other builders.
const fn judged_later(keys: &'static [Key]) -> Node {
    Node::Object { keys, closed: false, later: true }
}

/// An object that refuses every other key.
pub const fn closed(keys: &'static [Key]) -> Node {
    Node::Object { keys, closed: true, later: false }
}

/// Anything.
pub const ANY: &Node = &Node::Any;
const NAMES: &Node = &Node::Map(ANY);
/// An array in which null may not stand.
const TEXTS: &Node = &Node::Array(ANY);

/// The whole document.
pub(crate) static METADATA: Node = open(&[
    key("format", ANY),
    key("format_version", ANY),
    key("package", &open(&[key("name", ANY), key("version", ANY), nullable("description", ANY)])),
    key("slots", &Node::Array(&SLOT)),
    key("execution", &EXECUTION),
    nullable("runtime", &open(&[nullable("env", &RUNTIME_ENVIRONMENT)])),
    nullable("workenv", &open(&[nullable("directories", &Node::Array(&DIRECTORY)), nullable("env", NAMES)])),
    nullable("cache_validation", &open(&[key("check_file", ANY), key("expected_content", ANY)])),
    key("setup_commands", &Node::Array(&SETUP_COMMAND)),
    nullable("verification", &Node::Any),
    nullable("build", &Node::Any),
    nullable("launcher", &Node::Any),
    nullable("compatibility", &Node::Any),
    nullable("policy", &Node::Any),
    key("extensions", &open(&[key("x-flavor", &FLAVOR)])),
]);

static DIRECTORY: Node = judged_later(&[key("path", ANY), nullable("mode", ANY)]);

/// An element may also be a plain string.
static SETUP_COMMAND: Node = judged_later(&[
    key("type", ANY),
    nullable("command", ANY),
    nullable("path", ANY),
    nullable("content", ANY),
    nullable("mode", ANY),
    nullable("pattern", ANY),
    nullable("enumerate", &judged_later(&[key("path", ANY), nullable("pattern", ANY)])),
]);

static SLOT: Node = open(&[
    key("slot", ANY),
    key("id", ANY),
    key("source", ANY),
    key("target", ANY),
    key("size", ANY),
    key("checksum", ANY),
    key("operations", ANY),
    key("purpose", ANY),
    key("lifecycle", ANY),
    nullable("platform", ANY),
    nullable("permissions", ANY),
    key("resolution", ANY),
    key("self_ref", ANY),
]);

static EXECUTION: Node =
    open(&[key("primary_slot", ANY), key("command", ANY), key("env", NAMES), nullable("environment", NAMES)]);

static RUNTIME_ENVIRONMENT: Node = open(&[
    nullable("unset", TEXTS),
    nullable("pass", TEXTS),
    nullable("map", NAMES),
    nullable("set", NAMES),
]);

static FLAVOR: Node = closed(&[
    key("schema", ANY),
    key("target", &closed(&[key("os", ANY), key("arch", ANY), key("libc", ANY), key("floor", NAMES)])),
    key("launcher", &closed(&[key("kind", ANY), key("version", ANY), key("size", ANY), key("sha256", ANY)])),
    key("alignment", ANY),
    key("slots", &Node::Array(&FLAVOR_SLOT)),
    key("workenv", &FLAVOR_WORKENV),
    key("commands", &Node::Map(&closed(&[key("argv", TEXTS), key("env", NAMES), key("cwd", ANY)]))),
    key("default", ANY),
    key("signer", &closed(&[key("key", ANY), key("claims", ANY), key("serial", ANY)])),
]);

static FLAVOR_SLOT: Node = closed(&[
    key("role", ANY),
    key("share", ANY),
    key("unpacked", &closed(&[key("bytes", ANY), key("members", ANY)])),
    key("frames", &Node::Array(&closed(&[key("stored", ANY), key("content", ANY), key("sha256", ANY)]))),
]);

static FLAVOR_WORKENV: Node = closed(&[
    key("unpack", &Node::Array(&closed(&[key("slot", ANY), key("into", ANY)]))),
    key(
        "links",
        &Node::Array(&closed(&[key("path", ANY), key("slot", ANY), key("to", ANY), key("kind", ANY)])),
    ),
    key("files", &Node::Array(&closed(&[key("path", ANY), key("content", ANY), key("mode", ANY)]))),
    key("path", TEXTS),
]);

impl Node {
    /// What stands below `name`, and whether it may be null. Unknown keys of open objects lead to `Any`.
    pub(crate) fn child(&self, name: &str) -> Child {
        match self {
            Self::Object { keys, closed, .. } => match keys.iter().find(|key| key.name == name) {
                Some(key) => Child::Known { node: key.node, nullable: key.nullable },
                None => match keys.iter().find(|key| folds_to(name, key.name)) {
                    Some(key) => Child::CaseVariant(key.name),
                    None if *closed => Child::Refused,
                    None => Child::Known { node: ANY, nullable: true },
                },
            },
            Self::Map(node) => Child::Known { node, nullable: false },
            Self::Array(_) | Self::Any => Child::Known { node: ANY, nullable: true },
        }
    }

    /// What each element of an array is.
    pub(crate) fn element(&self) -> &'static Node {
        match self {
            Self::Array(node) => node,
            _ => ANY,
        }
    }
}

/// What a key turned out to be.
pub(crate) enum Child {
    Known { node: &'static Node, nullable: bool },
    CaseVariant(&'static str),
    Refused,
}

/// Whether `name` equals the ASCII `known` once case is folded as the loosest of the common decoders does,
/// which also takes U+017F for `s` and U+212A for `k`.
fn folds_to(name: &str, known: &str) -> bool {
    let folded = name.chars().map(|character| match character {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    });
    folded.eq(known.chars().map(|character| character.to_ascii_lowercase()))
}
