//! A trace's page, and the waterfall on any page.

use super::html::Html;
use crate::trace::{Break, Link, Piece, Row, RowKind, Waterfall, lead_id, render_nanos};

pub(super) fn render(trace: &Waterfall) -> Html {
    let mut html = Html::page("Trace");
    html.tag("<h1>Trace</h1><p class=\"id\">")
        .text(&trace.trace_id)
        .tag("</p>");
    if let Some(lead_id) = lead_id(trace) {
        html.tag("<p>Of lead <a href=\"/leads/")
            .text(lead_id)
            .tag("\">")
            .text(lead_id)
            .tag("</a></p>");
    }
    html.tag("<article>");
    waterfall(&mut html, trace);
    html.tag("</article>");
    html
}

/// The waterfall: a line for each span, and what is known of it behind a click.
pub(super) fn waterfall(html: &mut Html, trace: &Waterfall) {
    let attempts = match trace.attempts {
        0 => "not worked on yet".to_owned(),
        1 => "1 attempt".to_owned(),
        many => format!("{many} attempts"),
    };
    let start = trace.start.strftime("%Y-%m-%d %H:%M:%S%.3fZ");
    html.tag("<p class=\"dim\">From ")
        .text(&format!("{start}, {}, ", render_nanos(trace.nanos)))
        .tag("<b>")
        .text(&attempts)
        .tag("</b>");
    if trace.errors > 0 {
        html.tag(", <b class=\"error\">")
            .text(&format!("{} failed", spans(trace.errors)))
            .tag("</b>");
    }
    html.tag("</p><div class=\"fall\">");
    axis(html, trace);
    for row in &trace.rows {
        line(html, trace, row);
    }
    html.tag("</div>");
    if !trace.breaks.is_empty() {
        html.tag("<p class=\"dim note\">Hatched: nothing was done. Between two hatched parts, time is to scale.</p>");
    }
}

fn spans(count: usize) -> String {
    match count {
        1 => "1 span".to_owned(),
        many => format!("{many} spans"),
    }
}

/// A part of the whole width, such as `12.34%`.
fn percent(place: u32) -> String {
    format!("{}.{:02}%", place / 100, place % 100)
}

fn at(html: &mut Html, left: u32, right: u32) {
    html.tag("style=\"left:")
        .text(&percent(left))
        .tag(";width:")
        .text(&percent(right.saturating_sub(left)))
        .tag("\"");
}

/// How long each part of the scale is.
fn axis(html: &mut Html, trace: &Waterfall) {
    html.tag("<div class=\"line head\"><span class=\"name\">Span</span><span class=\"stage\">Stage</span><span class=\"time\">Took</span><span class=\"axis\">");
    let mut breaks = trace.breaks.iter();
    for piece in &trace.pieces {
        match piece.is_break.then(|| breaks.next()).flatten() {
            Some(pause) => gap(html, pause),
            None => stretch(html, piece),
        }
    }
    html.tag("</span></div>");
}

fn gap(html: &mut Html, pause: &Break) {
    html.tag("<span class=\"gap\" style=\"flex-basis:")
        .text(&percent(pause.right - pause.left))
        .tag("\"><b>")
        .text(&pause.time)
        .tag("</b> <small>")
        .text(pause.what)
        .tag("</small></span>");
}

fn stretch(html: &mut Html, piece: &Piece) {
    html.tag("<span class=\"stretch\" style=\"flex-basis:")
        .text(&percent(piece.right - piece.left))
        .tag("\"><small>")
        .text(&render_nanos(piece.time.nanos()))
        .tag("</small></span>");
}

fn line(html: &mut Html, trace: &Waterfall, row: &Row) {
    html.tag("<details class=\"")
        .tag(class(row))
        .tag("\"><summary class=\"line\"><span class=\"name\" style=\"--depth:");
    html.text(&row.depth.to_string()).tag("\">").text(&row.name);
    if let Some(object) = &row.object {
        html.tag(" <em>").text(object).tag("</em>");
    }
    match row.kind {
        RowKind::Attempt(number) => {
            html.tag(" <span class=\"attempt\">attempt ")
                .text(&number.to_string())
                .tag("</span>");
        }
        RowKind::Orphan => {
            html.tag(" <span class=\"attempt\">parent not kept</span>");
        }
        RowKind::SentAgain => {
            html.tag(" <span class=\"attempt\">sent again</span>");
        }
        RowKind::Received | RowKind::Wait | RowKind::Part => {}
    }
    if let Some(outcome) = &row.outcome {
        html.tag(" <em>· ").text(outcome).tag("</em>");
    }
    if let Some(error) = &row.error {
        html.tag(" <span class=\"error\">✗ ")
            .text(error)
            .tag("</span>");
    }
    for link in row.links.iter().filter(|link| link.here.is_none()) {
        html.tag(" <span class=\"link\">↪ ");
        elsewhere(html, link);
        html.tag("</span>");
    }
    html.tag("</span><span class=\"stage\">")
        .text(row.stage)
        .tag("</span><span class=\"time\">")
        .text(&render_nanos(row.nanos))
        .tag("</span><span class=\"track\">");
    for pause in &trace.breaks {
        html.tag("<i class=\"gap\" ");
        at(html, pause.left, pause.right);
        html.tag("></i>");
    }
    html.tag("<i class=\"bar\" ");
    at(html, row.left, row.right);
    html.tag("></i></span></summary>");
    known(html, trace, row);
    html.tag("</details>");
}

fn class(row: &Row) -> &'static str {
    match row.kind {
        _ if row.error.is_some() && row.depth == 0 => "top failed",
        _ if row.error.is_some() => "failed",
        RowKind::Received | RowKind::Attempt(_) => "top",
        RowKind::Orphan | RowKind::SentAgain => "top orphan",
        RowKind::Wait => "wait",
        RowKind::Part => "part",
    }
}

/// All that is known of a span.
fn known(html: &mut Html, trace: &Waterfall, row: &Row) {
    html.tag("<dl>");
    fact(
        html,
        "began",
        &format!("{} after the trace", render_nanos(row.offset_nanos)),
    );
    if let Some(parent) = &row.parent {
        fact(html, "part of", parent);
    }
    fact(html, "span", &row.span_id);
    for (name, value) in &row.attributes {
        fact(html, name, value);
    }
    for link in &row.links {
        html.tag("<dt>linked to</dt><dd>");
        linked(html, trace, link);
        html.tag("</dd>");
    }
    html.tag("</dl>");
}

fn fact(html: &mut Html, name: &str, value: &str) {
    html.tag("<dt>").text(name).tag("</dt><dd>").text(value);
    html.tag("</dd>");
}

fn linked(html: &mut Html, trace: &Waterfall, link: &Link) {
    let name = link.here.as_deref().unwrap_or("span");
    html.text(name).tag(" ").text(&link.span_id);
    if link.trace_id != trace.trace_id {
        html.tag(" of ");
        elsewhere(html, link);
    }
}

fn elsewhere(html: &mut Html, link: &Link) {
    html.tag("<a href=\"/traces/")
        .text(&link.trace_id)
        .tag("\">trace ")
        .text(&link.trace_id)
        .tag("</a>");
}
