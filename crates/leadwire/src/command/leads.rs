//! `leads`: every lead and its status.

use crate::duration::render_relative;
use crate::home::{HomeArgs, Operated};
use crate::output::{Cell, DIM, Ended, Output, shorten, style_of};
use crate::status::when;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use leadwire_pipeline::ledger::Ledger;
use leadwire_pipeline::ledger::history::{EventHistory, EventStatus, LeadState};
use leadwire_pipeline::port::Clock as _;
use serde::Serialize;

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire leads                     The newest 50
  leadwire leads --stage waiting     Only those that wait
  leadwire leads --limit 1000 --json | jq .
  leadwire leads --stack crm-ingestion-dev")]
pub(crate) struct LeadsArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    /// At most so many, the newest first
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
    /// Only those in this stage
    #[arg(long, value_name = "STAGE", value_parser = lead_states())]
    pub(crate) stage: Option<LeadState>,
    /// The canaries instead, which are left out otherwise
    #[arg(long)]
    pub(crate) canary: bool,
}

/// The states by name, each with what it means.
fn lead_states() -> impl TypedValueParser<Value = LeadState> {
    let help = |state| match state {
        LeadState::Waiting => "For its delay, its owner file or the mail service",
        LeadState::Ready => "Due, and in the queue or under way",
        LeadState::Retrying => "It failed and is tried again",
        LeadState::Mailed => "Its mails went out",
        LeadState::Parked => "Delivery of a mail of it is not confirmed; a person must decide",
        LeadState::Dead => "It failed for good",
        LeadState::Forgotten => "It was forgotten on request; listed only where this is asked for",
        LeadState::Silent => "A replay that mailed nobody",
        LeadState::Lost => "Neither an end nor a trigger; the sweep enqueues it again",
    };
    let values = LeadState::ALL
        .iter()
        .copied()
        .map(|state| PossibleValue::new(state.as_str()).help(help(state)));
    PossibleValuesParser::new(values).map(|name| {
        let mut states = LeadState::ALL.iter().copied();
        let state = states.find(|state| state.as_str() == name);
        state.expect("the parser takes these names only")
    })
}

/// Characters of an event id that the table shows; `--json` and `lead` show all.
pub(super) const EVENT_ID_CHARS_SHOWN: usize = 14;

/// An event as `leads` and `lead` show it to a program.
#[derive(Serialize)]
pub(super) struct EventLine<'a> {
    /// Null of a forgotten event, as are all its data.
    lead_id: Option<&'a str>,
    event: String,
    event_id: Option<&'a str>,
    source: Option<&'a str>,
    received_at: Option<Timestamp>,
    #[serde(flatten)]
    status: &'a EventStatus,
}

impl<'a> EventLine<'a> {
    /// An event and its status.
    pub(super) fn new(event: &'a EventHistory, status: &'a EventStatus) -> Self {
        let received = event.received.as_ref();
        Self {
            lead_id: known(event.lead_id()),
            event: event.name.to_string(),
            event_id: known(event.event_id()),
            source: received.map(|received| received.source.as_str()),
            received_at: received.map(|received| received.accepted_at),
            status,
        }
    }
}

fn known(id: &str) -> Option<&str> {
    Some(id).filter(|id| !id.is_empty())
}

/// Lists.
pub(super) async fn run<O: Operated>(
    home: &O,
    args: &LeadsArgs,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let ledger = Ledger::new(home.store());
    let events = if args.canary {
        ledger.newest_canaries(home, args.limit).await?
    } else if args.stage == Some(LeadState::Forgotten) {
        ledger.newest_forgotten(home, args.limit).await?
    } else {
        ledger.newest(home, args.limit).await?
    };
    let now = home.clock().now();
    let mut rows = Vec::new();
    for event in &events {
        let status = event.status(now);
        if args.stage.is_none_or(|state| state == status.state) {
            output.json(&EventLine::new(event, &status))?;
            rows.push(row(event, &status, now));
        }
    }
    if rows.is_empty() {
        output.line(if args.canary {
            "No canaries here yet. Send one:  leadwire canary"
        } else {
            "No leads here yet. Post one:  leadwire send"
        })?;
        return Ok(Ended::Done);
    }
    let headings = ["LEAD", "EVENT", "RECEIVED", "STAGE", "WHEN", "WHY"];
    output.table(&headings, &rows)?;
    if events.len() == args.limit {
        let shown = rows.len();
        output.line(format!("{DIM}{shown} shown; more with --limit{DIM:#}"))?;
    }
    Ok(Ended::Done)
}

fn row(event: &EventHistory, status: &EventStatus, now: Timestamp) -> Vec<Cell> {
    let received = event.received.as_ref();
    let received = received.map(|received| render_relative(received.accepted_at, now));
    vec![
        Cell::plain(known(event.lead_id()).unwrap_or("-")),
        Cell::styled(shorten(event.event_id(), EVENT_ID_CHARS_SHOWN), DIM),
        Cell::plain(received.unwrap_or_default()),
        Cell::styled(status.state.as_str(), style_of(status.state)),
        Cell::plain(when(status, now)),
        Cell::plain(status.why.as_str()),
    ]
}
