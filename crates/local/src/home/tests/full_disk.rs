//! The stages over a full disk: 503 and try again, never a loss, never a half. The disk is full where `SQLite` may take no more pages.

use crate::home::{LocalHome, LocalPorts};
use crate::sample::{Sample, count, enrich_config, message, sample};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::source::Headers;
use leadwire_pipeline::os::SystemClock;
use leadwire_pipeline::port::{
    Bucket, Clock as _, DelayQueue, NewObject, NoMailer, ObjectStore, PortErrorKind,
};
use leadwire_pipeline::secrets::SecretCache;
use leadwire_pipeline::settings::{ENRICH_TIMEOUT_SECONDS, IngestConfig};
use leadwire_pipeline::stage::enrich::{Done, Enrich, Outcome};
use leadwire_pipeline::stage::ingest::{Answer, Ingest, Request};
use leadwire_pipeline::trace::TraceContext;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Larger than what is left in pages that are there already.
const FILLER: usize = 100_000;
/// More pages than any test needs.
const ROOM: i64 = 1_000_000;

struct OwnId;

impl Headers for OwnId {
    fn get(&self, name: &str) -> Option<&str> {
        (name == "idempotency-key").then_some("event-1")
    }
}

fn ingest(home: &LocalHome) -> Ingest<LocalPorts<NoMailer>, crate::FileSecrets> {
    let config = IngestConfig { delay_seconds: 0 };
    let secrets = SecretCache::new(home.secrets(), "dev");
    Ingest::new(Arc::new(home.ports(NoMailer)), secrets, config)
}

fn enrich(home: &LocalHome) -> Enrich<LocalPorts<crate::LocalMailer>> {
    let ports = Arc::new(home.ports(home.outbox()));
    Enrich::new(ports, enrich_config(home))
}

fn body() -> Vec<u8> {
    let filler = "x".repeat(FILLER);
    format!(r#"{{"lead_id":"a","display_name":"Alice","filler":"{filler}"}}"#).into_bytes()
}

/// Posts the same event, as a CRM does that was answered with 503.
async fn post(home: &LocalHome) -> Answer {
    let body = body();
    let request = Request {
        method: "POST",
        path: "/ingest",
        called: "/ingest",
        query: "",
        headers: &OwnId,
        body: &body,
        received_at: SystemClock.now(),
        trace: TraceContext::default(),
    };
    ingest(home).handle(request).await
}

/// Lets the database have `more` pages than it has; zero is a full disk. Gives how many it has.
async fn allow(home: &LocalHome, more: i64) {
    let work = move |connection: &rusqlite::Connection| {
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        connection.pragma_update(None, "max_page_count", pages + more)
    };
    home.database.write("limit", work).await.unwrap();
}

/// Takes the room that is left in pages that are there already, down to a few bytes.
async fn fill(home: &LocalHome) {
    allow(home, 0).await;
    for size in [4000, 400, 40, 1] {
        for number in 0..1000 {
            let key = format!("filler/{size}-{number}");
            let object = NewObject::of(vec![b'x'; size]);
            if let Err(error) = home.store().put(Bucket::Enriched, &key, object).await {
                assert_eq!(error.kind, PortErrorKind::Transient);
                break;
            }
        }
    }
}

/// Takes the room that is left in the queue's pages too. An index that is full may leave room in the table for another message.
async fn fill_queue(home: &LocalHome) {
    let mut refused = 0;
    while refused < 50 {
        let filler = message(&"x".repeat(100), 900);
        match home.queue().send(filler).await {
            Ok(()) => refused = 0,
            Err(error) => {
                assert_eq!(error.kind, PortErrorKind::Transient);
                refused += 1;
            }
        }
    }
}

/// How many triggers wait.
async fn triggers(home: &LocalHome) -> usize {
    let waiting = home.queue().waiting(u32::MAX).await.unwrap();
    let bodies = waiting.iter().map(|message| &message.body);
    bodies.filter(|body| body.contains("s3_key")).count()
}

/// The views of events, whole ones and others.
async fn views(home: &LocalHome) -> Vec<PathBuf> {
    home.views_written().await;
    let entries = fs::read_dir(home.folder().raw()).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

async fn keys(home: &LocalHome, bucket: Bucket, prefix: &str) -> Vec<String> {
    let page = home.store().list(bucket, prefix, None).await.unwrap();
    page.entries.into_iter().map(|entry| entry.key).collect()
}

async fn outcome(sample: &Sample) -> Outcome {
    let records = sample.receive().await;
    assert_eq!(records.len(), 1, "the trigger is there");
    let handle = records[0].receipt_handle.clone();
    let remaining = Duration::from_secs(ENRICH_TIMEOUT_SECONDS.into());
    let mut outcomes = enrich(&sample.home).handle_batch(records, remaining).await;
    let (_, outcome) = outcomes.remove(0);
    if !outcome.is_failed() {
        let deleted = sample.home.queue().delete(vec![handle]).await;
        assert_eq!(deleted.unwrap(), 1);
    }
    outcome
}

#[tokio::test]
async fn a_webhook_on_a_full_disk_is_answered_with_503_and_leaves_nothing() {
    let sample = sample();
    let home = &sample.home;
    allow(home, 0).await;
    let answer = post(home).await;
    assert_eq!((answer.status, answer.retry_after_seconds), (503, Some(5)));
    let is_named = answer.body.contains(r#""code":"unavailable""#);
    assert!(is_named, "{}", answer.body);
    assert!(keys(home, Bucket::Raw, "").await.is_empty());
    assert!(views(home).await.is_empty());
    assert!(home.queue().waiting(9).await.unwrap().is_empty());

    allow(home, ROOM).await;
    assert_eq!(post(home).await.status, 202);
    assert_eq!(keys(home, Bucket::Raw, "raw/").await.len(), 1);
    assert_eq!(home.queue().waiting(9).await.unwrap().len(), 1);
    let [view] = views(home).await.try_into().unwrap();
    assert_eq!(fs::read(view).unwrap(), body());
}

#[tokio::test]
async fn wherever_the_disk_becomes_full_a_webhook_is_taken_whole_or_not_at_all() {
    let sample = sample();
    let home = &sample.home;
    fill(home).await;
    fill_queue(home).await;
    let mut more = 0;
    // Each try has one page more, so that each of the writes is the one that does not fit.
    loop {
        let answer = post(home).await;
        let triggers = triggers(home).await;
        for view in views(home).await {
            assert_eq!(fs::read(view).unwrap(), body(), "half a view");
        }
        if answer.status == 202 {
            assert_eq!(triggers, 1);
            break;
        }
        assert_eq!((answer.status, answer.retry_after_seconds), (503, Some(5)));
        assert_eq!(triggers, 0, "a trigger of what was not taken");
        let stored = keys(home, Bucket::Raw, "raw/").await.len();
        assert_eq!(stored, 0, "an event without its trigger");
        more += 1;
        assert!(more < 200, "it is never taken");
        allow(home, more).await;
    }
    assert!(more > 1, "there was room for some of it and not for all");
    assert_eq!(keys(home, Bucket::Raw, "raw/").await.len(), 1);
    assert_eq!(views(home).await.len(), 1);
}

#[tokio::test]
async fn a_lead_that_meets_a_full_disk_is_kept_and_mailed_once_when_there_is_room() {
    let sample = sample();
    let home = &sample.home;
    let owner = r#"{"lead_id":"a","lead_owner":"Omar"}"#;
    fs::write(home.folder().lookup().join("a.json"), owner).unwrap();
    assert_eq!(post(home).await.status, 202);
    let mails = || count(&home.folder().outbox());

    fill(home).await;
    let failed = Outcome::Failed(FailureReason::StoreUnavailable);
    assert_eq!(outcome(&sample).await, failed);
    assert_eq!(mails(), 0);
    assert!(keys(home, Bucket::Enriched, "enriched/").await.is_empty());
    assert_eq!(keys(home, Bucket::Raw, "raw/").await.len(), 1);
    let waiting = home.queue().waiting(9).await.unwrap();
    assert_eq!(waiting.len(), 1, "it comes back");

    allow(home, ROOM).await;
    sample.clock.advance(360);
    assert_eq!(outcome(&sample).await, Outcome::Done(Done::Mailed));
    assert_eq!(mails(), 1);
    assert_eq!(keys(home, Bucket::Enriched, "enriched/").await.len(), 1);
    assert!(home.queue().waiting(9).await.unwrap().is_empty());
    assert_eq!(sample.depth().await.dead, 0);
}
