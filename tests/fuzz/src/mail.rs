//! The mail.

use crate::html::{self, Mark};
use crate::input::{now, parts, quoted, text};
use jiff::tz::TimeZone;
use leadwire_domain::lead::document::{Enriched, parse_enriched};
use leadwire_domain::limits::{MESSAGE_LINES_MAX, SUBJECT_CHARS_MAX};
use leadwire_domain::notice::{Content, EmailText, LeadUrlTemplate, MailTemplate};
use std::sync::OnceLock;

const FIELDS: [&str; 9] = [
    "display_name",
    "lead_owner",
    "lead_email",
    "funnel",
    "status_label",
    "date_created",
    "phone",
    "company",
    "message",
];
const LINK: &str = "https://crm.example/lead/{lead_id}/?from=mail&x=1";
const TOLD: &str = "team (anna@example.com), owner";
/// Lines of the text beside a message's: rows of our own, at most 20 further fields, and the spaces between them.
const LINES_MAX: usize = 50;

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
    let content = Content::new(lead, now(), &TimeZone::UTC, Some(&link));
    MailTemplate::builtin().render(&content, TOLD)
}

/// The marks that a mail may have, but for where its links lead: those of one that has everything.
fn frame() -> &'static [Mark] {
    static FRAME: OnceLock<Vec<Mark>> = OnceLock::new();
    FRAME.get_or_init(|| {
        let everything = r#""display_name":"Alice","phone":"+1 202 555 0143","lead_email":"alice@example.com","message":"one\n\ntwo","a":"www.example.com","b":"b@example.com""#;
        let nothing = r#""data":{}"#;
        let mails = [everything, nothing].map(|members| html::read(&render(&stored(members)).html).0);
        mails.into_iter().flatten().map(|mark| without_link(&mark)).collect()
    })
}

/// No control in the subject, the template's elements and attributes in the HTML, the same values in it and in the text, and no link but ours,
/// to the lead's numbers and to its addresses.
pub(crate) fn check_mail(lead: &Enriched) {
    let mail = render(lead);
    check_subject(&mail.subject);
    let (marks, texts) = html::read(&mail.html);
    let own = LINK.replace("{lead_id}", lead.lead_id.as_str());
    for mark in &marks {
        assert!(frame().contains(&without_link(mark)), "{mark:?}");
        check_link(mark, &own);
    }
    // Elements part what a client would link.
    let shown = texts.concat();
    let lines: Vec<&str> = mail.text.lines().collect();
    assert!(lines.len() <= LINES_MAX + MESSAGE_LINES_MAX, "{lines:?}");
    let said = lines.iter().skip(1).filter(|line| !line.is_empty());
    for line in said.filter(|line| !line.ends_with(&own)) {
        let is_shown = |value: &str| {
            let value = value.trim_start();
            shown.contains(value.trim_matches(['\u{2068}', '\u{2069}']))
        };
        // Where the label ends, which is anyone's.
        let values = line
            .match_indices(": ")
            .map(|(at, colon)| line.split_at(at + colon.len()).1);
        let is_said = is_shown(line) || values.into_iter().any(is_shown);
        assert!(is_said, "{line:?} is not in {shown:?}");
    }
    for text in [&mail.text, &mail.html] {
        assert!(!text.replace('\n', "").contains(steers), "{text:?}");
    }
}

/// A mark without where it leads.
fn without_link(mark: &Mark) -> Mark {
    match mark {
        Mark::Start(name, attributes) if name == "a" => {
            let attributes = attributes.iter().filter(|(name, _)| name != "href");
            Mark::Start(name.clone(), attributes.cloned().collect())
        }
        Mark::Start(..) | Mark::End(_) | Mark::Other(_) => mark.clone(),
    }
}

/// A link is our own, calls a number, or writes to one address.
fn check_link(mark: &Mark, own: &str) {
    let Mark::Start(_, attributes) = mark else {
        return;
    };
    for (_, href) in attributes.iter().filter(|(name, _)| name == "href") {
        let is_good = if let Some(number) = href.strip_prefix("tel:") {
            let digits = number.strip_prefix('+').unwrap_or(number);
            (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        } else if let Some(address) = href.strip_prefix("mailto:") {
            address.matches('@').count() == 1 && !address.contains(['?', '&', ',', ';', ' ', ':'])
        } else {
            href == own
        };
        assert!(is_good, "{href:?}");
    }
}

fn check_subject(subject: &str) {
    assert!(!subject.contains(steers), "{subject:?}");
    assert!(subject.chars().count() <= SUBJECT_CHARS_MAX, "{subject:?}");
    assert!(subject.starts_with("New lead: ") && subject.contains(" → "));
}

/// What ends a line, hides text, or turns its direction for more than one value.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'
                ..='\u{202e}' | '\u{2066}' | '\u{2067}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}
