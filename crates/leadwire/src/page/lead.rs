//! A lead's page: where it stands, its way so far, and its trace, event by event.

use super::html::Html;
use super::trace;
use crate::duration::{render_relative, render_time};
use crate::view::{EventFacts, Stage, Step, advice, decide_standing, explain, timeline, trace_id};
use jiff::Timestamp;
use leadwire_domain::lead::id::LeadId;
use leadwire_telemetry::SpanRecord;

pub(super) fn render(
    lead_id: &LeadId,
    events: &[(EventFacts, Vec<SpanRecord>)],
    now: Timestamp,
) -> Html {
    let title = format!("Lead {lead_id}");
    let mut html = Html::page(&title);
    html.tag("<h1>").text(&title).tag("</h1>");
    for (event, spans) in events {
        html.tag("<article>");
        standing(&mut html, event, now);
        steps(&mut html, &timeline(event), now);
        waterfall(&mut html, event, spans);
        ids(&mut html, event);
        html.tag("</article>");
    }
    html
}

/// A stage in its colour.
pub(super) fn chip(html: &mut Html, stage: Stage, text: &str) {
    html.tag(match stage {
        Stage::Mailed => "<span class=\"chip good\">",
        Stage::Waiting | Stage::Retrying => "<span class=\"chip wait\">",
        Stage::Parked | Stage::Dead | Stage::Lost => "<span class=\"chip bad\">",
        Stage::Ready | Stage::Forgotten | Stage::Silent => "<span class=\"chip\">",
    });
    html.text(text).tag("</span> ");
}

fn standing(html: &mut Html, event: &EventFacts, now: Timestamp) {
    let standing = decide_standing(event, now);
    html.tag("<p class=\"standing\">");
    if event.name.revision() > 0 {
        html.text(&format!("Replay {} ", event.name.revision()));
    }
    chip(html, standing.stage, standing.stage.as_str());
    html.text(explain(&standing, now).trim_start_matches([',', ' ']));
    html.tag("</p>");
    if let Some(advice) = advice(event, standing.stage) {
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

fn waterfall(html: &mut Html, event: &EventFacts, spans: &[SpanRecord]) {
    match (crate::trace::arrange(spans), trace_id(event)) {
        (Some(waterfall), _) => trace::waterfall(html, &waterfall),
        (None, Some(_)) => {
            html.tag("<p class=\"dim\">No spans of its trace are kept here: they are written a second after they end, and kept for two weeks.</p>");
        }
        (None, None) => {}
    }
}

fn ids(html: &mut Html, event: &EventFacts) {
    html.tag("<dl class=\"ids\"><dt>Event</dt><dd>")
        .text(event.event_id())
        .tag("</dd><dt>Stored</dt><dd>")
        .text(&event.name.raw_key())
        .tag("</dd>");
    if let Some(id) = trace_id(event) {
        html.tag("<dt>Trace</dt><dd><a href=\"/traces/")
            .text(&id)
            .tag("\">")
            .text(&id)
            .tag("</a></dd>");
    }
    html.tag("</dl>");
}
