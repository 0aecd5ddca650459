//! `crates/pspf/plan.schema.json` and the types that read a plan say the same: whole plans are walked along the schema,
//! and at each of their objects serde is made to name the keys that it knows.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{COMPUTED, Plan, rules};

const SCHEMA: &str = include_str!("../../../pspf/plan.schema.json");

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("the schema is JSON")
}

/// Plans that together have every key.
fn plans() -> [Value; 2] {
    let plain = json!({
        "format": "PSPF/2025",
        "package": {"name": "hello", "version": "1", "description": "d"},
        "execution": {"command": "x", "primary_slot": 0, "env": {"A": "b"}, "environment": {"A": "b"}},
        "runtime": {"env": {"unset": ["A*"], "pass": ["B"], "map": {"C": "D"}, "set": {"E": "f"}}},
        "setup_commands": [
            {"type": "execute", "command": "x"},
            {"type": "enumerate_and_execute", "command": "x",
             "enumerate": {"path": "{workenv}/wheels", "pattern": "*.whl"}},
            {"type": "write_file", "path": "{workenv}/metadata/installed", "content": "1", "mode": "0600"},
            {"type": "chmod", "path": "{workenv}/bin/*", "mode": "0700"}
        ],
        "cache_validation": {"check_file": "{workenv}/metadata/installed", "expected_content": "1"},
        "workenv": {"directories": [{"path": "{workenv}/tmp", "mode": "0700"}], "env": {"TMPDIR": "x"}},
        "slots": [{"slot": 0, "id": "a", "source": "a", "target": "{workenv}", "operations": "tgz",
                   "purpose": "data", "lifecycle": "lazy", "permissions": "0755", "level": 19,
                   "resolution": "build"}]
    });
    let ours = json!({
        "package": {"name": "hello", "version": "1"},
        "execution": {"command": "x"},
        "slots": [
            {"id": "a", "source": "a", "target": "{workenv}"},
            {"id": "b", "source": "b", "target": "{workenv}"}
        ],
        "extensions": {"x-flavor": {
            "schema": 1,
            "target": {"os": "linux", "arch": "amd64", "libc": "gnu", "floor": {"glibc": "2.17"}},
            "launcher": {"kind": "rust", "version": "1"},
            "alignment": 4096,
            "slots": [{"role": "runtime", "share": true}, {"role": "application", "share": false}],
            "workenv": {
                "unpack": [{"slot": 1, "into": "lib"}],
                "links": [{"path": "bin/python", "slot": 0, "to": "bin/python3", "kind": "symlink"}],
                "files": [{"path": "pyvenv.cfg", "content": "", "mode": "0644"}],
                "path": ["scripts"]
            },
            "commands": {"hello": {"argv": ["{workenv}/bin/python"], "env": {"A": "b"}, "cwd": "{workenv}"}},
            "default": "hello"
        }}
    });
    [plain, ours]
}

/// Visits each object of a plan with the schema of that object.
fn walk<'a>(schema: &'a Value, plan: &Value, at: &str, visit: &mut impl FnMut(&'a Value, &str)) {
    let schema = match schema.get("oneOf").and_then(Value::as_array) {
        Some(choices) => choices
            .iter()
            .find(|choice| choice.pointer("/properties/type/const") == plan.get("type"))
            .unwrap_or(&choices[0]),
        None => schema,
    };
    match plan {
        Value::Object(fields) => {
            let properties = schema.get("properties");
            if properties.is_some() {
                assert_eq!(schema["additionalProperties"], false, "{at}");
                visit(schema, at);
            }
            for (key, value) in fields {
                let below =
                    properties.map_or_else(|| schema.get("additionalProperties"), |keys| keys.get(key));
                let below = below.unwrap_or_else(|| panic!("{at}/{key} is not in the schema"));
                walk(below, value, &format!("{at}/{key}"), visit);
            }
        }
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                walk(&schema["items"], item, &format!("{at}/{position}"), visit);
            }
        }
        _ => {}
    }
}

/// Keys of an object's schema that a plan is read with; what is ignored is taken out before.
fn effective(schema: &Value) -> BTreeSet<String> {
    let properties = schema["properties"].as_object().expect("properties");
    let effective = properties.iter().filter(|(_, node)| node.get("deprecated").is_none());
    effective.map(|(key, _)| key.clone()).collect()
}

/// The keys that serde names when it meets one that it does not know.
fn known_to_serde(plan: &Value, at: &str) -> BTreeSet<String> {
    let mut changed = plan.clone();
    let object = changed.pointer_mut(at).and_then(Value::as_object_mut).expect("an object");
    object.insert("zzz".to_owned(), Value::Null);
    let error = serde_json::from_value::<Plan>(changed).expect_err("an unknown key").to_string();
    let quoted = error.split('`').skip(1).step_by(2).filter(|name| *name != "zzz");
    assert!(error.starts_with("unknown field `zzz`"), "{at}: {error}");
    quoted.map(str::to_owned).collect()
}

#[test]
fn the_schema_and_the_types_know_the_same_keys() {
    let schema = schema();
    for plan in plans() {
        walk(&schema, &plan, "", &mut |schema, at| {
            let mut expected = effective(schema);
            // The tag of an enumeration is no field of its variants.
            if at.starts_with("/setup_commands/") && !at.ends_with("/enumerate") {
                assert!(expected.remove("type"));
            }
            assert_eq!(known_to_serde(&plan, at), expected, "at {at:?}");
        });
    }
}

#[test]
fn every_object_of_the_schema_is_walked_and_the_plans_that_do_it_are_accepted() {
    fn objects(node: &Value, found: &mut Vec<*const Value>) {
        if node.get("properties").is_some() {
            found.push(std::ptr::from_ref(node));
        }
        match node {
            Value::Object(fields) => fields.values().for_each(|below| objects(below, found)),
            Value::Array(items) => items.iter().for_each(|below| objects(below, found)),
            _ => {}
        }
    }
    let schema = schema();
    let mut all = Vec::new();
    objects(&schema, &mut all);
    let (mut walked, mut keys) = (BTreeSet::new(), 0);
    for plan in plans() {
        Plan::parse(&plan.to_string()).expect("the plan is accepted");
        walk(&schema, &plan, "", &mut |node, _| {
            walked.insert(std::ptr::from_ref(node));
            keys += effective(node).len();
        });
    }
    assert_eq!(walked.len(), all.len());
    assert!(keys > 60, "{keys}");
}

#[test]
fn every_key_that_the_schema_needs_is_needed_and_every_other_one_is_not() {
    let schema = schema();
    for plan in plans() {
        walk(&schema, &plan, "", &mut |node, at| {
            for key in effective(node) {
                let mut changed = plan.clone();
                let object = changed.pointer_mut(at).and_then(Value::as_object_mut).expect("an object");
                if object.remove(&key).is_none() {
                    continue;
                }
                let needed = node["required"].as_array().is_some_and(|keys| keys.contains(&json!(key)));
                // Composition needs `default` with commands, and the tag of a command may be left out.
                let parsed = serde_json::from_value::<Plan>(spelled_out(changed));
                assert_eq!(parsed.is_err(), needed, "{at}/{key}: {parsed:?}");
            }
        });
    }
}

fn spelled_out(mut plan: Value) -> Value {
    super::native::spell_out_commands(&mut plan);
    plan
}

#[test]
fn words_of_the_schema_are_the_words_of_the_rules_and_no_fact_is_in_it() {
    let schema = schema();
    let words = |pointer: &str| -> BTreeSet<String> {
        let list = schema.pointer(pointer).and_then(Value::as_array).expect(pointer);
        list.iter().map(|word| word.as_str().expect("word").to_owned()).collect()
    };
    let own = |lists: &[&[&str]]| -> BTreeSet<String> {
        lists.iter().flat_map(|list| list.iter().map(|word| (*word).to_owned())).collect()
    };
    assert_eq!(words("/properties/slots/items/properties/lifecycle/enum"), own(&[&rules::LIFECYCLES, &[""]]));
    let flavor = "/properties/extensions/properties/x-flavor/properties";
    assert_eq!(words(&format!("{flavor}/slots/items/properties/role/enum")), own(&[&rules::ROLES]));
    for (place, keys) in COMPUTED {
        let pointer: String = place.split('/').skip(1).fold(String::new(), |pointer, part| match part {
            "*" => format!("{pointer}/items"),
            part => format!("{pointer}/properties/{part}"),
        });
        let empty = Map::new();
        let object = schema.pointer(&format!("{pointer}/properties")).and_then(Value::as_object);
        for key in keys {
            let node = object.unwrap_or(&empty).get(*key);
            assert!(node.is_none_or(|node| node.get("deprecated").is_some()), "{place} {key}");
        }
    }
}
