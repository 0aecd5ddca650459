//! Documents that are JSON of the strict profile but not metadata: keys that are missing, of the wrong type, or that
//! contradict each other.

use pspf::ErrorCode;
use serde_json::{Value, json};

use crate::draft::{Draft, SlotDraft, usual_tree};
use crate::table::{Table, open};

pub(crate) fn add(table: &mut Table) {
    table.group("model");
    for key in [
        "/format",
        "/package",
        "/package/name",
        "/package/version",
        "/execution",
        "/execution/command",
        "/slots/0/id",
        "/slots/0/checksum",
    ] {
        case(
            table,
            &format!("without{}", key.replace('/', "-")),
            &Draft::new().without(key),
            "a key that is needed",
        );
    }
    for key in [
        "schema",
        "target",
        "target/os",
        "target/arch",
        "launcher",
        "launcher/kind",
        "launcher/version",
        "launcher/size",
        "launcher/sha256",
        "slots",
        "slots/0/role",
        "slots/0/share",
        "slots/0/unpacked",
        "slots/0/unpacked/bytes",
        "slots/0/unpacked/members",
        "slots/0/frames/0/stored",
        "slots/0/frames/0/content",
        "slots/0/frames/0/sha256",
        "default",
        "commands/hello/argv",
        "signer",
        "signer/key",
    ] {
        let draft = Draft::new().without(&format!("/extensions/x-flavor/{key}"));
        case(
            table,
            &format!("x-flavor-without-{}", key.replace('/', "-")),
            &draft,
            "a key of x-flavor that is needed",
        );
    }
    arrays(table);
    contradictions(table);
    wrong_values(table);
    wrong_flavor(table);
    limits(table);
}

/// One document of the wrong kind.
fn case(table: &mut Table, name: &str, draft: &Draft, note: &str) {
    let refusal = open("json", ErrorCode::PspfMetadataModel);
    table.bad(name, draft.bytes_around(&draft.text()), refusal, note);
}

/// Arrays in the place of objects: some decoders take their elements for the values of the keys, in order.
fn arrays(table: &mut Table) {
    let target = json!(["linux", "amd64"]);
    for (name, key, value) in [
        ("package", "/package", json!(["vector", "1.0"])),
        ("execution", "/execution", json!([0, "true"])),
        ("runtime", "/runtime", json!([])),
        ("extensions", "/extensions", json!([])),
        ("x-flavor", "/extensions/x-flavor", json!([1, target])),
        ("target", "/extensions/x-flavor/target", target.clone()),
        ("workenv", "/extensions/x-flavor/workenv", json!([[], [], [], []])),
        ("unpacked", "/extensions/x-flavor/slots/0/unpacked", json!([3, 1])),
        ("command", "/extensions/x-flavor/commands/hello", json!([["true"]])),
    ] {
        case(
            table,
            &format!("array-{name}"),
            &Draft::new().set(key, value),
            "an array in the place of an object",
        );
    }
}

/// Keys of the metadata with other values.
fn wrong_values(table: &mut Table) {
    let wrong: [(&str, &str, Value, &str); 19] = [
        ("format", "/format", json!("PSPF/2024"), "another format"),
        ("format-number", "/format", json!(2025), "a number for a string"),
        ("package-text", "/package", json!("vector"), "a string for an object"),
        ("slots-object", "/slots", json!({}), "an object for an array"),
        ("slot-size-text", "/slots/0/size", json!("1"), "a string for a number"),
        ("slot-size-negative", "/slots/0/size", json!(-1), "a negative size"),
        ("slot-number", "/slots/0/slot", json!(1), "a number that is not the position"),
        ("checksum-short", "/slots/0/checksum", json!("sha256:00"), "a short digest"),
        ("checksum-without-prefix", "/slots/0/checksum", json!("00".repeat(32)), "no `sha256:`"),
        (
            "checksum-capitals",
            "/slots/0/checksum",
            json!(format!("sha256:{}", "AB".repeat(32))),
            "capital digits",
        ),
        ("checksum-other", "/slots/0/checksum", json!(format!("md5:{}", "00".repeat(32))), "another digest"),
        ("name-capitals", "/package/name", json!("Vector"), "a name that is not folded"),
        ("name-underscore", "/package/name", json!("a_b"), "a name that is not folded"),
        ("name-path", "/package/name", json!("../x"), "a name that is a path"),
        ("name-empty", "/package/name", json!(""), "no name"),
        ("name-hyphen", "/package/name", json!("a-"), "a hyphen at the end"),
        ("name-long", "/package/name", json!("a".repeat(65)), "65 letters"),
        ("command-array", "/execution/command", json!(["a"]), "an array for a string"),
        ("env-number", "/execution/env", json!({"A": 1}), "a variable that is no string"),
    ];
    for (name, place, value, note) in wrong {
        case(table, name, &Draft::new().set(place, value), note);
    }
}

/// Keys of the block with other values.
fn wrong_flavor(table: &mut Table) {
    let wrong: [(&str, &str, Value, &str); 18] = [
        ("schema-2", "/schema", json!(2), "a schema of the future"),
        ("schema-text", "/schema", json!("1"), "a string for a number"),
        ("alignment-8", "/alignment", json!(8), "8 is what no `alignment` means"),
        ("alignment-zero", "/alignment", json!(0), "zero"),
        ("alignment-odd", "/alignment", json!(4097), "no power of two"),
        ("no-slots", "/slots", json!([]), "fewer slots than the package"),
        ("default-unknown", "/default", json!("other"), "a default that is no command"),
        ("default-empty", "/default", json!(""), "no default, although there are commands"),
        ("argv-empty", "/commands/hello/argv", json!([]), "a command of nothing"),
        ("argv-text", "/commands/hello/argv", json!("hello"), "a string for an array"),
        ("unpack-slot", "/workenv/unpack", json!([{"slot": 1, "into": "a"}]), "a slot that does not exist"),
        (
            "link-slot",
            "/workenv/links",
            json!([{"path": "a", "slot": 9, "to": "b", "kind": "copy"}]),
            "a slot that does not exist",
        ),
        (
            "link-kind",
            "/workenv/links",
            json!([{"path": "a", "slot": 0, "to": "b", "kind": "hard"}]),
            "a kind of link that does not exist",
        ),
        ("digest-short", "/launcher/sha256", json!("00"), "a short digest"),
        ("digest-capitals", "/signer/key", json!("AB".repeat(32)), "capital digits"),
        ("share-number", "/slots/0/share", json!(0), "a number for a truth value"),
        ("size-negative", "/launcher/size", json!(-1), "a negative size"),
        ("floor-number", "/target/floor", json!({"glibc": 2}), "a version that is no string"),
    ];
    for (name, place, value, note) in wrong {
        case(table, &format!("x-flavor-{name}"), &Draft::new().flavor(place, value), note);
    }
}

/// Values that are right alone.
fn contradictions(table: &mut Table) {
    case(
        table,
        "plain-with-default",
        &Draft::new().plain().flavor("/default", json!("hello")),
        "a default without commands",
    );
    let workenv = json!({"unpack": [], "links": [], "files": [], "path": ["bin"]});
    case(
        table,
        "plain-with-workenv",
        &Draft::new().plain().flavor("/workenv", workenv),
        "a work environment without commands",
    );
    case(table, "empty-object", &Draft { json: json!({}), ..Draft::new() }, "an empty object");
    let file = || Draft::slot(SlotDraft::file("text", "raw", b"text".to_vec(), 4));
    for (name, bytes, members, note) in [
        ("file-of-two-members", 4, 2, "a raw slot that unpacks to two members"),
        ("file-of-no-member", 4, 0, "a raw slot that unpacks to nothing"),
        ("file-of-other-length", 5, 1, "a raw slot that unpacks to more than it stores"),
    ] {
        case(
            table,
            name,
            &file().flavor("/slots/0/unpacked", json!({"bytes": bytes, "members": members})),
            note,
        );
    }
    case(
        table,
        "self-with-bytes",
        &file().set("/slots/0/self_ref", json!(true)),
        "a $SELF slot that stores something",
    );
    let two = Draft::of(&[usual_tree(), SlotDraft { id: "b".to_owned(), ..usual_tree() }]);
    case(
        table,
        "slots-exchanged",
        &two.set("/slots/0/slot", json!(1)).set("/slots/1/slot", json!(0)),
        "the entries call each other's numbers",
    );
}

/// Numbers beyond the limits of FORMAT.md §11, in the document.
fn limits(table: &mut Table) {
    table.group("limit");
    let refusal = open("json", ErrorCode::PspfLimit);
    let unpacked = |bytes: u64, members: u64| {
        let draft = Draft::new().flavor("/slots/0/unpacked", json!({"bytes": bytes, "members": members}));
        draft.bytes_around(&draft.text())
    };
    table.bad("content-64-gib", unpacked((64 << 30) + 1, 3), refusal, "unpacks to 64 GiB and one byte");
    table.bad("members-2-million", unpacked(21, 2_000_001), refusal, "two million members and one");
    let half = SlotDraft { bytes: (32 << 30) + 1, ..usual_tree() };
    let two = Draft::of(&[half.clone(), SlotDraft { id: "b".to_owned(), ..half }]);
    table.bad(
        "content-sum",
        two.bytes_around(&two.text()),
        refusal,
        "two slots that exceed 64 GiB only together",
    );
    let refusal = open("rendering", ErrorCode::PspfLimit);
    let largest = 9_007_199_254_740_991_u64;
    let launcher = Draft::new().flavor("/launcher/size", json!(largest));
    table.bad(
        "launcher-size-sum",
        launcher.bytes_around(&launcher.text()),
        refusal,
        "sizes that add up to more than 2^53 - 1",
    );
    let slot = Draft::new().set("/slots/0/size", json!(largest));
    table.bad(
        "slot-size-sum",
        slot.bytes_around(&slot.text()),
        refusal,
        "a slot whose end is beyond 2^53 - 1",
    );
    let frame = json!({"stored": 1, "content": largest, "sha256": "00".repeat(32)});
    let frames = Draft::new().flavor("/slots/0/frames", json!([frame, frame]));
    table.bad(
        "frame-content-sum",
        frames.bytes_around(&frames.text()),
        refusal,
        "content that adds up to more than 2^53 - 1",
    );
}
