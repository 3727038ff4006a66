//! What can be typed of `canary`.

use super::HomeArgs;
use clap::Args;

/// `canary`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
A canary is a lead of our own that goes the whole way: the signed webhook, the delay, the owner file, the mail. On AWS its mail goes to \
SES's mailbox simulator; on one machine the mail server, or the outbox, is tried up to where a mail would reach somebody. `up` and \
a stack send one every 15 minutes by themselves.

Examples:
  leadwire canary
      Send one to the pipeline on this machine, and follow it until it is mailed
  leadwire canary --stack crm-ingestion-dev
      The same for a deployed stack
  leadwire canary --no-follow --json

Exit codes: 0 mailed, 1 failed or not in time, 2 wrong usage.")]
pub(crate) struct CanaryArgs {
    /// Where `up` listens; a stack's own address is known
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8787")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    /// How long it may take [default: two minutes more than its delay]
    #[arg(long, value_name = "TIME")]
    pub(crate) timeout: Option<String>,
    /// Only send it
    #[arg(long)]
    pub(crate) no_follow: bool,
}
