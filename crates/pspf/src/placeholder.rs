//! Placeholders (FORMAT.md §6): where `{workenv}` and `{slot:N}` stand in a text. What they are replaced by is the
//! business of whoever has a store; here they are only found, so that all find the same.

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Stays as it is; other braces too.
    Text(&'a str),
    /// `{workenv}`
    Workenv,
    /// `{slot:N}`, with what stands for N.
    Slot(&'a str),
}

/// The parts of a text, from left to right.
pub fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(behind) = rest.strip_prefix("{workenv}") {
            rest = behind;
            return Some(Piece::Workenv);
        }
        if let Some((number, behind)) = rest.strip_prefix("{slot:").and_then(|after| after.split_once('}')) {
            rest = behind;
            return Some(Piece::Slot(number));
        }
        // A brace that begins no placeholder is text; the next one may begin one.
        let skip = usize::from(rest.starts_with('{'));
        let end = rest[skip..].find('{').map_or(rest.len(), |position| position + skip);
        let (plain, behind) = rest.split_at(end);
        rest = behind;
        Some(Piece::Text(plain))
    })
}

/// The position that N stands for: decimal digits without a sign and without zeros in front.
pub fn slot_number(number: &str) -> Option<usize> {
    let plain = number == "0" || !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| number.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_put_together_are_the_text() {
        for text in
            ["", "plain", "{workenv}/bin", "{{slot:0}}", "{a{workenv}", "{slot:", "{slot:{workenv}}", "é{"]
        {
            let joined: String = pieces(text)
                .map(|piece| match piece {
                    Piece::Text(text) => text.to_owned(),
                    Piece::Workenv => "{workenv}".to_owned(),
                    Piece::Slot(number) => format!("{{slot:{number}}}"),
                })
                .collect();
            assert_eq!(joined, text);
        }
        let found: Vec<Piece<'_>> = pieces("a{slot:12}{workenv}{b}").collect();
        assert_eq!(found, [Piece::Text("a"), Piece::Slot("12"), Piece::Workenv, Piece::Text("{b}")]);
    }

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!(["0", "7", "4095"].map(slot_number), [Some(0), Some(7), Some(4095)]);
        for wrong in ["", "00", "01", "+1", "-1", " 1", "1 ", "x", "{workenv", "99999999999999999999"] {
            assert_eq!(slot_number(wrong), None, "{wrong:?}");
        }
    }
}
