//! What can be typed of `audit`.

use super::HomeArgs;
use crate::settings::typed::{Audit, Typed};
use clap::Args;

/// `audit`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Every event that was received is mailed, parked, dead-lettered, forgotten, in flight, or nowhere. In flight is what has a message, \
or is younger than all that it may wait for; a stack's queue cannot be looked into, so there age alone decides. Give the same \
--delay, --owner-wait and --mail-wait (or environment) as to `up`. Bytes, documents and claims are checked against each other too. \
Every stored event is read, and nothing is changed.

Examples:
  leadwire audit
  leadwire audit --json | jq 'select(.flaw)'
  leadwire audit --stack crm-ingestion-dev

Exit code 1 where an event is nowhere, or something does not agree.")]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    #[command(flatten)]
    pub(crate) settings: Typed<Audit>,
}
