//! What can be typed of `forget`.

use super::HomeArgs;
use crate::settings::typed::{Forget, Typed};
use clap::Args;

/// `forget`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Every stored version of the lead's events, documents and failures is deleted, and its owner file where that is ours. A marker \
without personal data stays for each event, so that neither a CRM's retry nor a redrive nor the sweep brings it back. It asks \
first, may be interrupted, and is safe to repeat. What it cannot reach it says.

On a stack, only the role of the parameter OperatorRoleArn may delete: run it as that role. The functions have no right to delete.

Examples:
  leadwire forget test-1 --dry-run     What would be deleted
  leadwire forget test-1
  leadwire forget test-1 --yes --json --stack crm-ingestion-prod")]
pub(crate) struct ForgetArgs {
    /// The lead's id
    pub(crate) lead_id: String,
    /// Only say what would be deleted
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) settings: Typed<Forget>,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}
