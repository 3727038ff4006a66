//! A lead's page: where it stands, its way so far, and its trace, event by event.

use super::html::Html;
use super::trace;
use crate::duration::{render_relative, render_time};
use crate::status::{Step, advice, explain, timeline};
use jiff::Timestamp;
use leadwire_domain::lead::id::LeadId;
use leadwire_pipeline::ledger::history::{EventHistory, LeadState};
use leadwire_telemetry::SpanRecord;

pub(super) fn render(
    lead_id: &LeadId,
    events: &[(EventHistory, Vec<SpanRecord>)],
    now: Timestamp,
) -> Html {
    let title = format!("Lead {lead_id}");
    let mut html = Html::page(&title);
    html.tag("<h1>").text(&title).tag("</h1>");
    for (event, spans) in events {
        html.tag("<article>");
        status(&mut html, event, now);
        steps(&mut html, &timeline(event), now);
        waterfall(&mut html, event, spans);
        ids(&mut html, event);
        html.tag("</article>");
    }
    html
}

/// A state in its colour.
pub(super) fn chip(html: &mut Html, state: LeadState, text: &str) {
    html.tag(match state {
        LeadState::Mailed => "<span class=\"chip good\">",
        LeadState::Waiting | LeadState::Retrying => "<span class=\"chip wait\">",
        LeadState::Parked | LeadState::Dead | LeadState::Lost => "<span class=\"chip bad\">",
        LeadState::Ready | LeadState::Forgotten | LeadState::Silent => "<span class=\"chip\">",
    });
    html.text(text).tag("</span> ");
}

fn status(html: &mut Html, event: &EventHistory, now: Timestamp) {
    let status = event.status(now);
    html.tag("<p class=\"standing\">");
    if event.name.revision() > 0 {
        html.text(&format!("Replay {} ", event.name.revision()));
    }
    chip(html, status.state, status.state.as_str());
    html.text(explain(&status, now).trim_start_matches([',', ' ']));
    html.tag("</p>");
    if let Some(advice) = advice(event, status.state) {
        html.tag("<p class=\"advice\"><b>What to do:</b> ")
            .text(advice)
            .tag("</p>");
    }
}

fn steps(html: &mut Html, steps: &[Step], now: Timestamp) {
    html.tag("<div class=\"scroll\"><table class=\"steps\"><tbody>");
    for step in steps {
        html.tag("<tr><td>")
            .text(&render_time(step.at))
            .tag("</td><td class=\"dim\">")
            .text(&render_relative(step.at, now))
            .tag("</td><th scope=\"row\">")
            .text(step.what)
            .tag("</th><td>")
            .text(&step.text)
            .tag("</td></tr>");
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
    html.tag("<dl class=\"ids\"><dt>Event</dt><dd>")
        .text(event.event_id())
        .tag("</dd><dt>Stored</dt><dd>")
        .text(&event.name.raw_key())
        .tag("</dd>");
    if let Some(id) = event.trace_id() {
        html.tag("<dt>Trace</dt><dd><a href=\"/traces/")
            .text(id)
            .tag("\">")
            .text(id)
            .tag("</a></dd>");
    }
    html.tag("</dl>");
}
