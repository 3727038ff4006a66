//! Many leads through a stage, so many at once.

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use leadwire_pipeline::port::{Home, SecretStore};
use leadwire_pipeline::stage::enrich::{Done, Enrich, Outcome, Record};
use leadwire_pipeline::stage::ingest::{Ingest, Request};
use leadwire_pipeline::testkit::NoHeaders;
use leadwire_pipeline::trace::TraceContext;
use std::time::Duration;

/// What is left of an invocation when a batch begins.
const REMAINING: Duration = Duration::from_mins(1);

/// Posts every body to `path`, `concurrency` at a time, and stops at the first one that is not accepted.
pub async fn post_all<H: Home, S: SecretStore>(
    ingest: &Ingest<H, S>,
    path: &str,
    bodies: &[String],
    concurrency: usize,
    now: Timestamp,
) {
    let answers = stream::iter(bodies)
        .map(|body| {
            ingest.handle(Request {
                method: "POST",
                path,
                headers: &NoHeaders,
                body: body.as_bytes(),
                received_at: now,
                trace: TraceContext::default(),
            })
        })
        .buffer_unordered(concurrency);
    answers
        .for_each(|answer| {
            assert_eq!(answer.status, 202, "{}", answer.body);
            std::future::ready(())
        })
        .await;
}

/// Enriches and mails every record, `concurrency` at a time, and stops at the first one that is not mailed.
pub async fn enrich_all<H: Home>(enrich: &Enrich<H>, records: Vec<Record>, concurrency: usize) {
    let mut records = records.into_iter();
    loop {
        let batch: Vec<Record> = records.by_ref().take(concurrency).collect();
        if batch.is_empty() {
            return;
        }
        for (message_id, outcome) in enrich.handle_batch(batch, REMAINING).await {
            assert_eq!(outcome, Outcome::Done(Done::Mailed), "{message_id}");
        }
    }
}
