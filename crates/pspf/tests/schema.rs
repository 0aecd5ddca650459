//! `x-flavor.schema.json` and the model say the same: which keys there are, which of them are needed, which types
//! they have. Mechanically, so that neither can change alone.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use pspf::Metadata;
use pspf::metadata::{
    Command, Digest, Flavor, FlavorSlot, Frame, GeneratedFile, Launcher, Link, LinkKind, Signer, Target,
    Unpack, Unpacked, Workenv,
};
use serde_json::{Value, json};

fn schema() -> Value {
    let text = include_str!("../x-flavor.schema.json");
    serde_json::from_str(text).expect("a schema")
}

/// Every key of the model, optional ones too. A new field does not compile until it stands here.
fn full() -> Value {
    let text = || "text".to_owned();
    let named = |value: &str| BTreeMap::from([("name".to_owned(), value.to_owned())]);
    let command = Command { argv: vec![text()], env: named("value"), cwd: Some(text()) };
    let flavor = Flavor {
        schema: 1,
        target: Target { os: text(), arch: text(), libc: Some(text()), floor: named("2.17") },
        launcher: Launcher { kind: text(), version: text(), size: 1, sha256: Digest([0; 32]) },
        alignment: Some(4096),
        slots: vec![FlavorSlot {
            role: text(),
            share: true,
            unpacked: Unpacked { bytes: 1, members: 1 },
            frames: vec![Frame { stored: 1, content: 1, sha256: Digest([0; 32]) }],
        }],
        workenv: Workenv {
            unpack: vec![Unpack { slot: 0, into: text() }],
            links: vec![Link { path: text(), slot: 0, to: text(), kind: LinkKind::Copy }],
            files: vec![GeneratedFile { path: text(), content: text(), mode: text() }],
            path: vec![text()],
        },
        commands: BTreeMap::from([("name".to_owned(), command)]),
        default: "name".to_owned(),
        signer: Signer { key: Digest([0; 32]), claims: Some(text()), serial: Some(1) },
    };
    serde_json::to_value(flavor).expect("JSON")
}

/// Walks schema and value together. `visit` gets the pointer of every object with the names and schemas of its keys.
fn walk(
    schema: &Value,
    root: &Value,
    value: &Value,
    pointer: &str,
    visit: &mut dyn FnMut(&str, &Value, &Value),
) {
    let schema = resolved(schema, root);
    match value {
        Value::Object(keys) => {
            visit(pointer, schema, value);
            for (name, inner) in keys {
                let below = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
                assert!(below.is_object(), "{pointer}/{name} is in the model and not in the schema");
                walk(below, root, inner, &format!("{pointer}/{name}"), visit);
            }
        }
        Value::Array(items) => {
            assert_eq!(schema["type"], "array", "{pointer}");
            for (position, item) in items.iter().enumerate() {
                walk(&schema["items"], root, item, &format!("{pointer}/{position}"), visit);
            }
        }
        scalar => assert!(fits(schema, scalar), "{pointer}: {scalar} does not fit {schema}"),
    }
}

fn resolved<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).expect(reference),
        None => schema,
    }
}

fn fits(schema: &Value, scalar: &Value) -> bool {
    if let Some(values) = schema["enum"].as_array() {
        return values.contains(scalar);
    }
    if let Some(value) = schema.get("const") {
        return value == scalar;
    }
    match schema["type"].as_str() {
        Some("string") => scalar.is_string(),
        Some("integer") => scalar.is_u64(),
        Some("boolean") => scalar.is_boolean(),
        _ => false,
    }
}

fn decodes(value: &Value) -> bool {
    serde_json::from_value::<Flavor>(value.clone()).is_ok()
}

#[test]
fn the_schema_and_the_model_have_the_same_keys() {
    let (root, full) = (schema(), full());
    let mut objects = 0;
    walk(&root, &root, &full, "", &mut |pointer, schema, value| {
        objects += 1;
        let Some(properties) = schema["properties"].as_object() else { return };
        assert_eq!(schema["additionalProperties"], json!(false), "{pointer}: other keys are refused");
        let stated: BTreeSet<&String> = properties.keys().collect();
        let modelled: BTreeSet<&String> = value.as_object().expect("an object").keys().collect();
        assert_eq!(stated, modelled, "{pointer}");
    });
    assert!(objects > 12, "{objects}");
}

#[test]
fn the_schema_and_the_model_need_the_same_keys() {
    let (root, full) = (schema(), full());
    assert!(decodes(&full));
    let mut tried = 0;
    walk(&root, &root, &full, "", &mut |pointer, schema, value| {
        if schema["properties"].is_null() {
            return;
        }
        let needed: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for name in value.as_object().expect("an object").keys() {
            let mut without = full.clone();
            let object = without.pointer_mut(pointer).expect(pointer);
            object.as_object_mut().expect("an object").remove(name);
            assert_eq!(decodes(&without), !needed.contains(&name.as_str()), "{pointer}/{name}");
            let mut wrong = full.clone();
            *wrong.pointer_mut(&format!("{pointer}/{name}")).expect(name) = json!(-1);
            assert!(!decodes(&wrong), "{pointer}/{name} may be a negative number");
            tried += 1;
        }
        let mut more = full.clone();
        let object = more.pointer_mut(pointer).expect(pointer);
        object.as_object_mut().expect("an object").insert("another".to_owned(), json!(1));
        assert!(!decodes(&more), "{pointer}: another key is accepted");
    });
    assert!(tried > 30, "{tried}");
}

#[test]
fn x_flavor_blocks_of_the_vectors_fit_the_schema() {
    let root = schema();
    let mut blocks = 0;
    for vector in support::vectors().iter().filter(|vector| vector.refusal.is_none()) {
        let package = pspf::Package::open(vector.bytes.as_slice()).expect(&vector.name);
        let document: Value = serde_json::from_slice(package.metadata_json()).expect("JSON");
        let Some(block) = document.pointer("/extensions/x-flavor") else { continue };
        walk(&root, &root, block, "", &mut |pointer, schema, value| {
            for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                assert!(value.get(name).is_some(), "{}: {pointer} lacks {name}", vector.name);
            }
        });
        blocks += 1;
    }
    assert!(blocks > 40, "{blocks}");
}

#[test]
fn the_strict_pass_knows_every_key_of_the_model() {
    let mut document: Value = serde_json::from_slice(
        pspf::Package::open(support::bytes_of("good-one-slot").as_slice()).expect("open").metadata_json(),
    )
    .expect("JSON");
    document["extensions"]["x-flavor"] = full();
    let json = document.to_string();
    pspf::strict_json::check(json.as_bytes()).expect("every key is known");
    serde_json::from_str::<Metadata>(&json).expect("and decodes");
}
