//! What looks after the pipeline, as it can be typed: `alarms`, `slo`, `doctor`.

use super::{FolderArgs, HomeArgs};
use crate::settings::typed::{Alarms, Doctor, Slo, Typed};
use clap::Args;

/// `alarms`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire alarms                                  What calls for a person, and where to read on
  leadwire alarms --all --stack crm-ingestion-dev  Every alarm of a stack, as CloudWatch sees it

On one machine the same alarms are evaluated over the minutes that `up` keeps; those of AWS's own services have no state there.
Exit code 1 where one is in ALARM.")]
pub(crate) struct AlarmsArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    #[command(flatten)]
    pub(crate) settings: Typed<Alarms>,
    /// Also those that are well
    #[arg(long)]
    pub(crate) all: bool,
}

/// `slo`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire slo                                  The objective over the last 30 days
  leadwire slo --days 7 --stack crm-ingestion-dev

Exit code 1 where the budget is used up.")]
pub(crate) struct SloArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    #[command(flatten)]
    pub(crate) settings: Typed<Slo>,
    /// How many days count
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=35))]
    pub(crate) days: u32,
}

/// `doctor`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire doctor
  leadwire doctor --smtp smtp://mail.example.com:587     Also whether the mail server lets us in")]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,
    #[command(flatten)]
    pub(crate) settings: Typed<Doctor>,
}
