//! One machine under a flood: of a lead that comes beyond a hundred in a second, and of whose request there is nothing to tell, no span of
//! ingest is kept. When it came and when it was stored stands in the data folder, from which a reader draws that part of its trace.

use crate::context::inject;
use crate::sampler::XrayIds;
use crate::span::{ServerFacts, known_path, server_facts};
use crate::traces::installed;
use jiff::Timestamp;
use leadwire_domain::source::Source;
use leadwire_pipeline::stage::ingest::Answer;
use leadwire_pipeline::trace::TraceContext;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{IdGenerator as _, SpanData, SpanEvents, SpanLinks};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// New traces that are recorded in full in a second, whatever comes of them.
const TRACES_A_SECOND: i64 = 100;
/// A request that takes longer is recorded.
const SLOW: Duration = Duration::from_secs(1);

/// How many traces began in this second.
#[derive(Debug, Default)]
pub struct TraceBudget {
    second: AtomicI64,
    began: AtomicI64,
}

impl TraceBudget {
    /// Whether a request that came at this time is recorded in full. Around a second's turn a few more may be.
    pub fn takes(&self, at: Timestamp) -> bool {
        let second = at.as_second();
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.began.store(0, Ordering::Relaxed);
        }
        self.began.fetch_add(1, Ordering::Relaxed) < TRACES_A_SECOND
    }
}

/// A webhook whose span is made only where there is something to tell.
#[derive(Debug)]
pub struct QuietSpan {
    context: SpanContext,
    at: SystemTime,
    began: Instant,
}

impl QuietSpan {
    /// It begins, in a trace of its own.
    #[expect(
        clippy::disallowed_methods,
        reason = "spans have the system's time, and no port reaches here"
    )]
    pub fn begin() -> Self {
        let (trace, span) = (XrayIds.new_trace_id(), XrayIds.new_span_id());
        Self {
            context: SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE),
            at: SystemTime::now(),
            began: Instant::now(),
        }
    }

    /// Its context, as it travels.
    pub fn trace(&self) -> TraceContext {
        inject(&self.context)
    }

    /// Makes it, where the answer was none of the usual ones, or slow.
    pub fn end(self, method: &str, path: &str, answer: &Answer) {
        let (took, status) = (self.began.elapsed(), answer.status);
        let Some(traces) = installed().filter(|_| !answer.is_plain || took >= SLOW) else {
            return;
        };
        let ServerFacts {
            name,
            method,
            route,
        } = server_facts(method, path);
        let texts = [
            ("http.request.method", Some(method)),
            ("http.route", route),
            ("url.path", known_path(path, answer)),
            ("url.scheme", Some("http")),
            (
                "leadwire.source",
                answer.source.as_ref().map(Source::as_str),
            ),
        ];
        let texts = texts.into_iter().filter_map(|(key, value)| {
            let value = value?.to_owned();
            Some(KeyValue::new(key, value))
        });
        let status_code = KeyValue::new("http.response.status_code", i64::from(status));
        traces.keep(SpanData {
            span_context: self.context,
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Server,
            name: name.into(),
            start_time: self.at,
            end_time: self.at + took,
            attributes: texts.chain([status_code]).collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: if status >= 500 {
                Status::error("")
            } else {
                Status::Unset
            },
            instrumentation_scope: InstrumentationScope::default(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_traces_of_a_second_are_recorded_and_as_many_of_the_next() {
        let budget = TraceBudget::default();
        for second in [7, 8] {
            let at = Timestamp::from_second(second).unwrap();
            let taken = (0..250).filter(|_| budget.takes(at)).count();
            assert_eq!(taken, 100, "{second}");
        }
    }
}
