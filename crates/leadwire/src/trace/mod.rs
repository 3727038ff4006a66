//! A trace as a waterfall: which span is part of which, which attempt it belongs to, where it lies in time. Pure; the terminal and the page
//! only draw it.

mod drawn;
mod scale;
mod terminal;
mod tree;

pub(crate) use drawn::with_request;
pub(crate) use scale::{Piece, WHOLE};
pub(crate) use terminal::draw;

use crate::duration::render;
use jiff::{SignedDuration, Timestamp};
use leadwire_telemetry::{Kind, SpanLink, SpanRecord};
use scale::{Scale, Stretch};
use std::collections::BTreeMap;

/// A trace, ready to be drawn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Waterfall<'a> {
    pub(crate) trace_id: &'a str,
    /// When it began.
    pub(crate) start: Timestamp,
    /// How long it took, waits included.
    pub(crate) nanos: i64,
    /// How often the event was worked on.
    pub(crate) attempts: u32,
    /// How many spans failed.
    pub(crate) errors: usize,
    pub(crate) rows: Vec<Row<'a>>,
    /// The parts of the scale, in the order of time.
    pub(crate) pieces: Vec<Piece>,
    /// The names of the spans, by their ids.
    names: BTreeMap<&'a str, &'a str>,
}

impl Waterfall<'_> {
    /// The name of the span that a link points to, where it is part of this trace.
    pub(crate) fn name_of(&self, link: &SpanLink) -> Option<&str> {
        let name = self.names.get(&*link.span_id).copied();
        name.filter(|_name| link.trace_id == self.trace_id)
    }

    /// The lead that it is about, where a span says so.
    pub(crate) fn lead_id(&self) -> Option<&str> {
        let attributes = self.rows.iter().map(|row| &row.span.attributes);
        let mut ids = attributes.filter_map(|attributes| attributes.get("leadwire.lead_id"));
        ids.next().map(String::as_str)
    }

    /// The times in which nothing was done.
    pub(crate) fn breaks(&self) -> impl Iterator<Item = &Piece> {
        self.pieces.iter().filter(|piece| piece.idle.is_some())
    }

    /// How often the event was worked on, in words.
    pub(crate) fn attempts_text(&self) -> String {
        match self.attempts {
            0 => "not worked on yet".to_owned(),
            1 => "1 attempt".to_owned(),
            many => format!("{many} attempts"),
        }
    }
}

/// What a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowKind {
    /// A request in.
    Received,
    /// An attempt, by its number.
    Attempt(u32),
    /// Time in the queue.
    Wait,
    /// A message that was sent when the request was long over: by a sweep, which sends one again, or by a wake-up, which sends the first of its own.
    SentLater,
    /// Part of what stands above it.
    Part,
    /// A span whose parent is not known here.
    Orphan,
}

impl RowKind {
    /// What is said of it beside its name.
    pub(crate) fn note(self) -> Option<String> {
        match self {
            Self::Attempt(number) => Some(format!("attempt {number}")),
            Self::Orphan => Some("parent not kept".to_owned()),
            Self::SentLater => Some("sent later".to_owned()),
            Self::Received | Self::Wait | Self::Part => None,
        }
    }
}

/// A span.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row<'a> {
    pub(crate) span: &'a SpanRecord,
    pub(crate) kind: RowKind,
    pub(crate) depth: usize,
    /// Who did it: `ingest`, `enrich`, `sweep`, `queue`.
    pub(crate) stage: &'static str,
    /// From the beginning of the trace.
    pub(crate) offset_nanos: i64,
    pub(crate) nanos: i64,
    /// Where its bar begins and ends, up to [`WHOLE`].
    pub(crate) left: u32,
    pub(crate) right: u32,
    /// The name of the span that it is part of, or its id where it is not here.
    pub(crate) parent: Option<&'a str>,
}

impl Row<'_> {
    /// What it worked on, in a word, `lookup`, `enriched`, `mail`: its key's first part, or its bucket, where owner files lie without one.
    pub(crate) fn object(&self) -> Option<&str> {
        let attribute = |name| self.span.attributes.get(name).map(String::as_str);
        match attribute("aws.s3.key")?.split_once('/') {
            Some((prefix, _)) => Some(prefix),
            None => attribute("aws.s3.bucket"),
        }
    }

    /// What came of it, where that is worth a word: `missing`, `owner absent`. Of a part only what is not as it should be.
    pub(crate) fn outcome(&self) -> Option<String> {
        const AS_IT_SHOULD_BE: [&str; 4] = ["found", "new", "done", "accepted"];
        let outcome = self.span.attributes.get("leadwire.outcome")?;
        let is_usual = AS_IT_SHOULD_BE.contains(&outcome.as_str());
        (self.kind != RowKind::Part || !is_usual).then(|| outcome.replace('_', " "))
    }
}

/// Whether a span is the time that a message lay in the queue.
fn is_wait(span: &SpanRecord) -> bool {
    span.kind == Kind::Internal && span.name.starts_with("wait ")
}

/// Whether a span is an attempt on a message.
fn is_attempt(span: &SpanRecord) -> bool {
    span.kind == Kind::Consumer && span.name.starts_with("process ")
}

fn stretch(span: &SpanRecord) -> Stretch {
    Stretch {
        from: span.start_unix_nanos,
        to: span.end_unix_nanos.max(span.start_unix_nanos),
    }
}

/// The waterfall of the spans of one trace; none where there are no spans.
pub(crate) fn arrange(spans: &[SpanRecord]) -> Option<Waterfall<'_>> {
    let from = spans.iter().map(|span| stretch(span).from).min()?;
    let to = spans.iter().map(|span| stretch(span).to).max()?;
    let all = Stretch { from, to };
    let busy = spans.iter().filter(|span| !is_wait(span));
    let scale = Scale::new(all, busy.map(stretch).collect(), |idle| {
        explain(idle, spans)
    });
    let names = spans.iter().map(|span| (&*span.span_id, &*span.name));
    let names: BTreeMap<&str, &str> = names.collect();
    let mut attempts = 0;
    let placed = tree::arrange(spans).into_iter();
    let rows = placed.map(|placed| {
        let (span, time) = (placed.span, stretch(placed.span));
        let parent = span.parent_id.as_deref();
        Row {
            span,
            kind: placed.kind(&mut attempts),
            depth: placed.depth,
            stage: placed.stage,
            offset_nanos: time.from.saturating_sub(from),
            nanos: time.nanos(),
            left: scale.place(time.from),
            right: scale.place(time.to),
            parent: parent.map(|id| names.get(id).copied().unwrap_or(id)),
        }
    });
    let rows = rows.collect();
    Some(Waterfall {
        trace_id: &spans.first()?.trace_id,
        start: Timestamp::from_nanosecond(i128::from(from)).unwrap_or_default(),
        nanos: all.nanos(),
        attempts,
        errors: spans.iter().filter(|span| span.error.is_some()).count(),
        rows,
        pieces: scale.pieces,
        names,
    })
}

/// The time that a message waited.
fn explain(idle: Stretch, spans: &[SpanRecord]) -> &'static str {
    let overlap = |span: &SpanRecord| {
        let from = span.start_unix_nanos.max(idle.from);
        let to = span.end_unix_nanos.min(idle.to);
        Stretch { from, to }.nanos()
    };
    let waited: i64 = spans.iter().filter(|span| is_wait(span)).map(overlap).sum();
    let mut attempts = spans.iter().filter(|span| is_attempt(span));
    let comes_back = attempts.any(|span| span.start_unix_nanos == idle.to);
    if waited > idle.nanos() / 2 {
        "in the queue"
    } else if comes_back {
        "until its next try"
    } else {
        "of which nothing is known"
    }
}

/// A time of work or waiting, in at most three digits: `0.37 ms`, `128 ms`, `5.02 s`, `10 min`.
pub(crate) fn render_nanos(nanos: i64) -> String {
    let nanos = nanos.max(0);
    let (whole, unit, per_unit) = match nanos {
        0..1_000_000_000 => (nanos / 1_000_000, "ms", 1_000_000),
        1_000_000_000..60_000_000_000 => (nanos / 1_000_000_000, "s", 1_000_000_000),
        _ => return render(SignedDuration::from_nanos(nanos)),
    };
    let hundredths = nanos % per_unit * 100 / per_unit;
    match (whole, hundredths) {
        (_, 0) | (100.., _) | (10.., 0..10) => format!("{whole} {unit}"),
        (10..100, _) => format!("{whole}.{} {unit}", hundredths / 10),
        (_, tens) if tens % 10 == 0 => format!("{whole}.{} {unit}", tens / 10),
        _ => format!("{whole}.{hundredths:02} {unit}"),
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
