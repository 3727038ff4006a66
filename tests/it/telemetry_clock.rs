//! The two numbers that matter, held against the test's own clock.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use leadwire_tests::clock;
use leadwire_tests::instance::Timing;
use leadwire_tests::metric::{self, Sample};
use leadwire_tests::rig::Rig;

/// How far a number may be from the clock.
const TOLERANCE_MS: f64 = 50.0;
/// Leads that are tried until the clock itself was read closely enough: on a busy machine it is not, at every lead.
const LEADS_MAX: usize = 30;

/// A moment that lies between two readings of the clock.
#[derive(Clone, Copy, Debug)]
struct Moment {
    after: Timestamp,
    before: Timestamp,
}

impl Moment {
    /// A moment after the function took its event, and before it made its first call since.
    fn of(rig: &Rig, timing: &Timing, what: &str) -> Result<Self> {
        let handed = timing.handed.context("it was invoked")?;
        let calls = rig.cloud.calls();
        let mut calls = calls.iter().filter(|call| call.at >= handed);
        let call = calls.find(|call| call.what == what).context("a call")?;
        Ok(Self {
            after: handed,
            before: call.at,
        })
    }

    /// The moment in which the mail was taken: SES had it, and its marker was not yet written.
    fn of_mail(rig: &Rig) -> Result<Self> {
        let mail = rig.cloud.mails().pop().context("a mail")?;
        let calls = rig.cloud.calls();
        let mut after = calls.iter().filter(|call| call.at > mail.at);
        let marker = after.find(|call| call.what == "S3.PutObject");
        Ok(Self {
            after: mail.at,
            before: marker.context("a marker")?.at,
        })
    }

    /// The least and the most milliseconds from another moment to this one.
    fn since(self, other: Self) -> (f64, f64) {
        let millis = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs_f64() * 1e3;
        let least = millis(other.before, self.after);
        (least, millis(other.after, self.before))
    }
}

/// The one value of a metric that was told since there were `before` of them.
async fn told(rig: &Rig, name: &str, before: usize) -> Result<Sample> {
    let told = clock::eventually(name, || async {
        Ok(metric::samples(&rig.lines(), name).into_iter().nth(before))
    });
    told.await.with_context(|| rig.lines().join("\n"))
}

#[tokio::test]
async fn end_to_end_latency_and_enrichment_delay_are_what_the_clock_saw() -> Result<()> {
    let rig = Rig::start(&[("DELAY_SECONDS", "1".to_owned())]).await?;
    let (mut seen, mut close) = (Vec::new(), BTreeSet::new());
    for number in 0..LEADS_MAX {
        let lead = format!("clock-{number}");
        rig.assign(&lead, "Omar");
        let event = rig.lead(&lead).await?;
        let timing = rig.ingest.timings().pop().context("an invocation")?;
        let accepted = Moment::of(&rig, &timing, "S3.PutObject")?;
        let due: Timestamp = event.text("enrich_not_before").parse()?;
        clock::until("the delay is over", || clock::now() >= due).await?;
        rig.deliver_sent().await?;
        let timing = rig.enrich.timings().pop().context("an invocation")?;
        let began = Moment::of(&rig, &timing, "S3.GetObject")?;
        let mailed = Moment::of_mail(&rig)?;

        for (name, (least, most)) in [
            ("EndToEndLatency", mailed.since(accepted)),
            ("EnrichmentDelay", began.since(accepted)),
        ] {
            let sample = told(&rig, name, number).await?;
            let value = sample.value;
            // Whole milliseconds are told.
            let is_seen = (least - 1.0..=most + 1.0).contains(&value);
            ensure!(is_seen, "{name} {value}, not {least} to {most}");
            if (value - least).max(most - value) <= TOLERANCE_MS {
                close.insert(name);
            }
            seen.push((name, value, least, most));
            check_document(&sample, &lead)?;
        }
        if close.len() == 2 {
            return Ok(());
        }
    }
    anyhow::bail!("the clock was never read within {TOLERANCE_MS} ms: {seen:?}")
}

/// A point on a graph leads to its lead and its trace.
fn check_document(sample: &Sample, lead: &str) -> Result<()> {
    let document = &sample.document;
    for (name, text) in [
        ("source", "generic"),
        ("service", "enrich"),
        ("environment", "dev"),
        ("lead_id", lead),
    ] {
        ensure!(document[name] == text, "{name} in {document}");
    }
    let trace = document["trace_id"].as_str().unwrap_or_default();
    ensure!(trace.len() == 32, "{document}");
    Ok(())
}
