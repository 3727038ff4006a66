//! `audit`: every event accounted for.

use crate::home::{HomeArgs, Operated};
use crate::output::{BAD, BOLD, DIM, Ended, GOOD, Output, PLAIN, WAIT, plural};
use crate::settings::typed::Typed;
use clap::Args;
use leadwire_pipeline::operate::audit::{
    Audit, AuditConfig, AuditReport, AuditStep, Finding, QueueSeen,
};
use leadwire_pipeline::settings::SweepConfig;
use serde_json::json;
use std::io;
use std::sync::Arc;

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Every event that was received is mailed, parked, dead-lettered, forgotten, in flight, or nowhere. Mailed is one whose mails all went \
out, but for receivers that are no longer configured. In flight is what has a message, or is younger than all that it may wait for; a \
stack's queue cannot be looked into, so there age alone decides. Give the same \
--delay, --owner-wait and --mail-wait (or environment) as to `up`. Bytes, documents and claims are checked against each other too. \
Every stored event is read, and nothing is changed.

Examples:
  leadwire audit
  leadwire audit --json | jq 'select(.flaw)'
  leadwire audit --stack crm-ingestion-dev

Exit code 1 where an event is nowhere, or something does not agree.")]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    #[command(flatten)]
    pub(crate) settings: Typed,
}

/// Audits. Whatever is nowhere or does not agree is a failure.
pub(super) async fn run<O: Operated>(
    home: Arc<O>,
    sweep: SweepConfig,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let config = AuditConfig {
        sweep,
        expires: O::EXPIRES,
    };
    let audit = Audit::new(Arc::clone(&home), config);
    let see = async || {
        let (live, dead) = home.look().await?.names();
        Ok(QueueSeen { live, dead })
    };
    let mut written = Ok(());
    let mut on_step = |step: AuditStep<'_>| {
        // A closed pipe is reported at the end.
        if written.is_ok() {
            written = match step {
                AuditStep::Examined(count) => output.passing(format_args!("examined {count}")),
                AuditStep::Found(finding) => write_finding(finding, output),
            };
        }
    };
    let report = audit.run(see, &mut on_step).await?;
    written?;
    let is_sound = report.is_sound();
    output.json(&json!({ "sound": is_sound, "account": report }))?;
    write_report(&report, output)?;
    Ok(Ended::when(is_sound))
}

fn write_finding(finding: &Finding, output: &mut Output) -> io::Result<()> {
    let Finding { key, flaw, is_note } = finding;
    let meaning = flaw.meaning();
    output.json(&json!({ "key": key, "flaw": flaw, "meaning": meaning, "is_note": is_note }))?;
    let style = if *is_note { DIM } else { BAD };
    output.line(format!("{style}{key}{style:#}  {meaning}"))
}

fn write_report(report: &AuditReport, output: &mut Output) -> io::Result<()> {
    let account = &report.account;
    let received = account.received;
    let rows = [
        ("mailed", account.mailed, GOOD),
        ("parked", account.parked, WAIT),
        ("dead-lettered", account.dead_lettered, WAIT),
        ("forgotten", account.forgotten, PLAIN),
        ("in flight", account.in_flight, PLAIN),
        ("nowhere", account.nowhere, BAD),
    ];
    let width = received.to_string().len();
    output.line(format!("{BOLD}received        {received:>width$}{BOLD:#}"))?;
    for (name, count, style) in rows {
        let style = if count == 0 { PLAIN } else { style };
        output.line(format!("  {style}{name:<14}{count:>width$}{style:#}"))?;
    }
    let no_message = "of those in flight have no message: the sweep enqueues them again";
    for (count, text) in [
        (report.without_message, no_message),
        (report.replays, "replays"),
        (report.expired, "markers of events whose retention is over"),
        (report.notes, "notes above"),
    ] {
        if count > 0 {
            output.line(format!("{DIM}{count} {text}{DIM:#}"))?;
        }
    }
    output.line(verdict(report))
}

fn verdict(report: &AuditReport) -> String {
    if report.is_sound() {
        return format!("{GOOD}Every event is accounted for, and everything agrees.{GOOD:#}");
    }
    if !report.account.adds_up() {
        return format!("{BAD}The numbers do not add up: a defect of the audit.{BAD:#}");
    }
    let nowhere = plural(report.account.nowhere, "event");
    let inconsistent = plural(report.inconsistent, "thing");
    format!("{BAD}Nowhere: {nowhere}. Not in agreement: {inconsistent}.{BAD:#}")
}
