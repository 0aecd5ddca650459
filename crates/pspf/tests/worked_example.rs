//! The worked example of FORMAT.md is a package: the bytes that stand in the document, put together again, are the
//! vector's, and the reader accepts them.

mod support;

use sha2::{Digest as _, Sha256};

const FORMAT: &str = include_str!("../FORMAT.md");

/// Fenced blocks between the markers, each with the language behind its fence.
fn blocks() -> Vec<(&'static str, String)> {
    let section = FORMAT.split_once("<!-- example:begin -->").expect("a marker").1;
    let section = section.split_once("<!-- example:end -->").expect("a marker").0;
    let mut blocks: Vec<(&str, String)> = Vec::new();
    let mut open = false;
    for line in section.lines() {
        match line.strip_prefix("```") {
            Some("") => open = false,
            Some(language) => {
                blocks.push((language, String::new()));
                open = true;
            }
            None if open => {
                let text = &mut blocks.last_mut().expect("a block").1;
                text.push_str(line);
                text.push('\n');
            }
            None => {}
        }
    }
    blocks
}

/// Appends the bytes of a dump. A star repeats the line before it up to the offset of the line behind it.
fn undump(text: &str, file: &mut Vec<u8>) {
    let mut starred = false;
    for line in text.lines() {
        if line == "*" {
            starred = true;
            continue;
        }
        let (offset, rest) = line.split_once("  ").expect("an offset");
        let offset = usize::from_str_radix(offset, 16).expect("a number");
        if starred {
            let before = file[file.len() - 16..].to_vec();
            while file.len() < offset {
                file.extend_from_slice(&before);
            }
            starred = false;
        }
        assert_eq!(file.len(), offset, "the dumps leave nothing out: {line}");
        let digits = rest.split_once("  |").expect("text behind the digits").0;
        file.extend(digits.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("a byte")));
    }
}

#[test]
fn the_worked_example_is_the_vector_to_the_byte() {
    let mut file = Vec::new();
    for (language, text) in blocks() {
        match language {
            "json" => file.extend_from_slice(text.trim_end_matches('\n').as_bytes()),
            "text" => undump(&text, &mut file),
            other => panic!("a block of {other}"),
        }
    }
    assert!(file == support::bytes_of("good-worked-example"), "the document and the vector differ");
    support::judge(&file).expect("the reader accepts it");
    let digest = pspf::hex::encode(&Sha256::digest(&file));
    assert!(FORMAT.contains(&format!("its SHA-256 is `{digest}`")), "{digest}");
}

#[test]
fn the_key_of_the_worked_example_is_the_one_that_the_document_derives() {
    let seed = "flavorpack-native vectors: signer";
    assert!(FORMAT.contains(&format!("SHA-256 of\n`{seed}`")));
    let key = pspf::keys::SigningKey::from_secret(&Sha256::digest(seed.as_bytes()).into());
    let file = support::bytes_of("good-worked-example");
    let package = pspf::Package::open(file.as_slice()).expect("open");
    assert_eq!(package.index().public_key, key.public_key());
    assert_eq!(package.index().signature, key.sign(package.metadata_json()));
}
