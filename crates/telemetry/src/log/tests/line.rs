//! An event's line is its document, and each trace keeps its own.

use super::{Odd, Program, object, one, open_trace, samples, values};
use jiff::SignedDuration;
use leadwire_domain::effect::EffectId;
use leadwire_domain::lead::id::{EventId, LeadId};
use leadwire_domain::problem::Problem;
use leadwire_domain::source::{Source, SourceKind};
use leadwire_pipeline::observe::metric::{Metric, Service};
use leadwire_pipeline::observe::{
    ColdStarted, EmailSent, EnrichmentBegan, LeadAccepted, LeadEnriched, Rejection, RequestIgnored,
    RequestRejected, Sink as _, Subject, TelemetryDropped, Timeliness,
};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::collections::BTreeMap;
use tracing::Instrument as _;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, Registry};

fn began() {
    EnrichmentBegan {
        subject: Subject::default(),
        source: SourceKind::Close.into(),
        delay: SignedDuration::from_secs(601),
        lag: SignedDuration::from_secs(1),
    }
    .emit();
}

#[test]
fn an_events_line_is_its_document() {
    let program = Program::new(Service::Ingest);
    let lead = LeadId::parse("test-1").unwrap();
    let event = EventId::parse("ev_1").unwrap();
    let lines = program.lines(|| {
        let _open = open_trace(0xabc);
        LeadAccepted {
            subject: Subject {
                lead_id: Some(&lead),
                event_id: Some(&event),
                source: Some(SourceKind::Close.into()),
            },
            source: SourceKind::Close.into(),
            s3_key: "raw/x.json",
            duplicate: false,
            conflicting: false,
            latency: SignedDuration::from_millis(12),
            wait_seconds: 600,
            of_request: None,
        }
        .emit();
    });
    let written = one(&lines);
    assert_eq!(written["event"], "lead_accepted");
    assert_eq!(written["lead_id"], "test-1");
    assert_eq!(written["source"], "close");
    assert_eq!(written["LeadsAccepted"], 1);
    assert_eq!(written["trace_id"], format!("{:032x}", 0xabc));
    assert_eq!(written["span_id"], format!("{:016x}", 7));
    let samples = samples(&lines);
    assert_eq!(values(&samples, "IngestLatency"), [12.0]);
    for sample in &samples {
        assert_eq!(sample.trace_id.as_deref(), written["trace_id"].as_str());
        let dimensions: Vec<_> = sample.dimensions.values().map(String::as_str).collect();
        assert_eq!(dimensions, ["test", "ingest", "close"]);
    }
}

#[test]
fn each_dimension_is_written_once_though_the_line_says_it_too() {
    let program = Program::new(Service::Ingest);
    let lines = program.lines(|| {
        let too_large = Rejection::Problem(Problem::TooLarge);
        for reason in [too_large, Rejection::NotConfigured] {
            RequestRejected {
                source: Some(SourceKind::Close.into()),
                reason,
                unverified: None,
                cause: None,
                quarantined: None,
            }
            .emit();
        }
    });
    assert_eq!(lines.len(), 2);
    let samples = samples(&lines);
    let reasons = samples.iter().map(|sample| &sample.dimensions["reason"]);
    assert!(reasons.eq(["too_large", "not_configured"]), "{samples:?}");
}

#[test]
fn a_dimension_that_the_line_contradicts_goes_to_a_document_of_its_own_before_it() {
    let program = Program::new(Service::Ingest);
    let lines = program.lines(|| {
        let _open = open_trace(1);
        program.measure(|m| {
            m.count_by(Metric::LeadsAccepted, SourceKind::Close);
            m.count(Metric::ColdStart);
        });
        RequestIgnored {
            source: SourceKind::Generic.into(),
            event_type: "contact.created",
        }
        .emit();
    });
    assert_eq!(lines.len(), 2);
    assert_eq!(object(&lines[0])["event"], "metrics");
    assert_eq!(object(&lines[0])["source"], "close");
    assert_eq!(object(&lines[1])["ColdStart"], 1);
    assert_eq!(samples(&lines).len(), 2);
}

#[test]
fn metrics_of_several_sets_of_dimensions_share_a_line() {
    let program = Program::new(Service::Enrich);
    let lines = program.lines(|| {
        EmailSent {
            effect: &EffectId::everybody(),
            subject: Subject::default(),
            source: SourceKind::Generic.into(),
            message_id: "m-1",
            attempt: 1,
            latency: SignedDuration::from_secs(612),
            since_owner: None,
            timeliness: Timeliness::InTime,
        }
        .emit();
    });
    let samples = samples(&lines);
    assert_eq!(values(&samples, "EndToEndLatency"), [612_000.0]);
    assert_eq!(values(&samples, "EmailsSent"), [1.0]);
    assert_eq!(values(&samples, "MailedInTime"), [1.0]);
    let directives = &one(&lines)["_aws"]["CloudWatchMetrics"];
    assert_eq!(directives.as_array().unwrap().len(), 3);
}

#[test]
fn a_line_that_the_filter_leaves_out_does_not_take_its_metrics_with_it() {
    let program = Program::under(Service::Enrich, "error");
    let lines = program.lines(|| {
        let _open = open_trace(1);
        began();
        ColdStarted {}.emit();
    });
    assert_eq!(one(&lines)["event"], "metrics");
    let samples = samples(&lines);
    assert_eq!(values(&samples, "EnrichmentDelay"), [601_000.0]);
    assert_eq!(values(&samples, "EnrichmentLag"), [1000.0]);
    assert_eq!(values(&samples, "ColdStart"), [1.0]);
    assert!(samples.iter().all(|sample| sample.trace_id.is_some()));
}

fn enriched() {
    LeadEnriched {
        subject: Subject::default(),
        conflicts: 0,
        owner_found: true,
    }
    .emit();
}

#[test]
fn what_waits_goes_with_the_next_line_of_its_trace() {
    let program = Program::new(Service::Enrich);
    let lines = program.lines(|| {
        for trace in [1, 2] {
            let _open = open_trace(trace);
            began();
        }
        std::thread::scope(|scope| {
            // Whichever thread it is that goes on.
            scope.spawn(|| {
                let _open = open_trace(2);
                program.run(enriched);
            });
        });
    });
    assert_eq!(lines.len(), 2);
    assert_eq!(object(&lines[0])["event"], "lead_enriched");
    assert_eq!(object(&lines[0])["EnrichmentLag"], 1000.0);
    assert_eq!(object(&lines[1])["event"], "metrics");
    for (line, trace) in lines.iter().zip([2, 1]) {
        for sample in samples(std::slice::from_ref(line)) {
            assert_eq!(sample.trace_id, Some(format!("{trace:032x}")), "{sample:?}");
        }
    }
}

#[test]
fn without_a_trace_nothing_joins_another_line() {
    let program = Program::new(Service::Enrich);
    let lines = program.lines(|| {
        began();
        enriched();
    });
    assert_eq!(lines.len(), 2);
    assert!(object(&lines[0]).get("EnrichmentLag").is_none());
    assert_eq!(values(&samples(&lines), "EnrichmentLag"), [1000.0]);
}

#[test]
fn what_is_lost_is_reported_with_its_reason_and_counted() {
    let program = Program::new(Service::Sweep);
    let lines = program.lines(|| {
        program.count(Metric::SweptEvents, u64::MAX);
        program.count(Metric::EmailsSent, 1);
        program.count(Metric::EmailsSent, 1);
    });
    let written: Vec<_> = lines.iter().map(|line| object(line)).collect();
    let of = |name: &str| -> Vec<_> { written.iter().map(|line| line[name].clone()).collect() };
    assert_eq!(of("event"), ["telemetry_dropped", "telemetry_dropped"]);
    assert_eq!(of("reason"), ["foreign_stage", "out_of_range"]);
    assert_eq!(values(&samples(&lines), "TelemetryDropped"), [2.0, 1.0]);
}

#[test]
fn spans_that_are_lost_are_counted_by_the_same_metric() {
    let program = Program::new(Service::Enrich);
    let lines = program.lines(|| {
        TelemetryDropped {
            spans: 3,
            values: 0,
            reason: "no collector",
        }
        .emit();
    });
    one(&lines);
    assert_eq!(values(&samples(&lines), "TelemetryDropped"), [3.0]);
}

#[tokio::test]
async fn interleaved_tasks_of_different_traces_do_not_mix() {
    let program = Program::new(Service::Ingest);
    let tracer = SdkTracerProvider::builder().build().tracer("test");
    let subscriber = Registry::default().with(tracing_opentelemetry::layer().with_tracer(tracer));
    let _default = tracing::subscriber::set_default(subscriber);
    let task = |source: Source| {
        let log = &program.log;
        async move {
            let trace = crate::line::open_span().trace_id().to_string();
            for _ in 0..20 {
                log.take(&Odd::silent(|m| m.count_by(Metric::LeadsAccepted, source)));
                tokio::task::yield_now().await;
                let latency = SignedDuration::from_millis(1);
                let mut line = Odd::line(|m| m.time_by(Metric::IngestLatency, latency, source));
                line.fields = vec![
                    ("source", source.as_str().to_owned()),
                    ("expected", trace.clone()),
                ];
                log.take(&line);
                tokio::task::yield_now().await;
            }
            (source.as_str().to_owned(), trace)
        }
        .instrument(tracing::info_span!(parent: None, "task"))
    };
    let (close, generic) = tokio::join!(
        task(SourceKind::Close.into()),
        task(SourceKind::Generic.into())
    );
    let trace_of = BTreeMap::from([close, generic]);
    let lines = program.paper.lines();
    assert_eq!(lines.len(), 40);
    let samples = samples(&lines);
    assert_eq!(values(&samples, "LeadsAccepted").len(), 40);
    assert_eq!(values(&samples, "IngestLatency").len(), 40);
    for sample in samples {
        let trace = &trace_of[&sample.dimensions["source"]];
        assert_eq!(sample.trace_id.as_ref(), Some(trace));
    }
    let mut lines = lines.iter().map(|line| object(line));
    assert!(lines.all(|line| line["trace_id"] == line["expected"]));
}

#[test]
fn the_ids_of_the_open_span_are_on_a_line_whatever_the_filter_says_of_spans() {
    let program = Program::under(Service::Ingest, "error");
    let tracer = SdkTracerProvider::builder().build().tracer("test");
    let lines = program.layer().with_filter(LevelFilter::ERROR);
    let spans = tracing_opentelemetry::layer().with_tracer(tracer);
    let subscriber = Registry::default().with(spans).with(lines);
    let emit = || {
        tracing::error!("of other code");
        program.log.take(&Odd {
            level: tracing::Level::ERROR,
            ..Odd::line(|_| {})
        });
    };
    tracing::subscriber::with_default(subscriber, || {
        emit();
        let span = tracing::debug_span!("inside");
        let _entered = span.enter();
        emit();
    });
    let lines = program.paper.lines();
    let written: Vec<_> = lines.iter().map(|line| object(line)).collect();
    assert_eq!(written.len(), 4);
    for line in &written[..2] {
        assert!(line.get("trace_id").is_none() && line.get("span_id").is_none());
    }
    for line in &written[2..] {
        assert_eq!(line["trace_id"].as_str().unwrap().len(), 32);
        assert_eq!(line["span_id"].as_str().unwrap().len(), 16);
    }
}

#[test]
fn threads_that_log_at_once_never_break_a_line() {
    let program = Program::new(Service::Enrich);
    std::thread::scope(|scope| {
        for thread in 0..4_u128 {
            let program = &program;
            scope.spawn(move || {
                let _open = open_trace(thread + 1);
                program.run(|| {
                    for _ in 0..200 {
                        began();
                        enriched();
                    }
                });
            });
        }
    });
    program.run(|| program.log.flush());
    let lines = program.paper.lines();
    assert_eq!(lines.len(), 800, "each line is one write");
    let samples = samples(&lines);
    assert_eq!(values(&samples, "EnrichmentDelay").len(), 800);
    assert_eq!(values(&samples, "LeadsEnriched").len(), 800);
}

/// What would be a line, a document or a metric of its own, if a value could break out of its quotes.
const FORGED: [&str; 6] = [
    "\n{\"_aws\":{\"Timestamp\":1795416600000,\"CloudWatchMetrics\":[{\"Namespace\":\"Leadwire\",\"Dimensions\":[[]],\"Metrics\":[{\"Name\":\"EmailsSent\"}]}]},\"EmailsSent\":1}\n",
    "{\"_aws\":{\"CloudWatchMetrics\":[]},\"EmailsSent\":1}",
    "x\",\"EmailsSent\":1,\"y\":\"",
    "\r\nERROR forged \u{1b}[31m\u{2028}\u{85}\0",
    "\\\",\"_aws\":{}",
    "\u{202e}}",
];

#[test]
fn a_value_that_looks_like_a_line_or_a_document_stays_a_value() {
    for forged in FORGED {
        let program = Program::new(Service::Enrich);
        let lines = program.lines(|| {
            let (event, lead_id, cause, reason) = ("lead_logged", forged, forged, forged);
            tracing::warn!(event, lead_id, cause, reason, "{forged}");
            tracing::error!(error = %forged, seen = ?forged, "a failure");
            let mut event = Odd::line(|m| m.count(Metric::LeadsEnriched));
            event.fields = ["cause", "source", "environment", "service", "error"]
                .map(|name| (name, forged.to_owned()))
                .into();
            program.log.take(&event);
        });
        let samples = samples(&lines);
        assert_eq!(samples.len(), 1, "{lines:?}");
        assert_eq!(values(&samples, "LeadsEnriched"), [1.0]);
        let mut dimensions = samples[0].dimensions.values();
        assert!(dimensions.all(|value| value != forged));
        for line in &lines {
            let text = line.strip_suffix('\n').expect("a line has its end");
            let is_control = |c: char| c.is_ascii_control() && c != '\u{7f}';
            assert!(!text.contains(is_control), "{line:?}");
        }
        for line in [&lines[0], &lines[2]] {
            assert_eq!(object(line)["cause"], forged);
        }
    }
}
