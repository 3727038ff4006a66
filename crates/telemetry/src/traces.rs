//! The tracer of this process: started once, flushed once an invocation.

use crate::buffer::Buffer;
use crate::config::SpanConfig;
use crate::export::{ExportError, Route};
use crate::line::chain;
use crate::record::SpanSink;
use crate::sampler::XrayIds;
use leadwire_pipeline::observe::TelemetryDropped;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanProcessor as _};
use std::sync::{Arc, OnceLock};
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
    routes: Vec<Route>,
    /// What a flush has taken; locked while it is sent.
    batch: tokio::sync::Mutex<Batch>,
}

/// Spans on their way.
#[derive(Debug, Default)]
struct Batch {
    spans: Vec<SpanData>,
    /// The routes that they have gone already.
    routes_done: usize,
    /// Until when each route is left alone.
    resting: Vec<Option<Instant>>,
}

static TRACES: OnceLock<Traces> = OnceLock::new();

impl Traces {
    /// A tracer by configuration, and with a home's own store where it has one.
    pub(crate) fn new(config: &SpanConfig, sink: Option<Arc<dyn SpanSink>>) -> Self {
        let attributes = config.resource.iter();
        let attributes = attributes.map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        let resource = Resource::builder_empty()
            .with_attributes(attributes)
            .build();
        let configured = Route::of(config, &resource).into_iter();
        let routes: Vec<Route> = configured.chain(sink.map(Route::to)).collect();
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
        let batch = Batch {
            resting: vec![None; routes.len()],
            ..Batch::default()
        };
        Self {
            provider,
            buffer,
            routes,
            batch: tokio::sync::Mutex::new(batch),
        }
    }

    pub(crate) fn tracer(&self) -> SdkTracer {
        let scope = InstrumentationScope::builder("leadwire")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        self.provider.tracer_with_scope(scope)
    }

    /// Keeps a finished span that no tracer made.
    pub(crate) fn keep(&self, span: SpanData) {
        if !self.routes.is_empty() {
            self.buffer.on_end(span);
        }
    }

    /// Sends what has finished, in at most [`FLUSH_DEADLINE`] a route. What finished before the call has been delivered or given up when it
    /// returns: what another flush has taken is waited for, and what a flush took whose future was dropped is sent on.
    pub(crate) async fn flush(&self) {
        let mut batch = self.batch.lock().await;
        self.send(&mut batch).await;
        let pending = self.buffer.take();
        report_lost(pending.dropped, "the buffer was full");
        batch.spans = pending.spans;
        self.send(&mut batch).await;
    }

    async fn send(&self, batch: &mut Batch) {
        if batch.spans.is_empty() {
            return;
        }
        let count = u64::try_from(batch.spans.len()).unwrap_or(u64::MAX);
        let routes = self.routes.iter().zip(&mut batch.resting);
        for (route, resting) in routes.skip(batch.routes_done) {
            let sent = send(route, resting, &batch.spans).await;
            batch.routes_done += 1;
            match sent {
                Ok(refused) => report_lost(refused, "the collector refused them"),
                Err(error) => report_lost(count, &chain(&error)),
            }
        }
        batch.spans = Vec::new();
        batch.routes_done = 0;
    }
}

/// Sends spans, unless the route rests: a dead collector must not cost every invocation its deadline.
async fn send(
    route: &Route,
    resting: &mut Option<Instant>,
    spans: &[SpanData],
) -> Result<u64, ExportError> {
    if resting.is_some_and(|until| Instant::now() < until) {
        return Err(ExportError::Resting);
    }
    let sent = tokio::time::timeout(FLUSH_DEADLINE, route.send(spans)).await;
    let sent = sent.unwrap_or(Err(ExportError::Slow));
    *resting = sent.is_err().then(|| Instant::now() + REST);
    sent
}

fn report_lost(spans: u64, reason: &str) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Exporter;
    use crate::record::SpanRecord;
    use opentelemetry::trace::Tracer as _;
    use std::pin::{Pin, pin};
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
    use std::task::{Context, Waker};

    /// A home's store that says when it is asked to keep spans, and keeps them when it may.
    struct Gated {
        asked: SyncSender<()>,
        may: Mutex<Receiver<()>>,
        kept: Mutex<usize>,
    }

    impl Gated {
        /// The store, what hears that it is asked, and what allows it to keep.
        fn new() -> (Arc<Self>, Receiver<()>, SyncSender<()>) {
            let (asked, is_asked) = sync_channel(9);
            let (allow, may) = sync_channel(9);
            let gated = Self {
                asked,
                may: Mutex::new(may),
                kept: Mutex::default(),
            };
            (Arc::new(gated), is_asked, allow)
        }

        fn kept(&self) -> usize {
            *self.kept.lock().unwrap()
        }
    }

    impl SpanSink for Gated {
        fn keep(&self, spans: Vec<SpanRecord>) -> Result<(), u64> {
            self.asked.send(()).unwrap();
            self.may.lock().unwrap().recv().unwrap();
            *self.kept.lock().unwrap() += spans.len();
            Ok(())
        }
    }

    fn is_pending(future: Pin<&mut impl Future<Output = ()>>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        future.poll(&mut context).is_pending()
    }

    #[tokio::test]
    async fn a_flush_waits_for_what_another_one_took() {
        let (store, is_asked, allow) = Gated::new();
        let traces = Traces::new(&SpanConfig::default(), Some(store.clone()));
        drop(traces.tracer().start("finished"));
        let runtime = tokio::runtime::Handle::current();
        let mut second = pin!(traces.flush());
        std::thread::scope(|scope| {
            scope.spawn(|| runtime.block_on(traces.flush()));
            is_asked.recv().unwrap();
            assert!(is_pending(second.as_mut()), "the first one has it");
            allow.send(()).unwrap();
        });
        second.await;
        assert_eq!(store.kept(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_flush_took_whose_future_was_dropped_is_sent_by_the_next() {
        // It never answers; the clock jumps to the deadline.
        let collector = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = collector.local_addr().unwrap();
        let config = SpanConfig {
            exporter: Exporter::Otlp {
                endpoint: format!("http://{address}/v1/traces").parse().unwrap(),
                headers: Vec::new(),
            },
            ..SpanConfig::default()
        };
        let (store, _is_asked, allow) = Gated::new();
        allow.send(()).unwrap();
        let traces = Traces::new(&config, Some(store.clone()));
        drop(traces.tracer().start("finished"));
        assert!(is_pending(pin!(traces.flush())));
        assert_eq!(store.kept(), 0);
        traces.flush().await;
        assert_eq!(store.kept(), 1);
    }
}
