//! The real functions: many leads at once, and kills at every call.

use crate::report::Report;
use crate::vital::{RSS_SLACK, Vital, is_flat};
use anyhow::Result;
use leadwire_tests::flood::{self, Flood};
use leadwire_tests::kill::{Kind, Shape, Verdict, kill_at, points, spread};
use leadwire_tests::program;
use leadwire_tests::soak::{self, Soak};
use std::collections::BTreeMap;
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

/// Minutes of faults and kills, over a cloud in memory.
///
/// # Errors
/// The harness itself failed.
pub fn soak(soak: Soak) -> Result<Report> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut held: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    let soaked = runtime.block_on(async {
        program::adopt(program::released().await?);
        let look = |process| {
            if let Some(vital) = Vital::of(process) {
                held.entry(process).or_default().push(vital.rss_bytes);
            }
        };
        soak::run(soak, look).await
    })?;
    let mut report = Report::new("lambda-soak");
    report.count("leads_accepted", soaked.accepted);
    report.count("processes_killed", soaked.kills);
    report.count("calls_failed", soaked.faults);
    report.count("mails", soaked.mails);
    report.count("mails_in_doubt", soaked.in_doubt);
    report.promise("nothing accepted is lost", soaked.lost);
    report.promise(
        "one key and one document for each, and every mail says what it says",
        soaked.mixed,
    );
    report.promise(
        "a second mail only where the first was in doubt",
        soaked.twice,
    );
    tell_memory(&mut report, &held);
    Ok(report)
}

/// Each process by itself, since every kill begins another one.
fn tell_memory(report: &mut Report, held: &BTreeMap<u32, Vec<u64>>) {
    let most = held.values().flatten().max().copied().unwrap_or(0);
    report.count("processes", held.len());
    report.count(
        "resident_memory_kib_at_most",
        usize::try_from(most / 1024).unwrap_or(usize::MAX),
    );
    let grown = held
        .iter()
        .filter(|(_process, rss)| !is_flat(rss, RSS_SLACK));
    let grown = grown.map(|(process, rss)| format!("process {process}: {rss:?}"));
    report.promise("memory of every process stays flat", grown.collect());
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
    // Some calls of two messages come in another order on a busy machine: a point may then not be there.
    let missed: Vec<String> = verdicts
        .iter()
        .filter(|verdict| !verdict.met)
        .map(|verdict| verdict.point.to_string())
        .collect();
    let are_few = missed.len() * 10 <= verdicts.len();
    report.promise(
        "nine of ten points were met",
        if are_few { vec![] } else { missed },
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
