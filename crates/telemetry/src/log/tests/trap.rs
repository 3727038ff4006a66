//! The traps of the format: what other encoders write, and `CloudWatch` drops without a word.

use super::{Odd, Paper, Program, object, open_trace, samples, validate, values};
use crate::emf::{Document, LINE_BYTES_MAX, Loss, PAST_MS, Value};
use crate::line::now;
use crate::log::{EventFilter, LogSink};
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::channel::ChannelKind;
use leadwire_domain::problem::Problem;
use leadwire_domain::source::{Source, SourceKind};
use leadwire_pipeline::observe::Sink as _;
use leadwire_pipeline::observe::metric::{
    Amount, Dimension, Further, Measured, Metric, Rejection, Service,
};
use std::cell::Cell;

fn value_of(metric: Metric, amount: Amount) -> Result<f64, Loss> {
    let measured = Measured {
        metric,
        further: None,
        amount,
    };
    let value = Value::of(measured, Service::Enrich, 0, None)?;
    let written = serde_json::to_value(value.number).unwrap();
    Ok(written.as_f64().unwrap())
}

#[test]
fn what_is_no_number_negative_or_too_large_is_lost() {
    let lag = |value| value_of(Metric::EnrichmentLag, Amount::Millis(value));
    let infinite = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    for value in infinite.into_iter().chain([-0.001, 1e109, f64::MAX]) {
        assert_eq!(lag(value), Err(Loss::OutOfRange), "{value}");
    }
    for value in [0.0, f64::MIN_POSITIVE, 1e107] {
        assert_eq!(lag(value), Ok(value));
    }
    assert_eq!(lag(-0.0).map(f64::is_sign_positive), Ok(true));
    let sent = |count| value_of(Metric::EmailsSent, Amount::Count(count));
    assert_eq!(sent(u64::MAX), Err(Loss::OutOfRange));
    assert_eq!(sent(1 << 53), Ok(9_007_199_254_740_992.0));
}

#[test]
fn two_values_of_one_metric_are_a_list_and_more_than_a_hundred_are_more_documents() {
    let program = Program::new(Service::Enrich);
    let lines = program.lines(|| {
        let _open = open_trace(1);
        for value in 0..250 {
            let lag = SignedDuration::from_millis(value);
            program.measure(|m| m.time(Metric::EnrichmentLag, lag));
        }
        program.emit(|_| {});
    });
    assert_eq!(lines.len(), 3);
    let of_line = &object(&lines[2])["EnrichmentLag"];
    assert_eq!(of_line.as_array().unwrap().len(), 100);
    let mut values = values(&samples(&lines), "EnrichmentLag");
    values.sort_by(f64::total_cmp);
    assert!(values.into_iter().eq((0..250_u32).map(f64::from)));
}

#[test]
fn values_of_two_sources_never_share_a_document() {
    let program = Program::new(Service::Ingest);
    let lines = program.lines(|| {
        let latency = SignedDuration::from_millis(1);
        for source in ["close", "generic", "close", "standard"] {
            let source = Source::of_labels(source, None).unwrap();
            program.measure(|m| m.time_by(Metric::IngestLatency, latency, source));
        }
    });
    let samples = samples(&lines);
    let counts: Vec<_> = samples
        .iter()
        .map(|sample| (sample.dimensions["source"].as_str(), sample.values.len()))
        .collect();
    assert_eq!(counts, [("close", 2), ("generic", 1), ("standard", 1)]);
}

#[test]
fn more_than_may_wait_is_written_without_a_line() {
    let program = Program::new(Service::Enrich);
    program.run(|| {
        for _ in 0..1500 {
            program.count(Metric::EmailsSent, 1);
        }
    });
    let written = program.paper.lines().len();
    assert_eq!(written, 10, "a thousand values, a hundred each");
    let lines = program.lines(|| {});
    assert_eq!(values(&samples(&lines), "EmailsSent").len(), 1500);
}

#[test]
fn an_environment_that_cannot_be_a_dimension_has_a_name_that_can() {
    for environment in ["", "  ", ":x", "é", "a\nb"] {
        let paper = Paper::default();
        let filter = EventFilter::parse(None);
        let log = LogSink::new(Service::Sweep, environment, filter, paper.write());
        log.take(&Odd::silent(|m| m.count(Metric::SweptEvents)));
        log.flush();
        let lines = paper.lines();
        assert_eq!(object(&lines[0])["environment"], "invalid");
        assert_eq!(samples(&lines).len(), 1);
    }
}

#[test]
fn a_field_named_like_a_metric_or_the_metadata_is_renamed() {
    let program = Program::new(Service::Sweep);
    let lines = program.lines(|| {
        tracing::info!(SweptEvents = "none", _aws = 1, "confusing");
    });
    let written = object(&lines[0]);
    assert_eq!(written["field_SweptEvents"], "none");
    assert_eq!(written["field__aws"], 1);
    assert_eq!(samples(&lines).len(), 0);
}

#[test]
fn a_paper_that_takes_nothing_is_a_loss_that_is_counted() {
    let closed = |_: &[u8]| Err(std::io::ErrorKind::BrokenPipe.into());
    let program = Program::with(Service::Sweep, "info", |log| log.write = Box::new(closed));
    program.count(Metric::SweptEvents, 1);
    program.log.write_held();
    program.emit(|m| {
        m.count(Metric::SweptEvents);
        m.count(Metric::ColdStart);
    });
    let lost: Vec<_> = program.log.state().lost.clone().into_iter().collect();
    assert_eq!(lost, [(Loss::NotWritten, 3)]);
}

#[test]
fn the_command_writes_lines_and_no_documents() {
    let program = Program::new(Service::Leadwire);
    let lines = program.lines(|| {
        program.emit(|m| m.count(Metric::SweptEvents));
        program.count(Metric::SweptEvents, 1);
    });
    assert_eq!(lines.len(), 1);
    assert_eq!(samples(&lines).len(), 0);
}

/// Every value of a dimension.
fn all(dimension: Option<Dimension>) -> Vec<Option<Further>> {
    let sources = SourceKind::configurable().map(Source::from);
    let reasons = Problem::ALL.iter().copied().map(Rejection::Problem);
    let reasons = reasons.chain([Rejection::NotConfigured]);
    match dimension {
        None => vec![None],
        Some(Dimension::Source) => sources.map(|source| Some(source.into())).collect(),
        Some(Dimension::Reason) => reasons.map(|reason| Some(reason.into())).collect(),
        Some(Dimension::Channel) => {
            let kinds = ChannelKind::ALL.into_iter();
            kinds.map(|kind| Some(kind.into())).collect()
        }
    }
}

#[test]
fn the_catalogue_has_nothing_that_the_format_does_not_take() {
    for metric in Metric::ALL {
        let facts = metric.facts();
        for service in facts.services {
            let program = Program::new(*service);
            let furthers = all(facts.further);
            let lines = program.lines(|| {
                let values = furthers.iter().map(|further| Measured {
                    metric,
                    further: *further,
                    amount: Amount::Count(1),
                });
                let at_ms = now().as_millisecond();
                let values = values.map(|value| Value::of(value, *service, at_ms, None).unwrap());
                program.log.hold(values);
            });
            assert_eq!(values(&samples(&lines), facts.name).len(), furthers.len());
        }
    }
}

thread_local! {
    static NOW_MS: Cell<i64> = const { Cell::new(0) };
}

/// A program of `sweep` whose clock stands until it is set.
fn with_set_clock() -> Program {
    NOW_MS.set(now().as_millisecond());
    Program::with(Service::Sweep, "info", |log| {
        log.clock = || Timestamp::from_millisecond(NOW_MS.get()).unwrap();
    })
}

#[test]
fn a_value_that_waited_beyond_the_window_is_lost_and_counted() {
    let program = with_set_clock();
    program.count(Metric::SweptEvents, 1);
    NOW_MS.set(NOW_MS.get() + PAST_MS + 1);
    program.count(Metric::SweptEvents, 2);
    let lines = program.lines(|| {});
    let samples: Vec<_> = lines
        .iter()
        .flat_map(|line| validate(line, NOW_MS.get()).unwrap())
        .collect();
    assert_eq!(values(&samples, "SweptEvents"), [2.0]);
    assert_eq!(values(&samples, "TelemetryDropped"), [1.0]);
}

#[test]
fn values_of_different_minutes_have_documents_of_their_own_time() {
    let program = with_set_clock();
    let start = NOW_MS.get();
    for half_minutes in 0..4 {
        NOW_MS.set(start + half_minutes * 30_000);
        program.count(Metric::SweptEvents, 1);
    }
    program.log.flush();
    let samples = samples(&program.paper.lines());
    let times: Vec<_> = samples
        .iter()
        .map(|s| (s.at_ms - start, s.values.len()))
        .collect();
    assert_eq!(times, [(0, 2), (60_000, 2)]);
}

#[test]
fn a_document_stays_within_the_size_that_a_line_may_have() {
    let (service, at_ms) = (Service::Enrich, now().as_millisecond());
    let metrics = Metric::ALL.into_iter().filter(|metric| {
        let facts = metric.facts();
        facts.further.is_none() && facts.services.contains(&service)
    });
    let values = metrics.cycle().take(10_000).map(|metric| {
        let measured = Measured {
            metric,
            further: None,
            amount: Amount::Millis(1.234_567_890_123_456_7e-100),
        };
        Value::of(measured, service, at_ms, None).unwrap()
    });
    let program = Program::new(service);
    let lines = program.lines(|| program.log.write_documents(values.collect()));
    let written = samples(&lines);
    let written: usize = written.iter().map(|sample| sample.values.len()).sum();
    assert_eq!(written, 10_000);
    assert!(lines.iter().all(|line| line.len() < LINE_BYTES_MAX));
}

#[test]
fn a_line_that_is_full_leaves_its_metrics_to_a_document_of_their_own() {
    let program = Program::new(Service::Sweep);
    let lines = program.lines(|| {
        let mut event = Odd::line(|m| m.count(Metric::SweptEvents));
        let long = "\u{1}".repeat(8000);
        event.fields = ["a", "b", "c", "d", "e"]
            .map(|name| (name, long.clone()))
            .into();
        program.log.take(&event);
    });
    assert_eq!(lines.len(), 2);
    assert_eq!(values(&samples(&lines), "SweptEvents"), [1.0]);
}

#[test]
fn no_metric_has_the_name_of_another_member() {
    for metric in Metric::ALL {
        let name = metric.name();
        // Members that lines have for themselves are in snake case.
        assert!(name.starts_with(|c: char| c.is_ascii_uppercase()), "{name}");
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric()), "{name}");
    }
}

#[test]
fn nothing_is_no_document() {
    assert!(Document::of(Vec::new()).is_empty());
    let program = Program::new(Service::Sweep);
    assert!(program.lines(|| {}).is_empty());
}
