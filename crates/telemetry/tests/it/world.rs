//! A traced home in memory, and the spans that came out of it.

use leadwire_pipeline::port::{Bucket, Clock as _, NewObject, Ports};
use leadwire_pipeline::secrets::SecretCache;
use leadwire_pipeline::settings::IngestConfig;
use leadwire_pipeline::stage::enrich::{Enrich, Outcome};
use leadwire_pipeline::stage::ingest::{Ingest, Request};
use leadwire_pipeline::stage::sweep::{Sweep, SweepMode};
use leadwire_pipeline::testkit::{FakeHome, FakeSecrets, NoHeaders, enrich_config, sweep_config};
use leadwire_telemetry::{
    Invocation, Names, SpanConfig, SpanRecord, SpanSink, Traced, answered, begin_record,
    context_of, server_span, span_layer, start_spans, sweep_span, traced,
};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tracing::Instrument as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

type Home = Ports<Traced<FakeHome>, Traced<FakeHome>, Traced<FakeHome>, FakeHome, FakeHome>;

/// Every span that came out of this process: a tracer is started once.
#[derive(Default)]
struct Kept(Mutex<Vec<SpanRecord>>);

impl SpanSink for Kept {
    fn keep(&self, spans: Vec<SpanRecord>) -> Result<(), u64> {
        self.0.lock().unwrap().extend(spans);
        Ok(())
    }
}

fn kept() -> &'static Arc<Kept> {
    static KEPT: OnceLock<Arc<Kept>> = OnceLock::new();
    KEPT.get_or_init(|| {
        let kept = Arc::new(Kept::default());
        start_spans(&SpanConfig::default(), Some(kept.clone()));
        tracing_subscriber::registry().with(span_layer()).init();
        kept
    })
}

/// The home and its stages.
pub(crate) struct World {
    /// The home without spans.
    pub(crate) memory: FakeHome,
    names: Arc<Names>,
    ingest: Ingest<Home, FakeSecrets>,
    enrich: Enrich<Home>,
    sweep: Sweep<Home>,
}

impl World {
    pub(crate) fn new() -> Self {
        kept();
        let memory = FakeHome::new(Arc::default(), Arc::default());
        let names = Arc::new(Names {
            raw: "raw-bucket".to_owned(),
            ..Names::aws("https://sqs.us-east-1.amazonaws.com/1/stack-delay")
        });
        let ports = Ports {
            store: memory.clone(),
            queue: memory.clone(),
            mailer: memory.clone(),
            clock: memory.clone(),
            entropy: memory.clone(),
        };
        let home = Arc::new(traced(ports, &names));
        let secrets = SecretCache::new(FakeSecrets::default(), "dev");
        let config = IngestConfig { delay_seconds: 600 };
        Self {
            ingest: Ingest::new(Arc::clone(&home), secrets, config),
            enrich: Enrich::new(Arc::clone(&home), enrich_config()),
            sweep: Sweep::new(home, sweep_config()),
            memory,
            names,
        }
    }

    /// Posts a lead as a carrier does. Gives back its trace id.
    pub(crate) async fn post(&self, lead_id: &str) -> String {
        let body = format!(r#"{{"lead_id":"{lead_id}","display_name":"Alice"}}"#);
        let span = server_span("POST", "/ingest", "https", &Invocation::default());
        let trace = context_of(&span);
        let request = Request {
            method: "POST",
            path: "/ingest",
            called: "/ingest",
            query: "",
            headers: &NoHeaders,
            body: body.as_bytes(),
            received_at: self.memory.now(),
            trace: trace.clone(),
        };
        let answer = self.ingest.handle(request).instrument(span.clone()).await;
        answered(&span, "/ingest", &answer);
        assert_eq!(answer.status, 202, "{answer:?}");
        trace.trace_id().unwrap().to_owned()
    }

    pub(crate) fn put_owner(&self, lead_id: &str) {
        let owner = format!(r#"{{"lead_id":"{lead_id}","lead_owner":"Omar"}}"#);
        self.put_file(lead_id, owner);
    }

    /// Writes the owner file of a lead.
    pub(crate) fn put_file(&self, lead_id: &str, json: String) {
        let (key, object) = (format!("{lead_id}.json"), NewObject::of(json.into_bytes()));
        self.memory.plant(Bucket::Lookup, &key, object);
    }

    /// Receives what is due and works on it as the event source mapping does.
    pub(crate) async fn work(&self) -> Vec<Outcome> {
        let now = self.memory.now();
        let mut records = self.memory.receive(10);
        for record in &mut records {
            record.first_received_at = Some(now);
            begin_record(record, &self.names, &Invocation::default());
        }
        let handles: Vec<_> = records.iter().map(|r| r.receipt_handle.clone()).collect();
        let outcomes = self.enrich.handle_batch(records, Duration::from_mins(1));
        let outcomes: Vec<_> = outcomes.await.into_iter().map(|(_, o)| o).collect();
        for (handle, outcome) in handles.iter().zip(&outcomes) {
            if !outcome.is_failed() {
                self.memory.delete(handle);
            }
        }
        outcomes
    }

    pub(crate) async fn sweep(&self) {
        let span = sweep_span(&Invocation::default());
        let swept = self.sweep.run(SweepMode::Send).instrument(span);
        swept.await.unwrap();
    }
}

/// The spans of a trace that have finished, in the order of their beginning.
pub(crate) async fn spans_of(trace_id: &str) -> Vec<SpanRecord> {
    let mut spans = spans_where(|span| span.trace_id == trace_id).await;
    spans.sort_by_key(|span| span.start_unix_nanos);
    spans
}

/// The spans like this, of any trace.
pub(crate) async fn spans_where(is_wanted: impl Fn(&SpanRecord) -> bool) -> Vec<SpanRecord> {
    leadwire_telemetry::flush().await;
    let kept = kept().0.lock().unwrap();
    let wanted = kept.iter().filter(|span| is_wanted(span));
    wanted.cloned().collect()
}
