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
#[cfg(test)]
mod odd;
mod panic;
mod prometheus;
mod quiet;
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
pub use log::EventFilter;
pub use quiet::{QuietSpan, TraceBudget};
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
use tracing_subscriber::filter::{FilterFn, Filtered, Targets, filter_fn};
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
    let layer = json::JsonLayer::new(service, environment, log::to_stdout());
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
fn filter(rust_log: Option<&str>) -> (Targets, Option<String>) {
    let wanted = rust_log.filter(|text| !text.trim().is_empty());
    let parse = |wanted: &str| format!("{QUIET},{wanted}").parse::<Targets>();
    match parse(wanted.unwrap_or(DEFAULT_FILTER)) {
        Ok(filter) => (filter, None),
        Err(error) => (
            parse(DEFAULT_FILTER).expect("the default filter can be read, as a test asserts"),
            Some(error.to_string()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn a_library_is_quiet_unless_it_is_named_and_a_filter_that_cannot_be_read_is_the_default() {
        for (rust_log, aws, ours, is_mistaken) in [
            (None, Level::WARN, Level::INFO, false),
            (Some(" "), Level::WARN, Level::INFO, false),
            (Some("trace"), Level::WARN, Level::TRACE, false),
            (Some("debug,aws=trace"), Level::TRACE, Level::DEBUG, false),
            (
                Some("warn,aws_config=info"),
                Level::WARN,
                Level::WARN,
                false,
            ),
            (Some("leadwire=much"), Level::WARN, Level::INFO, true),
        ] {
            let (filter, mistake) = filter(rust_log);
            for (target, most) in [("aws_smithy_runtime", aws), ("leadwire_aws", ours)] {
                let levels = [
                    Level::ERROR,
                    Level::WARN,
                    Level::INFO,
                    Level::DEBUG,
                    Level::TRACE,
                ];
                for level in levels {
                    let admitted = filter.would_enable(target, &level);
                    assert_eq!(admitted, level <= most, "{rust_log:?} {target} {level}");
                }
            }
            assert_eq!(mistake.is_some(), is_mistaken, "{rust_log:?}");
        }
    }
}
