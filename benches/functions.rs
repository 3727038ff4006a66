//! What one webhook and one lead of a batch of ten ask of the allocator, from the event to the answer: the functions as they are, with all
//! telemetry, over AWS in memory, asked over TLS. Unlike time, it is the same on every machine, so it has a limit, and the gate holds it.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use anyhow::{Context as _, Result, ensure};
use leadwire_benches::sample;
use leadwire_lambda::{function, serve};
use leadwire_tests::cloud::Cloud;
use leadwire_tests::collector::Collector;
use leadwire_tests::event::{Shape, web};
use leadwire_tests::function::{Function, FunctionConfig};
use leadwire_tests::instance::Outcome;
use leadwire_tests::tls::TlsFront;
use leadwire_tests::{http, rig};
use serde_json::Value;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

/// Counts what this process allocates: it is its own function under measure.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Which function this process is, and where it reports to.
const AS: &str = "LEADWIRE_BENCH_AS";
const REPORT_TO: &str = "LEADWIRE_BENCH_REPORT_TO";

/// Leads of one batch.
const BATCH: usize = 10;
/// Invocations before anything is counted: connections are made, buffers have their size.
const WARM_UP: usize = 10;
/// Invocations that are counted.
const COUNTED: usize = 20;

/// The most allocations, and the most bytes, of one webhook and of one lead of a batch, without an exporter and with OTLP. What is measured
/// stands in docs/PERFORMANCE.md; the limit is a twentieth above it.
const LIMITS: [(&str, [Limit; 2]); 2] = [
    ("none", [Limit(1_220, 202_000), Limit(3_770, 566_000)]),
    ("otlp", [Limit(1_230, 215_000), Limit(3_775, 575_000)]),
];

/// Allocations and bytes.
#[derive(Clone, Copy, Debug)]
struct Limit(u64, u64);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if let Some(name) = serve::environment(AS) {
        return be(&name).await;
    }
    match measure().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The function of this name, while a thread answers each byte that is sent to it with what was allocated so far.
async fn be(name: &str) -> ExitCode {
    let address = serve::environment(REPORT_TO).expect("it is set beside the name");
    let mut asked = TcpStream::connect(address).expect("the measure listens");
    std::thread::spawn(move || {
        while asked.read_exact(&mut [0]).is_ok() {
            let so_far = ALLOCATOR.stats();
            let count = so_far.allocations + so_far.reallocations;
            let mut answer = u64::try_from(count)
                .unwrap_or(u64::MAX)
                .to_be_bytes()
                .to_vec();
            let bytes = u64::try_from(so_far.bytes_allocated).unwrap_or(u64::MAX);
            answer.extend(bytes.to_be_bytes());
            asked.write_all(&answer).expect("the measure reads");
        }
    });
    serve::conclude(match name {
        "ingest" => function::ingest().await,
        _ => function::enrich().await,
    })
}

/// A function in a process of its own, and the way to ask it.
struct Measured {
    function: Function,
    listener: TcpListener,
    reports: Option<TcpStream>,
}

impl Measured {
    fn new(name: &str, variables: &[(&str, String)]) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut environment: BTreeMap<_, _> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        environment.insert(AS.to_owned(), name.to_owned());
        environment.insert(REPORT_TO.to_owned(), listener.local_addr()?.to_string());
        Ok(Self {
            function: Function::new(FunctionConfig {
                name: format!("bench-{name}"),
                binary: std::env::current_exe()?,
                environment,
                timeout: Duration::from_mins(1),
                concurrency: 1,
            }),
            listener,
            reports: None,
        })
    }

    async fn invoke(&self, event: &Value) -> Result<()> {
        let outcome = self.function.invoke(event).await?;
        ensure!(matches!(outcome, Outcome::Response(_)), "{outcome:?}");
        Ok(())
    }

    /// What was allocated so far.
    fn so_far(&mut self) -> Result<[u64; 2]> {
        if self.reports.is_none() {
            self.reports = Some(self.listener.accept()?.0);
        }
        let reports = self.reports.as_mut().context("it has connected")?;
        let mut answer = [[0; 8]; 2];
        reports.write_all(&[0])?;
        for number in &mut answer {
            reports.read_exact(number)?;
        }
        Ok(answer.map(u64::from_be_bytes))
    }

    /// What one of `events` took, those of the warm-up left out, as allocations and bytes of one of its `leads`.
    async fn cost(&mut self, events: &[Value], leads: usize) -> Result<[u64; 2]> {
        let (warm_up, counted) = events.split_at(WARM_UP);
        for event in warm_up {
            self.invoke(event).await?;
        }
        let [count_before, bytes_before] = self.so_far()?;
        for event in counted {
            self.invoke(event).await?;
        }
        let [count, bytes] = self.so_far()?;
        let leads = u64::try_from(counted.len() * leads)?;
        Ok([
            (count - count_before) / leads,
            (bytes - bytes_before) / leads,
        ])
    }
}

async fn measure() -> Result<()> {
    let mut over = Vec::new();
    println!("allocations and bytes of one webhook, and of one lead of a batch of {BATCH}:");
    for (way, limits) in LIMITS {
        let costs = costs(way).await?;
        for ((what, [count, bytes]), Limit(count_max, bytes_max)) in
            ["ingest", "enrich"].into_iter().zip(costs).zip(limits)
        {
            println!(
                "  {what}, {way}: {count} (at most {count_max}), {bytes} bytes (at most {bytes_max})"
            );
            if count > count_max || bytes > bytes_max {
                over.push(format!("{what}, {way}"));
            }
        }
    }
    ensure!(over.is_empty(), "over the limit: {}", over.join("; "));
    Ok(())
}

/// What a webhook and a lead cost where spans are exported this way.
async fn costs(way: &str) -> Result<[[u64; 2]; 2]> {
    let (cloud, collector) = (Cloud::start().await?, Collector::start().await?);
    let tls = TlsFront::start(&cloud.url()).await?;
    let mut variables: Vec<(&str, String)> = vec![
        ("AWS_CA_BUNDLE", tls.root().to_string_lossy().into_owned()),
        ("TRACE_EXPORTER", way.to_owned()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
    ];
    let of_rig = rig::variables(&tls.url());
    variables.extend(of_rig.iter().map(|(name, value)| (&**name, value.clone())));
    let (mut ingest, mut enrich) = (
        Measured::new("ingest", &variables)?,
        Measured::new("enrich", &variables)?,
    );
    let leads: Vec<String> = (0..BATCH * (WARM_UP + COUNTED))
        .map(sample::lead_id)
        .collect();
    for lead in &leads {
        cloud.put(rig::LOOKUP, &format!("{lead}.json"), sample::owner(lead));
    }
    let (posted, rest) = leads.split_at(WARM_UP + COUNTED);
    let of_ingest = ingest.cost(&posts(posted)?, 1).await?;
    for post in posts(rest)? {
        ingest.invoke(&post).await?;
    }
    let sent = cloud.take_sent();
    let messages = sent.iter().map(|message| message.received(1));
    let messages: Vec<_> = messages.collect::<Result<_>>()?;
    let batches: Vec<Value> = messages.chunks(BATCH).map(rig::batch_of).collect();
    let of_enrich = enrich.cost(&batches, BATCH).await?;
    ensure!(
        cloud.mails().len() == leads.len(),
        "every lead is mailed once"
    );
    Ok([of_ingest, of_enrich])
}

fn posts(leads: &[String]) -> Result<Vec<Value>> {
    let post = |lead: &String| {
        let request = http::post("/ingest", &[], &sample::flat(lead))?;
        Ok(web(Shape::Rest, "/ingest", &request))
    };
    leads.iter().map(post).collect()
}
