//! Splitting a command text into words (LAUNCH.md 16.3). Placeholders are replaced afterwards, so nothing that they stand
//! for can become several words.

use crate::failure::Result;
use crate::foreign::refuse;

/// The words of `text`; at least one.
pub(crate) fn split(text: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    // `Some` as soon as a word has begun, be it with an empty pair of quotes.
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next() {
                        Some('\'') => break,
                        Some(other) => word.push(other),
                        None => return Err(open(text)),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next() {
                        Some('"') => break,
                        Some('\\') => match rest.next() {
                            Some(plain @ ('"' | '\\' | '$' | '`')) => word.push(plain),
                            Some(other) => word.extend(['\\', other]),
                            None => return Err(open(text)),
                        },
                        Some(other) => word.push(other),
                        None => return Err(open(text)),
                    }
                }
            }
            '\\' => match rest.next() {
                Some(plain) => word.get_or_insert_default().push(plain),
                None => return Err(refuse(&format!("the command {text:?} ends with a backslash"))),
            },
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    if words.is_empty() {
        return Err(refuse(&format!("the command {text:?} has no words")));
    }
    Ok(words)
}

fn open(text: &str) -> crate::failure::Failure {
    refuse(&format!("the command {text:?} has a quote that is not closed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        for (text, words) in [
            ("a", &["a"][..]),
            (" a\tb\n c\r", &["a", "b", "c"]),
            ("python3 -c \"print('hi there')\"", &["python3", "-c", "print('hi there')"]),
            (r#"a'b "c'"d 'e"f"#, &[r#"ab "cd 'ef"#]),
            ("'' \"\"", &["", ""]),
            (r#""\"\\\$\`\a""#, &[r#""\$`\a"#]),
            (r"a\ b\\\'", &[r"a b\'"]),
            (r"'\'", &["\\"]),
            ("{workenv}/bin/x '{a b}'", &["{workenv}/bin/x", "{a b}"]),
            ("$HOME `x` *", &["$HOME", "`x`", "*"]),
        ] {
            assert_eq!(split(text).expect(text), words, "{text}");
        }
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        for text in ["", " \t", "'a", "\"a", "a\\", "\"a\\"] {
            assert!(split(text).is_err(), "{text:?}");
        }
    }
}
