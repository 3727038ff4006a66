//! `leads`: every lead and its status.

use crate::cli::LeadsArgs;
use crate::duration::render_relative;
use crate::home::Operated;
use crate::output::{Cell, DIM, Ended, Output, style_of};
use crate::status::when;
use jiff::Timestamp;
use leadwire_pipeline::ledger::Ledger;
use leadwire_pipeline::ledger::history::{EventHistory, EventStatus};
use leadwire_pipeline::port::Clock as _;
use serde::Serialize;

/// Characters of an event id that the table shows; `--json` and `lead` show all.
const EVENT_ID_CHARS_SHOWN: usize = 14;

/// An event as `leads` and `lead` tell it to a program.
#[derive(Serialize)]
pub(super) struct EventLine<'a> {
    lead_id: &'a str,
    event: String,
    event_id: &'a str,
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
            lead_id: event.lead_id(),
            event: event.name.to_string(),
            event_id: event.event_id(),
            source: received.map(|received| received.source.as_str()),
            received_at: received.map(|received| received.accepted_at),
            status,
        }
    }
}

/// Lists.
pub(super) async fn run<O: Operated>(
    home: &O,
    args: &LeadsArgs,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let look = home.look().await?;
    let ledger = Ledger::new(home.store());
    let events = if args.canary {
        ledger.newest_canaries(&look, args.limit).await?
    } else {
        ledger.newest(&look, args.limit).await?
    };
    let now = home.clock().now();
    let mut rows = Vec::new();
    let mut shown = 0;
    for event in &events {
        let status = event.status(now);
        if args.stage.is_some_and(|state| state != status.state) {
            continue;
        }
        shown += 1;
        output.json(&EventLine::new(event, &status))?;
        rows.push(row(event, &status, now));
    }
    if rows.is_empty() {
        output.line(if args.canary {
            "No canaries here yet. Send one:  leadwire canary"
        } else {
            "No leads here yet. Post one:  leadwire send"
        })?;
        return Ok(Ended::Done);
    }
    output.table(
        &["LEAD", "EVENT", "RECEIVED", "STAGE", "WHEN", "WHY"],
        &rows,
    )?;
    if events.len() == args.limit {
        output.line(format!("{DIM}{shown} shown; more with --limit{DIM:#}"))?;
    }
    Ok(Ended::Done)
}

fn row(event: &EventHistory, status: &EventStatus, now: Timestamp) -> Vec<Cell> {
    let received = event
        .received
        .as_ref()
        .map_or_else(String::new, |received| {
            render_relative(received.accepted_at, now)
        });
    vec![
        Cell::plain(event.lead_id()),
        Cell::styled(shorten(event.event_id()), DIM),
        Cell::plain(received),
        Cell::styled(status.state.as_str(), style_of(status.state)),
        Cell::plain(when(status, now)),
        Cell::plain(status.why.as_str()),
    ]
}

/// The beginning of an id that is too long for a table.
pub(super) fn shorten(id: &str) -> String {
    if id.chars().count() <= EVENT_ID_CHARS_SHOWN {
        return id.to_owned();
    }
    let beginning: String = id.chars().take(EVENT_ID_CHARS_SHOWN - 1).collect();
    format!("{beginning}…")
}
