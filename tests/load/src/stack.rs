//! The real functions: many leads at once, and kills at every call.

use crate::report::Report;
use anyhow::Result;
use leadwire_tests::flood::{self, Flood};
use leadwire_tests::kill::{Kind, Shape, Verdict, kill_at, points, spread};
use leadwire_tests::program;
use std::time::Duration;
use tokio::runtime::Builder;

/// Many leads through both functions, over a cloud in memory.
///
/// # Errors
/// The harness itself failed.
pub fn flood(flood: Flood) -> Result<Report> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut flown = runtime.block_on(async {
        program::adopt(program::released().await?);
        flood::run(flood).await
    })?;
    let mut report = Report::new("lambda");
    report.count("leads", flood.leads);
    report.count("environments", flood.environments);
    let leads = f64::from(u32::try_from(flood.leads)?);
    report.figure(
        "ingested_a_second",
        leads / flown.ingest.as_secs_f64(),
        "/s",
    );
    flown.answers.sort_unstable();
    report.figure("answer_p50", quantile(&flown.answers, 50), "ms");
    report.figure("answer_p99", quantile(&flown.answers, 99), "ms");
    report.figure(
        "enriched_and_mailed_a_second",
        leads / flown.enrich.as_secs_f64(),
        "/s",
    );
    report.promise(
        "each is stored, merged with its own owner and mailed once",
        flown.broken,
    );
    Ok(report)
}

fn quantile(sorted: &[Duration], percent: usize) -> f64 {
    let rank = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(rank).map_or(0.0, Duration::as_secs_f64) * 1000.0
}

/// Kills at so many points, spread over all of them.
///
/// # Errors
/// The harness itself failed.
pub fn kill(kind: Kind, count: usize, at_once: usize) -> Result<Report> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (all, verdicts) = runtime.block_on(async {
        program::adopt(program::released().await?);
        let all = points(kind, &Shape::ALL, at_once).await?;
        let chosen = spread(all.clone(), count);
        anyhow::Ok((all, kill_at(kind, chosen, at_once).await?))
    })?;
    let mut report = Report::new("kill");
    report.count("points_there_are", all.len());
    report.count("points", verdicts.len());
    report.count(
        "points_met",
        verdicts.iter().filter(|verdict| verdict.met).count(),
    );
    report.count("mails", verdicts.iter().map(|verdict| verdict.mails).sum());
    for (promise, mark) in [
        ("P1 nothing accepted is lost", "P1"),
        ("P2 nothing is mailed early", "P2"),
        ("P3 one document, and every mail says what it says", "P3"),
        ("P4 a second mail only where the first was in doubt", "P4"),
        ("P5 nothing is mixed", "P5"),
    ] {
        report.promise(promise, broken(&verdicts, mark));
    }
    let missed = verdicts.iter().filter(|verdict| !verdict.met);
    report.promise(
        "every point was met",
        missed.map(|verdict| verdict.point.to_string()).collect(),
    );
    Ok(report)
}

fn broken(verdicts: &[Verdict], mark: &str) -> Vec<String> {
    let told = verdicts.iter().flat_map(|verdict| {
        let of_this = verdict
            .broken
            .iter()
            .filter(|broken| broken.starts_with(mark));
        of_this.map(|broken| format!("{}: {broken}", verdict.point))
    });
    told.collect()
}
