//! An event's line is its document, and each trace keeps its own.

use super::{Program, object, open_trace, samples, values};
use jiff::SignedDuration;
use leadwire_domain::lead::id::{EventId, LeadId};
use leadwire_domain::problem::Problem;
use leadwire_domain::source::Source;
use leadwire_pipeline::observe::metric::Stage;
use leadwire_pipeline::observe::{
    ColdStarted, EmailSent, EnrichmentBegan, LeadAccepted, Rejection, RequestRejected, Subject,
    TelemetryDropped, Timeliness,
};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::collections::BTreeMap;
use tracing::Instrument as _;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

fn accepted(lead: &LeadId, event: &EventId, source: Source) {
    LeadAccepted {
        subject: Subject {
            lead_id: Some(lead),
            event_id: Some(event),
            source: Some(source),
        },
        source,
        s3_key: "raw/x.json",
        duplicate: false,
        conflicting: false,
        latency: SignedDuration::from_millis(12),
        wait_seconds: 600,
    }
    .emit();
}

fn ids() -> (LeadId, EventId) {
    (
        LeadId::parse("test-1").unwrap(),
        EventId::parse("ev_1").unwrap(),
    )
}

fn began() {
    EnrichmentBegan {
        subject: Subject::default(),
        source: Source::Close,
        delay: SignedDuration::from_secs(601),
        lag: SignedDuration::from_secs(1),
    }
    .emit();
}

#[test]
fn an_events_line_is_its_document() {
    let program = Program::new(Stage::Ingest);
    let (lead, event) = ids();
    let lines = program.told(|| {
        let _open = open_trace(0xabc);
        accepted(&lead, &event, Source::Close);
    });
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    let told = object(line);
    assert_eq!(told["event"], "lead_accepted");
    assert_eq!(told["lead_id"], "test-1");
    assert_eq!(told["source"], "close");
    assert_eq!(told["LeadsAccepted"], 1);
    assert_eq!(told["trace_id"], format!("{:032x}", 0xabc));
    assert_eq!(told["span_id"], format!("{:016x}", 7));
    let samples = samples(&lines);
    assert_eq!(values(&samples, "IngestLatency"), [12.0]);
    for sample in &samples {
        assert_eq!(sample.trace_id.as_deref(), told["trace_id"].as_str());
        let dimensions: Vec<_> = sample.dimensions.values().map(String::as_str).collect();
        assert_eq!(dimensions, ["test", "ingest", "close"]);
    }
}

#[test]
fn each_dimension_is_written_once_though_the_line_says_it_too() {
    let program = Program::new(Stage::Ingest);
    let lines = program.told(|| {
        for reason in [
            Rejection::Problem(Problem::TooLarge),
            Rejection::NotConfigured,
        ] {
            RequestRejected {
                source: Some(Source::Close),
                reason,
                cause: None,
                quarantined: None,
            }
            .emit();
        }
    });
    assert_eq!(lines.len(), 2);
    let reasons: Vec<_> = samples(&lines)
        .into_iter()
        .map(|sample| sample.dimensions["reason"].clone())
        .collect();
    assert_eq!(reasons, ["too_large", "not_configured"]);
}

#[test]
fn a_dimension_that_the_line_contradicts_goes_to_a_document_of_its_own_before_it() {
    let program = Program::new(Stage::Ingest);
    let lines = program.told(|| {
        program.count("LeadsAccepted", &[("source", "close")], 1);
        program.count("ColdStart", &[], 1);
        tracing::info!(source = "generic", "another matter");
    });
    assert_eq!(lines.len(), 2);
    assert_eq!(object(&lines[0])["event"], "metrics");
    assert_eq!(object(&lines[0])["source"], "close");
    assert_eq!(object(&lines[1])["ColdStart"], 1);
    assert_eq!(samples(&lines).len(), 2);
}

#[test]
fn metrics_of_several_sets_of_dimensions_share_a_line() {
    let program = Program::new(Stage::Enrich);
    let lines = program.told(|| {
        EmailSent {
            subject: Subject::default(),
            source: Source::Generic,
            message_id: "m-1",
            attempt: 1,
            latency: SignedDuration::from_secs(612),
            timeliness: Timeliness::InTime,
        }
        .emit();
    });
    assert_eq!(lines.len(), 1);
    let samples = samples(&lines);
    assert_eq!(values(&samples, "EndToEndLatency"), [612_000.0]);
    assert_eq!(values(&samples, "EmailsSent"), [1.0]);
    assert_eq!(values(&samples, "MailedInTime"), [1.0]);
    let directives = &object(&lines[0])["_aws"]["CloudWatchMetrics"];
    assert_eq!(directives.as_array().unwrap().len(), 2);
}

#[test]
fn a_line_that_the_filter_leaves_out_does_not_take_its_metrics_with_it() {
    let program = Program::under(Stage::Enrich, "error");
    let lines = program.told(|| {
        let _open = open_trace(1);
        began();
        ColdStarted.emit();
    });
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert_eq!(object(line)["event"], "metrics");
    let samples = samples(&lines);
    assert_eq!(values(&samples, "EnrichmentDelay"), [601_000.0]);
    assert_eq!(values(&samples, "EnrichmentLag"), [1000.0]);
    assert_eq!(values(&samples, "ColdStart"), [1.0]);
    assert!(samples.iter().all(|sample| sample.trace_id.is_some()));
}

#[test]
fn what_waits_goes_with_the_next_line_of_its_trace() {
    let program = Program::new(Stage::Enrich);
    let lines = program.told(|| {
        {
            let _open = open_trace(1);
            began();
        }
        let _open = open_trace(2);
        program.count("LeadsEnriched", &[], 1);
        tracing::info!("of trace 2");
    });
    assert_eq!(lines.len(), 2);
    assert_eq!(object(&lines[0])["event"], "metrics");
    for sample in samples(&lines) {
        let of_first = sample.name.starts_with("Enrichment");
        let trace = if of_first { 1 } else { 2 };
        assert_eq!(sample.trace_id, Some(format!("{trace:032x}")), "{sample:?}");
    }
}

#[test]
fn what_is_lost_is_told_with_its_reason_and_counted() {
    let program = Program::new(Stage::Sweep);
    let lines = program.told(|| {
        program.count("SweptEvents", &[("lead_id", "test-1")], 1);
        program.count("EmailsSent", &[], 1);
        program.count("EmailsSent", &[], 1);
    });
    let told: Vec<_> = lines.iter().map(|line| object(line)).collect();
    assert!(told.iter().all(|line| line["event"] == "telemetry_dropped"));
    let reasons: Vec<_> = told
        .iter()
        .map(|line| line["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, ["foreign_stage", "wrong_dimension"]);
    assert_eq!(values(&samples(&lines), "TelemetryDropped"), [2.0, 1.0]);
    assert!(lines.iter().all(|line| !line.contains("test-1")));
}

#[test]
fn spans_that_are_lost_are_counted_by_the_same_metric() {
    let program = Program::new(Stage::Enrich);
    let lines = program.told(|| {
        TelemetryDropped {
            spans: 3,
            values: 0,
            reason: "no collector",
        }
        .emit();
    });
    assert_eq!(lines.len(), 1);
    assert_eq!(values(&samples(&lines), "TelemetryDropped"), [3.0]);
}

#[tokio::test]
async fn interleaved_tasks_of_different_traces_do_not_mix() {
    let program = Program::new(Stage::Ingest);
    let tracer = SdkTracerProvider::builder().build().tracer("test");
    let subscriber = Registry::default()
        .with(tracing_opentelemetry::layer().with_tracer(tracer))
        .with(program.layer());
    let _default = tracing::subscriber::set_default(subscriber);
    let task = |source: Source| {
        let program = &program;
        async move {
            let trace = crate::json::open_span().trace_id().to_string();
            for _ in 0..20 {
                program.count("LeadsAccepted", &[("source", source.as_str())], 1);
                tokio::task::yield_now().await;
                tracing::info!(source = source.as_str(), expected = trace, "of a task");
                program.measure("IngestLatency", &[("source", source.as_str())], 1.0);
                tokio::task::yield_now().await;
            }
            (source.as_str().to_owned(), trace)
        }
        .instrument(tracing::info_span!(parent: None, "task"))
    };
    let (close, generic) = tokio::join!(task(Source::Close), task(Source::Generic));
    program.recorder.flush();
    let trace_of = BTreeMap::from([close, generic]);
    let lines = program.paper.lines();
    let samples = samples(&lines);
    assert_eq!(values(&samples, "LeadsAccepted").len(), 40);
    assert_eq!(values(&samples, "IngestLatency").len(), 40);
    for sample in samples {
        let trace = &trace_of[&sample.dimensions["source"]];
        assert_eq!(sample.trace_id.as_ref(), Some(trace));
    }
    let told = lines.iter().map(|line| object(line));
    let of_tasks: Vec<_> = told.filter(|line| line["message"] == "of a task").collect();
    assert_eq!(of_tasks.len(), 40);
    assert!(
        of_tasks
            .iter()
            .all(|line| line["trace_id"] == line["expected"])
    );
}

#[test]
fn the_ids_of_the_open_span_are_on_a_line_whatever_the_filter_says_of_spans() {
    use tracing_subscriber::Layer as _;
    let program = Program::new(Stage::Ingest);
    let tracer = SdkTracerProvider::builder().build().tracer("test");
    let subscriber = Registry::default()
        .with(tracing_opentelemetry::layer().with_tracer(tracer))
        .with(
            program
                .layer()
                .with_filter(tracing_subscriber::filter::LevelFilter::ERROR),
        );
    tracing::subscriber::with_default(subscriber, || {
        tracing::error!("outside");
        let span = tracing::debug_span!("inside");
        let _entered = span.enter();
        tracing::error!("inside");
    });
    let told: Vec<_> = program
        .paper
        .lines()
        .iter()
        .map(|line| object(line))
        .collect();
    assert!(told[0].get("trace_id").is_none() && told[0].get("span_id").is_none());
    assert_eq!(told[1]["trace_id"].as_str().unwrap().len(), 32);
    assert_eq!(told[1]["span_id"].as_str().unwrap().len(), 16);
}

#[test]
fn what_another_thread_recorded_is_written_at_the_end_and_not_on_this_ones_line() {
    let program = Program::new(Stage::Enrich);
    let lines = program.told(|| {
        std::thread::scope(|scope| {
            scope.spawn(|| program.count("EmailsSent", &[], 1));
        });
        tracing::info!("of this thread");
    });
    assert_eq!(lines.len(), 2);
    assert!(object(&lines[0]).get("_aws").is_none());
    assert_eq!(values(&samples(&lines), "EmailsSent"), [1.0]);
}

#[test]
fn threads_that_tell_at_once_never_break_a_line() {
    let program = Program::new(Stage::Enrich);
    std::thread::scope(|scope| {
        for thread in 0..4_u128 {
            let program = &program;
            scope.spawn(move || {
                let _open = open_trace(thread + 1);
                program.run(|| {
                    for _ in 0..200 {
                        began();
                        program.count("LeadsEnriched", &[], 1);
                        tracing::info!("enriched");
                    }
                });
            });
        }
    });
    program.run(|| program.recorder.flush());
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
        let program = Program::new(Stage::Enrich);
        let lines = program.told(|| {
            let event = "lead_told";
            tracing::warn!(
                event,
                lead_id = forged,
                cause = forged,
                reason = forged,
                "{forged}"
            );
            tracing::error!(error = %forged, seen = ?forged, "a failure");
            program.count("EmailsSent", &[("source", forged)], 1);
            program.count(forged, &[], 1);
            tracing::info!(
                source = forged,
                environment = forged,
                service = forged,
                "a line"
            );
        });
        let samples = samples(&lines);
        assert_eq!(values(&samples, "EmailsSent"), [0.0; 0], "{lines:?}");
        // One for an unknown dimension, one for an unknown metric.
        assert_eq!(
            values(&samples, "TelemetryDropped"),
            [1.0, 1.0],
            "{lines:?}"
        );
        for sample in &samples {
            let dimensions = sample.dimensions.values();
            assert!(dimensions.into_iter().all(|value| value != forged));
        }
        for line in &lines {
            let text = line.strip_suffix('\n').expect("a line has its end");
            assert!(
                !text.contains(|c: char| c.is_ascii_control() && c != '\u{7f}'),
                "{line:?}"
            );
        }
        assert_eq!(object(&lines[0])["cause"], forged);
    }
}
