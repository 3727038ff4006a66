//! The mail.

use crate::html::{self, Mark};
use crate::input::{now, parts, quoted, text};
use leadwire_domain::lead::document::{Enriched, parse_enriched};
use leadwire_domain::limits::SUBJECT_CHARS_MAX;
use leadwire_domain::notice::{EmailText, LeadUrlTemplate, render_email};
use std::sync::OnceLock;

const FIELDS: [&str; 6] = [
    "display_name",
    "lead_owner",
    "lead_email",
    "funnel",
    "status_label",
    "date_created",
];
const LINK: &str = "https://crm.example/lead/{lead_id}/?from=mail&x=1";
/// Lines of the text: a title, a space, eight rows, a space, the link.
const LINES: usize = 12;

/// Whatever the values of a lead are, its mail has the frame of every mail.
pub fn mail(data: &[u8]) {
    let values: [&[u8]; FIELDS.len()] = parts(data);
    let fields = FIELDS.iter().zip(values);
    let fields: Vec<String> = fields
        .map(|(name, value)| format!("\"{name}\":{}", quoted(&text(value))))
        .collect();
    check_mail(&stored(&fields.join(",")));
}

/// A stored document with these members.
fn stored(members: &str) -> Enriched {
    let document = format!(
        r#"{{"lead_id":"test-1",{members},"_leadwire":{{"schema":1,"event_id":"ev_1","source":"close","raw_key":"raw/x.json",
        "raw_sha256":"{}","accepted_at":"2026-11-23T06:40:00Z","enriched_at":"2026-11-23T06:50:00Z","lookup_etag":null,"from":{{}},"conflicts":[]}}}}"#,
        "0".repeat(64)
    );
    parse_enriched(document.as_bytes()).expect("a stored document")
}

fn render(lead: &Enriched) -> EmailText {
    let link = LeadUrlTemplate::parse(LINK).expect("a template");
    render_email(lead, now(), Some(&link))
}

/// The marks of the template, but for the one link that names the lead.
fn frame() -> &'static [Mark] {
    static FRAME: OnceLock<Vec<Mark>> = OnceLock::new();
    FRAME.get_or_init(|| {
        let plain = stored(r#""display_name":"Alice""#);
        html::read(&render(&plain).html).0
    })
}

/// No control in the subject, the template's elements and attributes in the HTML, the template's lines in the text, the same values in
/// both, and no link but ours.
pub(crate) fn check_mail(lead: &Enriched) {
    let mail = render(lead);
    check_subject(&mail.subject);
    let (marks, texts) = html::read(&mail.html);
    let own = LINK.replace("{lead_id}", lead.lead_id.as_str());
    let expected = frame().iter().map(|mark| with_link(mark, &own));
    assert_eq!(marks, expected.collect::<Vec<_>>());
    let lines: Vec<&str> = mail.text.split('\n').collect();
    assert_eq!(lines.len(), LINES + 1, "{lines:?}");
    for line in lines.iter().skip(2).take(8) {
        let value: String = line.chars().skip(10).collect();
        assert!(texts.contains(&value), "{value:?} is not in {texts:?}");
    }
    for text in [&mail.text, &mail.html] {
        assert!(!text.replace('\n', "").contains(steers), "{text:?}");
        assert_eq!(text.matches("://").count(), 1, "{text:?}");
    }
}

fn with_link(mark: &Mark, link: &str) -> Mark {
    match mark {
        Mark::Start(name, attributes) if name == "a" => {
            let attributes = attributes.iter().cloned();
            let attributes = attributes.map(|(name, value)| match name.as_str() {
                "href" => (name, link.to_owned()),
                _ => (name, value),
            });
            Mark::Start(name.clone(), attributes.collect())
        }
        Mark::Start(..) | Mark::End(_) | Mark::Other(_) => mark.clone(),
    }
}

fn check_subject(subject: &str) {
    assert!(!subject.contains(steers), "{subject:?}");
    assert!(subject.chars().count() <= SUBJECT_CHARS_MAX, "{subject:?}");
    assert!(subject.starts_with("New lead: ") && subject.contains(" → "));
}

/// What ends a line, hides text, or turns its direction.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}
