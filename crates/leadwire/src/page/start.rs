//! The start page: the newest leads.

use super::html::Html;
use super::lead::chip;
use crate::duration::render_relative;
use crate::view::{EventFacts, Stage, decide_standing, when};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Events on the page.
pub(super) const LEADS_SHOWN: usize = 50;

pub(super) fn render(events: &[EventFacts], now: Timestamp) -> Html {
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
    html.tag("<p class=\"dim\">For Prometheus: <a href=\"/metrics\">/metrics</a>. The same in a terminal: <code>leadwire leads</code>, ")
        .tag("<code>leadwire lead &lt;id&gt; --trace</code>, <code>leadwire dlq ls</code>.</p>");
    html
}

fn counts(html: &mut Html, events: &[EventFacts], now: Timestamp) {
    let mut stages: BTreeMap<Stage, usize> = BTreeMap::new();
    for event in events {
        *stages.entry(decide_standing(event, now).stage).or_default() += 1;
    }
    html.tag("<p class=\"dim\">The newest ")
        .text(&events.len().to_string())
        .tag(": ");
    for (stage, count) in stages {
        chip(html, stage, &format!("{count} {}", stage.as_str()));
    }
    html.tag("</p>");
}

fn row(html: &mut Html, event: &EventFacts, now: Timestamp) {
    let standing = decide_standing(event, now);
    let received = event
        .raw
        .as_ref()
        .map_or_else(String::new, |raw| render_relative(raw.accepted_at, now));
    let lead_id = event.lead_id();
    html.tag("<tr><td><a href=\"/leads/").text(lead_id);
    html.tag("\">").text(lead_id).tag("</a></td><td>");
    html.text(&received).tag("</td><td>");
    chip(html, standing.stage, standing.stage.as_str());
    html.tag("</td><td>").text(&when(&standing, now));
    html.tag("</td><td>").text(&standing.why).tag("</td></tr>");
}
