//! Values of a lead made safe to show: bounded, without characters that steer a terminal, a header or the reading direction, and with nothing
//! added to them.

use std::borrow::Cow;

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

/// Lines of a longer text, at most `lines_max` of at most `chars_max` characters together; what is left out is an ellipsis. Empty lines
/// stand alone, and neither first nor last.
pub(super) fn lines(text: &str, chars_max: usize, lines_max: usize) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut room = chars_max;
    for piece in text.replace("\r\n", "\n").split(ends_line) {
        let cleaned = line(piece, room);
        let is_double = kept.last().is_none_or(String::is_empty);
        if cleaned.is_none() && is_double {
            continue;
        }
        if kept.len() == lines_max || room == 0 {
            // An empty line is no loss.
            match cleaned {
                Some(_) => return ended(kept),
                None => continue,
            }
        }
        let cleaned = cleaned.unwrap_or_default();
        room = room.saturating_sub(cleaned.chars().count());
        kept.push(cleaned);
    }
    while kept.last().is_some_and(String::is_empty) {
        kept.pop();
    }
    kept
}

/// Lines that say that more followed.
fn ended(mut lines: Vec<String>) -> Vec<String> {
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('…')) {
        last.push_str(" …");
    }
    lines
}

fn ends_line(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// Keeps a value that is read from right to left from reordering what stands around it, by U+2068 and U+2069. Any other value needs them
/// not, and has nothing invisible beside it where people copy it.
pub(super) fn isolate(text: &str) -> Cow<'_, str> {
    if is_right_to_left(text) {
        Cow::Owned(format!("\u{2068}{text}\u{2069}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a text has letters or digits of a script that is written from right to left: the blocks that Unicode keeps for these.
pub(super) fn is_right_to_left(text: &str) -> bool {
    text.chars().any(|c| {
        matches!(c,
            '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
    })
}

/// Escapes all five characters that mean something in HTML, in content and in attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        push_escaped(&mut escaped, c);
    }
    escaped
}

fn push_escaped(escaped: &mut String, c: char) {
    match c {
        '&' => escaped.push_str("&amp;"),
        '<' => escaped.push_str("&lt;"),
        '>' => escaped.push_str("&gt;"),
        '"' => escaped.push_str("&quot;"),
        '\'' => escaped.push_str("&#39;"),
        other => escaped.push(other),
    }
}

/// A value in the content of HTML, escaped. What mail clients would turn into a link stands in an element of its own, so that they do not:
/// a lead's values choose no links (promise P7), and people copy them as they are. That is the colon of a scheme, and a full stop or at
/// sign between letters or digits.
pub(super) fn unlinked(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = rest.next() {
        let after = rest.peek().copied().unwrap_or(' ');
        let is_host = is_stop(c) && before.is_alphanumeric() && after.is_alphabetic();
        let is_scheme = c == ':' && (after == '/' || after.is_alphabetic());
        if is_host || is_scheme {
            safe.push_str("<span>");
            push_escaped(&mut safe, c);
            safe.push_str("</span>");
        } else {
            push_escaped(&mut safe, c);
        }
        before = c;
    }
    safe
}

/// The full stops that part the labels of a domain (UTS 46), and the at sign of an address.
fn is_stop(c: char) -> bool {
    matches!(c, '@' | '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
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
    fn what_a_client_would_link_is_parted_by_markup_and_by_nothing_that_people_copy() {
        for (text, expected) in [
            (
                "see http://evil.example/x",
                "see http<span>:</span>//evil<span>.</span>example/x",
            ),
            ("www.evil.com", "www<span>.</span>evil<span>.</span>com"),
            ("a@evil.com", "a<span>@</span>evil<span>.</span>com"),
            ("mailto:x", "mailto<span>:</span>x"),
            ("evil。com", "evil<span>。</span>com"),
            (
                "verkauf@bücher.example",
                "verkauf<span>@</span>bücher<span>.</span>example",
            ),
            ("J.R.R. Tolkien", "J<span>.</span>R<span>.</span>R. Tolkien"),
            ("<a href='x'>\"&", "&lt;a href=&#39;x&#39;&gt;&quot;&amp;"),
            ("Dr. Smith", "Dr. Smith"),
            ("1.5 at 7:30", "1.5 at 7:30"),
            ("Note: x", "Note: x"),
        ] {
            assert_eq!(unlinked(text), expected);
            let copied = unlinked(text).replace("<span>", "").replace("</span>", "");
            assert_eq!(copied, escape(text));
        }
    }

    #[test]
    fn only_a_value_that_is_read_from_right_to_left_is_isolated() {
        for text in ["Alice", "Zoë 7", "+1 202 555 0143", "", "田中", "…→"] {
            assert_eq!(isolate(text), text);
        }
        for text in ["שלום", "مرحبا", "Alice שלום", "٣", "𞤀"] {
            assert_eq!(isolate(text), format!("\u{2068}{text}\u{2069}"));
        }
    }

    #[track_caller]
    fn check_lines(text: &str, expected: &[&str]) {
        assert_eq!(lines(text, 12, 3), expected, "{text:?}");
    }

    #[test]
    fn a_longer_text_keeps_its_lines_within_its_limits() {
        check_lines("one", &["one"]);
        check_lines("one\r\ntwo", &["one", "two"]);
        check_lines("\r\n one\r\n\r\n\r\n two \n\n", &["one", "", "two"]);
        check_lines("a\u{2028}b\u{85}c", &["a", "b", "c"]);
        check_lines("a\nb\nc\nd", &["a", "b", "c …"]);
        check_lines("a\nb\nc\n\n\u{200b}", &["a", "b", "c"]);
        check_lines("1234567890123", &["12345678901…"]);
        check_lines("123456\n1234567", &["123456", "12345…"]);
        check_lines("123456\n123456\n7", &["123456", "123456 …"]);
        check_lines("", &[]);
        check_lines("\n\u{202e}\n", &[]);
    }
}
