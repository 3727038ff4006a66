//! `lead`: what became of one lead, event by event.

use crate::command::leads::EventLine;
use crate::duration::{render_relative, render_time};
use crate::effects::{EffectLine, Receivers, effects_of};
use crate::home::{HomeArgs, Operated, Traces};
use crate::output::{BOLD, Cell, DIM, Ended, Output, printable, style_of, width};
use crate::owner_file::OwnerFileLine;
use crate::status::{Step, advice, explain, timeline};
use crate::telemetry_store;
use crate::trace::{arrange, draw, with_request};
use crate::usage::Usage;
use clap::Args;
use jiff::Timestamp;
use leadwire_domain::lead::id::LeadId;
use leadwire_pipeline::ledger::history::EventHistory;
use leadwire_pipeline::ledger::{ClaimState, Ledger};
use leadwire_pipeline::port::Clock as _;
use leadwire_telemetry::SpanRecord;
use serde::Serialize;

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
A receiver is shown by its address where LEADWIRE_TO or the stack's SesToAddress has it, or the lead's owner file; else by the digest \
that stands for it in what is stored.

Examples:
  leadwire lead test-1
  leadwire lead test-1 --trace      And what took how long, from the webhook to the mail
  leadwire lead test-1 --json")]
pub(crate) struct LeadArgs {
    /// The lead's id
    pub(crate) lead_id: String,
    /// Show its trace too: every span, from the webhook to the mail, the wait in between and each attempt
    #[arg(long)]
    pub(crate) trace: bool,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

#[derive(Serialize)]
struct LeadLine<'a> {
    #[serde(flatten)]
    line: EventLine<'a>,
    steps: &'a [Step],
    effects: &'a [EffectLine],
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_file_problem: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spans: Option<&'a [SpanRecord]>,
}

/// What is known of a lead beside its events.
pub(super) struct Known {
    receivers: Receivers,
    /// What is wrong with its owner file as it is now.
    owner_file_problem: Option<String>,
}

impl Known {
    /// Of a lead, by its id as it is stored.
    pub(super) async fn of<O: Operated>(home: &O, lead_id: &str) -> anyhow::Result<Self> {
        let owner_file_problem = match LeadId::from_text(lead_id) {
            Ok(lead_id) => OwnerFileLine::look(home, &lead_id).await?.problem,
            Err(_not_an_id) => None,
        };
        Ok(Self {
            receivers: Receivers::new(home.receivers()),
            owner_file_problem,
        })
    }
}

/// A lead's id, as it was typed.
pub(super) fn parse_id(text: &str) -> Result<LeadId, Usage> {
    LeadId::from_text(text).map_err(|error| Usage::of(format!("{text:?}: {error}")))
}

/// Shows a lead. One that is not there is a failure.
pub(super) async fn run<O: Operated>(
    home: &O,
    lead_id: &LeadId,
    with_trace: bool,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let events = Ledger::new(home.store()).lead(home, lead_id).await?;
    if events.is_empty() {
        anyhow::bail!("no lead {lead_id} here; `leads` lists those there are");
    }
    let now = home.clock().now();
    let traces = with_trace.then(|| read_traces(&home.traces(), &events));
    let traces = traces.transpose()?.unwrap_or_default();
    let known = Known::of(home, lead_id.as_str()).await?;
    for (number, event) in events.iter().enumerate() {
        let spans = traces.get(number).map(Vec::as_slice);
        report(event, &known, spans, now, output)?;
    }
    Ok(Ended::Done)
}

/// The spans of each event's trace. Where they are not kept here, that is said, with the way to where they are.
fn read_traces(traces: &Traces, events: &[EventHistory]) -> anyhow::Result<Vec<Vec<SpanRecord>>> {
    match traces {
        Traces::Kept(store) => {
            let spans = |event: &EventHistory| match event.trace_id() {
                Some(id) => {
                    let spans = telemetry_store::spans_of(store, id)?;
                    Ok(with_request(event, spans))
                }
                None => Ok(Vec::new()),
            };
            events.iter().map(spans).collect()
        }
        #[cfg(feature = "aws")]
        Traces::XRay { region, .. } => Err(Usage::of(in_x_ray(region, events)).into()),
    }
}

/// Where the traces of a stack are looked at.
#[cfg(feature = "aws")]
fn in_x_ray(region: &str, events: &[EventHistory]) -> String {
    let ids: Vec<&str> = events.iter().filter_map(EventHistory::trace_id).collect();
    if ids.is_empty() {
        return "--trace: no trace of this lead is known".to_owned();
    }
    let domain = if region.starts_with("cn-") {
        "console.amazonaws.cn"
    } else if region.starts_with("us-gov-") {
        "console.amazonaws-us-gov.com"
    } else {
        "console.aws.amazon.com"
    };
    let mut text =
        "--trace: a stack's spans are in X-Ray, which this command does not read".to_owned();
    for id in ids {
        let (epoch, unique) = id.split_at_checked(8).unwrap_or((id, ""));
        text = format!(
            "{text}; trace {id}: https://{region}.{domain}/cloudwatch/home?region={region}#xray:traces/1-{epoch}-{unique}"
        );
    }
    text
}

/// Shows one event, and its trace where that was asked for.
pub(super) fn report(
    event: &EventHistory,
    known: &Known,
    spans: Option<&[SpanRecord]>,
    now: Timestamp,
    output: &mut Output,
) -> anyhow::Result<()> {
    let status = event.status(now);
    let effects = effects_of(event, &known.receivers);
    let steps = timeline(event, &effects);
    let advice = advice(event, status.state);
    output.json(&LeadLine {
        line: EventLine::new(event, &status),
        steps: &steps,
        effects: &effects,
        owner_file_problem: known.owner_file_problem.as_deref(),
        advice,
        trace_id: event.trace_id(),
        spans,
    })?;
    let style = style_of(status.state);
    let replay = match event.name.revision() {
        0 => String::new(),
        revision => format!("  replay {revision}"),
    };
    let (lead, state) = (event.lead_id(), status.state.as_str());
    let why = explain(&status, now);
    let line = format!("{BOLD}{lead}{BOLD:#}{replay}  {style}{state}{style:#}{why}\n");
    output.line(line)?;
    let rows: Vec<Vec<Cell>> = steps.iter().map(|step| row(step, now)).collect();
    output.table(&["  TIME", "", "STEP", ""], &rows)?;
    if !effects.is_empty() {
        output.line("")?;
        let rows: Vec<Vec<Cell>> = effects
            .iter()
            .map(|effect| effect_row(effect, now))
            .collect();
        output.table(&["  RECEIVER", "STATE", "WHEN", ""], &rows)?;
    }
    if let Some(problem) = &known.owner_file_problem {
        output.line(format!("\n  Its owner file: {problem}"))?;
    }
    if let Some(advice) = advice {
        output.line(format!("\n  What to do: {advice}"))?;
    }
    output.line("")?;
    for (name, id) in ids(event) {
        output.line(format!("  {DIM}{name:<6} {}{DIM:#}", printable(&id)))?;
    }
    output.line("")?;
    if let Some(spans) = spans {
        report_trace(spans, output)?;
    }
    Ok(())
}

fn report_trace(spans: &[SpanRecord], output: &mut Output) -> anyhow::Result<()> {
    let lines = match arrange(spans) {
        Some(waterfall) => draw(&waterfall, width()),
        None => vec![format!(
            "  {DIM}No spans of its trace are here: they are written a second after they end, and kept for two weeks.{DIM:#}"
        )],
    };
    for line in lines {
        output.line(line)?;
    }
    Ok(output.line("")?)
}

/// The ids under which it is found elsewhere.
fn ids(event: &EventHistory) -> Vec<(&'static str, String)> {
    let mut ids = vec![
        ("event", event.event_id().to_owned()),
        ("stored", event.name.raw_key()),
    ];
    ids.extend(event.trace_id().map(|id| ("trace", id.to_owned())));
    if let ClaimState::Settled(marker, _) = &event.claim {
        ids.extend(marker.message_id.clone().map(|id| ("mail", id)));
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

fn effect_row(effect: &EffectLine, now: Timestamp) -> Vec<Cell> {
    let when = effect.at.map(|at| render_relative(at, now));
    vec![
        Cell::plain(format!("  {}", effect.who())),
        Cell::styled(effect.words(), effect.style()),
        Cell::styled(when.unwrap_or_default(), DIM),
        Cell::plain(effect.tries()),
    ]
}
