//! What can be typed of `backup`.

use super::HomeArgs;
use clap::Args;
use std::path::PathBuf;

/// `backup`.
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
