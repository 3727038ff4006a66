//! `sweep`: leads whose trigger was lost, enqueued again.

use crate::home::{HomeArgs, Operated};
use crate::output::{BAD, Ended, GOOD, Output, WAIT};
use crate::settings::typed::Typed;
use clap::Args;
use leadwire_pipeline::settings::SweepConfig;
use leadwire_pipeline::stage::sweep::{Sweep, SweepMode, SweepReport};
use serde_json::json;
use std::sync::Arc;

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
`up` sweeps by itself. Give the same --delay, --owner-wait and --mail-wait (or environment) as to `up`:
a lead counts as lost only after all of them.

Examples:
  leadwire sweep --dry-run     What would be enqueued again
  leadwire sweep --confirm     Go on although more than --max were found")]
pub(crate) struct SweepArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    #[command(flatten)]
    pub(crate) settings: Typed,
    /// Only say what would be sent
    #[arg(long, conflicts_with = "confirm")]
    pub(crate) dry_run: bool,
    /// Send although more than --max were found
    #[arg(long)]
    pub(crate) confirm: bool,
}

/// Sweeps once. A sweep that refuses is a failure: somebody must look.
pub(super) async fn run<O: Operated>(
    home: Arc<O>,
    config: SweepConfig,
    args: &SweepArgs,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let mode = match (args.dry_run, args.confirm) {
        (true, _) => SweepMode::DryRun,
        (false, true) => SweepMode::Confirm,
        (false, false) => SweepMode::Send,
    };
    let report = Sweep::new(home, config).run(mode).await?;
    output.json(&json!({
        "examined": report.examined, "found": report.found, "sent": report.sent,
        "given_up": report.given_up, "refused": report.refused, "complete": report.complete,
        "keys": report.keys,
    }))?;
    for key in &report.keys {
        output.line(key)?;
    }
    output.line(describe(&report, mode))?;
    Ok(Ended::when(!report.refused))
}

fn describe(report: &SweepReport, mode: SweepMode) -> String {
    let (examined, found) = (report.examined, report.found);
    if report.refused {
        format!(
            "{BAD}refused:{BAD:#} {found} of {examined} leads have lost their trigger, more than --max. Find out why before they are mailed again; then: sweep --confirm"
        )
    } else if found == 0 {
        format!("{GOOD}None of {examined} leads has lost its trigger.{GOOD:#}")
    } else if mode == SweepMode::DryRun {
        format!(
            "{WAIT}{found} of {examined} leads have lost their trigger{WAIT:#} and would be enqueued again"
        )
    } else {
        let (sent, given_up) = (report.sent, report.given_up);
        format!(
            "{WAIT}{found} of {examined} leads had lost their trigger:{WAIT:#} {sent} enqueued again, {given_up} given up"
        )
    }
}
