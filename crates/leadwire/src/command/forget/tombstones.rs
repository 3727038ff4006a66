//! `forget --tombstones`: what the first edition forgot gets its tombstones.

use crate::home::{Operated, desk};
use crate::output::{Ended, GOOD, Output, WAIT, plural};
use leadwire_local::LocalHome;
use leadwire_pipeline::observe::TombstonesMade;
pub(crate) use leadwire_pipeline::operate::forget::count_missing;
use leadwire_pipeline::operate::forget::{Burial, BurialStep, Buried, bury_forgotten};
use leadwire_pipeline::port::PortError;
use serde::Serialize;

/// What became of it, for a program.
#[derive(Serialize)]
struct BuriedLine<'a> {
    dry_run: bool,
    #[serde(flatten)]
    buried: &'a Buried,
}

/// Makes them, or counts those that lack. Where somebody's forgetting was interrupted, that is a failure: a person must finish it.
pub(super) async fn run<O: Operated>(
    home: &O,
    dry_run: bool,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let burial = if dry_run {
        Burial::DryRun
    } else {
        Burial::Make
    };
    let mut written = Ok(());
    let mut on_step = |BurialStep { examined }| {
        // A closed pipe is reported at the end: the work goes on.
        if written.is_ok() {
            written = output.passing(format_args!("examined {examined}"));
        }
    };
    let buried = bury_forgotten(home, burial, &mut on_step).await?;
    if !dry_run {
        home.note_tombstones().await?;
    }
    written?;
    output.json(&BuriedLine {
        dry_run,
        buried: &buried,
    })?;
    for key in &buried.unfinished {
        output.line(format!(
            "{WAIT}{key}{WAIT:#}  forgotten, and still stored: run `leadwire forget` for its lead"
        ))?;
    }
    output.line(describe(&buried, dry_run))?;
    Ok(Ended::when(buried.unfinished.is_empty()))
}

fn describe(buried: &Buried, dry_run: bool) -> String {
    let made = plural(buried.made, "tombstone");
    let had = match buried.had {
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
pub(crate) async fn bury_at_start(home: &LocalHome) -> Result<(), PortError> {
    if home.has_tombstones().await? {
        return Ok(());
    }
    let buried = bury_forgotten(&desk(home), Burial::Make, &mut |_step| ()).await?;
    home.note_tombstones().await?;
    let unfinished = u64::try_from(buried.unfinished.len()).unwrap_or(u64::MAX);
    if buried.made > 0 || unfinished > 0 {
        TombstonesMade {
            made: buried.made,
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
