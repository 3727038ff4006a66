//! `parked`: mails with unconfirmed delivery, listed by event and receiver, and resolved by a person.

use crate::duration::render_relative;
use crate::effects::{Receivers, effects_of};
use crate::home::{HomeArgs, Operated};
use crate::output::{BAD, Cell, DIM, Ended, GOOD, Output};
use anyhow::Context as _;
use clap::{ArgGroup, Args, Subcommand};
use leadwire_domain::claim::Settled;
use leadwire_domain::effect::EffectState;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::key::{EventName, RAW};
use leadwire_domain::lead::id::LeadId;
use leadwire_pipeline::ledger::history::EventHistory;
use leadwire_pipeline::ledger::queue::QueueSnapshot;
use leadwire_pipeline::ledger::{Kind, Ledger};
use leadwire_pipeline::operate::resolve::{self, Resolution, Resolved, list_parked};
use leadwire_pipeline::port::Clock as _;
use serde_json::json;
use std::collections::BTreeSet;

#[derive(Debug, Subcommand)]
pub(crate) enum ParkedCommand {
    /// List the mails with unconfirmed delivery
    #[command(after_help = "Example:\n  leadwire parked ls")]
    Ls(HomeArgs),
    /// Say what became of parked mails: they went out, or are to be sent again
    Resolve(ParkedResolveArgs),
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Look into the mailbox of each receiver that `parked ls` names first: what is sent again although it went out is a second mail.
What is said holds for every parked mail of the event, and for no other. It is safe to repeat.

Examples:
  leadwire parked resolve test-1 --sent       It arrived: nothing is mailed
  leadwire parked resolve test-1 --resend     It did not: the pipeline mails it now
  leadwire parked resolve crm_event_test-1_20261123T065000123456Z --resend")]
#[command(group = ArgGroup::new("what").required(true).args(["sent", "resend"]))]
pub(crate) struct ParkedResolveArgs {
    /// The event's name, event id or lead id
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    /// The mails went out
    #[arg(long)]
    pub(crate) sent: bool,
    /// The mails did not go out: send them
    #[arg(long)]
    pub(crate) resend: bool,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

/// `parked ls`.
pub(super) async fn ls<O: Operated>(home: &O, output: &mut Output) -> anyhow::Result<Ended> {
    let now = home.clock().now();
    let receivers = Receivers::new(home.receivers());
    let mut rows = Vec::new();
    let (ledger, queue) = (Ledger::new(home.store()), QueueSnapshot::default());
    for parked in list_parked(home).await? {
        let event = ledger.history(&queue, parked.name).await?;
        let who = effects_of(&event, &receivers).into_iter();
        let who = who.filter(|effect| effect.state == EffectState::Parked);
        let who: Vec<String> = who.map(|effect| effect.who()).collect();
        output.json(&json!({
            "event": event.name.to_string(), "lead_id": event.lead_id(), "event_id": event.event_id(),
            "parked_at": parked.parked_at, "attempts": parked.attempt, "effects": parked.effects,
        }))?;
        rows.push(vec![
            Cell::plain(event.lead_id()),
            Cell::styled(event.name.to_string(), DIM),
            Cell::plain(render_relative(parked.parked_at, now)),
            Cell::plain(parked.attempt.to_string()),
            Cell::plain(who.join(", ")),
        ]);
    }
    if rows.is_empty() {
        output.line(format!("{GOOD}Nothing is parked.{GOOD:#}"))?;
        return Ok(Ended::Done);
    }
    output.table(&["LEAD", "EVENT", "PARKED", "ATTEMPTS", "RECEIVERS"], &rows)?;
    output.line(format!(
        "\n{DIM}Look into the mailboxes, then: parked resolve LEAD --sent, or --resend{DIM:#}"
    ))?;
    Ok(Ended::Done)
}

/// `parked resolve`. Done only when each one is as it was said.
pub(super) async fn resolve<O: Operated>(
    home: &O,
    args: &ParkedResolveArgs,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let resolution = if args.sent {
        Resolution::Sent
    } else {
        Resolution::Resend
    };
    let mut is_whole = true;
    for id in &args.ids {
        let names = find(home, id).await?;
        if names.is_empty() {
            is_whole = false;
            output.json(&json!({ "id": id, "result": "not_found" }))?;
            output.line(format!("{BAD}{id}{BAD:#}  nothing is parked under this id"))?;
        }
        for name in names {
            let resolved = resolve::resolve(home, &name, resolution).await;
            let context = || format!("{name}; it is safe to say it again");
            is_whole &= report(&name, resolved.with_context(context)?, output)?;
        }
    }
    Ok(Ended::when(is_whole))
}

fn report(name: &EventName, resolved: Resolved, output: &mut Output) -> anyhow::Result<bool> {
    let (code, text, is_good) = match resolved {
        Resolved::MarkedSent => ("marked_sent", "settled as sent", true),
        Resolved::MarkedSentOthersLeft => {
            let text = "what was parked is marked as sent; other receivers are not reached yet";
            ("marked_sent", text, true)
        }
        Resolved::Queued => ("queued", "in the queue; the pipeline mails it", true),
        Resolved::SettledBefore(Settled::Sent) => ("sent_before", "is settled as sent", true),
        Resolved::SettledBefore(Settled::Forgotten) => ("forgotten", "was forgotten", false),
        Resolved::SettledBefore(Settled::Silent) => ("silent", "was to mail nobody", false),
        Resolved::NotParked => ("not_parked", "is not parked", false),
        Resolved::BeingSent => (
            "being_sent",
            "is being sent at this moment; look again",
            false,
        ),
        Resolved::ChangedMeanwhile => {
            let text = "was changed by somebody else just now; look again";
            ("changed", text, false)
        }
    };
    output.json(&json!({ "event": name.to_string(), "result": code }))?;
    let style = if is_good { GOOD } else { BAD };
    output.line(format!("{name}  {style}{text}{style:#}"))?;
    Ok(is_good)
}

/// The events that an id means: the event's name or key, whatever it is now, or what was doubtful of a lead, or of an event's own id.
async fn find<O: Operated>(home: &O, id: &str) -> anyhow::Result<BTreeSet<EventName>> {
    let ledger = Ledger::new(home.store());
    if let Some(name) = parse_name(id)
        && ledger.exists(Kind::Claim, &name).await?
    {
        return Ok(BTreeSet::from([name]));
    }
    let look = QueueSnapshot::default();
    if let Ok(lead_id) = LeadId::from_text(id) {
        let events = ledger.lead(&look, &lead_id).await?;
        let doubtful = events.into_iter().filter(was_doubtful);
        let doubtful: BTreeSet<EventName> = doubtful.map(|event| event.name).collect();
        if !doubtful.is_empty() {
            return Ok(doubtful);
        }
    }
    let mut found = BTreeSet::new();
    for parked in list_parked(home).await? {
        let event = ledger.history(&look, parked.name).await?;
        if event.event_id() == id || event.lead_id() == id {
            found.insert(event.name);
        }
    }
    Ok(found)
}

/// Its name, or a key that names it.
fn parse_name(id: &str) -> Option<EventName> {
    let key = match id.strip_prefix(RAW) {
        Some(_) => id.to_owned(),
        None => format!("{RAW}{id}.json"),
    };
    Kind::Raw.parse(&key).ok()
}

/// Parked now, or resolved already: to say it again must find it again.
fn was_doubtful(event: &EventHistory) -> bool {
    let failed = event.failure.as_ref();
    event.effects().count(EffectState::Parked) > 0
        || failed.is_some_and(|failure| failure.reason == FailureReason::MailAmbiguous)
}
