//! Names of packages and the patterns that meet them (LAUNCH.md 13.5).

const LONGEST: usize = 64;

/// Whether `text` is a pattern.
pub(crate) fn is_pattern(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte == b'*' || is_of_a_name(byte))
}

const fn is_of_a_name(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')
}

/// The name as PEP 503 folds it; `None` if that is no name of a package of ours.
pub(crate) fn folded(name: &str) -> Option<String> {
    let mut folded = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '-' | '_' | '.' if folded.ends_with('-') => {}
            '-' | '_' | '.' => folded.push('-'),
            other => folded.push(other.to_ascii_lowercase()),
        }
    }
    ((1..=LONGEST).contains(&folded.len()) && folded.bytes().all(is_of_a_name)).then_some(folded)
}

/// Whether a pattern meets a folded name. A name outside the alphabet could be made to look like another, so only the
/// pattern for every package meets it.
pub(crate) fn meets(pattern: &str, name: Option<&str>) -> bool {
    let Some(name) = name else { return pattern == "*" };
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut position) = (0, 0);
    // Where the last `*` stands, and how far what it stands for reaches; only that one ever has to be revised.
    let mut star: Option<(usize, usize)> = None;
    while position < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(byte) if *byte == name[position] => {
                at += 1;
                position += 1;
            }
            _ => {
                let Some((place, reach)) = star else { return false };
                star = Some((place, reach + 1));
                (at, position) = (place + 1, reach + 1);
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_and_the_whole_name_is_compared() {
        for (pattern, name, expected) in [
            ("acme", "acme", true),
            ("acme", "acme-tool", false),
            ("acme-*", "acme-tool", true),
            ("acme-*", "acme-", true),
            ("acme-*", "acme", false),
            ("*-tool", "acme-tool", true),
            ("*-tool", "acme-tool-2", false),
            ("a*b*c", "a1b1c", true),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "abcb", false),
            ("*", "x", true),
            ("**", "x", true),
            ("x*", "x", true),
            ("*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            assert_eq!(meets(pattern, Some(name)), expected, "{pattern} {name}");
        }
        assert!(meets("*", None));
        assert!(!meets("acme-*", None));
    }

    #[test]
    fn names_are_folded_as_pep_503_says() {
        assert_eq!(folded("Acme_Tool..X").as_deref(), Some("acme-tool-x"));
        assert_eq!(folded(&"x".repeat(64)).as_deref(), Some(&*"x".repeat(64)));
        // U+212A folds to `k` in Unicode, and must not here.
        for name in ["", "acme tool", "acmé", "acme/x", "acme\0", "\u{212a}elvin", &"x".repeat(65)] {
            assert_eq!(folded(name), None, "{name:?}");
        }
    }

    #[test]
    fn patterns_are_of_the_alphabet_of_names() {
        assert!(is_pattern("acme-*"));
        for text in ["", "Acme", "acme?", "[a]", "acme_x", "é", &"x".repeat(65)] {
            assert!(!is_pattern(text), "{text:?}");
        }
    }
}
