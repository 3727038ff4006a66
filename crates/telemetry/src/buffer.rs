//! Finished spans, kept until they are flushed. No thread and no timer: Lambda freezes both.

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The most spans that are kept: a batch of ten leads makes about two hundred. What is beyond is counted.
pub(crate) const SPANS_MAX: usize = 4096;

/// What waits to be flushed.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) spans: Vec<SpanData>,
    /// Spans for which there was no room.
    pub(crate) dropped: u64,
}

/// The buffer: a span processor of which clones share the spans.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffer(Arc<Mutex<Pending>>);

impl Buffer {
    /// Takes everything that is there. The next invocation will be much like this one, and has room for as much.
    pub(crate) fn take(&self) -> Pending {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let empty = Pending {
            spans: Vec::with_capacity(pending.spans.len()),
            dropped: 0,
        };
        std::mem::replace(&mut *pending, empty)
    }
}

impl SpanProcessor for Buffer {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.spans.len() < SPANS_MAX {
            pending.spans.push(span);
        } else {
            pending.dropped += 1;
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The spans that some code makes with a tracer of its own.
#[cfg(test)]
pub(crate) fn spans_of(
    make: impl FnOnce(&opentelemetry_sdk::trace::SdkTracerProvider),
) -> Vec<SpanData> {
    let buffer = Buffer::default();
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder()
        .with_span_processor(buffer.clone())
        .build();
    make(&provider);
    buffer.take().spans
}
