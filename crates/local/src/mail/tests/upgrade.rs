//! A mail log that the first edition wrote: one mail an event, to all receivers.

use super::{EVENT, mail, mail_about, mail_to, send};
use crate::home::Mode;
use crate::sample::{Sample, StoppedClock, count, open};
use leadwire_pipeline::port::Mail;
use rusqlite::Connection;

const FIRST_ID: &str = "<crm_event_l-1_20261123T065000123456Z@example.com>";
const REFUSED: &str = "crm_event_l-2_20261123T065000123456Z";

/// A data folder as the first edition left it: one event's mail was accepted after a doubt, another's was refused.
fn first_edition() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let database = Connection::open(folder.path().join("leadwire.db")).unwrap();
    let schema = include_str!("../../database/v1.sql");
    database.execute_batch(schema).unwrap();
    database
        .pragma_update(None, "application_id", 0x4c44_5752)
        .unwrap();
    database.pragma_update(None, "user_version", 1).unwrap();
    let rows = [
        (EVENT, 1, "ambiguous", None),
        (EVENT, 2, "accepted", Some(FIRST_ID)),
        (REFUSED, 1, "refused", None),
    ];
    let insert =
        "INSERT INTO mail_log (event, attempt, outcome, message_id, at) VALUES (?1, ?2, ?3, ?4, 0)";
    for row in rows {
        database.execute(insert, row).unwrap();
    }
    folder
}

fn upgraded() -> Sample {
    let folder = first_edition();
    let clock = StoppedClock::at("2026-11-23T07:00:00Z");
    let home = open(folder.path(), Mode::Serve, &clock);
    assert_eq!(home.report().migrated_from, Some(1));
    Sample {
        home,
        clock,
        folder,
    }
}

#[tokio::test]
async fn a_mail_that_the_first_edition_logged_counts_for_every_receiver_of_its_event() {
    let sample = upgraded();
    let outbox = sample.home.outbox();
    for mail in [mail(), mail_to("olga@example.com")] {
        let told = send(&outbox, &mail).await;
        assert_eq!(told, ("accepted", FIRST_ID.to_owned()));
    }
    assert_eq!(count(&sample.home.folder().outbox()), 0);
}

#[tokio::test]
async fn what_the_first_edition_did_not_log_as_accepted_is_sent_to_each_receiver_once() {
    let sample = upgraded();
    let outbox = sample.home.outbox();
    let others = [mail_about(REFUSED), mail_about(format!("{EVENT}-r1"))];
    for about in others {
        let two = [mail(), mail_to("olga@example.com")];
        for mail in two.into_iter().cycle().take(4) {
            let event = about.event.clone();
            let (outcome, id) = send(&outbox, &Mail { event, ..mail }).await;
            assert_eq!(outcome, "accepted");
            assert_ne!(id, FIRST_ID);
        }
    }
    assert_eq!(count(&sample.home.folder().outbox()), 4);
}

#[tokio::test]
async fn a_file_of_the_first_edition_in_the_outbox_is_none_of_a_receivers() {
    let sample = upgraded();
    let folder = sample.home.folder().outbox();
    let old = folder.join(format!("{REFUSED}.eml"));
    std::fs::write(&old, "first").unwrap();
    let (outcome, _id) = send(&sample.home.outbox(), &mail_about(REFUSED)).await;
    assert_eq!(outcome, "accepted");
    assert_eq!(std::fs::read_to_string(old).unwrap(), "first");
    assert_eq!(count(&folder), 2);
}
