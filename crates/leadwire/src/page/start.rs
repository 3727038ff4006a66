//! The start page: the newest leads.

use super::html::Html;
use super::lead::chip;
use crate::duration::render_relative;
use crate::status::when;
use jiff::Timestamp;
use leadwire_pipeline::ledger::history::{EventHistory, LeadState};
use std::collections::BTreeMap;

/// Events on the page.
pub(super) const LEADS_SHOWN: usize = 50;

pub(super) fn render(events: &[EventHistory], now: Timestamp) -> Html {
    let mut html = Html::page("Leads");
    html.tag("<h1>Leads</h1>");
    if events.is_empty() {
        html.tag("<p>No leads here yet. Send one: <code>leadwire send</code></p>");
    } else {
        counts(&mut html, events, now);
        html.tag("<div class=\"scroll\"><table class=\"leads\"><thead><tr><th>Lead</th><th>Received</th><th>Stage</th><th>When</th><th>Why</th></tr></thead><tbody>");
        for event in events {
            row(&mut html, event, now);
        }
        html.tag("</tbody></table></div>");
    }
    html.tag(
        "<p class=\"dim\">For Prometheus: <a href=\"/metrics\">/metrics</a>. The same in a terminal: <code>leadwire leads</code>, \
         <code>leadwire lead &lt;id&gt; --trace</code>, <code>leadwire dlq ls</code>.</p>",
    );
    html
}

fn counts(html: &mut Html, events: &[EventHistory], now: Timestamp) {
    let mut states: BTreeMap<LeadState, usize> = BTreeMap::new();
    for event in events {
        *states.entry(event.status(now).state).or_default() += 1;
    }
    let count = events.len().to_string();
    html.put("<p class=\"dim\">The newest {}: ", &[&count]);
    for (state, count) in states {
        chip(html, state, &format!("{count} {}", state.as_str()));
    }
    html.tag("</p>");
}

fn row(html: &mut Html, event: &EventHistory, now: Timestamp) {
    let status = event.status(now);
    let received = event.received.as_ref();
    let received = received.map(|received| render_relative(received.accepted_at, now));
    let received = received.unwrap_or_default();
    let lead_id = event.lead_id();
    let markup = "<tr><td><a href=\"/leads/{}\">{}</a></td><td>{}</td><td>";
    html.put(markup, &[lead_id, lead_id, &received]);
    chip(html, status.state, status.state.as_str());
    let when = when(&status, now);
    html.put("</td><td>{}</td><td>{}</td></tr>", &[&when, &status.why]);
}
