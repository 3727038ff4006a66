//! The mail as a person sees it: in a real browser, on a phone and at a desk, in light and in dark.
//!
//! `LEADWIRE_MAIL_PAGES=FOLDER cargo test -p leadwire --test it letter` leaves the pages, their texts and pictures of them in that folder.

use crate::browser::Browser;
use jiff::tz::TimeZone;
use leadwire_domain::lead::document::parse_enriched;
use leadwire_domain::notice::{Content, EmailText, LeadUrlTemplate, MailTemplate};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Of a phone, and of a window at a desk, in pixels.
const WIDTHS: [u32; 2] = [390, 1100];
const HEIGHT: u32 = 844;
/// The least height of what a thumb hits, in pixels (Apple's guidelines).
const TAP: f64 = 44.0;

/// Where pages go.
struct Folder {
    _temporary: TempDir,
    path: PathBuf,
    /// Whether somebody wants pictures of them.
    is_asked_for: bool,
}

impl Folder {
    fn new() -> Self {
        let temporary = TempDir::new().unwrap();
        let asked = std::env::var_os("LEADWIRE_MAIL_PAGES").map(PathBuf::from);
        if let Some(path) = &asked {
            std::fs::create_dir_all(path).unwrap();
        }
        Self {
            is_asked_for: asked.is_some(),
            path: asked.unwrap_or_else(|| temporary.path().to_owned()),
            _temporary: temporary,
        }
    }
}

/// The mail of a lead with these fields.
fn render(fields: &Value) -> EmailText {
    let mut document = json!({
        "lead_id": "lead_7gA2mQ",
        "_leadwire": {
            "schema": 1, "event_id": "ev_1", "source": "close", "raw_key": "raw/x.json", "raw_sha256": "0".repeat(64),
            "accepted_at": "2026-11-23T06:50:00Z", "enriched_at": "2026-11-23T07:00:03Z", "lookup_etag": null,
            "from": {}, "conflicts": [],
        },
    });
    let fields = fields.as_object().unwrap().clone();
    document.as_object_mut().unwrap().extend(fields);
    let lead = parse_enriched(document.to_string().as_bytes()).unwrap();
    let link = LeadUrlTemplate::parse("https://app.close.com/lead/{lead_id}/").unwrap();
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let content = Content::new(&lead, lead.provenance.enriched_at, &zone, Some(&link));
    MailTemplate::builtin().render(&content, "team (anna@example.com, ben@example.com), owner")
}

fn normal() -> Value {
    json!({
        "display_name": "Alice O'Neil",
        "phone": "+1 (202) 555-0143",
        "lead_email": "alice@example.com",
        "company": "Acme & Sons",
        "message": "Hello,\n\nwe are 40 people and would like to see prices for a year.\nPlease call me after 5, I am in meetings before.\n\nThanks, Alice",
        "lead_owner": "Omar Haddad",
        "funnel": "Direct VSL",
        "status_label": "Potential",
        "date_created": "2026-11-23T06:49:58.642000+00:00",
        "owner_email": "omar@example.com",
        "utm_source": "newsletter",
        "utm_campaign": "autumn-2026",
        "page": "www.example.com/prices",
        "budget": 12000,
    })
}

/// The leads that are looked at.
fn leads() -> Vec<(&'static str, Value)> {
    let mut long = json!({
        "display_name": "Wolfeschlegelsteinhausenbergerdorff".repeat(8),
        "phone": "+1 (202) 555-0143 / +1 (202) 555-0144 or the front desk, ask for Wolfeschlegelstein",
        "phones": ["+49 30 1234567", "+49 171 1234567", "+49 (0)30 / 123 45 - 67"],
        "lead_email": format!("{}@{}.example.com", "long.address".repeat(5), "department-of-departments".repeat(2)),
        "company": "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft mbH & Co. KG",
        "message": "One line of the many that somebody wrote into a form, and it is not short. ".repeat(30),
        "lead_owner": "Omar Haddad, Regional Director of Inside Sales for the Northern Territories",
        "funnel": "Direct VSL",
    });
    for number in 0..25 {
        long[format!("custom.cf_{number:02}_field_with_a_long_name_of_its_own")] =
            json!("value ".repeat(number * 4 + 1));
    }
    let evil = "</td></table><a href=\"https://evil.example\">click</a><script>alert(1)</script> www.evil.example";
    vec![
        ("normal", normal()),
        (
            "sparse",
            json!({ "display_name": "Bo", "phone": "555 0143 99" }),
        ),
        (
            "empty",
            json!({ "data": { "first_name": "Ann" }, "lead_owner": "Omar Haddad" }),
        ),
        ("long", long),
        (
            "right-to-left",
            json!({
                "display_name": "علی‌رضا محمدی",
                "phone": "+972 2 555 0143",
                "lead_email": "ali@example.com",
                "company": "חברת דוגמה בע\"מ (2026)",
                "message": "שלום, אשמח לשיחה בשעה 17:00.\nThank you!\nشكرا جزيلا",
                "lead_owner": "נועה כהן",
                "status_label": "חדש",
                "utm_source": "מודעה",
            }),
        ),
        (
            "hostile",
            json!({
                "display_name": evil, "phone": "javascript:alert(1)", "lead_email": "\"><img src=x onerror=alert(1)>",
                "company": "\u{202e}moc.live@ecila", "message": format!("{evil}\r\nPhone:    +1 900 555 0000\nBcc: eve@example.org"),
                "lead_owner": "=?utf-8?Q?a=1B[31mb=00?=", "funnel": "{{7*7}}", evil: evil,
            }),
        ),
    ]
}

/// Shows a page in a window of this width.
fn show(browser: &Browser, page: &Path, width: u32, scheme: &str) {
    let metrics =
        json!({ "width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": false });
    browser.execute("Emulation.setDeviceMetricsOverride", &metrics);
    browser.execute("Emulation.setScrollbarsHidden", &json!({ "hidden": true }));
    browser.prefer(scheme);
    browser.open(&format!("file://{}", page.display()));
}

#[test]
fn a_mail_is_read_on_a_phone_and_at_a_desk_in_light_and_dark_whatever_its_lead() {
    let (folder, browser) = (Folder::new(), Browser::start());
    for (name, lead) in leads() {
        let mail = render(&lead);
        let page = folder.path.join(format!("{name}.html"));
        std::fs::write(&page, &mail.html).unwrap();
        std::fs::write(page.with_extension("txt"), &mail.text).unwrap();
        for width in WIDTHS {
            let mut grounds = Vec::new();
            for scheme in ["light", "dark"] {
                show(&browser, &page, width, scheme);
                let what = format!("{name} at {width} px, {scheme}");
                assert!(browser.overflow() <= 0, "{what}: {} px", browser.overflow());
                let card = browser.rects(".card").remove(0);
                assert!(card.x >= 0.0 && card.width <= 562.0, "{what}: {card:?}");
                let previews = browser.all("body > div");
                assert!(
                    !previews.iter().any(|preview| browser.is_displayed(preview)),
                    "{what}"
                );
                assert!(browser.all("script, img").is_empty(), "{what}");
                assert_eq!(browser.complaints(), Vec::<String>::new(), "{what}");
                grounds.push(browser.style(&browser.one(".card"), "background-color"));
                if folder.is_asked_for {
                    let picture = folder.path.join(format!("{name}-{width}-{scheme}.png"));
                    std::fs::write(picture, browser.picture()).unwrap();
                }
            }
            assert_ne!(grounds[0], grounds[1], "{name} is as bright in the dark");
        }
    }
}

#[test]
fn a_stranger_on_a_phone_calls_the_lead_with_one_tap_without_scrolling() {
    let (folder, browser) = (Folder::new(), Browser::start());
    let page = folder.path.join("tap.html");
    std::fs::write(&page, render(&normal()).html).unwrap();
    show(&browser, &page, 390, "light");
    for (href, shown) in [
        ("tel:+12025550143", "+1 (202) 555-0143"),
        ("mailto:alice@example.com", "alice@example.com"),
    ] {
        let css = format!("a[href='{href}']");
        let link = browser.rects(&css).remove(0);
        assert!(
            link.height >= TAP && link.y + link.height < 260.0,
            "{link:?}"
        );
        assert!(link.width >= 200.0, "{link:?}");
        assert_eq!(browser.texts(&css), [shown]);
    }
    // What is selected and copied is what the CRM sent.
    let copied = browser.evaluate(
        "getSelection().selectAllChildren(document.body); return getSelection().toString()",
    );
    let copied = copied.as_str().unwrap();
    for value in [
        "+1 (202) 555-0143",
        "www.example.com/prices",
        "Acme & Sons",
        "O'Neil",
    ] {
        assert!(copied.contains(value), "{value} is not in {copied:?}");
    }
    let is_invisible = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}');
    assert!(!copied.contains(is_invisible), "{copied:?}");
}

#[test]
fn what_is_written_from_right_to_left_reorders_nothing_beside_it() {
    let (folder, browser) = (Folder::new(), Browser::start());
    let (_, lead) = leads()
        .into_iter()
        .find(|(name, _)| *name == "right-to-left")
        .unwrap();
    let page = folder.path.join("order.html");
    std::fs::write(&page, render(&lead).html).unwrap();
    show(&browser, &page, 1100, "light");
    let labels = browser.rects("th");
    for (label, value) in labels.iter().zip(browser.rects("th + td")) {
        assert!(
            label.right() <= value.x + 1.0,
            "a value stands before its label"
        );
    }
    assert_eq!(browser.texts("a[href^='tel:']"), ["+972 2 555 0143"]);
    // Each line of a message is set from the side on which its reader begins.
    let lines = browser.all("td > div[dir=auto]");
    let directions = lines.iter().map(|line| browser.style(line, "direction"));
    assert_eq!(directions.collect::<Vec<_>>(), ["rtl", "ltr", "rtl"]);
}
