//! `forget --tombstones`: what the first edition forgot gets its tombstones.

use crate::home::{Operated, desk};
use crate::output::{Ended, GOOD, Output, WAIT, plural};
use leadwire_local::LocalHome;
use leadwire_pipeline::observe::TombstonesMade;
pub(crate) use leadwire_pipeline::operate::forget::count_missing;
use leadwire_pipeline::operate::forget::{
    TombstoneMode, TombstoneReport, TombstoneStep, make_tombstones,
};
use leadwire_pipeline::port::PortError;
use serde::Serialize;

/// What became of it, for a program.
#[derive(Serialize)]
struct ReportLine<'a> {
    dry_run: bool,
    #[serde(flatten)]
    report: &'a TombstoneReport,
}

/// Makes them, or counts those that lack. Where somebody's forgetting was interrupted, that is a failure: a person must finish it.
pub(super) async fn run<O: Operated>(
    home: &O,
    dry_run: bool,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let mode = if dry_run {
        TombstoneMode::DryRun
    } else {
        TombstoneMode::Make
    };
    let mut written = Ok(());
    let mut on_step = |TombstoneStep { examined }| {
        // A closed pipe is reported at the end: the work goes on.
        if written.is_ok() {
            written = output.passing(format_args!("examined {examined}"));
        }
    };
    let report = make_tombstones(home, mode, &mut on_step).await?;
    if !dry_run {
        home.note_tombstones().await?;
    }
    written?;
    output.json(&ReportLine {
        dry_run,
        report: &report,
    })?;
    for key in &report.unfinished {
        output.line(format!(
            "{WAIT}{key}{WAIT:#}  forgotten, and still stored: run `leadwire forget` for its lead"
        ))?;
    }
    output.line(describe(&report, dry_run))?;
    Ok(Ended::when(report.unfinished.is_empty()))
}

fn describe(report: &TombstoneReport, dry_run: bool) -> String {
    let made = plural(report.made, "tombstone");
    let had = match report.had {
        0 => String::new(),
        had => format!("; {had} there before"),
    };
    if dry_run {
        format!("{made} would be made{had}.")
    } else {
        format!("{GOOD}{made} made{GOOD:#}{had}.")
    }
}

/// Makes them when this machine first starts with this edition, before any webhook is taken: a retry of one that was forgotten would bring it
/// back.
pub(crate) async fn make_at_start(home: &LocalHome) -> Result<(), PortError> {
    if home.has_tombstones().await? {
        return Ok(());
    }
    let report = make_tombstones(&desk(home), TombstoneMode::Make, &mut |_step| ()).await?;
    home.note_tombstones().await?;
    let unfinished = u64::try_from(report.unfinished.len()).unwrap_or(u64::MAX);
    if report.made > 0 || unfinished > 0 {
        TombstonesMade {
            made: report.made,
            unfinished,
        }
        .emit();
    }
    Ok(())
}

/// How many tombstones are missing on this machine, for all that is known: none where they were made once.
pub(crate) async fn missing(home: &LocalHome) -> Result<u64, PortError> {
    if home.has_tombstones().await? {
        return Ok(0);
    }
    count_missing(&desk(home)).await
}
