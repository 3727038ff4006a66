//! Whatever the values of a lead are, its mail is the frame of every mail with these values in their places.

use super::super::{EmailAddress, EmailText, LeadUrlTemplate, encode_header, header};
use super::{LINK, SHOWN, alice, assert_contains, everywhere, fields, render};
use crate::limits::{
    MAIL_FIELD_CHARS_MAX, MESSAGE_CHARS_MAX, MESSAGE_LINES_MAX, SUBJECT_CHARS_MAX,
};
use crate::sample::{Members, cases, quoted, text};
use crate::{hostile, lead::id::LeadId};
use proptest::prelude::*;

#[test]
fn a_subject_is_one_short_line() {
    let (long, longer) = ("n".repeat(1 << 20), "o".repeat(1 << 20));
    let cut = format!("{}… → {}…", "n".repeat(122), "o".repeat(59));
    let two_lines = "Alice\r\nBcc: eve@example.org";
    for (name, owner, expected) in [
        (
            two_lines,
            "O\u{2028}mar",
            "Alice Bcc: eve@example.org → O mar",
        ),
        ("\u{202e}ecilA", "\u{2066}", "ecilA → unassigned"),
        (" ", "Omar", "lead_1Test → Omar"),
        (&long, &longer, &cut),
    ] {
        let mail = render(&fields(&[("display_name", name), ("lead_owner", owner)]));
        assert_eq!(mail.subject, format!("New lead: {expected}"));
    }
    let long = LeadId::parse(&"l".repeat(128)).unwrap();
    let mail = render(&fields(&[
        ("lead_id", long.as_str()),
        ("lead_owner", &"ש".repeat(500)),
    ]));
    assert_eq!(mail.subject.chars().count(), SUBJECT_CHARS_MAX);
}

#[test]
fn values_are_escaped_bounded_and_never_a_link_of_their_own() {
    let value = "<a href='https://evil.example'>x & \"y\"</a>";
    let mail = render(&everywhere(value));
    let shown = "&lt;a href=&#39;https<span>:</span>//evil<span>.</span>example&#39;&gt;x &amp; &quot;y&quot;&lt;/a&gt;";
    assert_contains(&mail.html, &[shown]);
    assert_contains(&mail.text, &[value]);
    let mail = render(&everywhere(&"m".repeat(1 << 20)));
    assert!(mail.text.len() < 11 * MAIL_FIELD_CHARS_MAX + MESSAGE_CHARS_MAX);
    assert_contains(
        &mail.text,
        &[&format!("{}…\n", "m".repeat(MAIL_FIELD_CHARS_MAX - 1))],
    );
}

/// Every tag with its attributes, in order: all that a browser would act upon, since no `<` of a value survives its escape.
pub(super) fn tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .map(|rest| rest.split_once('>').expect("a tag is closed").0)
        .collect()
}

/// Where the links lead.
pub(super) fn links(html: &str) -> Vec<String> {
    let tags = tags(html).into_iter();
    let links = tags.filter_map(|tag| Some(tag.split_once("href=\"")?.1.split_once('"')?.0));
    links.map(unescape).collect()
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// The texts between the tags, unescaped: what people read, and copy.
pub(super) fn contents(html: &str) -> Vec<String> {
    let html = html.replace("<span>", "").replace("</span>", "");
    let texts = html
        .split('<')
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('>')?.1));
    texts.map(unescape).collect()
}

pub(super) fn is_isolate(c: char) -> bool {
    matches!(c, '\u{2066}'..='\u{2069}')
}

/// What ends a line, hides text, or turns its direction for more than a value.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'
                ..='\u{202e}' | '\u{2066}' | '\u{2067}'
        )
}

/// A link of a mail is the configured one, calls the digits that are shown, or writes to the one address that is shown.
#[track_caller]
fn assert_links(html: &str) {
    let own = LINK.replace("{lead_id}", "lead_1Test");
    let tags = html.split("<a href=\"").skip(1);
    for tag in tags {
        let (href, rest) = tag.split_once('"').unwrap();
        let shown = rest.split_once('>').unwrap().1.split_once('<').unwrap().0;
        let (href, shown) = (unescape(href), unescape(shown));
        if let Some(number) = href.strip_prefix("tel:") {
            let digits: String = shown
                .chars()
                .filter(|c| c.is_ascii_digit() || *c == '+')
                .collect();
            assert_eq!(number, digits);
            let digits = number.strip_prefix('+').unwrap_or(number);
            assert!(
                (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()),
                "{href}"
            );
        } else if let Some(address) = href.strip_prefix("mailto:") {
            assert!(!address.contains(['?', '&', ',', ';', ' ']), "{href}");
            let decoded = percent_encoding::percent_decode_str(address)
                .decode_utf8()
                .unwrap();
            assert_eq!(decoded, shown);
            assert_eq!(decoded.matches('@').count(), 1);
        } else {
            assert_eq!(href, own);
        }
    }
}

#[track_caller]
fn assert_harmless(mail: &EmailText) {
    let EmailText {
        subject,
        text,
        html,
    } = mail;
    let (plain, empty) = (render(&alice()), render(&Members::new()));
    let allowed = [tags(&plain.html), tags(&empty.html)].concat();
    for tag in tags(html) {
        let is_link = tag.starts_with("a href=\"");
        assert!(
            is_link || allowed.contains(&tag) || tag.contains("display:none"),
            "{tag}"
        );
    }
    assert_links(html);
    assert!(subject.chars().count() <= SUBJECT_CHARS_MAX, "{subject:?}");
    assert!(subject.starts_with("New lead: ") && subject.contains(" → "));
    assert!(!subject.contains(steers), "{subject:?}");
    // What a reader decodes is what it says.
    let encoded = encode_header(subject, " ").expect("the arrow is not ASCII");
    assert_eq!(header::decode(&encoded), *subject);
    for part in [text, html] {
        assert!(!part.replace('\n', "").contains(steers), "{part:?}");
        let isolates = |c: char| part.matches(c).count();
        assert_eq!(isolates('\u{2068}'), isolates('\u{2069}'), "{part:?}");
    }
    // Whatever a line of the text says by its label is ours to say, and a message's lines stand behind its own.
    let lines = plain.text.lines().count() + MESSAGE_LINES_MAX;
    assert!(text.lines().count() <= lines, "{text:?}");
    for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
        let is_ours = line.starts_with("          ")
            || line.starts_with("Nothing is known of this lead")
            || line.split_once(':').is_some_and(|(label, _)| {
                SHOWN.contains(&label)
                    || "Phone|Email|Company|Message|Owner|Funnel|Status|Created|Received|Open in the CRM|Also told|Lead ID"
                        .split('|')
                        .any(|own| own == label)
            });
        assert!(is_ours, "{line:?}");
    }
}

#[test]
fn hostile_values_change_nothing_but_what_is_written() {
    for value in hostile::TEXTS {
        assert_harmless(&render(&everywhere(value)));
    }
}

#[test]
fn what_is_printed_for_debugging_holds_no_value_of_the_lead() {
    assert!(!format!("{:?}", render(&everywhere("CANARY"))).contains("CANARY"));
}

/// Values that are nearly numbers and addresses, beside any other.
fn reachable() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => text(),
        1 => proptest::string::string_regex("\\+?[0-9 ()./x-]{5,20}").expect("a valid expression"),
        1 => proptest::string::string_regex("[a-z?&=%#,;+'@. ]{1,8}@[a-z]{1,4}\\.[a-z@,?]{1,4}").expect("a valid expression"),
    ]
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_value_breaks_out_of_its_place(values in proptest::collection::vec(reachable(), SHOWN.len())) {
        let members = SHOWN.iter().zip(&values).map(|(name, value)| (name.to_string(), quoted(value))).collect();
        assert_harmless(&render(&members));
    }

    #[test]
    fn the_html_says_what_the_text_says(values in proptest::collection::vec(reachable(), SHOWN.len())) {
        let members = SHOWN.iter().zip(&values).map(|(name, value)| (name.to_string(), quoted(value))).collect();
        let mail = render(&members);
        let contents = contents(&mail.html);
        let is_said = |value: &str| contents.iter().any(|text| text.ends_with(value));
        for line in mail.text.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with("Open in")) {
            let value = match line.split_once(": ") {
                Some((_, value)) if !line.starts_with(' ') && !line.starts_with("Nothing") => value,
                _ => line,
            };
            let value = value.trim_start().trim_matches(['\u{2068}', '\u{2069}']);
            prop_assert!(is_said(value), "{value:?} {contents:?}");
        }
    }

    #[test]
    fn an_address_that_is_taken_has_no_room_for_a_second(text in text()) {
        if let Ok(address) = EmailAddress::parse(&text) {
            let forbidden = |c: char| !c.is_ascii_graphic() || ",;<>()[]\\\"".contains(c);
            prop_assert!(!address.expose().contains(forbidden));
            prop_assert_eq!(address.expose().matches('@').count(), 1);
        }
    }

    #[test]
    fn a_template_that_is_taken_gives_an_https_link_to_its_own_host(text in text(), lead in crate::sample::lead_id()) {
        if let Ok(template) = LeadUrlTemplate::parse(&format!("https://crm.example/{text}{{lead_id}}")) {
            let link = template.render(&lead);
            prop_assert!(link.starts_with("https://crm.example/") && link.ends_with(lead.as_str()));
        }
    }
}
