//! What telemetry costs: the CPU of the real functions, with spans exported and without, and what they ask of AWS before they answer.
//!
//! `cargo bench -p leadwire-benches --bench telemetry` measures the release binaries and fails beyond the limit. `cargo test --benches` runs the
//! binaries that the tests run, few times: it shows that the measurement works, and that telemetry costs no round trip.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use anyhow::{Context as _, Result, ensure};
use leadwire_benches::sample;
use leadwire_domain::lead::id::EventId;
use leadwire_domain::source::SourceKind;
use leadwire_tests::cloud::Cloud;
use leadwire_tests::collector::Collector;
use leadwire_tests::collector::xray::XrayDaemon;
use leadwire_tests::event::{Shape, web};
use leadwire_tests::function::{Function, FunctionConfig};
use leadwire_tests::instance::{Outcome, Timing};
use leadwire_tests::tls::TlsFront;
use leadwire_tests::{clock, http, program, rig};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// The most that telemetry may cost, of what an invocation costs without.
const LIMIT: f64 = 1.10;
/// Leads of one turn: each is ingested by itself, half of them are enriched by themselves, half as one batch.
const LEADS: usize = 20;
/// Turns of a round before anything is measured: connections are made, caches are warm.
const WARM_UP: usize = 3;
/// Rounds and turns that are measured. Each round has processes of its own, since each process is lucky or unlucky with its memory for life.
const MEASURED: (usize, usize) = (8, 25);
/// The same where it is only shown that the measurement works.
const SHOWN: (usize, usize) = (1, 2);

/// The ways to export.
const WAYS: [&str; 3] = ["none", "otlp", "xray-daemon"];
/// What is measured.
const KINDS: [&str; 4] = [
    "ingest, signed",
    "ingest, open",
    "enrich, one lead",
    "enrich, ten leads",
];
/// Where the functions find the sources document.
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:sources";
/// Custom fields of a Close event, which is 4 KB with them.
const CUSTOM_FIELDS: usize = 40;

/// The functions with one way to export.
struct Side {
    name: &'static str,
    cloud: Cloud,
    /// AWS is asked over TLS, as it is in production.
    _tls: TlsFront,
    /// Takes signed events of Close, as production does.
    ingest: Function,
    /// Takes the smallest lead of whoever sends it, which only a stack for development does.
    open: Function,
    enrich: Function,
}

/// CPU of an invocation in µs, by kind, a value a turn.
type Costs = [Vec<f64>; KINDS.len()];

impl Side {
    /// Exports by this way, to this variable's address.
    async fn start(
        way: &'static str,
        folder: &Path,
        address: Option<(&str, String)>,
    ) -> Result<Self> {
        let cloud = Cloud::start().await?;
        let tls = TlsFront::start(&cloud.url()).await?;
        let mut environment = rig::variables(&tls.url());
        let root = tls.root().to_string_lossy().into_owned();
        environment.insert("AWS_CA_BUNDLE".to_owned(), root);
        environment.insert("TRACE_EXPORTER".to_owned(), way.to_owned());
        environment.extend(address.map(|(name, value)| (name.to_owned(), value)));
        let secret = sample::secret(SourceKind::Close, 1);
        cloud.hold_secret(SECRET, json!({"close": {"secrets": [secret]}}));
        let function = |binary: &str, environment: &BTreeMap<String, String>| {
            Function::new(FunctionConfig {
                name: format!("bench-{binary}"),
                binary: folder.join(binary),
                environment: environment.clone(),
                timeout: Duration::from_mins(1),
                concurrency: 1,
            })
        };
        let mut signed = environment.clone();
        signed.insert("SOURCES_SECRET_ARN".to_owned(), SECRET.to_owned());
        Ok(Self {
            name: way,
            ingest: function("ingest", &signed),
            open: function("ingest", &environment),
            enrich: function("enrich", &environment),
            cloud,
            _tls: tls,
        })
    }

    /// One turn, the same for every side, and what it cost.
    async fn turn(&self, number: usize) -> Result<[Option<f64>; KINDS.len()]> {
        let leads = (0..LEADS).map(|lead| sample::lead_id(number * LEADS + lead));
        let leads: Vec<String> = leads.collect();
        for lead in &leads {
            let key = format!("{lead}.json");
            self.cloud.put(rig::LOOKUP, &key, sample::owner(lead));
        }
        let open = measured(&self.open, &posts_of(&leads, open_post)?).await?;
        self.cloud.take_sent();
        let signed = measured(&self.ingest, &posts_of(&leads, signed_post)?).await?;
        let sent = self.cloud.take_sent();
        let messages = sent.iter().map(|message| message.received(1));
        let messages = messages.collect::<Result<Vec<_>>>()?;
        let (single, batch) = messages.split_at(LEADS / 2);
        let single = single.chunks(1).map(rig::batch_of);
        let single: Vec<Value> = single.collect();
        let single = measured(&self.enrich, &single).await?;
        let batch = measured(&self.enrich, &[rig::batch_of(batch)]).await?;
        let mails = self.cloud.mails().len();
        ensure!(mails == LEADS, "{}: every lead is mailed", self.name);
        Ok([signed, open, single, batch])
    }

    /// What one invocation of a function asked of AWS before it answered.
    fn calls(&self, timing: &Timing) -> Result<Vec<String>> {
        let (handed, answered) = timing.handed.zip(timing.answered).context("it answered")?;
        let calls = self.cloud.calls().into_iter();
        let calls = calls.filter(|call| (handed..=answered).contains(&call.at));
        let mut calls: Vec<String> = calls.map(|call| call.what.to_owned()).collect();
        calls.sort();
        Ok(calls)
    }
}

fn posts_of(leads: &[String], post: fn(&str) -> Result<Value>) -> Result<Vec<Value>> {
    leads.iter().map(|lead| post(lead)).collect()
}

fn open_post(lead: &str) -> Result<Value> {
    let request = http::post("/ingest", &[], &sample::flat(lead))?;
    Ok(web(Shape::Rest, "/ingest", &request))
}

fn signed_post(lead: &str) -> Result<Value> {
    let event_id = format!("ev_{lead}");
    let body = sample::close(lead, &event_id, CUSTOM_FIELDS);
    let source = SourceKind::Close.example(&sample::secret(SourceKind::Close, 1))?;
    let id = EventId::parse(&event_id)?;
    let signed = source.sign(&id, body.clone().into_bytes(), clock::now());
    let signed = signed.context("the sample can be signed")?;
    let headers = signed
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()));
    let headers: Vec<(&str, &str)> = headers.collect();
    let request = http::post("/ingest/close", &headers, &body)?;
    Ok(web(Shape::Rest, "/ingest/close", &request))
}

/// Invokes a function with each event, and gives back the µs of CPU of one; none where its process was only started by it.
async fn measured(function: &Function, events: &[Value]) -> Result<Option<f64>> {
    let before = cpu_of(function)?;
    for event in events {
        let outcome = function.invoke(event).await?;
        ensure!(matches!(outcome, Outcome::Response(_)), "{outcome:?}");
    }
    let after = cpu_of(function)?.context("a process waits")?;
    let count = u32::try_from(events.len())?;
    let cost = |before: Duration| (after.saturating_sub(before) / count).as_secs_f64() * 1e6;
    Ok(before.map(cost))
}

/// The CPU that a function's process has used, by the kernel's own count of each of its threads.
fn cpu_of(function: &Function) -> Result<Option<Duration>> {
    let Some(pid) = function.idle().pop() else {
        return Ok(None);
    };
    let mut nanos = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = thread?.path().join("schedstat");
        // A thread may have ended since.
        let Ok(text) = std::fs::read_to_string(path) else {
            continue;
        };
        let running = text.split_whitespace().next().context("schedstat")?;
        nanos += running.parse::<u64>()?;
    }
    Ok(Some(Duration::from_nanos(nanos)))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The median of what each turn of a side cost, relative to the same turn of another.
fn ratio(of: &[f64], to: &[f64]) -> f64 {
    let ratios: Vec<f64> = of.iter().zip(to).map(|(of, to)| of / to).collect();
    median(&ratios)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let measures = std::env::args().any(|argument| argument == "--bench");
    let (folder, (rounds, turns)) = if measures {
        (program::released().await?, MEASURED)
    } else {
        let ingest = program::built("ingest").await?;
        (ingest.parent().context("a folder")?.to_owned(), SHOWN)
    };
    let mut costs = WAYS.map(|_| Costs::default());
    for number in 0..rounds {
        round(&folder, turns, number == 0, &mut costs).await?;
    }
    let worst = report(&costs, turns);
    ensure!(
        !measures || worst <= LIMIT,
        "telemetry costs {:.1} %",
        (worst - 1.0) * 100.0
    );
    Ok(())
}

/// New processes for every way to export, and what they cost.
async fn round(folder: &Path, turns: usize, checks: bool, costs: &mut [Costs]) -> Result<()> {
    let (collector, daemon) = (Collector::start().await?, XrayDaemon::start().await?);
    let [none, otlp, xray] = WAYS;
    let collects = ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url());
    let listens = ("AWS_XRAY_DAEMON_ADDRESS", daemon.address());
    let sides = [
        Side::start(none, folder, None).await?,
        Side::start(otlp, folder, Some(collects)).await?,
        Side::start(xray, folder, Some(listens)).await?,
    ];
    for turn in 0..WARM_UP + turns {
        for (side, costs) in sides.iter().zip(&mut *costs) {
            side.cloud.clear();
            let cost = side.turn(turn).await?;
            if turn >= WARM_UP {
                let kinds = costs.iter_mut().zip(cost);
                kinds.for_each(|(costs, cost)| costs.extend(cost));
            }
        }
    }
    if checks {
        check_calls(&sides, &collector)?;
    }
    Ok(())
}

/// Whatever is exported, a function asks AWS for the same before it answers, and a collector for nothing.
fn check_calls(sides: &[Side], collector: &Collector) -> Result<()> {
    let [plain, exporting @ ..] = sides else {
        return Ok(());
    };
    let last = |function: &Function| function.timings().pop().context("an invocation");
    for function in [
        |side: &Side| side.ingest.clone(),
        |side: &Side| side.enrich.clone(),
    ] {
        let expected = plain.calls(&last(&function(plain))?)?;
        println!("before the answer: {}", expected.join(" "));
        for side in exporting {
            let timings = function(side).timings();
            let calls = side.calls(timings.last().context("an invocation")?)?;
            ensure!(calls == expected, "{}: {calls:?}", side.name);
            let posts = collector.posts();
            for timing in timings {
                let (handed, answered) = timing.handed.zip(timing.answered).context("answered")?;
                let mut early = posts.iter();
                let early =
                    early.any(|post| side.name == "otlp" && (handed..answered).contains(&post.at));
                ensure!(!early, "{}: an export before the answer", side.name);
            }
        }
    }
    Ok(())
}

/// Prints every figure, and gives back the worst ratio of a way to export to `none`.
fn report(costs: &[Costs], turns: usize) -> f64 {
    let [plain, exporting @ ..] = costs else {
        return f64::NAN;
    };
    println!(
        "CPU of an invocation, median, in µs, and over `none`; in brackets the least and the most of a round:"
    );
    let mut worst = f64::MIN;
    for (kind, (name, none)) in KINDS.iter().zip(plain).enumerate() {
        println!("  {name:<18} none        {:>7.0}", median(none));
        for (way, costs) in WAYS.iter().skip(1).zip(exporting) {
            let own = costs.get(kind).map_or(&[][..], Vec::as_slice);
            let overall = ratio(own, none);
            let rounds = own.chunks(turns).zip(none.chunks(turns));
            let rounds: Vec<f64> = rounds.map(|(own, none)| ratio(own, none)).collect();
            let percent = |ratio: f64| (ratio - 1.0) * 100.0;
            println!(
                "  {:<18} {way:<11} {:>7.0}  {:+.1} %  ({:+.1} … {:+.1})",
                "",
                median(own),
                percent(overall),
                percent(rounds.iter().copied().fold(f64::MAX, f64::min)),
                percent(rounds.iter().copied().fold(f64::MIN, f64::max)),
            );
            worst = worst.max(overall);
        }
    }
    worst
}
