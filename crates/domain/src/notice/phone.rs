//! Telephone numbers.

/// Fewest and most digits of a number (ITU-T E.164 has at most 15).
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// The link that calls a number, `tel:` with its `+` and its digits, where a text is one number and nothing else: an optional `+` and 7 to
/// 15 digits with blanks, `-`, `.`, `/`, `(` and `)` between them. The first pair of brackets may stand before them.
pub(super) fn tel(text: &str) -> Option<String> {
    let text = text.trim();
    let (plus, rest) = match text.strip_prefix('+') {
        Some(rest) => ("+", rest),
        None => ("", text),
    };
    let begins = rest.strip_prefix('(').unwrap_or(rest);
    let is_framed = begins.starts_with(is_digit) && rest.ends_with(is_digit);
    let is_plain = rest.chars().all(|c| is_digit(c) || is_between(c));
    let digits: String = rest.chars().filter(|c| is_digit(*c)).collect();
    let is_number = is_framed && is_plain && DIGITS.contains(&digits.len());
    is_number.then(|| format!("tel:{plus}{digits}"))
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// Blanks of any width, but nothing that ends a line.
fn is_between(c: char) -> bool {
    let is_blank = c.is_whitespace() && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
    is_blank || matches!(c, '-' | '.' | '/' | '(' | ')')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_is_called_by_its_plus_and_its_digits() {
        for (text, expected) in [
            ("+1 202 555 0143", "tel:+12025550143"),
            ("(202) 555-0143", "tel:2025550143"),
            ("+1 (202) 555.0143", "tel:+12025550143"),
            ("+(49) 30 123456", "tel:+4930123456"),
            ("030/123 45 67", "tel:0301234567"),
            ("+49 (0)30 1234567", "tel:+490301234567"),
            ("06\u{a0}12\u{202f}34\u{2009}56\u{a0}78", "tel:0612345678"),
            (" 5550143\n", "tel:5550143"),
            ("123456789012345", "tel:123456789012345"),
        ] {
            assert_eq!(tel(text).as_deref(), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_one_number_is_not_called() {
        for text in [
            "",
            "+",
            "555014",
            "1234567890123456",
            "++12025550143",
            "1+2025550143",
            "+1 202 555 0143 ext. 5",
            "+1 202 555 0143, +1 202 555 0144",
            "+1 202 555 0143;phone-context=x",
            "+1 202\r\n555 0143",
            "+1 202\u{2028}555 0143",
            "tel:+12025550143",
            "*67#12025550143",
            "12025550143#",
            "-12025550143",
            "2025550143-",
            "((202) 555 0143",
            "\u{202e}+1 202 555 0143",
            "+1 202\u{200b}555 0143",
            "٠١٢٣٤٥٦٧٨",
            "１２３４５６７８",
            "+1 202 555 O143",
            "1.5e10",
        ] {
            assert_eq!(tel(text), None, "{text:?}");
        }
    }
}
