use super::{EmailText, LeadUrlTemplate, render_email};
use crate::limits::{MAIL_FIELD_CHARS_MAX, SUBJECT_CHARS_MAX};
use crate::sample::{Members, cases, enriched, quoted, text};
use crate::{hostile, lead::id::LeadId};
use proptest::prelude::*;

const SHOWN: [&str; 6] = [
    "display_name",
    "lead_email",
    "lead_owner",
    "funnel",
    "status_label",
    "date_created",
];

fn render(fields: &Members) -> EmailText {
    let link =
        LeadUrlTemplate::parse("https://app.close.com/lead/{lead_id}/?from=mail&x=1").unwrap();
    render_email(
        &enriched(fields),
        "2026-11-23T07:00:03Z".parse().unwrap(),
        Some(&link),
    )
}

fn fields(values: &[(&str, &str)]) -> Members {
    values
        .iter()
        .map(|(name, value)| (name.to_string(), quoted(value)))
        .collect()
}

fn everywhere(value: &str) -> Members {
    fields(&SHOWN.map(|name| (name, value)))
}

fn alice() -> Members {
    fields(&[
        ("display_name", "Alice O'Neil"),
        ("lead_email", "alice@example.com"),
        ("lead_owner", "Omar"),
        ("funnel", "Direct VSL"),
        ("status_label", "Potential"),
        ("date_created", "2026-11-23T06:49:58.642000+00:00"),
    ])
}

#[test]
fn a_normal_lead_reads_well_as_text() {
    let mail = render(&alice());
    assert_eq!(mail.subject, "New lead: Alice O'Neil → Omar");
    insta::assert_snapshot!("normal_text", mail.text);
}

#[test]
fn a_normal_lead_looks_well_as_html() {
    insta::assert_snapshot!("normal_html", render(&alice()).html);
}

#[test]
fn a_lead_of_which_nothing_is_known_is_still_told() {
    let mail = render_email(
        &enriched(&Members::new()),
        "2026-11-23T06:50:00Z".parse().unwrap(),
        None,
    );
    assert_eq!(mail.subject, "New lead: lead_1Test → unassigned");
    insta::assert_snapshot!(mail.text, @"
    New lead: lead_1Test

    Name:     –
    Lead ID:  lead_1Test
    Email:    –
    Owner:    unassigned
    Funnel:   –
    Status:   –
    Created:  –
    Received: just now (2026-11-23 06:50 UTC)
    ");
    assert!(!mail.html.contains("href"));
}

#[test]
fn a_subject_is_one_short_line() {
    let (long, longer) = ("n".repeat(1 << 20), "o".repeat(1 << 20));
    let cut = format!("{}… → {}…", "n".repeat(126), "o".repeat(59));
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
        ("lead_owner", &"o".repeat(500)),
    ]));
    assert_eq!(mail.subject.chars().count(), SUBJECT_CHARS_MAX);
}

#[test]
fn values_are_escaped_bounded_and_never_a_link_of_their_own() {
    let mail = render(&everywhere("<a href='https://evil.example'>x & \"y\"</a>"));
    assert!(mail.html.contains("&lt;a href=&#39;https:\u{200b}//evil.\u{200b}example&#39;&gt;x &amp; &quot;y&quot;&lt;/a&gt;"));
    let shown = "<a href='https:\u{200b}//evil.\u{200b}example'>x & \"y\"</a>";
    assert!(mail.text.contains(shown));
    let mail = render(&everywhere(&"m".repeat(1 << 20)));
    assert!(mail.text.len() < 10 * MAIL_FIELD_CHARS_MAX);
    let cut = format!("{}…\n", "m".repeat(MAIL_FIELD_CHARS_MAX - 1));
    assert!(mail.text.contains(&cut));
    let mail = render(&fields(&[("lead_email", "mailto:eve@evil.example?x")]));
    let shown = "Email:    mailto:\u{200b}eve@evil.\u{200b}example?x";
    assert!(mail.text.contains(shown));
}

/// Every tag with its attributes, in order: all that a browser would act upon, since no `<` of a value survives its escape.
fn tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .map(|rest| rest.split_once('>').expect("a tag is closed").0)
        .collect()
}

/// The texts between the tags, unescaped.
fn contents(html: &str) -> Vec<String> {
    let texts = html
        .split('<')
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('>')?.1));
    let unescape = |text: &str| {
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&amp;", "&")
    };
    texts.map(unescape).collect()
}

#[track_caller]
fn assert_harmless(mail: &EmailText) {
    let template = render(&alice());
    assert_eq!(tags(&mail.html), tags(&template.html));
    let EmailText {
        subject,
        text,
        html,
    } = mail;
    assert!(subject.chars().count() <= SUBJECT_CHARS_MAX, "{subject:?}");
    assert!(subject.starts_with("New lead: ") && subject.contains(" → "));
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!subject.contains(steers), "{subject:?}");
    for part in [text, html] {
        assert!(!part.replace('\n', "").contains(steers), "{part:?}");
    }
    let lines = template.text.lines().count();
    assert_eq!(text.lines().count(), lines, "{text:?}");
    // Our own link only.
    assert_eq!(text.matches("https://").count(), 1, "{text:?}");
    assert_eq!(html.matches("://").count(), 1, "{html:?}");
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

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_value_breaks_out_of_its_place(values in proptest::collection::vec(text(), SHOWN.len())) {
        let members = SHOWN.iter().zip(&values).map(|(name, value)| (name.to_string(), quoted(value))).collect();
        assert_harmless(&render(&members));
    }

    #[test]
    fn the_html_says_what_the_text_says(values in proptest::collection::vec(text(), SHOWN.len())) {
        let members = SHOWN.iter().zip(&values).map(|(name, value)| (name.to_string(), quoted(value))).collect();
        let mail = render(&members);
        let contents = contents(&mail.html);
        for line in mail.text.lines().skip(2).take_while(|line| !line.is_empty()) {
            let value: String = line.chars().skip(10).collect();
            prop_assert!(contents.contains(&value), "{value:?} {contents:?}");
        }
    }

    #[test]
    fn an_address_that_is_taken_has_no_room_for_a_second(text in text()) {
        if let Ok(address) = super::EmailAddress::parse(&text) {
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
