//! A lead's page: where it stands, its way so far, and its trace, event by event.

use super::html::Html;
use super::trace;
use crate::duration::{render_relative, render_time};
use crate::effects::{EffectLine, Receivers, effects_of};
use crate::status::{Step, advice, explain, timeline};
use jiff::Timestamp;
use leadwire_domain::effect::EffectState;
use leadwire_domain::lead::id::LeadId;
use leadwire_pipeline::ledger::history::{EventHistory, LeadState};
use leadwire_telemetry::SpanRecord;

/// With the receivers that are known, and what is wrong with its owner file as it is now.
pub(super) fn render(
    lead_id: &LeadId,
    events: &[(EventHistory, Vec<SpanRecord>)],
    (receivers, owner_file_problem): (&Receivers, Option<&str>),
    now: Timestamp,
) -> Html {
    let title = format!("Lead {lead_id}");
    let mut html = Html::page(&title);
    html.put("<h1>{}</h1>", &[&title]);
    if let Some(problem) = owner_file_problem {
        let markup = "<p class=\"advice\"><b>Its owner file:</b> {}</p>";
        html.put(markup, &[problem]);
    }
    for (event, spans) in events {
        html.tag("<article>");
        status(&mut html, event, now);
        let of_event = effects_of(event, receivers);
        steps(&mut html, &timeline(event, &of_event), now);
        effects(&mut html, &of_event, now);
        waterfall(&mut html, event, spans);
        ids(&mut html, event);
        html.tag("</article>");
    }
    html
}

/// A state in its colour.
pub(super) fn chip(html: &mut Html, state: LeadState, text: &str) {
    let markup = match state {
        LeadState::Mailed => "<span class=\"chip good\">{}</span> ",
        LeadState::Waiting | LeadState::Retrying => "<span class=\"chip wait\">{}</span> ",
        LeadState::Parked | LeadState::Dead | LeadState::Lost => {
            "<span class=\"chip bad\">{}</span> "
        }
        LeadState::Ready | LeadState::Forgotten | LeadState::Silent => {
            "<span class=\"chip\">{}</span> "
        }
    };
    html.put(markup, &[text]);
}

fn status(html: &mut Html, event: &EventHistory, now: Timestamp) {
    let status = event.status(now);
    html.tag("<p class=\"standing\">");
    if event.name.revision() > 0 {
        html.put("Replay {} ", &[&event.name.revision().to_string()]);
    }
    chip(html, status.state, status.state.as_str());
    let why = explain(&status, now);
    html.put("{}</p>", &[why.trim_start_matches([',', ' '])]);
    if let Some(advice) = advice(event, status.state) {
        let markup = "<p class=\"advice\"><b>What to do:</b> {}</p>";
        html.put(markup, &[advice]);
    }
}

fn steps(html: &mut Html, steps: &[Step], now: Timestamp) {
    html.tag("<div class=\"scroll\"><table class=\"steps\"><tbody>");
    for step in steps {
        let (time, ago) = (render_time(step.at), render_relative(step.at, now));
        let markup =
            "<tr><td>{}</td><td class=\"dim\">{}</td><th scope=\"row\">{}</th><td>{}</td></tr>";
        html.put(markup, &[&time, &ago, step.what, &step.text]);
    }
    html.tag("</tbody></table></div>");
}

/// Who is notified, how far each has come, and why.
fn effects(html: &mut Html, effects: &[EffectLine], now: Timestamp) {
    if effects.is_empty() {
        return;
    }
    html.tag("<div class=\"scroll\"><table class=\"effects\"><thead><tr><th>Receiver</th><th>State</th><th>When</th><th>Attempts</th></tr></thead><tbody>");
    for effect in effects {
        let when = effect.at.map(|at| render_relative(at, now));
        html.put("<tr><th scope=\"row\">{}</th><td>", &[&effect.who()]);
        let markup = match effect.state {
            EffectState::Sent => "<span class=\"chip good\">{}</span>",
            EffectState::Doubt => "<span class=\"chip wait\">{}</span>",
            EffectState::Refused | EffectState::Parked => "<span class=\"chip bad\">{}</span>",
            EffectState::Idle | EffectState::Sending | EffectState::Dropped => {
                "<span class=\"chip\">{}</span>"
            }
        };
        html.put(markup, &[effect.words()]);
        let texts = [&*when.unwrap_or_default(), &*effect.tries()];
        html.put("</td><td class=\"dim\">{}</td><td>{}</td></tr>", &texts);
    }
    html.tag("</tbody></table></div>");
}

fn waterfall(html: &mut Html, event: &EventHistory, spans: &[SpanRecord]) {
    match (crate::trace::arrange(spans), event.trace_id()) {
        (Some(waterfall), _) => trace::waterfall(html, &waterfall),
        (None, Some(_)) => {
            html.tag("<p class=\"dim\">No spans of its trace are kept here: they are written a second after they end, and kept for two weeks.</p>");
        }
        (None, None) => {}
    }
}

fn ids(html: &mut Html, event: &EventHistory) {
    html.put(
        "<dl class=\"ids\"><dt>Event</dt><dd>{}</dd><dt>Stored</dt><dd>{}</dd>",
        &[event.event_id(), &event.name.raw_key()],
    );
    if let Some(id) = event.trace_id() {
        let markup = "<dt>Trace</dt><dd><a href=\"/traces/{}\">{}</a></dd>";
        html.put(markup, &[id, id]);
    }
    html.tag("</dl>");
}
