//! Moments as trust files write them (LAUNCH.md 13.4): UTC, to the second, or a day that stands for its first second.

/// Seconds since 1970; `None` for any other form and for dates that do not exist.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let (date, time) = match text.split_at_checked(10)? {
        (date, "") => (date, 0),
        (date, time) => (date, seconds_of_day(time)?),
    };
    let [year, month, day] = numbers(date, b'-', [4, 2, 2])?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if leap { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(month).ok()?.checked_sub(1)?;
    if year < 1970 || !(1..=*months.get(month)?).contains(&day) {
        return None;
    }
    let before = year - 1;
    // Leap days from the year 1 up to the end of `year`; 719162 days lie between that year's begin and 1970.
    let days = before * 365 + before / 4 - before / 100 + before / 400 - 719_162;
    let days = days + months[..month].iter().sum::<i64>() + day - 1;
    Some(days * 86_400 + time)
}

fn seconds_of_day(text: &str) -> Option<i64> {
    let [hour, minute, second] = numbers(text.strip_prefix('T')?.strip_suffix('Z')?, b':', [2, 2, 2])?;
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

/// Three numbers of exactly these many digits.
fn numbers(text: &str, separator: u8, digits: [usize; 3]) -> Option<[i64; 3]> {
    let parts: Vec<&str> = text.split(char::from(separator)).collect();
    let parts: [&str; 3] = parts.try_into().ok()?;
    let mut numbers = [0; 3];
    for ((number, part), digits) in numbers.iter_mut().zip(parts).zip(digits) {
        if part.len() != digits || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn moments_are_seconds_since_1970() {
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("1970-01-01T00:00:01Z", 1),
            ("1972-02-29", 68_169_600),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2000-03-01", 951_868_800),
            ("2026-01-31T23:59:59Z", 1_769_903_999),
            ("2100-03-01", 4_107_542_400),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn other_forms_and_dates_that_do_not_exist_are_none() {
        for text in [
            "",
            "2026",
            "2026-1-01",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "2026-02-29",
            "2100-02-29",
            "2026-04-31",
            "1969-12-31",
            "2026-01-01T",
            "2026-01-01T00:00:00",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00.5Z",
            "2026-01-01T00:00:00+00:00",
            "2026-01-01 00:00:00Z",
            "2026/01/01",
            "+026-01-01",
            "2026-01-01Z",
            "2026-01-0é",
            "é026-01-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
