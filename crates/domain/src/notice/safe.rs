//! Values of a lead made safe to show: one line, bounded, without characters that steer a terminal, a header or the reading direction.

/// One line of at most `chars_max` characters, or `None` when nothing visible is left. White space becomes single spaces.
pub(super) fn line(text: &str, chars_max: usize) -> Option<String> {
    // Whatever is cut off is never looked at: a name of a mebibyte costs no more than a long one.
    let mut kept = String::new();
    let mut count = 0;
    let mut space_due = false;
    for c in text.chars().filter(|c| is_space(*c) || !is_steering(*c)) {
        if is_space(c) {
            space_due = !kept.is_empty();
            continue;
        }
        if count + usize::from(space_due) + 1 > chars_max {
            return Some(cut(&kept, chars_max));
        }
        if space_due {
            kept.push(' ');
            count += 1;
            space_due = false;
        }
        kept.push(c);
        count += 1;
    }
    (!kept.is_empty()).then_some(kept)
}

/// Makes room for the ellipsis that says that something is missing.
fn cut(text: &str, chars_max: usize) -> String {
    let kept: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// White space of any script, and the separators of lines and paragraphs.
fn is_space(c: char) -> bool {
    c.is_whitespace()
}

/// Controls (C0, C1), controls of the reading direction, invisible marks that hide or order text, and code points that are no characters.
/// The joiners U+200C and U+200D stay: Persian and emoji need them.
fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
}

/// Breaks what mail clients would turn into a link with an invisible space, since a lead's values choose no links (promise P7): after the
/// colon of a scheme, and after a full stop between a letter or digit and a letter.
pub(super) fn defuse_links(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = rest.next() {
        safe.push(c);
        let after = rest.peek().copied().unwrap_or(' ');
        let is_host = is_stop(c) && before.is_alphanumeric() && after.is_alphabetic();
        let is_scheme = c == ':' && (after == '/' || after.is_alphabetic());
        if is_host || is_scheme {
            safe.push('\u{200b}');
        }
        before = c;
    }
    safe
}

/// The full stops that part the labels of a domain (UTS 46).
fn is_stop(c: char) -> bool {
    matches!(c, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(line(text, 10).as_deref(), expected);
    }

    #[test]
    fn a_line_has_no_controls_and_single_spaces() {
        check("Alice", Some("Alice"));
        check("  Al \r\n ice\t", Some("Al ice"));
        check("A\u{2028}B\u{2029}C\u{85}D", Some("A B C D"));
        check("A\0\u{1b}\u{7f}\u{9b}B", Some("AB"));
        check("\u{202e}ecilA\u{202c}\u{2066}\u{200f}", Some("ecilA"));
        check("", None);
        check(" \u{200b}\u{feff}\u{a0}", None);
        check("👩\u{200d}🚀", Some("👩\u{200d}🚀"));
    }

    #[test]
    fn a_long_line_ends_in_an_ellipsis_within_its_limit() {
        check("1234567890", Some("1234567890"));
        check("12345678901", Some("123456789…"));
        check("12345678 0 ", Some("12345678 0"));
        check("12345678 01", Some("12345678…"));
        check("1234567890 x", Some("123456789…"));
        check("ééééééééééé", Some("ééééééééé…"));
        assert_eq!(
            line(&"a".repeat(1 << 20), 500).unwrap().chars().count(),
            500
        );
    }

    #[test]
    fn what_a_client_would_link_is_broken() {
        for (text, expected) in [
            (
                "see http://evil.example/x",
                "see http:\u{200b}//evil.\u{200b}example/x",
            ),
            ("www.evil.com", "www.\u{200b}evil.\u{200b}com"),
            ("a@evil.com", "a@evil.\u{200b}com"),
            ("mailto:x", "mailto:\u{200b}x"),
            ("evil。com", "evil。\u{200b}com"),
            ("Dr. Smith", "Dr. Smith"),
            (
                "2025-09-04T07:27:17.642000+00:00",
                "2025-09-04T07:27:17.642000+00:00",
            ),
            ("Note: x", "Note: x"),
        ] {
            assert_eq!(defuse_links(text), expected);
        }
    }
}
