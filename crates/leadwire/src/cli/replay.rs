//! `replay`, as it can be typed.

use super::HomeArgs;
use clap::{ArgGroup, Args, ValueEnum};
use leadwire_domain::message::Notify;

/// Whether a replay mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NotifyArg {
    /// Send no mail
    Never,
    /// Mail what differs from the newest document, as the pipeline finds it
    IfChanged,
    /// Mail everything again
    Force,
}

impl From<NotifyArg> for Notify {
    fn from(arg: NotifyArg) -> Self {
        match arg {
            NotifyArg::Never => Self::Never,
            NotifyArg::IfChanged => Self::IfChanged,
            NotifyArg::Force => Self::Force,
        }
    }
}

/// `replay`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
It shows what would change, asks, and sends the leads through the queue: document and mail are made by the pipeline.
Nothing that was stored before is overwritten. A lead that was forgotten is never replayed.
A time is 2026-11-23, 2026-11-23T06:50:00Z, or a span such as 90m, 12h or 3d ago, by when a lead was stored.

Examples:
  leadwire replay test-1 --dry-run                        What would change
  leadwire replay test-1                                  A new document, and no mail
  leadwire replay --from 2d --notify if-changed           Mail what changed among the leads of two days
  leadwire replay raw/crm_event_test-1_20261123T065000123456Z.json --notify force --yes
  leadwire replay --from 2d --notify force --resume 5f0c…  Go on where it was interrupted")]
#[command(group = ArgGroup::new("which").required(true).args(["ids", "from"]))]
pub(crate) struct ReplayArgs {
    /// The lead's id, an event's name, or the key of its raw object
    #[arg(value_name = "LEAD|KEY")]
    pub(crate) ids: Vec<String>,
    /// Every lead that was stored from this time on
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// And before this time [default: now]
    #[arg(long, value_name = "TIME", requires = "from")]
    pub(crate) to: Option<String>,
    /// Whether to mail
    #[arg(long, value_name = "WHEN", default_value = "never")]
    pub(crate) notify: NotifyArg,
    /// Only show what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Go on with the run of this id, which was interrupted: what it did is not done again
    #[arg(long, value_name = "RUN")]
    pub(crate) resume: Option<String>,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}
