//! Leads per second through `ingest` and `enrich`, 1, 16 and 256 at once, on one thread.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use leadwire_benches::flow::{enrich_all, post_all};
use leadwire_benches::memory::{Latency, Memory};
use leadwire_benches::sample;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// How many leads are under way at once.
const CONCURRENCIES: [usize; 3] = [1, 16, 256];
/// Leads in one iteration.
const LEADS: usize = 256;
/// Amazon's order of magnitude, within a region: S3, SQS, SES.
const AWS: Latency = Latency {
    store: Duration::from_millis(15),
    queue: Duration::from_millis(6),
    mail: Duration::from_millis(30),
};

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime without I/O always starts")
}

fn elements(leads: usize) -> Throughput {
    Throughput::Elements(u64::try_from(leads).expect("a small number"))
}

/// A home that knows the owners of `bodies`' leads.
fn home(leads: usize, latency: Latency) -> (Memory, Vec<String>) {
    let home = Memory::new(latency);
    let bodies = (0..leads)
        .map(|index| {
            let lead_id = sample::lead_id(index);
            home.put_owner(&lead_id);
            sample::flat(&lead_id)
        })
        .collect();
    (home, bodies)
}

/// Webhook to answer: parse, store, queue.
fn ingest(criterion: &mut Criterion) {
    let runtime = runtime();
    let mut group = criterion.benchmark_group("ingest");
    group.throughput(elements(LEADS));
    for concurrency in CONCURRENCIES {
        group.bench_function(BenchmarkId::from_parameter(concurrency), |bencher| {
            bencher.iter_batched(
                || home(LEADS, Latency::default()),
                |(home, bodies)| {
                    let posts =
                        post_all(&home.ingest, "/ingest", &bodies, concurrency, sample::now());
                    runtime.block_on(posts);
                    home
                },
                BatchSize::PerIteration,
            );
        });
    }
    // Every event of one lead at one instant: each but the first must look for a key of its own.
    group.bench_function("one_lead_one_instant", |bencher| {
        bencher.iter_batched(
            || {
                let bodies: Vec<String> = (0..LEADS)
                    .map(|index| sample::close("lead_1", &format!("ev_{index}"), 0))
                    .collect();
                (Memory::new(Latency::default()), bodies)
            },
            |(home, bodies)| {
                runtime.block_on(post_all(
                    &home.ingest,
                    "/ingest",
                    &bodies,
                    LEADS,
                    sample::now(),
                ));
                home
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// Queue to mail: read, merge, store, claim, send, settle.
fn enrich(criterion: &mut Criterion) {
    let runtime = runtime();
    let mut group = criterion.benchmark_group("enrich");
    group.throughput(elements(LEADS));
    for concurrency in CONCURRENCIES {
        group.bench_function(BenchmarkId::from_parameter(concurrency), |bencher| {
            bencher.iter_batched(
                || {
                    let (home, bodies) = home(LEADS, Latency::default());
                    runtime.block_on(post_all(
                        &home.ingest,
                        "/ingest",
                        &bodies,
                        LEADS,
                        sample::now(),
                    ));
                    let records = home.receive(LEADS);
                    assert_eq!(records.len(), LEADS);
                    (home, records)
                },
                |(home, records)| {
                    runtime.block_on(enrich_all(&home.enrich, records, concurrency));
                    assert_eq!(home.mails(), LEADS);
                    home
                },
                BatchSize::PerIteration,
            );
        });
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
        group.bench_function(BenchmarkId::from_parameter(concurrency), |bencher| {
            bencher.iter_batched(
                || home(concurrency, AWS),
                |(home, bodies)| {
                    runtime.block_on(async {
                        post_all(&home.ingest, "/ingest", &bodies, concurrency, sample::now())
                            .await;
                        enrich_all(&home.enrich, home.receive(concurrency), concurrency).await;
                    });
                    assert_eq!(home.mails(), concurrency);
                    home
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, ingest, enrich, waiting);
criterion_main!(benches);
