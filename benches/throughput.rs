//! Leads per second through `ingest` and `enrich`, 1, 16 and 256 at once, on one thread.

use criterion::{Criterion, criterion_group, criterion_main};
use leadwire_benches::flow::{
    CONCURRENCIES, LEADS, elements, enrich_all, measure, post_all, runtime,
};
use leadwire_benches::sample;
use leadwire_pipeline::port::{Bucket, NewObject};
use leadwire_pipeline::secrets::SecretCache;
use leadwire_pipeline::settings::IngestConfig;
use leadwire_pipeline::stage::enrich::{Enrich, Record};
use leadwire_pipeline::stage::ingest::Ingest;
use leadwire_pipeline::testkit::{Call, Course, FakeSecrets, MemoryHome, Script};
use std::sync::Arc;
use std::time::Duration;

/// How long the calls take.
#[derive(Clone, Copy, Debug, Default)]
struct Latency {
    /// A call on the store.
    store: Duration,
    /// A call on the queue.
    queue: Duration,
    /// A mail.
    mail: Duration,
}

impl Script for Latency {
    fn course(&self, call: &Call) -> Course {
        let there = if matches!(call, Call::Mail(..)) {
            self.mail
        } else if call.key().is_some() {
            self.store
        } else {
            self.queue
        };
        Course {
            there,
            ..Course::default()
        }
    }
}

/// A home in memory with the stages over it.
#[derive(Debug)]
struct Memory {
    /// Where the messages and the mails are.
    home: Arc<MemoryHome<Latency>>,
    /// The stage that takes webhooks.
    ingest: Ingest<MemoryHome<Latency>, FakeSecrets>,
    /// The stage that enriches and mails.
    enrich: Enrich<MemoryHome<Latency>>,
}

impl Memory {
    /// An empty home.
    fn new(latency: Latency) -> Self {
        let home = Arc::new(MemoryHome::new(Arc::default(), Arc::new(latency)));
        Self {
            ingest: Ingest::new(
                Arc::clone(&home),
                SecretCache::new(FakeSecrets::default(), "dev"),
                IngestConfig { delay_seconds: 0 },
            ),
            enrich: Enrich::new(Arc::clone(&home), sample::enrich_config()),
            home,
        }
    }
}

/// Amazon's order of magnitude, within a region: S3, SQS, SES.
const AWS: Latency = Latency {
    store: Duration::from_millis(15),
    queue: Duration::from_millis(6),
    mail: Duration::from_millis(30),
};

/// A home that knows the owners of `bodies`' leads.
fn home(leads: usize, latency: Latency) -> (Memory, Vec<String>) {
    let home = Memory::new(latency);
    let bodies = (0..leads)
        .map(|index| {
            let lead_id = sample::lead_id(index);
            let file = NewObject::of(sample::owner(&lead_id).into_bytes());
            home.home
                .plant(Bucket::Lookup, &format!("{lead_id}.json"), file);
            sample::flat(&lead_id)
        })
        .collect();
    (home, bodies)
}

async fn post(home: &Memory, bodies: &[String], concurrency: usize) {
    post_all(&home.ingest, bodies, concurrency, sample::now()).await;
}

/// Enriches records, and counts the mails: one to the team and one to the owner of each lead.
async fn mail(home: &Memory, records: Vec<Record>, concurrency: usize) {
    let count = records.len();
    enrich_all(&home.enrich, records, concurrency).await;
    assert_eq!(home.home.sent().len(), 2 * count);
}

/// Webhook to answer: parse, store, queue.
fn ingest(criterion: &mut Criterion) {
    let runtime = runtime();
    let mut group = criterion.benchmark_group("ingest");
    group.throughput(elements(LEADS));
    for concurrency in CONCURRENCIES {
        let prepare = async || home(LEADS, Latency::default());
        let work = async |(home, bodies): (Memory, Vec<String>)| {
            post(&home, &bodies, concurrency).await;
            home
        };
        measure(&runtime, &mut group, concurrency, prepare, work);
    }
    // Every event of one lead at one instant: each but the first must look for a key of its own.
    let prepare = async || {
        let bodies = (0..LEADS).map(|index| sample::close("lead_1", &format!("ev_{index}"), 0));
        (Memory::new(Latency::default()), bodies.collect::<Vec<_>>())
    };
    let id = "one_lead_one_instant";
    measure(&runtime, &mut group, id, prepare, async |(home, bodies)| {
        post(&home, &bodies, LEADS).await;
        home
    });
    group.finish();
}

/// Queue to mail: read, merge, store, claim, send, settle.
fn enrich(criterion: &mut Criterion) {
    let runtime = runtime();
    let mut group = criterion.benchmark_group("enrich");
    group.throughput(elements(LEADS));
    for concurrency in CONCURRENCIES {
        let prepare = async || {
            let (home, bodies) = home(LEADS, Latency::default());
            post(&home, &bodies, LEADS).await;
            let records = home.home.receive(LEADS);
            assert_eq!(records.len(), LEADS);
            (home, records)
        };
        let work = async |(home, records): (Memory, Vec<Record>)| {
            mail(&home, records, concurrency).await;
            home
        };
        measure(&runtime, &mut group, concurrency, prepare, work);
    }
    group.finish();
}

/// Webhook to mail over calls that take as long as Amazon's: how far leads in parallel hide each other's waiting.
fn waiting(criterion: &mut Criterion) {
    let runtime = runtime();
    let mut group = criterion.benchmark_group("ingest_and_enrich_over_slow_calls");
    group.sample_size(10);
    for concurrency in CONCURRENCIES {
        group.throughput(elements(concurrency));
        let prepare = async || home(concurrency, AWS);
        let work = async |(home, bodies): (Memory, Vec<String>)| {
            post(&home, &bodies, concurrency).await;
            let records = home.home.receive(concurrency);
            assert_eq!(records.len(), concurrency);
            mail(&home, records, concurrency).await;
            home
        };
        measure(&runtime, &mut group, concurrency, prepare, work);
    }
    group.finish();
}

criterion_group!(benches, ingest, enrich, waiting);
criterion_main!(benches);
