//! `parked …`, as it can be typed.

use super::HomeArgs;
use clap::{ArgGroup, Args, Subcommand};

/// `parked …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ParkedCommand {
    /// List the mails with unconfirmed delivery
    Ls(ParkedLsArgs),
    /// Say what became of parked mails: they went out, or are to be sent again
    Resolve(ParkedResolveArgs),
}

/// `parked ls`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  leadwire parked ls")]
pub(crate) struct ParkedLsArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

/// `parked resolve`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Look into the mailbox first: what is sent again although it went out is a second mail.
It is safe to repeat.

Examples:
  leadwire parked resolve test-1 --sent       It arrived: nothing is mailed
  leadwire parked resolve test-1 --resend     It did not: the pipeline mails it now
  leadwire parked resolve crm_event_test-1_20261123T065000123456Z --resend")]
#[command(group = ArgGroup::new("what").required(true).args(["sent", "resend"]))]
pub(crate) struct ParkedResolveArgs {
    /// The event's name, event id or lead id
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    /// The mail went out
    #[arg(long)]
    pub(crate) sent: bool,
    /// The mail did not go out: send it
    #[arg(long)]
    pub(crate) resend: bool,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}
