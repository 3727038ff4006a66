//! The spans of a trace in the order in which they are read: each below the one it is part of, attempts and waits at the top.

use super::{RowKind, is_attempt, is_wait};
use leadwire_telemetry::{Kind, SpanRecord};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Deeper spans are drawn at this depth.
const DEPTH_MAX: usize = 12;

/// A span and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed<'a> {
    pub(super) span: &'a SpanRecord,
    pub(super) depth: usize,
    pub(super) stage: &'static str,
    is_orphan: bool,
}

impl Placed<'_> {
    /// What its row shows; attempts are numbered as they come.
    pub(super) fn kind(&self, attempts: &mut u32) -> RowKind {
        if is_attempt(self.span) {
            *attempts += 1;
            RowKind::Attempt(*attempts)
        } else if is_wait(self.span) {
            RowKind::Wait
        } else if self.is_orphan {
            RowKind::Orphan
        } else if self.depth == 0 && self.span.kind == Kind::Producer {
            RowKind::SentLater
        } else if self.depth == 0 {
            RowKind::Received
        } else {
            RowKind::Part
        }
    }
}

/// Puts the spans in order. A chain of attempts would lie ever deeper, each inside the message that the one before it sent: attempts and
/// waits stand at the top instead, and so does what began when the span that it is part of was over, as a sweep's message.
pub(super) fn arrange(spans: &[SpanRecord]) -> Vec<Placed<'_>> {
    let ends = spans
        .iter()
        .map(|span| (&*span.span_id, span.end_unix_nanos));
    let ends: BTreeMap<&str, i64> = ends.collect();
    let mut children: BTreeMap<&str, Vec<&SpanRecord>> = BTreeMap::new();
    let mut tops = Vec::new();
    for span in spans {
        let parent = span.parent_id.as_deref().filter(|id| {
            let end = ends.get(id);
            let is_during = end.is_some_and(|end| span.start_unix_nanos <= *end);
            is_during && *id != span.span_id && !is_attempt(span) && !is_wait(span)
        });
        match parent {
            Some(parent) => children.entry(parent).or_default().push(span),
            None => tops.push(span),
        }
    }
    for children in children.values_mut() {
        sort(children);
    }
    sort(&mut tops);
    let mut order = Order {
        ends,
        children,
        placed: Vec::new(),
        seen: BTreeSet::new(),
    };
    for span in tops {
        order.place(span, 0, "");
    }
    // What is only reachable in a circle has no top.
    for span in spans {
        order.place(span, 0, "");
    }
    order.placed
}

/// As they began; of those that began together, the longest first; a wait before what follows it.
fn sort(spans: &mut [&SpanRecord]) {
    spans.sort_by_key(|span| {
        let (start, end) = (span.start_unix_nanos, span.end_unix_nanos);
        (start, !is_wait(span), Reverse(end))
    });
}

struct Order<'a> {
    ends: BTreeMap<&'a str, i64>,
    children: BTreeMap<&'a str, Vec<&'a SpanRecord>>,
    placed: Vec<Placed<'a>>,
    seen: BTreeSet<&'a str>,
}

impl<'a> Order<'a> {
    /// Places a span and all below it, without a stack of calls: depth comes from outside.
    fn place(&mut self, top: &'a SpanRecord, depth: usize, stage: &'static str) {
        let mut waiting = vec![(top, depth, stage)];
        while let Some((span, depth, above)) = waiting.pop() {
            if !self.seen.insert(span.span_id.as_str()) {
                continue;
            }
            let parent = span.parent_id.as_deref();
            let is_unknown = parent.is_some_and(|id| !self.ends.contains_key(id));
            let stage = stage_of(span, above);
            self.placed.push(Placed {
                span,
                depth: depth.min(DEPTH_MAX),
                stage,
                is_orphan: depth == 0 && is_unknown,
            });
            let below = self.children.get(span.span_id.as_str());
            let below = below.into_iter().flatten().rev();
            waiting.extend(below.map(|span| (*span, depth + 1, stage)));
        }
    }
}

/// Who did it. On one machine all is one process; the operation says which stage it was.
fn stage_of(span: &SpanRecord, above: &'static str) -> &'static str {
    match span.kind {
        _ if is_wait(span) => "queue",
        Kind::Server => "ingest",
        Kind::Consumer => "enrich",
        Kind::Internal if span.name.starts_with("sweep") => "sweep",
        Kind::Producer if above.is_empty() => "sweep or wake-up",
        Kind::Internal | Kind::Client | Kind::Producer => above,
    }
}
