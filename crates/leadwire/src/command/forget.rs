//! `forget`: everything that is stored about one lead, deleted.

mod tombstones;

pub(super) use tombstones::{count_missing, make_at_start, missing};

use crate::duration::render_seconds;
use crate::home::{HomeArgs, Operated, OwnerFile};
use crate::output::{BAD, BOLD, DIM, Ended, GOOD, Output, plural};
use crate::settings::typed::Typed;
use crate::usage::Usage;
use anyhow::Context as _;
use clap::Args;
use jiff::SignedDuration;
use leadwire_domain::lead::id::LeadId;
use leadwire_pipeline::operate::forget::{Forget, ForgetConfig, ForgetStep, Forgotten, Found};
use leadwire_pipeline::settings::LEASE;
use serde::Serialize;
use std::sync::Arc;

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Every stored version of the lead's events, documents and failures is deleted, and its owner file where that is ours. A tombstone \
without personal data stays in the place of each event, so that neither a CRM's retry nor a redrive nor the sweep brings it back. It \
asks first, may be interrupted, and is safe to repeat. What it cannot reach it says.

On a stack, only the role of the parameter OperatorRoleArn may delete: run it as that role. The functions have no right to delete.

The first edition made no tombstones. After an upgrade from it, --tombstones makes them for all that it forgot: run it once on a \
stack; `up` does so by itself when it first starts. It deletes nothing.

Examples:
  leadwire forget test-1 --dry-run     What would be deleted
  leadwire forget test-1
  leadwire forget test-1 --yes --json --stack crm-ingestion-prod
  leadwire forget --tombstones --stack crm-ingestion-prod")]
pub(crate) struct ForgetArgs {
    /// The lead's id
    #[arg(required_unless_present = "tombstones")]
    pub(crate) lead_id: Option<String>,
    /// Only say what would be deleted, or made
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
    /// Forget no lead: make the tombstones of those whom the first edition forgot
    #[arg(long, conflicts_with_all = ["lead_id", "yes"])]
    pub(crate) tombstones: bool,
    #[command(flatten)]
    pub(crate) settings: Typed,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

/// Whatever the home, this is not deleted.
const KEPT: [&str; 3] = [
    "the CRM: what it posts from now on is a new event",
    "quarantine/: bodies that could not be read, so that their lead is unknown",
    "messages in the queues: they hold ids only, and are acknowledged",
];

/// What is asked for.
pub(super) enum Order {
    /// A lead, and the lease that is waited for, in seconds, where it is not the home's.
    Lead(LeadId, Option<u32>),
    /// The tombstones of those whom the first edition forgot.
    Tombstones,
}

/// What became of it, for a program.
#[derive(Serialize)]
struct ForgetLine<'a> {
    lead_id: &'a LeadId,
    dry_run: bool,
    events: Vec<String>,
    keys: Vec<&'a str>,
    versions_deleted: u64,
    owner_file: &'a str,
    owner_file_deleted: bool,
    out_of_reach: &'a [String],
}

/// What is asked for, checked.
pub(super) fn parse(args: &ForgetArgs, output: &Output) -> Result<Order, Usage> {
    let Some(lead_id) = &args.lead_id else {
        return Ok(Order::Tombstones);
    };
    let lead_id = super::lead::parse_id(lead_id)?;
    let lease = args
        .settings
        .read(|settings| settings.is_set(&LEASE).then(|| settings.get(&LEASE)))?;
    if !args.dry_run && !args.yes && !output.can_ask() {
        return Err(Usage::of(
            "there is no terminal to ask at: look with --dry-run, then give --yes",
        ));
    }
    Ok(Order::Lead(lead_id, lease))
}

/// Forgets a lead, or makes tombstones.
pub(super) async fn run<O: Operated>(
    home: Arc<O>,
    args: &ForgetArgs,
    order: Order,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    match order {
        Order::Lead(lead_id, lease) => forget(home, args, (lead_id, lease), output).await,
        Order::Tombstones => tombstones::run(&*home, args.dry_run, output).await,
    }
}

async fn forget<O: Operated>(
    home: Arc<O>,
    args: &ForgetArgs,
    (lead_id, lease): (LeadId, Option<u32>),
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let owner = home.owner_file(&lead_id);
    let lease = lease.unwrap_or_else(|| home.lease_seconds());
    let config = ForgetConfig {
        lease: SignedDuration::from_secs(lease.into()),
        owner_file: owner.is_ours,
    };
    let forget = Forget::new(Arc::clone(&home), config);
    let found = forget.find(&lead_id).await?;
    report_found(&found, &owner, output)?;
    let is_deleted = !found.events.is_empty() || (found.owner_file && owner.is_ours);
    // What was forgotten a moment ago is looked at once more when its workers have ended.
    let is_watched = !found.recent.is_empty() && !home.is_idle();
    let mut forgotten = None;
    if !args.dry_run && (is_deleted || is_watched) {
        let question = format!("Forget {lead_id}? What is listed above is deleted for good.");
        if is_deleted && !args.yes && !output.ask(&question)? {
            output.line("Nothing was deleted.")?;
            return Ok(Ended::Failed);
        }
        let mut on_step = |step| report_step(step, output);
        let done = forget.run(&found, home.workers_gone(), &mut on_step).await;
        forgotten = Some(done.context("not everything is forgotten yet; run it again")?);
    }
    // Also where nothing was found: an earlier run may have ended before this.
    if !args.dry_run && !home.scrub(&lead_id).await? {
        output.line(format!(
            "{BAD}The database's log could not be emptied:{BAD:#} somebody reads it. Run this again."
        ))?;
        return Ok(Ended::Failed);
    }
    let out_of_reach = out_of_reach(&*home, &lead_id, (&owner, &found))?;
    let names = found.events.iter().map(|event| event.name.to_string());
    output.json(&ForgetLine {
        lead_id: &lead_id,
        dry_run: args.dry_run,
        events: names.collect(),
        keys: keys(&found),
        versions_deleted: forgotten.as_ref().map_or(0, |done| done.versions),
        owner_file: &owner.place,
        owner_file_deleted: forgotten.as_ref().is_some_and(|done| done.owner_file > 0),
        out_of_reach: &out_of_reach,
    })?;
    if let Some(forgotten) = &forgotten {
        output.line(describe(forgotten))?;
    }
    output.line(format!("{BOLD}Out of reach, and left to you:{BOLD:#}"))?;
    for place in &out_of_reach {
        output.line(format!("  {place}"))?;
    }
    Ok(Ended::Done)
}

fn describe(forgotten: &Forgotten) -> String {
    let events = plural(forgotten.events, "event");
    let versions = plural(forgotten.versions, "version");
    let owner_file = match forgotten.owner_file {
        0 => "",
        _ => ", and the owner file",
    };
    format!("{GOOD}Forgotten:{GOOD:#} {events}, {versions} of objects{owner_file}.")
}

fn keys(found: &Found) -> Vec<&str> {
    let keys = found.events.iter().flat_map(|event| &event.keys);
    keys.map(|(_, key)| key.as_str()).collect()
}

fn report_found(found: &Found, owner: &OwnerFile, output: &mut Output) -> anyhow::Result<()> {
    if found.events.is_empty() {
        output.line(format!("Nothing is stored about {}.", found.lead_id))?;
    } else {
        let events = plural(found.events.len(), "event");
        output.line(format!("{BOLD}{}{BOLD:#}  {events}", found.lead_id))?;
    }
    for key in keys(found) {
        output.line(format!("  {key}"))?;
    }
    if found.owner_file && owner.is_ours {
        output.line(format!("  {}", owner.place))?;
    }
    Ok(())
}

/// A closed pipe must not stop it half way: the work goes on.
fn report_step(step: ForgetStep, output: &mut Output) {
    drop(match step {
        ForgetStep::Marked { done, all } => output.progress("marked", done, all),
        ForgetStep::Erased { done, all } => output.progress("deleted", done, all),
        ForgetStep::Waiting { left } => {
            let seconds = u32::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
            let left = render_seconds(seconds);
            let text = format!("{DIM}waiting {left} for the workers{DIM:#}");
            output.passing(text)
        }
    });
}

fn out_of_reach<O: Operated>(
    home: &O,
    lead_id: &LeadId,
    (owner, found): (&OwnerFile, &Found),
) -> anyhow::Result<Vec<String>> {
    let mails = home.mails(lead_id).context("could not read the outbox")?;
    let mails = mails.into_iter();
    let mails = mails.map(|mail| format!("a mail in the outbox: {mail}"));
    let mut places: Vec<String> = mails.collect();
    if !owner.is_ours {
        let is_there = if found.owner_file {
            ""
        } else {
            ", if there is one"
        };
        let place = &owner.place;
        places.push(format!(
            "the owner file{is_there}, in a bucket that is not the stack's: {place}"
        ));
    }
    places.extend(O::ELSEWHERE.iter().chain(&KEPT).map(ToString::to_string));
    Ok(places)
}
