//! Patterns for names of variables (STORE.md 9.2): `*`, `?` and `[…]` over bytes, as shells have them. There is no
//! escape character, and an unfinished `[` is an ordinary byte, so every text is a pattern.

/// Whether `text` has a character that makes it more than the name itself.
pub fn is_pattern(text: &[u8]) -> bool {
    text.iter().any(|byte| b"*?[".contains(byte))
}

/// Whether `pattern` covers the whole of `name`.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut position) = (0, 0);
    // Where the last `*` stands, and the first byte of `name` that it does not cover yet. Going back to the last one
    // only is enough, and keeps the time bounded by the product of the lengths.
    let mut star: Option<(usize, usize)> = None;
    while position < name.len() {
        let step = match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, position));
                at += 1;
                continue;
            }
            Some(b'?') => Some(1),
            Some(b'[') => match set(&pattern[at..]) {
                Some((members, length)) => holds(members, name[position]).then_some(length),
                None => (name[position] == b'[').then_some(1),
            },
            Some(byte) => (*byte == name[position]).then_some(1),
            None => None,
        };
        match (step, star) {
            (Some(length), _) => {
                at += length;
                position += 1;
            }
            (None, Some((star_at, covered))) => {
                star = Some((star_at, covered + 1));
                (at, position) = (star_at + 1, covered + 1);
            }
            (None, None) => return false,
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// What stands between `[` and the `]` that ends the set, and the length of the whole. A `]` in the first place is a member.
fn set(pattern: &[u8]) -> Option<(&[u8], usize)> {
    let first = if matches!(pattern.get(1), Some(b'!' | b'^')) { 2 } else { 1 };
    let end = pattern.iter().skip(first + 1).position(|byte| *byte == b']')? + first + 1;
    Some((&pattern[1..end], end + 1))
}

fn holds(members: &[u8], byte: u8) -> bool {
    let (negated, mut members) = match members {
        [b'!' | b'^', rest @ ..] => (true, rest),
        all => (false, all),
    };
    let mut found = false;
    while let [first, rest @ ..] = members {
        members = rest;
        found |= if let [b'-', last, rest @ ..] = members {
            members = rest;
            (*first..=*last).contains(&byte)
        } else {
            *first == byte
        };
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_names_as_shells_do() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "PATH", true),
            ("", "", true),
            ("", "A", false),
            ("PATH", "PATH", true),
            ("PATH", "PATHS", false),
            ("path", "PATH", false),
            ("LC_*", "LC_ALL", true),
            ("LC_*", "LC_", true),
            ("LC_*", "XLC_ALL", false),
            ("*_TOKEN", "A_TOKEN", true),
            ("*_TOKEN", "A_TOKEN_B", false),
            ("A*B*C", "AxBxBxC", true),
            ("A*B*C", "AxCxB", false),
            ("**", "A", true),
            ("?", "A", true),
            ("?", "", false),
            ("A?C", "ABC", true),
            ("[AB]C", "BC", true),
            ("[AB]C", "CC", false),
            ("[!AB]C", "CC", true),
            ("[^AB]C", "AC", false),
            ("[A-C]x", "Bx", true),
            ("[A-C]x", "Dx", false),
            ("[]A]", "]", true),
            ("[A-]", "-", true),
            ("[", "[", true),
            ("[A", "[A", true),
            ("A/*", "A/b/c", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern:?} over {name:?}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_time() {
        let pattern = "a*".repeat(200);
        let name = "a".repeat(4000) + "b";
        assert!(matches(pattern.as_bytes(), name.as_bytes()));
        assert!(!matches((pattern + "c").as_bytes(), name.as_bytes()));
    }
}
