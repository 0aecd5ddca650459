//! The strict JSON pass of security rule S9, the same in every implementation: it runs over the exact signed
//! bytes before any typed decoding and accepts only documents that every decoder reads alike. It builds no
//! value; typed decoding is `metadata`'s. Other documents of ours (trust files) take the same pass with a tree of their
//! own.
//!
//! Refused: invalid UTF-8, a byte order mark, anything behind the value, duplicate keys after unescaping, keys
//! that equal a known one only under case folding, unknown keys in closed objects, lone surrogates, U+0000,
//! numbers with fraction or exponent or beyond 2^53 - 1, null where FORMAT.md does not list it, nesting deeper
//! than 32, more than 8 MiB. So are arrays in the place of objects with known keys: some typed decoders take them for
//! the values of the keys, which then nobody has looked at.

use std::collections::HashSet;

use crate::layout::limit;
use crate::schema::{Child, METADATA, Node};
use crate::{Error, ErrorCode};

/// Why a document is outside the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Counted from the first byte of the JSON.
    pub position: usize,
    /// What was found and what was expected.
    pub message: String,
    /// It is JSON of the profile, but an array stands where an object must.
    pub is_of_wrong_type: bool,
}

type Result<T> = std::result::Result<T, Refusal>;

/// Checks a whole metadata document. Offsets in errors count from the first byte of the JSON.
pub fn check(json: &[u8]) -> crate::Result<()> {
    if json.len() as u64 > limit::METADATA_BYTES {
        let message =
            format!("metadata of {} bytes, at most {} are allowed", json.len(), limit::METADATA_BYTES);
        return Err(Error::rule(ErrorCode::PspfLimit, message));
    }
    check_against(json, &METADATA, limit::METADATA_BYTES).map_err(|refusal| {
        let Refusal { position, message, is_of_wrong_type } = refusal;
        let code = if is_of_wrong_type { ErrorCode::PspfMetadataModel } else { ErrorCode::PspfMetadataJson };
        Error::rule(code, format!("metadata JSON, byte {position}: {message}"))
    })
}

/// Checks a document of at most `limit` bytes whose known keys are those of `schema`.
pub fn check_against(json: &[u8], schema: &'static Node, limit: u64) -> Result<()> {
    if json.len() as u64 > limit {
        return Err(refuse(0, format!("{} bytes, at most {limit} are allowed", json.len())));
    }
    let text = std::str::from_utf8(json).map_err(|error| refuse(error.valid_up_to(), "invalid UTF-8"))?;
    let mut pass = Pass { text, position: 0 };
    pass.space();
    if pass.peek() != Some(b'{') {
        return Err(pass.unexpected("an object"));
    }
    pass.value(schema, false, 0)?;
    pass.space();
    if pass.position < text.len() {
        return Err(refuse(pass.position, "text behind the document"));
    }
    Ok(())
}

fn refuse(position: usize, message: impl Into<String>) -> Refusal {
    Refusal { position, message: message.into(), is_of_wrong_type: false }
}

struct Pass<'a> {
    text: &'a str,
    position: usize,
}

impl Pass<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
    }

    fn unexpected(&self, expected: &str) -> Refusal {
        let found = self.text[self.position..].chars().next();
        let found = found.map_or("the end".to_owned(), |character| format!("{character:?}"));
        refuse(self.position, format!("found {found}, expected {expected}"))
    }

    fn expect(&mut self, byte: u8, what: &str) -> Result<()> {
        if self.peek() != Some(byte) {
            return Err(self.unexpected(what));
        }
        self.position += 1;
        Ok(())
    }

    fn value(&mut self, node: &'static Node, nullable: bool, depth: usize) -> Result<()> {
        match self.peek() {
            Some(b'{') => self.object(node, depth + 1),
            Some(b'[') => self.array(node, depth + 1),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') if nullable => self.word("null"),
            Some(b'n') => Err(refuse(self.position, "null is not allowed here")),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn word(&mut self, word: &str) -> Result<()> {
        if !self.text[self.position..].starts_with(word) {
            return Err(self.unexpected("a value"));
        }
        self.position += word.len();
        Ok(())
    }

    fn enter(&mut self, depth: usize) -> Result<()> {
        if depth > limit::JSON_DEPTH {
            return Err(refuse(self.position, format!("nested deeper than {}", limit::JSON_DEPTH)));
        }
        self.position += 1;
        self.space();
        Ok(())
    }

    fn object(&mut self, node: &'static Node, depth: usize) -> Result<()> {
        self.enter(depth)?;
        let mut seen = HashSet::new();
        if self.peek() == Some(b'}') {
            self.position += 1;
            return Ok(());
        }
        loop {
            let start = self.position;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key"));
            }
            let name = self.string()?;
            let (child, nullable) = match node.child(&name) {
                Child::Known { node, nullable } => (node, nullable),
                Child::CaseVariant(known) => {
                    return Err(refuse(start, format!("key {name:?} differs from {known:?} only in case")));
                }
                Child::Refused => return Err(refuse(start, format!("unknown key {name:?}"))),
            };
            if !seen.insert(name.clone()) {
                return Err(refuse(start, format!("duplicate key {name:?}")));
            }
            self.space();
            self.expect(b':', "`:`")?;
            self.space();
            self.value(child, nullable, depth)?;
            self.space();
            match self.peek() {
                Some(b',') => self.position += 1,
                Some(b'}') => {
                    self.position += 1;
                    return Ok(());
                }
                _ => return Err(self.unexpected("`,` or `}`")),
            }
            self.space();
        }
    }

    fn array(&mut self, node: &'static Node, depth: usize) -> Result<()> {
        if matches!(node, Node::Object { later: false, .. }) {
            let found = refuse(self.position, "found an array, expected an object");
            return Err(Refusal { is_of_wrong_type: true, ..found });
        }
        self.enter(depth)?;
        if self.peek() == Some(b']') {
            self.position += 1;
            return Ok(());
        }
        // Inside something without a meaning to us, null has none either.
        let nullable = matches!(node, Node::Any);
        loop {
            self.value(node.element(), nullable, depth)?;
            self.space();
            match self.peek() {
                Some(b',') => self.position += 1,
                Some(b']') => {
                    self.position += 1;
                    return Ok(());
                }
                _ => return Err(self.unexpected("`,` or `]`")),
            }
            self.space();
        }
    }

    fn number(&mut self) -> Result<()> {
        let start = self.position;
        let negative = self.peek() == Some(b'-');
        if negative {
            self.position += 1;
        }
        let digits = self.position;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.position += 1;
        }
        let text = &self.text[digits..self.position];
        let integer = (text.len() == 1 || !text.starts_with('0')) && !(negative && text == "0");
        if !integer || matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return Err(refuse(start, "numbers are integers without fraction or exponent"));
        }
        match text.parse::<u64>() {
            Ok(value) if value <= limit::JSON_INTEGER => Ok(()),
            _ => Err(refuse(start, format!("number outside ±{}", limit::JSON_INTEGER))),
        }
    }

    /// Reads a string and returns it unescaped.
    fn string(&mut self) -> Result<String> {
        self.position += 1;
        let mut result = String::new();
        loop {
            let rest = &self.text[self.position..];
            let Some(character) = rest.chars().next() else {
                return Err(self.unexpected("`\"`"));
            };
            match character {
                '"' => {
                    self.position += 1;
                    return Ok(result);
                }
                '\\' => result.push(self.escape()?),
                '\0'..='\u{1f}' => {
                    return Err(refuse(self.position, "control character in a string"));
                }
                other => {
                    self.position += other.len_utf8();
                    result.push(other);
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        let start = self.position;
        let kind = self.text.as_bytes().get(start + 1).copied();
        self.position += 2;
        Ok(match kind {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.code_unit(start)?;
                let code = match first {
                    0xd800..=0xdbff if self.text[self.position..].starts_with("\\u") => {
                        self.position += 2;
                        let second = self.code_unit(start)?;
                        if !(0xdc00..=0xdfff).contains(&second) {
                            return Err(refuse(start, "lone surrogate"));
                        }
                        0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                    }
                    other => other,
                };
                match char::from_u32(code) {
                    Some('\0') => return Err(refuse(start, "U+0000 in a string")),
                    Some(character) => character,
                    None => return Err(refuse(start, "lone surrogate")),
                }
            }
            _ => return Err(refuse(start, "unknown escape")),
        })
    }

    fn code_unit(&mut self, start: usize) -> Result<u32> {
        let digits = self.text.as_bytes().get(self.position..self.position + 4);
        let unit = digits
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| refuse(start, "incomplete escape"))?;
        self.position += 4;
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s9_documents_that_every_decoder_reads_alike_are_accepted() {
        for text in [
            "{}",
            " {\"a\" : [1, -2, true, false, null, \"\\u00e4\\ud83d\\ude00\"]} \n",
            "{\"execution\":{\"env\":{\"Command\":\"x\",\"command\":\"y\"},\"environment\":null}}",
            "{\"slots\":[{\"permissions\":null}]}",
            "{\"setup_commands\":[\"x\",{\"type\":\"execute\",\"command\":\"x\",\"enumerate\":null}]}",
            "{\"n\":9007199254740991}",
        ] {
            check(text.as_bytes()).expect(text);
        }
    }

    #[test]
    fn s9_everything_else_is_refused_with_its_place() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(32), "]".repeat(32));
        let cases: Vec<(&[u8], &str)> = vec![
            (b"", "the end"),
            (b"[]", "an object"),
            (b"\xef\xbb\xbf{}", "an object"),
            (b"{\"a\":\"\xff\"}", "invalid UTF-8"),
            (b"{} {}", "behind"),
            (b"{\"a\":1,\"a\":2}", "duplicate"),
            (b"{\"a\":1,\"\\u0061\":2}", "duplicate"),
            (b"{\"Format\":\"x\"}", "only in case"),
            ("{\"\u{17f}lots\":[]}".as_bytes(), "only in case"),
            (b"{\"execution\":{\"ENV\":{}}}", "only in case"),
            (b"{\"setup_commands\":[\"x\",{\"Command\":\"x\"}]}", "only in case"),
            (b"{\"setup_commands\":[{\"enumerate\":{\"PATH\":\"x\"}}]}", "only in case"),
            (b"{\"workenv\":{\"directories\":[{\"Mode\":\"0700\"}]}}", "only in case"),
            (b"{\"extensions\":{\"X-Flavor\":{}}}", "only in case"),
            (b"{\"extensions\":{\"x-flavor\":{\"more\":1}}}", "unknown key"),
            (b"{\"a\":\"\\ud800\"}", "surrogate"),
            (b"{\"a\":\"\\ud800\\u0041\"}", "surrogate"),
            (b"{\"a\":\"\\udc00\"}", "surrogate"),
            (b"{\"a\":\"\\u0000\"}", "U+0000"),
            (b"{\"a\":\"\x00\"}", "control character"),
            (b"{\"a\":1.0}", "integers"),
            (b"{\"a\":1e3}", "integers"),
            (b"{\"a\":01}", "integers"),
            (b"{\"a\":-0}", "integers"),
            (b"{\"a\":-}", "outside"),
            (b"{\"a\":9007199254740992}", "outside"),
            (b"{\"a\":99999999999999999999}", "outside"),
            (b"{\"execution\":{\"env\":null}}", "null"),
            (b"{\"execution\":{\"env\":{\"A\":null}}}", "null"),
            (b"{\"slots\":[null]}", "null"),
            (deep.as_bytes(), "nested"),
            (b"{\"a\":tru}", "a value"),
            (b"{\"a\":}", "a value"),
            (b"{\"a\" 1}", "`:`"),
            (b"{\"a\":1", "`,`"),
            (b"{\"a\":1,}", "a key"),
            (b"{\"a\":[1,]}", "a value"),
            (b"{a:1}", "a key"),
            (b"{\"a\":'x'}", "a value"),
            (b"{\"a\":\"\\x41\"}", "escape"),
            (b"{\"a\":\"\\u12\"}", "escape"),
            (b"{\"a\":\"", "the end"),
            (b"{\"a\":+1}", "a value"),
            (b"{\"a\":NaN}", "a value"),
            (b"{\"a\":1}//", "behind"),
        ];
        for (text, expected) in cases {
            let error = check(text).expect_err(&String::from_utf8_lossy(text));
            assert_eq!(error.code(), ErrorCode::PspfMetadataJson);
            let message = error.to_string();
            assert!(message.contains(expected), "{message:?} should contain {expected:?}");
        }
    }
}
