//! Many leads through a stage, so many at once.

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Throughput};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use leadwire_pipeline::port::{Home, SecretStore};
use leadwire_pipeline::stage::enrich::{Done, Enrich, Outcome, Record};
use leadwire_pipeline::stage::ingest::{Ingest, Request};
use leadwire_pipeline::testkit::NoHeaders;
use leadwire_pipeline::trace::TraceContext;
use std::fmt::Display;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// How many leads are under way at once.
pub const CONCURRENCIES: [usize; 3] = [1, 16, 256];
/// Leads in one iteration.
pub const LEADS: usize = 256;
/// What is left of an invocation when a batch begins.
const REMAINING: Duration = Duration::from_mins(1);

/// One thread for everything.
pub fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime starts")
}

/// So many things an iteration.
pub fn elements(count: usize) -> Throughput {
    Throughput::Elements(u64::try_from(count).expect("a small number"))
}

/// Measures `work` on what `prepare` makes anew for each iteration.
pub fn measure<T, R>(
    runtime: &Runtime,
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: impl Display,
    prepare: impl AsyncFn() -> T,
    work: impl AsyncFn(T) -> R,
) {
    group.bench_function(BenchmarkId::from_parameter(id), |bencher| {
        bencher.iter_batched(
            || runtime.block_on(prepare()),
            |given| runtime.block_on(work(given)),
            BatchSize::PerIteration,
        );
    });
}

/// Posts every body, `concurrency` at a time, and stops at the first one that is not accepted.
pub async fn post_all<H: Home, S: SecretStore>(
    ingest: &Ingest<H, S>,
    bodies: &[String],
    concurrency: usize,
    now: Timestamp,
) {
    let answers = stream::iter(bodies)
        .map(|body| {
            ingest.handle(Request {
                method: "POST",
                path: "/ingest",
                called: "/ingest",
                query: "",
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
