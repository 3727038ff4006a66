//! `lead`: what became of one lead, event by event.

use crate::cli::LeadArgs;
use crate::command::leads::EventLine;
use crate::duration::{render_relative, render_time};
use crate::home::Operated;
use crate::output::{BOLD, Cell, DIM, Ended, Output, printable};
use crate::settings::Usage;
use crate::view::{
    EventFacts, MailMark, Step, advice, decide_standing, explain, find_lead, timeline, trace_id,
};
use jiff::Timestamp;
use leadwire_domain::id::LeadId;
use leadwire_pipeline::port::Clock as _;
use serde::Serialize;

#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    line: EventLine<'a>,
    steps: &'a [Step],
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

/// The lead that is asked for.
pub(super) fn parse_lead_id(args: &LeadArgs) -> Result<LeadId, Usage> {
    LeadId::parse(&args.lead_id).map_err(|error| Usage::of(format!("{:?}: {error}", args.lead_id)))
}

/// Tells. A lead that is not there is a failure.
pub(super) async fn run<O: Operated>(
    home: &O,
    lead_id: &LeadId,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let look = home.look().await?;
    let events = find_lead(home.store(), &look, lead_id).await?;
    if events.is_empty() {
        anyhow::bail!("no lead {lead_id} here; `leads` lists those there are");
    }
    let now = home.clock().now();
    for event in &events {
        tell(event, now, output)?;
    }
    Ok(Ended::Done)
}

/// Tells one event.
pub(super) fn tell(event: &EventFacts, now: Timestamp, output: &mut Output) -> anyhow::Result<()> {
    let standing = decide_standing(event, now);
    let steps = timeline(event);
    let advice = advice(event, standing.stage);
    let trace_id = trace_id(event);
    output.json(&Told {
        line: EventLine::new(event, &standing),
        steps: &steps,
        advice,
        trace_id: trace_id.clone(),
    })?;
    let style = standing.stage.style();
    output.line(format!(
        "{BOLD}{}{BOLD:#}  {style}{}{style:#}{}\n",
        event.lead_id(),
        standing.stage.as_str(),
        explain(&standing, now)
    ))?;
    let rows: Vec<Vec<Cell>> = steps.iter().map(|step| row(step, now)).collect();
    output.table(&["  TIME", "", "STEP", ""], &rows)?;
    if let Some(advice) = advice {
        output.line(format!("\n  What to do: {advice}"))?;
    }
    output.line("")?;
    for (name, id) in ids(event, trace_id) {
        output.line(format!("  {DIM}{name:<6} {}{DIM:#}", printable(&id)))?;
    }
    output.line("")?;
    Ok(())
}

/// The ids under which it is found elsewhere.
fn ids(event: &EventFacts, trace_id: Option<String>) -> Vec<(&'static str, String)> {
    let mut ids = vec![
        ("event", event.event_id().to_owned()),
        ("stored", event.name.raw_key()),
    ];
    ids.extend(trace_id.map(|id| ("trace", id)));
    if let MailMark::Settled {
        message_id: Some(id),
        ..
    } = &event.mail
    {
        ids.push(("mail", id.clone()));
    }
    ids
}

fn row(step: &Step, now: Timestamp) -> Vec<Cell> {
    vec![
        Cell::plain(format!("  {}", render_time(step.at))),
        Cell::styled(render_relative(step.at, now), DIM),
        Cell::plain(step.what),
        Cell::plain(step.text.as_str()),
    ]
}
