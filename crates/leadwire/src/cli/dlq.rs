//! `dlq …`, as it can be typed.

use super::HomeArgs;
use clap::{Args, Subcommand};

/// Which failures, by their age.
#[derive(Clone, Debug, Args)]
pub(crate) struct AgeArgs {
    /// Only what failed longer ago than this, such as 90m, 12h or 3d
    #[arg(long, value_name = "TIME")]
    pub(crate) older_than: Option<String>,
    /// Only what failed within this time
    #[arg(long, value_name = "TIME")]
    pub(crate) newer_than: Option<String>,
}

/// `dlq …`.
#[derive(Debug, Subcommand)]
pub(crate) enum DlqCommand {
    /// List what failed for good and is not settled
    Ls(DlqLsArgs),
    /// Show one failure: why, what to do, and its message
    Show(DlqShowArgs),
    /// Send dead letters again: a copy goes to the queue, then the dead letter is deleted
    Redrive(DlqRedriveArgs),
}

/// `dlq ls`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  leadwire dlq ls\n  leadwire dlq ls --reason owner_missing\n  leadwire dlq ls --newer-than 2h"
)]
pub(crate) struct DlqLsArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    /// Only those that failed for this reason
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) age: AgeArgs,
}

/// `dlq show`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  leadwire dlq show test-1\n  leadwire dlq show crm_event_test-1_20261123T065000123456Z"
)]
pub(crate) struct DlqShowArgs {
    /// The event's name, event id, lead id or message id
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

/// `dlq redrive`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
It is safe to repeat: what is queued already is left alone, and a lead is never mailed twice.

Examples:
  leadwire dlq redrive test-1                     One lead
  leadwire dlq redrive --reason owner_missing     After the owner files were put
  leadwire dlq redrive --newer-than 2h            Everything that failed since a deployment went wrong
  leadwire dlq redrive --all --dry-run            What would be sent")]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true)
    .args(["ids", "all", "reason", "older_than", "newer_than"]))]
pub(crate) struct DlqRedriveArgs {
    /// The event's name, event id, lead id or message id
    #[arg(value_name = "ID", conflicts_with_all = ["all", "reason", "older_than", "newer_than"])]
    pub(crate) ids: Vec<String>,
    /// Everything that `dlq ls` lists
    #[arg(long, conflicts_with_all = ["reason", "older_than", "newer_than"])]
    pub(crate) all: bool,
    /// Everything that failed for this reason
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) age: AgeArgs,
    /// Only say what would be sent
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}
