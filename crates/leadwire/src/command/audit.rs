//! `audit`: every event accounted for.

use crate::cli::HomeArgs;
use crate::home::Operated;
use crate::output::{BAD, BOLD, DIM, Ended, GOOD, Output, PLAIN, WAIT, plural};
use crate::settings::typed::{Audit as AuditSettings, Typed};
use anstyle::Style;
use clap::Args;
use jiff::SignedDuration;
use leadwire_pipeline::operate::audit::{
    Account, Audit, AuditConfig, AuditReport, AuditStep, Finding, QueueSeen,
};
use serde_json::json;
use std::io;
use std::sync::Arc;

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Every event that was received is mailed, parked, dead-lettered, forgotten, in flight, or nowhere. In flight is what has a message, \
or is younger than all that it may wait for; a stack's queue cannot be looked into, so there age alone decides. Give the same \
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
    pub(crate) settings: Typed<AuditSettings>,
}

/// Audits. Whatever is nowhere or does not agree is a failure.
pub(super) async fn run<O: Operated>(
    home: Arc<O>,
    lost_after: SignedDuration,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let config = AuditConfig {
        lost_after,
        expires: O::EXPIRES,
    };
    let audit = Audit::new(Arc::clone(&home), config);
    let see = async || {
        let (live, dead) = home.look().await?.names();
        Ok(QueueSeen { live, dead })
    };
    let mut told = Ok(());
    let mut tell = |step: AuditStep<'_>| {
        // A closed pipe is reported at the end.
        if told.is_ok() {
            told = match step {
                AuditStep::Examined(count) => output.passing(format_args!("examined {count}")),
                AuditStep::Found(finding) => tell_finding(finding, output),
            };
        }
    };
    let report = audit.run(see, &mut tell).await?;
    told?;
    let is_sound = report.is_sound();
    output.json(&json!({ "sound": is_sound, "account": report }))?;
    tell_report(&report, output)?;
    Ok(Ended::when(is_sound))
}

fn tell_finding(finding: &Finding, output: &mut Output) -> io::Result<()> {
    let Finding { key, flaw, is_note } = finding;
    output.json(
        &json!({ "key": key, "flaw": flaw, "meaning": flaw.meaning(), "is_note": is_note }),
    )?;
    let style = if *is_note { DIM } else { BAD };
    output.line(format!("{style}{key}{style:#}  {}", flaw.meaning()))
}

fn tell_report(report: &AuditReport, output: &mut Output) -> io::Result<()> {
    let Account {
        received,
        mailed,
        parked,
        dead_lettered,
        forgotten,
        in_flight,
        nowhere,
    } = report.account;
    let when = |count: u64, style: Style| if count == 0 { PLAIN } else { style };
    let rows = [
        ("mailed", mailed, GOOD),
        ("parked", parked, WAIT),
        ("dead-lettered", dead_lettered, WAIT),
        ("forgotten", forgotten, PLAIN),
        ("in flight", in_flight, PLAIN),
        ("nowhere", nowhere, BAD),
    ];
    let width = received.to_string().len();
    output.line(format!("{BOLD}received        {received:>width$}{BOLD:#}"))?;
    for (name, count, style) in rows {
        let style = when(count, style);
        output.line(format!("  {style}{name:<14}{count:>width$}{style:#}"))?;
    }
    for (count, text) in [
        (
            report.without_message,
            "of those in flight have no message: the sweep enqueues them again",
        ),
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
    let AuditReport {
        account,
        inconsistent,
        ..
    } = report;
    if report.is_sound() {
        return format!("{GOOD}Every event is accounted for, and everything agrees.{GOOD:#}");
    }
    if !account.adds_up() {
        return format!("{BAD}The numbers do not add up: a defect of the audit.{BAD:#}");
    }
    format!(
        "{BAD}Nowhere: {}. Not in agreement: {}.{BAD:#}",
        plural(account.nowhere, "event"),
        plural(*inconsistent, "thing"),
    )
}
