//! `lead`: what became of one lead, event by event.

use crate::cli::LeadArgs;
use crate::command::leads::{EventLine, when};
use crate::duration::{render, render_relative, render_time};
use crate::home::Operated;
use crate::output::{BOLD, Cell, DIM, Ended, Output, printable};
use crate::settings::Usage;
use crate::view::{EventFacts, MailMark, Stage, Standing, decide_standing, find_lead};
use jiff::Timestamp;
use leadwire_domain::claim::{Claim, Settled};
use leadwire_domain::id::LeadId;
use leadwire_pipeline::port::Clock as _;
use leadwire_pipeline::trace::TraceContext;
use serde::Serialize;

/// One step of an event's way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Step {
    at: Timestamp,
    #[serde(rename = "step")]
    what: &'static str,
    text: String,
}

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

fn explain(standing: &Standing, now: Timestamp) -> String {
    let why = format!("{}{}", standing.separator(), standing.why);
    let when = when(standing, now);
    match (when.is_empty(), standing.until.is_some()) {
        (true, _) => why,
        (false, true) => format!("{why}, next look {when}"),
        (false, false) => format!("{why}, {when}"),
    }
}

/// What happened and what is known to come, in the order of time.
fn timeline(event: &EventFacts) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut push = |at, what, text| steps.push(Step { at, what, text });
    let accepted_at = event.raw.as_ref().map(|raw| raw.accepted_at);
    if let Some(raw) = &event.raw {
        push(
            raw.accepted_at,
            "received",
            format!("from {}, {} bytes", raw.source, raw.bytes),
        );
    }
    let trigger = event.trigger();
    if let Some(facts) = trigger
        .as_ref()
        .and_then(|(trigger, _)| trigger.facts.as_ref())
    {
        push(facts.not_before, "due", "its delay ends".to_owned());
    }
    if let Some(document) = &event.document {
        if let Some(at) = document.lookup_modified_at {
            push(at, "owner file", owner_text(at, accepted_at));
        }
        let disagree = match document.conflicts.len() {
            0 => String::new(),
            count => format!(", {count} fields disagreed"),
        };
        let owner = if document.lookup_etag.is_some() {
            "with its owner file"
        } else {
            "without an owner file"
        };
        push(
            document.enriched_at,
            "enriched",
            format!("{owner}{disagree}"),
        );
    }
    if let Some(failure) = &event.failure {
        push(
            failure.failed_at,
            "failed",
            format!("{}, receive {}", failure.reason.code(), failure.receives),
        );
    }
    if let Some(letter) = event.dead.first() {
        let text = format!("put aside after {} receives", letter.receives);
        push(letter.visible_at, "dead letter", text);
    }
    if let Some((at, what, text)) = mail_step(&event.mail, accepted_at) {
        push(at, what, text);
    }
    steps.sort_by_key(|step| step.at);
    steps
}

fn owner_text(at: Timestamp, accepted_at: Option<Timestamp>) -> String {
    match accepted_at {
        Some(accepted) if at > accepted => format!(
            "written {} after the lead came",
            render(at.duration_since(accepted))
        ),
        _ => "was there already".to_owned(),
    }
}

fn mail_step(
    mail: &MailMark,
    accepted_at: Option<Timestamp>,
) -> Option<(Timestamp, &'static str, String)> {
    match mail {
        MailMark::Absent | MailMark::Claimed(Claim::Idle { .. } | Claim::Sending(_)) => None,
        MailMark::Claimed(Claim::Parked { parked_at, attempt }) => Some((
            *parked_at,
            "parked",
            format!("after {attempt} attempts, of which nobody knows the outcome"),
        )),
        MailMark::Settled {
            how: Settled::Forgotten,
            at,
            ..
        } => Some((*at, "forgotten", "on request".to_owned())),
        MailMark::Settled {
            how: Settled::Sent,
            at,
            ..
        } => {
            let after = accepted_at.map_or_else(String::new, |accepted| {
                format!("{} after it came", render(at.duration_since(accepted)))
            });
            Some((*at, "mailed", after))
        }
    }
}

fn advice(event: &EventFacts, stage: Stage) -> Option<&'static str> {
    let failure = event.failure.as_ref()?;
    (!matches!(stage, Stage::Mailed | Stage::Forgotten)).then(|| failure.reason.advice())
}

fn trace_id(event: &EventFacts) -> Option<String> {
    let traceparent = event.raw.as_ref()?.traceparent.clone();
    TraceContext {
        traceparent,
        ..TraceContext::default()
    }
    .trace_id()
    .map(str::to_owned)
}
