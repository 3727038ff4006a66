mod harmless;

use super::{Content, EmailText, LeadUrlTemplate, MailTemplate, is_empty_lead};
use crate::limits::{FURTHER_FIELD_CHARS_MAX, FURTHER_FIELDS_MAX};
use crate::sample::{Members, enriched, quoted};
use harmless::{contents, is_isolate, links};
use jiff::tz::TimeZone;

/// Fields that are shown, each in its own way.
const SHOWN: [&str; 11] = [
    "display_name",
    "phone",
    "lead_email",
    "company",
    "message",
    "lead_owner",
    "funnel",
    "status_label",
    "date_created",
    "owner_email",
    "utm_source",
];
const LINK: &str = "https://app.close.com/lead/{lead_id}/?from=mail&x=1";
const TOLD: &str = "team (anna@example.com), owner";

fn render_in(fields: &Members, zone: &str) -> EmailText {
    let link = LeadUrlTemplate::parse(LINK).unwrap();
    let now = "2026-11-23T07:00:03Z".parse().unwrap();
    let zone = TimeZone::get(zone).unwrap();
    let content = Content::new(&enriched(fields), now, &zone, Some(&link));
    MailTemplate::builtin().render(&content, TOLD)
}

fn render(fields: &Members) -> EmailText {
    render_in(fields, "UTC")
}

/// The mail of a lead with these values, which stand in JSON as they are.
fn render_json(values: &[(&str, &str)]) -> EmailText {
    let fields = values
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()));
    render(&fields.collect())
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
        ("phone", "+1 (202) 555-0143"),
        ("company", "Acme & Sons"),
        (
            "message",
            "Hello,\r\n\r\nplease call me after 5.\r\nThanks!",
        ),
        ("lead_owner", "Omar"),
        ("owner_email", "omar@example.com"),
        ("funnel", "Direct VSL"),
        ("status_label", "Potential"),
        ("date_created", "2026-11-23T06:49:58.642000+00:00"),
        ("utm_source", "newsletter"),
        ("page", "www.example.com/prices"),
    ])
}

#[track_caller]
fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
}

#[test]
fn a_normal_lead_reads_well_as_text() {
    let mail = render_in(&alice(), "Europe/Berlin");
    assert_eq!(mail.subject, "New lead: Alice O'Neil → Omar");
    insta::assert_snapshot!("normal_text", mail.text);
}

#[test]
fn a_normal_lead_looks_well_as_html() {
    insta::assert_snapshot!("normal_html", render_in(&alice(), "Europe/Berlin").html);
}

#[test]
fn number_and_name_stand_in_the_first_three_lines_of_the_text() {
    let mail = render(&alice());
    let first: Vec<&str> = mail.text.lines().take(3).collect();
    assert_eq!(
        first,
        [
            "New lead: Alice O'Neil",
            "Phone:    +1 (202) 555-0143",
            "Email:    alice@example.com"
        ]
    );
}

#[test]
fn everything_is_shown_in_the_order_of_the_contract() {
    let order = [
        "Alice O'Neil",
        "555-0143",
        "alice@example.com",
        "Acme",
        "call me",
        "Omar",
        "Direct VSL",
        "Potential",
        "06:49 UTC",
        "waited 10 min",
        "newsletter",
        "Open in the CRM",
        "anna@example.com",
        "Lead ID",
    ];
    let mail = render(&alice());
    // Without what only a list of mails shows.
    let html = contents(&mail.html)
        .join("\n")
        .replace("+1 (202) 555-0143 · ", "");
    for part in [mail.text, html] {
        let mut rest = part.as_str();
        for wanted in order {
            let found = rest.split_once(wanted);
            rest = found
                .unwrap_or_else(|| panic!("{wanted} is not in its place in {part}"))
                .1;
        }
    }
}

#[test]
fn a_number_is_called_and_an_address_written_to_with_one_tap() {
    let mail = render(&alice());
    assert_contains(
        &mail.html,
        &[
            "<a href=\"tel:+12025550143\" dir=\"ltr\"",
            ">+1 (202) 555-0143</a>",
            "<a href=\"mailto:alice@example.com\" dir=\"ltr\"",
            ">alice@example.com</a>",
            "<a href=\"mailto:omar@example.com\" dir=\"ltr\"",
        ],
    );
    for (value, expected) in [
        ("o'neil+x@example.com", "mailto:o%27neil+x@example.com"),
        (
            "a?bcc=b%40evil.example@example.com",
            "mailto:a%3Fbcc%3Db%2540evil.example@example.com",
        ),
        ("a&b#c/d@example.com", "mailto:a%26b%23c%2Fd@example.com"),
    ] {
        let mail = render(&fields(&[("lead_email", value)]));
        assert_contains(&mail.html, &[&format!("href=\"{expected}\"")]);
    }
    for (name, value) in [
        ("phone", "+1 202 555 0143 ext. 5"),
        ("phone", "javascript:alert(1)"),
        ("lead_email", "alice@example.com, eve@example.org"),
        ("lead_email", "mailto:eve@evil.example?x"),
        ("order", "12345678"),
    ] {
        let mail = render(&fields(&[(name, value)]));
        assert_eq!(
            links(&mail.html).len(),
            1,
            "{value} is a link in {}",
            mail.html
        );
        assert_contains(&mail.text, &[value]);
    }
}

#[test]
fn every_name_that_counts_as_phone_company_or_message_is_known() {
    for name in ["phone", "phone_number", "mobile"] {
        let mail = render(&fields(&[(name, "+1 202 555 0143")]));
        assert_contains(&mail.text, &["Phone:    +1 202 555 0143\n"]);
    }
    // A number of JSON is one too.
    assert_contains(
        &render_json(&[("mobile", "4930123456")]).html,
        &["\"tel:4930123456\""],
    );
    for list in [
        r#"["+1 202 555 0143","+1 202 555 0144"]"#,
        r#"[{"phone":"+1 202 555 0143","type":"office"},{"phone":"+1 202 555 0144"}]"#,
        r#"[{"value":"+1 202 555 0143","primary":true},{"value":"+1 202 555 0144"}]"#,
    ] {
        let mail = render_json(&[("phones", list)]);
        assert_contains(
            &mail.text,
            &["Phone:    +1 202 555 0143\nPhone:    +1 202 555 0144\n"],
        );
    }
    for name in ["company", "company_name", "organization"] {
        assert_contains(
            &render(&fields(&[(name, "Acme")])).text,
            &["Company:  Acme\n"],
        );
    }
    for name in ["message", "note", "description"] {
        assert_contains(
            &render(&fields(&[(name, "call me")])).text,
            &["Message:  call me\n"],
        );
    }
}

#[test]
fn one_number_in_two_spellings_is_shown_once_and_nothing_that_is_left_is_lost() {
    let mail = render(&fields(&[
        ("phone", "+1 202 555 0143"),
        ("mobile", "+1 (202) 555-0143"),
        ("phone_number", "+1 202 555 0144"),
        ("message", "call me"),
        ("note", "a regular"),
        ("company", " "),
        ("organization", "Acme"),
    ]));
    assert_eq!(mail.text.matches("Phone:").count(), 2, "{}", mail.text);
    assert_contains(
        &mail.text,
        &[
            "Company:  Acme\nMessage:  call me\n",
            "note:     a regular\n",
        ],
    );
}

#[test]
fn close_gives_the_first_contacts_address_and_number_where_the_event_has_them() {
    let contacts = r#"[{"name":"Ann","emails":[{"email":"ann@example.com","type":"office"}],"phones":[{"phone":"+12025550143","type":"office"}]},
        {"name":"Bob","phones":[{"phone":"+12025550144"}]}]"#;
    let mail = render_json(&[("contacts", contacts)]);
    assert_contains(
        &mail.text,
        &["Phone:    +12025550143\nEmail:    ann@example.com\n"],
    );
    assert!(!mail.text.contains("0144"), "{}", mail.text);
    // What the lead's own fields say comes first.
    let mail = render_json(&[
        ("contacts", contacts),
        ("lead_email", "\"a@example.com\""),
        ("phone", "\"+1 202 555 0143\""),
    ]);
    assert_contains(
        &mail.text,
        &["Phone:    +1 202 555 0143\nEmail:    a@example.com\n"],
    );
    for contacts in ["[]", "[7]", "{}", "null", r#"[{"emails":[],"phones":{}}]"#] {
        assert!(
            is_empty_lead(&enriched(
                &[("contacts".to_owned(), contacts.to_owned())].into()
            )),
            "{contacts}"
        );
    }
}

#[test]
fn nothing_invisible_is_added_to_what_people_copy() {
    for value in [
        "verkauf@bücher.example",
        "J.R.R. Tolkien",
        "https://example.com/a?b=c",
        "علی\u{200c}رضا",
    ] {
        let mail = render(&everywhere(value));
        let invisible = |c: char| {
            matches!(
                c,
                '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{ad}' | '\u{200e}' | '\u{200f}'
            )
        };
        assert!(
            !mail.text.contains(invisible) && !mail.html.contains(invisible),
            "{value}"
        );
        assert_contains(&mail.text, &[value]);
        assert!(
            contents(&mail.html).iter().any(|text| text == value),
            "{value}"
        );
    }
    let mail = render(&alice());
    assert!(
        [mail.text, mail.html]
            .iter()
            .all(|part| !part.contains(is_isolate))
    );
}

#[test]
fn a_value_that_is_read_from_right_to_left_is_isolated_in_subject_text_and_html() {
    let mail = render(&fields(&[
        ("display_name", "علی\u{200c}رضا"),
        ("lead_owner", "שלום"),
        ("message", "مرحبا\nok"),
    ]));
    assert_eq!(
        mail.subject,
        "New lead: \u{2068}علی\u{200c}رضا\u{2069} → \u{2068}שלום\u{2069}"
    );
    assert_contains(
        &mail.text,
        &[
            "New lead: \u{2068}علی\u{200c}رضا\u{2069}\n",
            "Owner:    \u{2068}שלום\u{2069}\n",
            "Message:  \u{2068}مرحبا\u{2069}\n          ok\n",
        ],
    );
    assert_contains(
        &mail.html,
        &[
            "<bdi>שלום</bdi>",
            "<div dir=\"auto\">مرحبا</div><div dir=\"auto\">ok</div>",
        ],
    );
    // A value that turns direction without being of such a script has lost what turns it.
    let mail = render(&everywhere("\u{202e}abc\u{2067}"));
    assert!(
        [mail.subject, mail.text, mail.html]
            .iter()
            .all(|part| !part.contains(is_isolate))
    );
}

#[test]
fn an_event_of_which_nothing_but_its_id_is_known_says_so() {
    for bare in [
        &[][..],
        &[
            ("lead_owner", "\"Omar\""),
            ("funnel", "\"VSL\""),
            ("owner_email", "\"omar@example.com\""),
        ],
        &[
            ("display_name", "\" \\u200b\""),
            ("phone", "null"),
            ("tags", "[1]"),
            ("id", "\"lead_1Test\""),
        ],
        &[
            ("status_label", "\"Potential\""),
            ("date_created", "\"2026-11-23\""),
        ],
    ] {
        let mail = render_json(bare);
        assert_contains(
            &mail.text,
            &["\n\nNothing is known of this lead but its id: "],
        );
        assert_contains(&mail.html, &["Nothing is known of this lead but its id: "]);
        assert_eq!(mail.text.matches('–').count(), 0, "{}", mail.text);
    }
    let nested = render_json(&[("data", r#"{"first_name":"Ann"}"#)]);
    assert_contains(
        &nested.text,
        &["What it has is nested, and not shown: data."],
    );
    for known in [
        "display_name",
        "phone",
        "lead_email",
        "company",
        "message",
        "utm_source",
    ] {
        assert!(
            !is_empty_lead(&enriched(&fields(&[(known, "x")]))),
            "{known}"
        );
        assert!(
            !render(&fields(&[(known, "x")]))
                .text
                .contains("Nothing is known"),
            "{known}"
        );
    }
}

#[test]
fn a_lead_of_which_nothing_is_known_is_still_told() {
    let lead = enriched(&Members::new());
    let content = Content::new(
        &lead,
        "2026-11-23T06:50:00Z".parse().unwrap(),
        &TimeZone::UTC,
        None,
    );
    let mail = MailTemplate::builtin().render(&content, "");
    assert_eq!(mail.subject, "New lead: lead_1Test → unassigned");
    insta::assert_snapshot!(mail.text, @"
    New lead: lead_1Test

    Nothing is known of this lead but its id: it came without a name, a phone number, an email address or any other plain field.

    Owner:    unassigned

    Received: Mon 23 Nov 2026, 06:50 UTC

    Lead ID:  lead_1Test
    ");
    assert!(!mail.html.contains("href"));
}

#[test]
fn times_are_a_persons_in_the_zone_of_the_reader_and_never_age() {
    let mail = render_in(&alice(), "America/New_York");
    for part in [&mail.text, &mail.html] {
        assert_contains(
            part,
            &[
                "Mon 23 Nov 2026, 01:49 EST",
                "Mon 23 Nov 2026, 01:50 EST, waited 10 min",
            ],
        );
        assert!(!part.contains(" ago") && !part.contains("642000"), "{part}");
    }
    assert_contains(
        &render(&fields(&[("date_created", "last week")])).text,
        &["Created:  last week\n"],
    );
}

#[test]
fn further_fields_are_plain_ones_and_so_many() {
    let many: Members = (0..30)
        .map(|n| (format!("field_{n:02}"), n.to_string()))
        .collect();
    let mail = render(&many);
    assert_eq!(mail.text.matches("field_").count(), FURTHER_FIELDS_MAX);
    assert_contains(
        &mail.text,
        &["field_00: 0\n", "10 more fields are not shown.\n"],
    );
    let long = "v".repeat(FURTHER_FIELD_CHARS_MAX + 1);
    let mail = render_json(&[
        ("a", "true"),
        ("b", "1.10"),
        ("c", "[1]"),
        ("d", "{}"),
        ("e", "null"),
        ("f", &quoted(&long)),
    ]);
    let cut = format!("f:        {}…\n", "v".repeat(FURTHER_FIELD_CHARS_MAX - 1));
    assert_contains(&mail.text, &["a:        true\nb:        1.10\nf: ", &cut]);
}

#[test]
fn a_list_of_mails_shows_number_and_message() {
    let mail = render(&alice());
    let preview = "mso-hide:all\">+1 (202) 555-0143 · Hello, please call me after 5. Thanks!</div>";
    assert_contains(&mail.html, &[preview]);
}

#[test]
fn a_reply_goes_to_the_lead_only_where_its_address_is_strictly_one() {
    let reply_to = |email: &str| {
        let lead = enriched(&fields(&[("lead_email", email)]));
        let now = lead.provenance.enriched_at;
        let content = Content::new(&lead, now, &TimeZone::UTC, None);
        content
            .reply_to()
            .map(|address| address.expose().to_owned())
    };
    assert_eq!(
        reply_to(" alice@example.com\n").as_deref(),
        Some("alice@example.com")
    );
    for email in [
        "",
        "alice",
        "Alice <alice@example.com>",
        "a@example.com, b@example.com",
        "a@example.com\r\nBcc: c@example.com",
    ] {
        assert_eq!(reply_to(email), None, "{email:?}");
    }
}
