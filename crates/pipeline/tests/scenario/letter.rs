//! What a mail says, and to whom a reply goes.

use super::prelude::*;
use jiff::tz::TimeZone;
use leadwire_domain::notice::EmailAddress;
use leadwire_pipeline::settings::ReplyTo;
use leadwire_pipeline::testkit::WorldBuilder;

const LEAD: &str = r#"{"lead_id":"test-1","display_name":"Alice","lead_email":"alice@example.com","phone":"+1 202 555 0143"}"#;
const OWNER: &str = r#"{"lead_id":"test-1","lead_owner":"Omar","owner_email":"omar@example.com"}"#;

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

/// A world in which an event with this owner file was worked on.
async fn worked(event: &str, owner: &str, change: impl FnOnce(&mut WorldBuilder)) -> World {
    let world = World::with(change);
    world.put_owner("test-1", owner);
    world.post(event).await;
    world.observed(world.work_until_idle()).await;
    world
}

#[tokio::test(start_paused = true)]
async fn each_receiver_reads_what_to_call_and_who_else_is_told() {
    let world = worked(LEAD, OWNER, |world| {
        world.enrich.to = vec![address("a@example.com"), address("b@example.com")];
        world.enrich.notify_owner = true;
        world.enrich.time_zone = TimeZone::get("Europe/Berlin").unwrap();
    })
    .await;
    let mails = world.mailer().sent();
    let told = |to: &str| {
        let mail = mails.iter().find(|mail| mail.to.expose() == to);
        let text = &mail.expect("it was mailed").text.text;
        assert!(
            text.starts_with("New lead: Alice\nPhone:    +1 202 555 0143\n"),
            "{text}"
        );
        assert!(
            text.contains("Received: Mon 23 Nov 2026, 07:50 CET, waited 10 min\n"),
            "{text}"
        );
        let mut lines = text.lines();
        let told = lines.find_map(|line| line.strip_prefix("Also told: "));
        told.map(str::to_owned)
    };
    assert_eq!(
        told("a@example.com").as_deref(),
        Some("team (b@example.com), owner")
    );
    assert_eq!(
        told("omar@example.com").as_deref(),
        Some("team (a@example.com, b@example.com)")
    );
}

#[tokio::test(start_paused = true)]
async fn a_reply_goes_to_the_lead_only_where_that_is_configured_and_its_address_is_one() {
    for (reply_to, email, expected) in [
        (
            ReplyTo::Lead,
            "alice@example.com",
            Some("alice@example.com"),
        ),
        (
            ReplyTo::Lead,
            "alice@example.com\\r\\nBcc: eve@example.org",
            None,
        ),
        (ReplyTo::None, "alice@example.com", None),
    ] {
        let event = format!(r#"{{"lead_id":"test-1","lead_email":"{email}"}}"#);
        let world = worked(&event, OWNER, |world| world.enrich.reply_to = reply_to).await;
        let mails = world.mailer().sent();
        let sent = mails[0].reply_to.as_ref().map(EmailAddress::expose);
        assert_eq!(sent, expected, "{email}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_of_which_nothing_but_its_id_is_known_is_mailed_says_so_and_is_counted_once() {
    let nested = r#"{"lead_id":"test-1","data":{"first_name":"Ann"}}"#;
    for (event, counted) in [(nested, 1), (LEAD, 0)] {
        let world = worked(event, OWNER, |world| {
            world.enrich.to.push(address("b@example.com"));
        })
        .await;
        let mails = world.mailer().sent();
        assert_eq!(mails.len(), 2);
        for mail in mails {
            let says_so = mail
                .text
                .text
                .contains("Nothing is known of this lead but its id");
            assert_eq!(says_so, counted == 1, "{}", mail.text.text);
        }
        let found = world.counted().remove("LeadsEmpty").unwrap_or_default();
        assert_eq!(found, counted, "{event}");
    }
}
