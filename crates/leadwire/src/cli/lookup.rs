//! `lookup …`, as it can be typed.

use super::HomeArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `lookup …`.
#[derive(Debug, Subcommand)]
pub(crate) enum LookupCommand {
    /// Write one owner file
    Put(LookupPutArgs),
    /// Write an owner file for each row of a CSV file
    Import(LookupImportArgs),
    /// List the owner files
    Ls(LookupLsArgs),
}

/// `lookup put`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire lookup put test-1 --owner Omar --owner-email omar@example.com
  leadwire lookup put test-1 --owner Omar --field funnel='Direct VSL' --field lead_email=alice@example.com")]
pub(crate) struct LookupPutArgs {
    /// The lead's id
    pub(crate) lead_id: String,
    #[arg(help = "The owner's name (lead_owner)", long, value_name = "NAME")]
    pub(crate) owner: String,
    #[arg(
        help = "The owner's address (owner_email)",
        long,
        value_name = "ADDRESS"
    )]
    pub(crate) owner_email: Option<String>,
    /// A further field
    #[arg(long = "field", value_name = "KEY=VALUE")]
    pub(crate) fields: Vec<String>,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

/// `lookup import`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
The first row names the columns: lead_id and lead_owner (or owner) must be there; owner_email,
lead_email, funnel and any other become fields. Where a row is bad, all bad rows are listed and
nothing is written, unless --skip-bad is given.

Examples:
  leadwire lookup import owners.csv
  leadwire lookup import --skip-bad owners.csv")]
pub(crate) struct LookupImportArgs {
    /// The CSV file; - reads standard input
    pub(crate) file: PathBuf,
    /// Import the good rows although there are bad ones
    #[arg(long)]
    pub(crate) skip_bad: bool,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

/// `lookup ls`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  leadwire lookup ls")]
pub(crate) struct LookupLsArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}
