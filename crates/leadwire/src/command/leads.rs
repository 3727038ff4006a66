//! `leads`: every lead and where it stands.

use crate::cli::LeadsArgs;
use crate::duration::render_relative;
use crate::home::Operated;
use crate::output::{Cell, DIM, Ended, Output};
use crate::view::{EventFacts, Standing, decide_standing, list_canaries, list_newest, when};
use jiff::Timestamp;
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
    standing: &'a Standing,
}

impl<'a> EventLine<'a> {
    /// The event as it stands.
    pub(super) fn new(facts: &'a EventFacts, standing: &'a Standing) -> Self {
        let raw = facts.raw.as_ref();
        Self {
            lead_id: facts.lead_id(),
            event: facts.name.to_string(),
            event_id: facts.event_id(),
            source: raw.map(|raw| raw.source.as_str()),
            received_at: raw.map(|raw| raw.accepted_at),
            standing,
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
    let events = if args.canary {
        list_canaries(home.store(), &look, args.limit).await?
    } else {
        list_newest(home.store(), &look, args.limit).await?
    };
    let now = home.clock().now();
    let mut rows = Vec::new();
    let mut shown = 0;
    for event in &events {
        let standing = decide_standing(event, now);
        if args.stage.is_some_and(|stage| stage != standing.stage) {
            continue;
        }
        shown += 1;
        output.json(&EventLine::new(event, &standing))?;
        rows.push(row(event, &standing, now));
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

fn row(event: &EventFacts, standing: &Standing, now: Timestamp) -> Vec<Cell> {
    let received = event
        .raw
        .as_ref()
        .map_or_else(String::new, |raw| render_relative(raw.accepted_at, now));
    vec![
        Cell::plain(event.lead_id()),
        Cell::styled(shorten(event.event_id()), DIM),
        Cell::plain(received),
        Cell::styled(standing.stage.as_str(), standing.stage.style()),
        Cell::plain(when(standing, now)),
        Cell::plain(standing.why.as_str()),
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
