//! What telemetry costs: the CPU of the real functions, with spans exported and without, and what they ask of AWS before they answer.
//!
//! `cargo bench -p leadwire-benches --bench telemetry` measures the release binaries and fails beyond the limit. `cargo test --benches` runs the
//! binaries that the tests run, few times: it shows that the measurement works, and that telemetry costs no round trip.

use anyhow::{Context as _, Result, ensure};
use leadwire_benches::sample;
use leadwire_tests::cloud::Cloud;
use leadwire_tests::collector::Collector;
use leadwire_tests::collector::daemon::XrayDaemon;
use leadwire_tests::event::{Shape, web};
use leadwire_tests::function::{Function, FunctionConfig};
use leadwire_tests::instance::{Outcome, Timing};
use leadwire_tests::{program, rig};
use serde_json::Value;
use std::io::Write as _;
use std::time::Duration;

/// The most that telemetry may cost, of what an invocation costs without.
const LIMIT: f64 = 1.10;
/// Leads of one turn: each is ingested by itself, half of them are enriched by themselves, half as one batch.
const LEADS: usize = 20;
/// Turns before anything is measured: connections are made, caches are warm.
const WARM_UP: usize = 3;

/// What is measured.
const KINDS: [&str; 3] = ["ingest", "enrich, one lead", "enrich, ten leads"];

/// The functions with one way to export.
struct Side {
    name: &'static str,
    cloud: Cloud,
    ingest: Function,
    enrich: Function,
    /// CPU of an invocation in µs, by kind, a value a turn.
    costs: [Vec<f64>; 3],
}

impl Side {
    async fn start(
        name: &'static str,
        folder: &std::path::Path,
        exports: &[(&str, &str)],
    ) -> Result<Self> {
        let cloud = Cloud::start().await?;
        let mut environment = rig::variables(&cloud.url());
        let exports = exports.iter();
        environment.extend(exports.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let function = |binary: &str| {
            Function::new(FunctionConfig {
                name: format!("bench-{binary}"),
                binary: folder.join(binary),
                environment: environment.clone(),
                timeout: Duration::from_mins(1),
                concurrency: 1,
            })
        };
        Ok(Self {
            name,
            ingest: function("ingest"),
            enrich: function("enrich"),
            cloud,
            costs: Default::default(),
        })
    }

    /// One turn, the same for every side.
    async fn turn(&mut self, number: usize, counts: bool) -> Result<()> {
        let leads: Vec<String> = (0..LEADS)
            .map(|lead| sample::lead_id(number * LEADS + lead))
            .collect();
        for lead in &leads {
            self.cloud
                .put(rig::LOOKUP, &format!("{lead}.json"), sample::owner(lead));
        }
        let posts = leads.iter().map(|lead| {
            let request = rig::request("/ingest", &[], &sample::flat(lead))?;
            Ok(web(Shape::Rest, "/ingest", &request))
        });
        let posts: Vec<Value> = posts.collect::<Result<_>>()?;
        let ingest = measured(&self.ingest, &posts).await?;
        let sent = self.cloud.take_sent();
        let messages = sent.iter().map(|message| message.received(1));
        let messages = messages.collect::<Result<Vec<_>>>()?;
        let (single, batch) = messages.split_at(LEADS / 2);
        let single: Vec<Value> = single
            .iter()
            .map(|message| rig::batch_of(std::slice::from_ref(message)))
            .collect();
        let single = measured(&self.enrich, &single).await?;
        let batch = measured(&self.enrich, &[rig::batch_of(batch)]).await?;
        ensure!(
            self.cloud.mails().len() == LEADS,
            "{}: every lead is mailed",
            self.name
        );
        if counts {
            for (costs, cost) in self.costs.iter_mut().zip([ingest, single, batch]) {
                costs.extend(cost);
            }
        }
        Ok(())
    }

    /// What one invocation of a function asked of AWS before it answered.
    fn calls(&self, timing: &Timing) -> Result<Vec<String>> {
        let (handed, answered) = timing.handed.zip(timing.answered).context("it answered")?;
        let calls = self.cloud.calls().into_iter();
        let mut calls: Vec<String> = calls
            .filter(|call| (handed..=answered).contains(&call.at))
            .map(|call| call.what.to_owned())
            .collect();
        calls.sort();
        Ok(calls)
    }
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

fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let measures = std::env::args().any(|argument| argument == "--bench");
    let (folder, turns) = if measures {
        (program::released().await?, 100)
    } else {
        let ingest = program::built("ingest").await?;
        (ingest.parent().context("a folder")?.to_owned(), 2)
    };
    let (collector, daemon) = (Collector::start().await?, XrayDaemon::start().await?);
    let otlp = [
        ("TRACE_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()),
    ];
    let xray = [
        ("TRACE_EXPORTER", "xray-daemon"),
        ("AWS_XRAY_DAEMON_ADDRESS", &daemon.address()),
    ];
    let mut sides = [
        Side::start("none", &folder, &[("TRACE_EXPORTER", "none")]).await?,
        Side::start("otlp", &folder, &otlp).await?,
        Side::start("xray-daemon", &folder, &xray).await?,
    ];
    for turn in 0..WARM_UP + turns {
        for side in &mut sides {
            side.cloud.clear();
            side.turn(turn, turn >= WARM_UP).await?;
        }
    }
    check_calls(&sides, &collector)?;
    let worst = report(&sides)?;
    ensure!(
        !measures || worst <= LIMIT,
        "telemetry costs {:.1} %",
        (worst - 1.0) * 100.0
    );
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
        say(&format!("before the answer: {}", expected.join(" ")))?;
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
fn report(sides: &[Side]) -> Result<f64> {
    let [plain, exporting @ ..] = sides else {
        return Ok(f64::NAN);
    };
    say("CPU of an invocation, median, in µs:")?;
    let mut worst = f64::MIN;
    for (kind, name) in KINDS.iter().enumerate() {
        let costs = |side: &Side| side.costs.get(kind).cloned().unwrap_or_default();
        let none = costs(plain);
        let mut parts = vec![format!("  {name:<18} none {:>7.0}", median(&none))];
        for side in exporting {
            let own = costs(side);
            let ratio = ratio(&own, &none);
            parts.push(format!(
                "   {} {:>7.0} ({:+.1} %)",
                side.name,
                median(&own),
                (ratio - 1.0) * 100.0
            ));
            worst = worst.max(ratio);
        }
        say(&parts.concat())?;
    }
    Ok(worst)
}
