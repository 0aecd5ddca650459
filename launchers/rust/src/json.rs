//! JSON as text, for `--json` and JSON logs. Only what a start writes; packages are read by pspf.

use std::fmt::Write as _;

/// An object, built key by key.
#[derive(Debug)]
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self(String::from("{"))
    }

    /// Adds a key whose value is JSON already.
    #[inline(never)]
    pub(crate) fn raw(mut self, key: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        let _ = write!(self.0, "{}:{json}", text(key));
        self
    }

    #[inline(never)]
    pub(crate) fn text(self, key: &str, value: &str) -> Self {
        let value = text(value);
        self.raw(key, &value)
    }

    pub(crate) fn number(self, key: &str, value: u64) -> Self {
        self.raw(key, &value.to_string())
    }

    pub(crate) fn flag(self, key: &str, value: bool) -> Self {
        self.raw(key, if value { "true" } else { "false" })
    }

    pub(crate) fn finish(self) -> String {
        self.0 + "}"
    }
}

/// An array of values that are JSON already.
pub(crate) fn array(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("[{}]", items.join(","))
}

/// A string, escaped so that it also does no harm on a terminal (S23).
pub(crate) fn text(value: &str) -> String {
    let mut json = String::with_capacity(value.len() + 2);
    json.push('"');
    for character in value.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            // All of them are in the basic plane.
            character if crate::failure::is_active(character) => {
                let _ = write!(json, "\\u{:04x}", u32::from(character));
            }
            character => json.push(character),
        }
    }
    json.push('"');
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s23_what_is_written_is_json_whatever_the_texts_are() {
        let json = Object::new()
            .text("a\"\\", "\u{0}\x1b[31m\n\u{202e}é")
            .number("n", 5)
            .flag("f", true)
            .raw("list", &array(["1".to_owned(), text("x")]))
            .finish();
        assert_eq!(json, r#"{"a\"\\":"\u0000\u001b[31m\n\u202eé","n":5,"f":true,"list":[1,"x"]}"#);
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(value["a\"\\"], "\u{0}\x1b[31m\n\u{202e}é");
    }
}
