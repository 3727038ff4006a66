//! The tracer of this process: started once, flushed once an invocation.

use crate::buffer::Buffer;
use crate::config::SpanConfig;
use crate::export::{ExportError, Route};
use crate::record::SpanSink;
use crate::sampler::XrayIds;
use leadwire_pipeline::observe::TelemetryDropped;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData};
use std::error::Error;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a flush may take. A collector that is dead costs no more, and once only in ten seconds.
pub const FLUSH_DEADLINE: Duration = Duration::from_millis(500);
/// How long a route that failed is left alone.
const REST: Duration = Duration::from_secs(10);

/// The tracer, its buffer and where its spans go.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    buffer: Buffer,
    routes: Vec<(Route, Rest)>,
}

/// Until when a route is left alone.
#[derive(Debug, Default)]
struct Rest(Mutex<Option<Instant>>);

static TRACES: OnceLock<Traces> = OnceLock::new();

impl Traces {
    /// A tracer by configuration, and with a home's own store where it has one.
    pub(crate) fn new(config: &SpanConfig, sink: Option<Arc<dyn SpanSink>>) -> Self {
        let attributes = config
            .resource
            .iter()
            .map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        let resource = Resource::builder_empty()
            .with_attributes(attributes)
            .build();
        let routes: Vec<(Route, Rest)> = Route::of(config, &resource)
            .into_iter()
            .chain(sink.map(Route::to))
            .map(|route| (route, Rest::default()))
            .collect();
        let buffer = Buffer::default();
        let builder = SdkTracerProvider::builder()
            .with_id_generator(XrayIds)
            .with_sampler(config.sampler)
            .with_resource(resource);
        // Without a route nothing is kept; ids are made and travel all the same.
        let provider = if routes.is_empty() {
            builder.build()
        } else {
            builder.with_span_processor(buffer.clone()).build()
        };
        Self {
            provider,
            buffer,
            routes,
        }
    }

    pub(crate) fn tracer(&self) -> SdkTracer {
        let scope = InstrumentationScope::builder("leadwire")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        self.provider.tracer_with_scope(scope)
    }

    /// Sends what has finished. Whatever becomes of it, it takes at most [`FLUSH_DEADLINE`].
    pub(crate) async fn flush(&self) {
        let pending = self.buffer.take();
        tell(pending.dropped, "the buffer was full");
        if pending.spans.is_empty() {
            return;
        }
        let count = u64::try_from(pending.spans.len()).unwrap_or(u64::MAX);
        for (route, rest) in &self.routes {
            match rest.send(route, &pending.spans).await {
                Ok(refused) => tell(refused, "the collector refused them"),
                Err(error) => tell(count, &chain(&error)),
            }
        }
    }
}

impl Rest {
    /// A route that failed is left alone for a while: a dead collector must not cost every invocation its deadline.
    async fn send(&self, route: &Route, spans: &[SpanData]) -> Result<u64, ExportError> {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if until.is_some_and(|until| Instant::now() < until) {
            return Err(ExportError::Resting);
        }
        let sent = match tokio::time::timeout(FLUSH_DEADLINE, route.send(spans)).await {
            Ok(sent) => sent,
            Err(_elapsed) => Err(ExportError::Slow),
        };
        let until = sent.is_err().then(|| Instant::now() + REST);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
        sent
    }
}

/// An error with everything that led to it.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let chain: Vec<String> = causes.map(ToString::to_string).collect();
    chain.join(": ")
}

fn tell(spans: u64, reason: &str) {
    if spans > 0 {
        TelemetryDropped {
            spans,
            values: 0,
            reason,
        }
        .emit();
    }
}

/// Makes these the process's traces. A second start is without effect.
pub(crate) fn install(traces: Traces) -> &'static Traces {
    TRACES.get_or_init(|| traces)
}

/// The process's traces, where they were started.
pub(crate) fn installed() -> Option<&'static Traces> {
    TRACES.get()
}
