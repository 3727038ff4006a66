//! `backup`: one moment of a data folder's database.

use crate::cli::BackupArgs;
use crate::home::open;
use crate::output::{DIM, Ended, GOOD, Output, plural};
use crate::usage::Usage;
use anyhow::Context as _;
use leadwire_local::{Backup, Mode};
use serde_json::json;

/// Copies, checks, and says how to restore.
pub(super) async fn run(args: &BackupArgs, output: &mut Output) -> anyhow::Result<Ended> {
    if let Some(stack) = &args.home.stack {
        let mistake = format!(
            "--stack {stack}: a stack's buckets keep every version of what is overwritten or deleted for 30 days, and that is its backup; \
             copies elsewhere are made by S3 replication or AWS Backup. `backup` is for the data folder of one machine"
        );
        return Err(Usage::of(mistake).into());
    }
    let data = &args.home.folder.data;
    let home = open(data, Mode::Operate)?;
    let file = args.file.display().to_string();
    let backup = home.backup(&args.file).await;
    let Backup { bytes, events } = backup.with_context(|| file.clone())?;
    output.json(&json!({ "file": file, "bytes": bytes, "events": events, "checked": true }))?;
    output.line(format!(
        "{GOOD}{file}{GOOD:#}  {}, {} KiB, checked",
        plural(events, "event"),
        bytes.div_ceil(1024)
    ))?;
    output.line(format!(
        "{DIM}sources.json, lookup/ and outbox/ of {} are plain files: copy them beside it.\n\
         To restore: stop `up`, copy the file to leadwire.db in an empty folder, and run `leadwire up --data` on that. Leads that were \
         mailed since are mailed again, but for those in outbox/.{DIM:#}",
        data.display()
    ))?;
    Ok(Ended::Done)
}
