//! Hostile documents (security rule S9): each one signed, each in a package that is right otherwise. What some
//! decoder reads in its own way is read by none of ours.

use pspf::ErrorCode;

use crate::draft::Draft;
use crate::table::{Refusal, Table, open};

pub(crate) fn add(table: &mut Table) {
    table.group("json");
    let draft = Draft::new();
    let text = draft.text();
    let refusal = open("json", ErrorCode::PspfMetadataJson);
    let mut set = Set { table, draft: &draft, refusal };
    set.inserted(&text);
    set.replaced(&String::from_utf8(text.clone()).expect("UTF-8"));
    set.whole(&text);
}

struct Set<'a> {
    table: &'a mut Table,
    draft: &'a Draft,
    refusal: Refusal<'a>,
}

impl Set<'_> {
    fn case(&mut self, name: &str, json: &[u8], note: &str) {
        self.table.bad(name, self.draft.bytes_around(json), self.refusal, note);
    }

    /// Something more at the beginning of the document.
    fn inserted(&mut self, text: &[u8]) {
        let nested = format!("\"x\":{}1{}", "[".repeat(32), "]".repeat(32));
        let objects = format!("\"x\":{}1{}", "{\"a\":".repeat(32), "}".repeat(32));
        let cases: [(&str, &[u8], &str); 45] = [
            ("key-twice", b"\"format\":\"PSPF/2025\"", "a known key twice, with the same value"),
            (
                "key-twice-other-value",
                b"\"execution\":{\"command\":\"/bin/sh\"}",
                "a known key twice, with another value",
            ),
            ("unknown-key-twice", b"\"x\":1,\"x\":2", "a key without a meaning, twice"),
            ("key-twice-unescaped", b"\"x\":1,\"\\u0078\":2", "two spellings of one key"),
            (
                "known-key-twice-unescaped",
                b"\"\\u0066ormat\":\"PSPF/2025\"",
                "a known key, spelled with an escape",
            ),
            (
                "nested-key-twice",
                b"\"x\":{\"y\":{\"z\":1,\"z\":1}}",
                "twice, deep below a key without a meaning",
            ),
            (
                "key-in-other-case",
                b"\"Execution\":{\"command\":\"/bin/sh\"}",
                "`Execution` beside `execution`",
            ),
            ("key-all-capitals", b"\"SLOTS\":[]", "`SLOTS` beside `slots`"),
            ("key-long-s", "\"\u{17f}lots\":[]".as_bytes(), "U+017F folds to `s` in the loosest decoders"),
            ("key-long-s-escaped", b"\"\\u017flots\":[]", "the same, escaped"),
            ("lone-high-surrogate", b"\"x\":\"\\ud800\"", "a high surrogate alone"),
            ("lone-low-surrogate", b"\"x\":\"\\udc00\"", "a low surrogate alone"),
            ("surrogates-exchanged", b"\"x\":\"\\udc00\\ud800\"", "low before high"),
            ("high-surrogate-and-letter", b"\"x\":\"\\ud800\\u0041\"", "a high surrogate before a letter"),
            ("surrogate-in-key", b"\"\\ud800\":1", "a lone surrogate in a key"),
            ("null-character", b"\"x\":\"a\\u0000b\"", "U+0000 in a string"),
            ("null-character-in-key", b"\"a\\u0000\":1", "U+0000 in a key"),
            ("raw-zero", b"\"x\":\"a\0b\"", "a zero byte in a string"),
            ("raw-newline", b"\"x\":\"a\nb\"", "a newline in a string"),
            ("raw-tab", b"\"x\":\"a\tb\"", "a tab in a string"),
            ("invalid-utf8", b"\"x\":\"\xff\"", "a byte that is no UTF-8"),
            ("overlong-utf8", b"\"x\":\"\xc0\xaf\"", "an overlong solidus"),
            ("surrogate-in-utf8", b"\"x\":\"\xed\xa0\x80\"", "a surrogate encoded as three bytes"),
            ("beyond-unicode", b"\"x\":\"\xf4\x90\x80\x80\"", "beyond U+10FFFF"),
            ("fraction", b"\"x\":1.0", "a fraction"),
            ("exponent", b"\"x\":1e0", "an exponent"),
            ("capital-exponent", b"\"x\":1E2", "an exponent with a capital letter"),
            ("leading-zero", b"\"x\":01", "a leading zero"),
            ("negative-zero", b"\"x\":-0", "minus zero"),
            ("minus-alone", b"\"x\":-", "a minus without digits"),
            ("plus", b"\"x\":+1", "a plus"),
            ("two-to-53", b"\"x\":9007199254740992", "2^53"),
            ("minus-two-to-53", b"\"x\":-9007199254740992", "-2^53"),
            ("two-to-64", b"\"x\":18446744073709551616", "2^64"),
            ("infinity", b"\"x\":Infinity", "a word of JavaScript"),
            ("not-a-number", b"\"x\":NaN", "another one"),
            ("hexadecimal", b"\"x\":0x10", "a hexadecimal number"),
            ("array-depth-33", nested.as_bytes(), "33 levels"),
            ("object-depth-33", objects.as_bytes(), "33 levels of objects"),
            ("unknown-escape", b"\"x\":\"\\x41\"", "an escape that JSON does not have"),
            ("short-escape", b"\"x\":\"\\u004\"", "three digits"),
            ("single-quotes", b"\"x\":'y'", "single quotes"),
            ("key-without-quotes", b"x:1", "a bare key"),
            ("comment", b"/**/\"x\":1", "a comment"),
            ("word-in-capitals", b"\"x\":True", "a word of Python"),
        ];
        for (name, insert, note) in cases {
            let json = [b"{", insert, b",", &text[1..]].concat();
            self.case(name, &json, note);
        }
    }

    /// Something else in the place of a part of the document.
    fn replaced(&mut self, text: &str) {
        for (name, from, to, note) in [
            (
                "x-flavor-in-other-case",
                "\"x-flavor\"",
                "\"X-Flavor\"",
                "the block under a name that only folds to its own",
            ),
            ("extensions-in-other-case", "\"extensions\"", "\"Extensions\"", "even where no other is there"),
            ("kelvin-sign", "\"kind\"", "\"\u{212a}ind\"", "U+212A folds to `k` in the loosest decoders"),
            ("unknown-in-x-flavor", "\"schema\":1", "\"schema\":1,\"more\":1", "an unknown key in x-flavor"),
            (
                "unknown-in-x-flavor-slot",
                "\"share\":false",
                "\"share\":false,\"x\":1",
                "an unknown key in an entry of it",
            ),
            ("unknown-in-frame", "\"content\":", "\"x\":1,\"content\":", "an unknown key in a frame"),
            ("unknown-in-command", "\"argv\":", "\"shell\":true,\"argv\":", "an unknown key in a command"),
            (
                "null-format-version",
                "\"format_version\":\"1.0.0\"",
                "\"format_version\":null",
                "null where a string must stand",
            ),
            (
                "null-slots",
                "\"slots\":[{\"checksum\"",
                "\"slots\":null,\"x\":[{\"checksum\"",
                "null for the slots",
            ),
            (
                "null-slot",
                "\"slots\":[{\"checksum\"",
                "\"slots\":[null,{\"checksum\"",
                "null among the slots",
            ),
            ("null-env", "\"env\":{}", "\"env\":null", "null for execution.env"),
            ("null-variable", "\"env\":{}", "\"env\":{\"A\":null}", "null for a variable"),
            ("null-workenv", "\"workenv\":{\"files\":[]", "\"workenv\":{\"files\":null", "null in x-flavor"),
            ("null-argument", "\"argv\":[", "\"argv\":[null,", "null among the words of a command"),
            ("null-path", "\"path\":[]", "\"path\":[null]", "null among the folders of PATH"),
            ("null-x-flavor", "\"x-flavor\":", "\"x-flavor\":null,\"y\":", "null for x-flavor itself"),
            ("comma-missing", ",\"package\"", "\"package\"", "no comma"),
            ("comma-twice", ",\"package\"", ",,\"package\"", "two commas"),
            ("colon-missing", "\"format\":", "\"format\" ", "no colon"),
            ("trailing-comma", "\"unpack\":[]", "\"unpack\":[1,]", "a comma before the bracket"),
            ("no-break-space", ",\"package\"", ",\u{a0}\"package\"", "a blank that JSON does not have"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert!(changed != text, "{name}: {from} does not occur");
            self.case(name, changed.as_bytes(), note);
        }
    }

    /// Another whole.
    fn whole(&mut self, text: &[u8]) {
        self.case("byte-order-mark", &[b"\xef\xbb\xbf", text].concat(), "a byte order mark");
        self.case("second-document", &[text, b"{}"].concat(), "a second value");
        self.case("text-behind", &[text, b"x"].concat(), "a letter behind the value");
        self.case("zero-behind", &[text, b"\0"].concat(), "a zero byte behind the value");
        self.case("empty", b"", "no document at all");
        self.case("blank", b" \n", "only white space");
        self.case("array", &[b"[", text, b"]"].concat(), "an array around the document");
        self.case("null", b"null", "null");
        self.case("cut", &text[..text.len() - 1], "the last bracket is missing");
        self.case("cut-in-string", &text[..11], "an open string");
        let wide: Vec<u8> = text.iter().flat_map(|byte| [*byte, 0]).collect();
        self.case("utf16", &wide, "UTF-16");
    }
}
