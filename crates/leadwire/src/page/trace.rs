//! A trace's page, and the waterfall on any page.

use super::html::Html;
use crate::trace::{Piece, Row, RowKind, Waterfall, render_nanos};
use leadwire_telemetry::SpanLink;

pub(super) fn render(trace: &Waterfall<'_>) -> Html {
    let mut html = Html::page("Trace");
    html.put("<h1>Trace</h1><p class=\"id\">{}</p>", &[trace.trace_id]);
    if let Some(lead_id) = trace.lead_id() {
        let markup = "<p>Of lead <a href=\"/leads/{}\">{}</a></p>";
        html.put(markup, &[lead_id, lead_id]);
    }
    html.tag("<article>");
    waterfall(&mut html, trace);
    html.tag("</article>");
    html
}

/// The waterfall: a line for each span, and what is known of it behind a click.
pub(super) fn waterfall(html: &mut Html, trace: &Waterfall<'_>) {
    let start = trace.start.strftime("%Y-%m-%d %H:%M:%S%.3fZ").to_string();
    let texts = [&*start, &render_nanos(trace.nanos), &trace.attempts_text()];
    html.put("<p class=\"dim\">From {}, {}, <b>{}</b>", &texts);
    if trace.errors > 0 {
        let spans = match trace.errors {
            1 => "1 span".to_owned(),
            many => format!("{many} spans"),
        };
        html.put(", <b class=\"error\">{} failed</b>", &[&spans]);
    }
    html.tag("</p><div class=\"fall\">");
    axis(html, trace);
    for row in &trace.rows {
        line(html, trace, row);
    }
    html.tag("</div>");
    if trace.breaks().next().is_some() {
        html.tag("<p class=\"dim note\">Hatched: nothing was done. Between two hatched parts, time is to scale.</p>");
    }
}

/// A part of the whole width, such as `12.34%`.
fn percent(left: u32, right: u32) -> String {
    let place = right.saturating_sub(left);
    format!("{}.{:02}%", place / 100, place % 100)
}

/// How long each part of the scale is.
fn axis(html: &mut Html, trace: &Waterfall<'_>) {
    html.tag("<div class=\"line head\"><span class=\"name\">Span</span><span class=\"stage\">Stage</span><span class=\"time\">Took</span><span class=\"axis\">");
    for piece in &trace.pieces {
        let Piece { left, right, .. } = *piece;
        let (width, time) = (percent(left, right), render_nanos(piece.time.nanos()));
        match piece.idle {
            Some(what) => html.put(
                "<span class=\"gap\" style=\"flex-basis:{}\"><b>{}</b> <small>{}</small></span>",
                &[&width, &time, what],
            ),
            None => html.put(
                "<span class=\"stretch\" style=\"flex-basis:{}\"><small>{}</small></span>",
                &[&width, &time],
            ),
        }
    }
    html.tag("</span></div>");
}

fn line(html: &mut Html, trace: &Waterfall<'_>, row: &Row<'_>) {
    html.put(
        "<details class=\"{}\"><summary class=\"line\"><span class=\"name\" style=\"--depth:{}\">{}",
        &[class(row), &row.depth.to_string(), &row.span.name],
    );
    if let Some(object) = row.object() {
        html.put(" <em>{}</em>", &[object]);
    }
    if let Some(note) = row.kind.note() {
        html.put(" <span class=\"attempt\">{}</span>", &[&note]);
    }
    if let Some(outcome) = row.outcome() {
        html.put(" <em>· {}</em>", &[&outcome]);
    }
    if let Some(error) = &row.span.error {
        html.put(" <span class=\"error\">✗ {}</span>", &[error]);
    }
    let links = row.span.links.iter();
    for link in links.filter(|link| trace.name_of(link).is_none()) {
        html.tag(" <span class=\"link\">↪ ");
        elsewhere(html, link);
        html.tag("</span>");
    }
    html.put(
        "</span><span class=\"stage\">{}</span><span class=\"time\">{}</span><span class=\"track\">",
        &[row.stage, &render_nanos(row.nanos)],
    );
    for pause in trace.breaks() {
        let (left, width) = (percent(0, pause.left), percent(pause.left, pause.right));
        let markup = "<i class=\"gap\" style=\"left:{};width:{}\"></i>";
        html.put(markup, &[&left, &width]);
    }
    let (left, width) = (percent(0, row.left), percent(row.left, row.right));
    let markup = "<i class=\"bar\" style=\"left:{};width:{}\"></i></span></summary>";
    html.put(markup, &[&left, &width]);
    known(html, trace, row);
    html.tag("</details>");
}

fn class(row: &Row<'_>) -> &'static str {
    match row.kind {
        _ if row.span.error.is_some() && row.depth == 0 => "top failed",
        _ if row.span.error.is_some() => "failed",
        RowKind::Received | RowKind::Attempt(_) => "top",
        RowKind::Orphan | RowKind::SentLater => "top orphan",
        RowKind::Wait => "wait",
        RowKind::Part => "part",
    }
}

/// All that is known of a span.
fn known(html: &mut Html, trace: &Waterfall<'_>, row: &Row<'_>) {
    let began = format!("{} after the trace", render_nanos(row.offset_nanos));
    html.tag("<dl>");
    let parent = row.parent.map(|parent| ("part of", parent));
    let facts = [("began", &*began)].into_iter().chain(parent);
    let facts = facts.chain([("span", &*row.span.span_id)]);
    let attributes = row.span.attributes.iter();
    for (name, value) in facts.chain(attributes.map(|(name, value)| (&**name, &**value))) {
        html.put("<dt>{}</dt><dd>{}</dd>", &[name, value]);
    }
    for link in &row.span.links {
        let name = trace.name_of(link).unwrap_or("span");
        html.put("<dt>linked to</dt><dd>{} {}", &[name, &link.span_id]);
        if link.trace_id != trace.trace_id {
            html.tag(" of ");
            elsewhere(html, link);
        }
        html.tag("</dd>");
    }
    html.tag("</dl>");
}

fn elsewhere(html: &mut Html, link: &SpanLink) {
    let markup = "<a href=\"/traces/{}\">trace {}</a>";
    html.put(markup, &[&link.trace_id, &link.trace_id]);
}
