#![doc = include_str!("../README.md")]

mod buffer;
pub mod config;
mod context;
mod emf;
mod export;
mod json;
mod line;
pub mod local;
mod log;
mod panic;
mod prometheus;
mod record;
mod sampler;
mod series;
mod span;
mod traced;
mod traces;

pub use config::SpanConfig;
#[cfg(any(test, feature = "judge"))]
pub use emf::{Sample, validate};
#[cfg(feature = "aws")]
pub use export::sign::sign_with;
pub use leadwire_pipeline::observe::metric::Service;
pub use local::Now;
pub use log::EventFilter;
pub use record::{Kind, SpanLink, SpanRecord, SpanSink};
pub use series::MinuteSample;
pub use span::{
    ATTRIBUTES, Invocation, Names, SPANS, SpanFacts, answered, begin_record, canary_span,
    context_of, link_outside, server_span, sweep_span,
};
pub use traced::{Traced, traced};
pub use traces::FLUSH_DEADLINE;

use opentelemetry_sdk::trace::SdkTracer;
use std::sync::Arc;
use traces::Traces;
use tracing::{Metadata, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::filter::{EnvFilter, FilterFn, Filtered, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

/// The filter where none is given.
pub const DEFAULT_FILTER: &str = "info";

/// Libraries whose lower levels describe requests, and so could tell who they are about. They speak only when they are named.
/// A name stands for every crate that begins with it.
const QUIET: &str = "aws=warn,h2=warn,hyper=warn,lambda_runtime=warn,lettre=warn,opentelemetry=warn,rustls=warn,tower=warn";

/// Starts telemetry for this process: one JSON object a line, on stdout, and spans where `spans` says. A second start is left without effect.
/// `rust_log` is a filter in the form of `RUST_LOG`; an invalid one is logged, and [`DEFAULT_FILTER`] is used. It is a filter of lines only:
/// metrics and spans are recorded whatever it says.
pub fn init(service: Service, environment: &str, rust_log: Option<&str>, spans: &SpanConfig) {
    start_spans(spans, None);
    let (filter, mistake) = filter(rust_log);
    let rust_log = rust_log.filter(|_| mistake.is_none());
    log::start(service, environment, EventFilter::parse(rust_log));
    let layer = json::JsonLayer::new(service, environment, std::io::stdout);
    let started = Registry::default()
        .with(span_layer())
        .with(layer.with_filter(filter))
        .try_init();
    if started.is_ok() {
        panic::install();
    }
    if let Some(mistake) = mistake {
        tracing::warn!(
            variable = "RUST_LOG",
            error = mistake,
            "the log filter cannot be read; info is used"
        );
    }
}

/// Makes the process's tracer: spans go where `spans` says, and to `sink` where a home keeps them itself. A second start is without effect.
pub fn start_spans(spans: &SpanConfig, sink: Option<Arc<dyn SpanSink>>) {
    traces::install(Traces::new(spans, sink));
}

/// The layer that makes spans of the tracer that was started; without one it does nothing.
pub fn span_layer<S>() -> Option<SpanLayer<S>>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let ours: fn(&Metadata<'_>) -> bool = is_ours;
    let traces = traces::installed()?;
    let layer = tracing_opentelemetry::layer()
        .with_tracer(traces.tracer())
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false);
    Some(layer.with_filter(filter_fn(ours)))
}

/// What [`span_layer`] gives.
pub type SpanLayer<S> =
    Filtered<OpenTelemetryLayer<S, SdkTracer>, FilterFn<fn(&Metadata<'_>) -> bool>, S>;

/// Our own spans, and no events: a line is written once, and libraries' spans could quote a request.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().starts_with("leadwire")
}

/// Delivers what has gathered: once an invocation, after its answer was given. It takes at most [`FLUSH_DEADLINE`] a place, after a flush that
/// is under way already.
pub async fn flush() {
    // What is counted must not wait for a collector; what a collector did not take is counted after it.
    log::flush();
    if let Some(traces) = traces::installed() {
        traces.flush().await;
        log::flush();
    }
}

/// Directives that come later win over earlier ones with the same target, so an operator can still name a quiet library.
fn filter(rust_log: Option<&str>) -> (EnvFilter, Option<String>) {
    let wanted = rust_log
        .filter(|text| !text.trim().is_empty())
        .unwrap_or(DEFAULT_FILTER);
    match EnvFilter::builder().parse(format!("{QUIET},{wanted}")) {
        Ok(filter) => (filter, None),
        Err(error) => (
            EnvFilter::new(format!("{QUIET},{DEFAULT_FILTER}")),
            Some(error.to_string()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines of `body` under this filter.
    fn lines(rust_log: Option<&str>, body: impl FnOnce()) -> Vec<serde_json::Value> {
        leadwire_pipeline::testkit::keep_callsites_enabled();
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let layer = json::JsonLayer::new(Service::Enrich, "test", move || writer.clone())
            .with_filter(filter(rust_log).0);
        tracing::subscriber::with_default(Registry::default().with(layer), body);
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_line_is_one_json_object_with_its_fields_at_the_top() {
        let written = lines(None, || {
            tracing::info!(
                lead_id = "test-1",
                receives = 3_u64,
                ratio = f64::NAN,
                done = true,
                "lead\nenriched \"so\""
            );
        });
        let [line] = written.as_slice() else {
            panic!("{written:?}")
        };
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["service"], "enrich");
        assert_eq!(line["environment"], "test");
        assert_eq!(line["message"], "lead\nenriched \"so\"");
        assert_eq!(line["lead_id"], "test-1");
        assert_eq!(line["receives"], 3);
        assert_eq!(line["done"], true);
        assert!(line["ratio"].is_null());
        assert!(
            line["timestamp"]
                .as_str()
                .unwrap()
                .parse::<jiff::Timestamp>()
                .is_ok()
        );
        assert_eq!(line["target"], "leadwire_telemetry::tests");
    }

    #[test]
    fn a_field_that_has_the_name_of_another_member_stands_beside_it() {
        let written = lines(None, || {
            tracing::info!(service = "s3", target = 7_u64, "called");
        });
        assert_eq!(written[0]["service"], "enrich");
        assert_eq!(written[0]["field_service"], "s3");
        assert_eq!(written[0]["field_target"], 7);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let written = lines(None, || {
            tracing::info!(error = "é".repeat(1_000_000), "é{}", "é".repeat(9000));
        });
        let error = written[0]["error"].as_str().unwrap();
        assert!(error.ends_with("é…") && error.len() < 9000);
        assert!(written[0]["message"].as_str().unwrap().len() < 9000);
    }

    #[test]
    fn an_error_is_told_with_its_whole_chain() {
        #[derive(Debug)]
        struct Outer(io::Error);
        impl std::fmt::Display for Outer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("could not put object")
            }
        }
        impl std::error::Error for Outer {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        let written = lines(None, || {
            let outer = Outer(io::Error::other("disk full"));
            let error: &dyn std::error::Error = &outer;
            tracing::error!(error, "failed");
        });
        assert_eq!(written[0]["error"], "could not put object: disk full");
    }

    #[test]
    fn libraries_are_quiet_until_they_are_named() {
        let body = || {
            tracing::debug!(target: "aws_smithy_runtime", "request");
            tracing::debug!(target: "leadwire_pipeline", "ours");
        };
        assert_eq!(lines(None, body).len(), 0);
        assert_eq!(lines(Some("debug"), body).len(), 1);
        assert_eq!(lines(Some("debug,aws_smithy_runtime=debug"), body).len(), 2);
    }

    #[test]
    fn a_filter_that_cannot_be_read_falls_back_to_info() {
        let (_, mistake) = filter(Some("leadwire=louder"));
        assert!(mistake.is_some());
        assert!(filter(Some("  ")).1.is_none());
        assert_eq!(
            lines(Some("leadwire=louder"), || tracing::info!("logged")).len(),
            1
        );
    }

    #[test]
    fn a_panic_is_told_by_its_place_and_never_by_its_message() {
        let written = lines(None, || {
            panic::tell(Some("src/enrich.rs:7:9"));
        });
        assert_eq!(written[0]["message"], "the code panicked");
        assert_eq!(written[0]["location"], "src/enrich.rs:7:9");
        assert_eq!(written[0]["level"], "ERROR");
    }
}
