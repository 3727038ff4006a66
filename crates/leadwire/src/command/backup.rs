//! `backup`: one moment of a data folder's database.

use crate::home::HomeArgs;
use crate::output::{DIM, Ended, GOOD, Output, plural};
use crate::usage::Usage;
use anyhow::Context as _;
use clap::Args;
use leadwire_local::{Backup, LocalHome, Mode};
use serde_json::json;
use std::path::PathBuf;

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
One moment of the data folder's database, also while `up` runs. It holds all events, documents, claims and waiting messages; \
sources.json, lookup/ and outbox/ are plain files, to be copied beside it. The file is checked before it gets its name.

To restore: stop `up`, copy the file to leadwire.db in an empty folder, put sources.json, lookup/ and outbox/ beside it, then \
`leadwire audit --data DIR` and `leadwire up --data DIR`. Leads that were mailed after the backup was made are mailed again.

Examples:
  leadwire backup /backup/leadwire-2026-11-23.db
  leadwire backup /backup/leadwire.db --data /var/lib/leadwire --json")]
pub(crate) struct BackupArgs {
    /// The file to write; there must be none of that name
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

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
    let home = LocalHome::open(data, Mode::Operate)?;
    let file = args.file.display().to_string();
    let backup = home.backup(&args.file).await;
    let Backup { bytes, events } = backup.with_context(|| file.clone())?;
    output.json(&json!({ "file": file, "bytes": bytes, "events": events, "checked": true }))?;
    let (events, kib) = (plural(events, "event"), bytes.div_ceil(1024));
    output.line(format!(
        "{GOOD}{file}{GOOD:#}  {events}, {kib} KiB, checked"
    ))?;
    output.line(format!(
        "{DIM}sources.json, lookup/ and outbox/ of {} are plain files: copy them beside it.\n\
         To restore: stop `up`, copy the file to leadwire.db in an empty folder, and run `leadwire up --data` on that. Leads that were \
         mailed since are mailed again, but for those in outbox/.{DIM:#}",
        data.display()
    ))?;
    Ok(Ended::Done)
}
