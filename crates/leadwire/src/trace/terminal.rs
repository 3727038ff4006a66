//! The waterfall in a terminal.

use super::{Piece, Row, RowKind, WHOLE, Waterfall, render_nanos};
use crate::output::{BAD, BOLD, DIM, GOOD, PLAIN, WAIT, pad, printable, shorten};
use anstyle::Style;
use leadwire_telemetry::SpanLink;
use unicode_width::UnicodeWidthStr as _;

/// The least width of the bars: below that they say nothing.
const BARS_MIN: usize = 20;
/// The names take at most this; longer ones are cut.
const NAME_MAX: usize = 44;
/// Between columns.
const GAP: usize = 2;

/// The lines of a waterfall that fit a terminal of `width` columns.
pub(crate) fn draw(waterfall: &Waterfall<'_>, width: usize) -> Vec<String> {
    let names: Vec<String> = waterfall.rows.iter().map(name).collect();
    let times = waterfall.rows.iter().map(|row| render_nanos(row.nanos));
    let times: Vec<String> = times.collect();
    let breaks: Vec<&Piece> = waterfall.breaks().collect();
    let columns = Columns {
        name: widest(&names).min(NAME_MAX),
        stage: widest(waterfall.rows.iter().map(|row| row.stage)),
        time: widest(&times),
    };
    let bars = width.saturating_sub(columns.taken()).max(BARS_MIN);
    let mut lines = vec![summary(waterfall)];
    lines.extend(legend(&breaks, &columns, bars));
    for (row, (name, time)) in waterfall.rows.iter().zip(names.iter().zip(&times)) {
        lines.push(columns.line(row, name, time, &bar(row, &breaks, bars)));
        if let Some(error) = &row.span.error {
            let indent = " ".repeat(2 * row.depth + 4);
            lines.push(format!("{indent}{BAD}✗ {}{BAD:#}", printable(error)));
        }
        lines.extend(links(waterfall, row));
    }
    lines
}

struct Columns {
    name: usize,
    stage: usize,
    time: usize,
}

impl Columns {
    /// What stands left of the bars.
    fn taken(&self) -> usize {
        2 + self.name + GAP + self.stage + GAP + self.time + GAP
    }

    fn line(&self, row: &Row<'_>, name: &str, time: &str, bar: &str) -> String {
        let style = name_style(row);
        let name = pad(&shorten(name, self.name), self.name);
        let stage = pad(row.stage, self.stage + GAP);
        let time = format!("{time:>width$}", width = self.time);
        format!("  {style}{name}{style:#}  {DIM}{stage}{DIM:#}{time}  {bar}")
            .trim_end()
            .to_owned()
    }
}

fn widest<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> usize {
    let widths = texts.into_iter().map(|text| text.as_ref().width());
    widths.max().unwrap_or(0)
}

fn name(row: &Row<'_>) -> String {
    let mut name = format!("{}{}", "  ".repeat(row.depth), printable(&row.span.name));
    if let Some(object) = row.object() {
        name = format!("{name} {}", printable(object));
    }
    if let Some(note) = row.kind.note() {
        name = format!("{name} · {note}");
    }
    match row.outcome() {
        Some(outcome) => format!("{name} · {}", printable(&outcome)),
        None => name,
    }
}

fn name_style(row: &Row<'_>) -> Style {
    match row.kind {
        _ if row.span.error.is_some() => BAD,
        RowKind::Received | RowKind::Attempt(_) | RowKind::SentLater | RowKind::Orphan => BOLD,
        RowKind::Wait => WAIT,
        RowKind::Part => PLAIN,
    }
}

fn summary(waterfall: &Waterfall<'_>) -> String {
    let id = printable(waterfall.trace_id);
    let start = waterfall.start.strftime("%Y-%m-%d %H:%M:%S%.3fZ");
    let (took, attempts) = (render_nanos(waterfall.nanos), waterfall.attempts_text());
    format!("  {BOLD}trace{BOLD:#} {id}  {DIM}from {start}, {took}, {attempts}{DIM:#}")
}

/// What each break is, beside the mark that runs through the rows.
fn legend(breaks: &[&Piece], columns: &Columns, bars: usize) -> Vec<String> {
    let indent = " ".repeat(columns.taken());
    let mut lines = Vec::new();
    let mut line = String::new();
    for pause in breaks {
        let (mark, _) = span(pause.left, pause.right, bars);
        let pause_text = pause.text();
        let width = pause_text.chars().count();
        let (left, text) = if mark + 2 + width <= bars || mark < width + 1 {
            (mark, format!("╎ {pause_text}"))
        } else {
            (mark - width - 1, format!("{pause_text} ╎"))
        };
        let used = line.chars().count();
        if used > left {
            lines.push(std::mem::take(&mut line));
        }
        let used = line.chars().count();
        line = format!("{line}{}{text} ", " ".repeat(left - used));
    }
    lines.push(line);
    let lines = lines.iter().filter(|line| !line.is_empty());
    lines
        .map(|line| format!("{indent}{WAIT}{}{WAIT:#}", line.trim_end()))
        .collect()
}

/// The columns from `left` to `right` of so many, at least one.
fn span(left: u32, right: u32, columns: usize) -> (usize, usize) {
    let whole = usize::try_from(WHOLE).unwrap_or(usize::MAX);
    let column = |place: u32| usize::try_from(place).unwrap_or(0) * columns / whole;
    let from = column(left).min(columns.saturating_sub(1));
    (from, column(right).clamp(from + 1, columns.max(from + 1)))
}

/// A row's bar, with the breaks that run through all rows.
fn bar(row: &Row<'_>, breaks: &[&Piece], columns: usize) -> String {
    let (from, to) = span(row.left, row.right, columns);
    let pauses = breaks.iter();
    let pauses = pauses.map(|pause| span(pause.left, pause.right, columns).0);
    let pauses: Vec<usize> = pauses.collect();
    let (block, style) = match row.kind {
        _ if row.span.error.is_some() => ('█', BAD),
        RowKind::Wait => ('░', WAIT),
        RowKind::Received | RowKind::Attempt(_) => ('█', GOOD),
        RowKind::SentLater => ('█', WAIT),
        RowKind::Orphan | RowKind::Part => ('▆', PLAIN),
    };
    let cell = |column: usize| {
        let is_pause = pauses.contains(&column);
        match (column >= from && column < to, is_pause) {
            (true, false) => block,
            (true, true) if row.kind != RowKind::Wait => block,
            (_, true) => '╎',
            (false, false) => ' ',
        }
    };
    let text = |range: std::ops::Range<usize>| range.map(cell).collect::<String>();
    let (before, inside, after) = (text(0..from), text(from..to), text(to..columns));
    let after = after.trim_end();
    format!("{DIM}{before}{DIM:#}{style}{inside}{style:#}{DIM}{after}{DIM:#}")
}

/// Links to other traces. Those to the message's own sender say what the tree says.
fn links(waterfall: &Waterfall<'_>, row: &Row<'_>) -> Vec<String> {
    let indent = " ".repeat(2 * row.depth + 4);
    let links = row.span.links.iter();
    let strange = links.filter(|link| waterfall.name_of(link).is_none());
    let line = |link: &SpanLink| {
        let (trace, span) = (printable(&link.trace_id), printable(&link.span_id));
        format!("{indent}{DIM}↪ linked to trace {trace} span {span}{DIM:#}")
    };
    strange.map(line).collect()
}
