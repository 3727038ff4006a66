//! The traps of the format: what other encoders write, and `CloudWatch` drops without a word.

use super::super::document::Document;
use super::super::limit::{LINE_BYTES_MAX, PAST_MS};
use super::super::validate::validate_by;
use super::{Paper, Program, key, object, samples, values};
use crate::Service;
use crate::emf::{Emf, Recorder};
use crate::json::now;
use jiff::Timestamp;
use leadwire_pipeline::observe::metric::{Facts, Metric, Resolution, Stage, Unit};
use metrics::Recorder as _;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

/// A sweep that records this tells so many values as lost, and counts them.
#[track_caller]
fn check_lost(record: impl FnOnce(&Program), (reason, many): (&str, u32)) {
    let program = Program::new(Stage::Sweep);
    let lines = program.told(|| record(&program));
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert_eq!(object(line)["event"], "telemetry_dropped");
    assert_eq!(object(line)["reason"], reason);
    assert_eq!(object(line)["values"], many);
    assert_eq!(
        values(&samples(&lines), "TelemetryDropped"),
        [f64::from(many)]
    );
}

#[test]
fn what_is_not_a_number_is_lost_and_counted() {
    let program = Program::new(Stage::Enrich);
    let lines = program.told(|| {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5.0] {
            program.measure("EnrichmentLag", &[], value);
        }
    });
    let samples = samples(&lines);
    assert_eq!(values(&samples, "EnrichmentLag"), [5.0]);
    assert_eq!(values(&samples, "TelemetryDropped"), [3.0]);
}

#[test]
fn what_is_negative_or_too_large_is_lost_and_counted() {
    let program = Program::new(Stage::Enrich);
    let lines = program.told(|| {
        for value in [-0.001, 1e109, f64::MAX, -0.0, f64::MIN_POSITIVE, 1e107] {
            program.measure("EnrichmentLag", &[], value);
        }
        program.count("EmailsSent", &[], u64::MAX);
        program.count("EmailsSent", &[], 1 << 53);
    });
    let samples = samples(&lines);
    assert_eq!(
        values(&samples, "EnrichmentLag"),
        [0.0, f64::MIN_POSITIVE, 1e107]
    );
    assert_eq!(values(&samples, "EmailsSent"), [9_007_199_254_740_992.0]);
    assert_eq!(values(&samples, "TelemetryDropped"), [4.0]);
}

#[test]
fn an_unknown_metric_is_lost_and_counted() {
    check_lost(|p| p.count("LeadsLost", &[], 3), ("unknown_metric", 1));
    check_lost(|p| p.count("", &[], 3), ("unknown_metric", 1));
}

#[test]
fn a_metric_of_another_stage_is_lost_and_counted() {
    check_lost(|p| p.count("EmailsSent", &[], 1), ("foreign_stage", 1));
}

#[test]
fn a_dimension_that_the_catalogue_does_not_have_is_lost_and_counted() {
    for labels in [
        [("lead_id", "test-1")].as_slice(),
        &[("service", "sweep")],
        &[("", "")],
    ] {
        check_lost(
            |p| p.count("SweptEvents", labels, 1),
            ("wrong_dimension", 1),
        );
    }
}

#[test]
fn a_dimension_that_is_missing_empty_too_long_or_unknown_is_lost_and_counted() {
    let long = "x".repeat(1025);
    let program = Program::new(Stage::Ingest);
    let lines = program.told(|| {
        for labels in [
            [].as_slice(),
            &[("source", "close"), ("source", "close")],
            &[("source", "close"), ("reason", "unverified")],
        ] {
            program.count("LeadsAccepted", labels, 1);
        }
        for value in ["", " ", "salesforce", long.as_str(), "Close"] {
            program.count("LeadsAccepted", &[("source", value)], 1);
        }
    });
    assert_eq!(values(&samples(&lines), "TelemetryDropped"), [3.0, 5.0]);
    assert!(lines.iter().all(|line| line.len() < 1024));
}

#[test]
fn an_absolute_count_and_a_gauge_that_moves_are_lost_and_counted() {
    check_lost(
        |p| {
            let counter = p
                .recorder
                .register_counter(&key("SweptEvents", &[]), &super::METADATA);
            counter.absolute(7);
            let gauge = p
                .recorder
                .register_gauge(&key("SweptEvents", &[]), &super::METADATA);
            gauge.increment(1.0);
            gauge.decrement(1.0);
        },
        ("wrong_kind", 3),
    );
    let program = Program::new(Stage::Enrich);
    let lines = program.told(|| {
        program.count("EnrichmentLag", &[], 1);
        let gauge = program
            .recorder
            .register_gauge(&key("EmailsParked", &[]), &super::METADATA);
        gauge.set(4.0);
    });
    assert_eq!(values(&samples(&lines), "EmailsParked"), [4.0]);
    assert_eq!(values(&samples(&lines), "TelemetryDropped"), [1.0]);
}

#[test]
fn two_values_of_one_metric_are_a_list_and_more_than_a_hundred_are_more_documents() {
    let program = Program::new(Stage::Enrich);
    let lines = program.told(|| {
        for value in 0..250_u32 {
            program.measure("EnrichmentLag", &[], f64::from(value));
        }
        tracing::info!("the line has the first hundred");
    });
    assert_eq!(lines.len(), 3);
    assert_eq!(
        object(&lines[2])["EnrichmentLag"].as_array().unwrap().len(),
        100
    );
    let mut values = values(&samples(&lines), "EnrichmentLag");
    values.sort_by(f64::total_cmp);
    assert!(values.into_iter().eq((0..250_u32).map(f64::from)));
}

#[test]
fn values_of_two_sources_never_share_a_document() {
    let program = Program::new(Stage::Ingest);
    let lines = program.told(|| {
        for source in ["close", "generic", "close", "standard"] {
            program.measure("IngestLatency", &[("source", source)], 1.0);
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
    let program = Program::new(Stage::Enrich);
    program.run(|| {
        for _ in 0..1500 {
            program.count("EmailsSent", &[], 1);
        }
    });
    assert_eq!(
        program.paper.lines().len(),
        10,
        "a thousand values, a hundred each"
    );
    let lines = program.told(|| {});
    assert_eq!(values(&samples(&lines), "EmailsSent").len(), 1500);
}

#[test]
fn an_environment_that_cannot_be_a_dimension_has_a_name_that_can() {
    for environment in ["", "  ", ":x", "é", "a\nb"] {
        let paper = Paper::default();
        let recorder = Recorder::new(Stage::Sweep, environment, paper.sink());
        recorder
            .register_counter(&key("SweptEvents", &[]), &super::METADATA)
            .increment(1);
        recorder.flush();
        assert_eq!(object(&paper.lines()[0])["environment"], "invalid");
        assert_eq!(samples(&paper.lines()).len(), 1);
    }
}

#[test]
fn a_field_named_like_a_metric_or_the_metadata_is_renamed() {
    let program = Program::new(Stage::Sweep);
    let lines = program.told(|| {
        program.count("SweptEvents", &[], 2);
        tracing::info!(SweptEvents = "none", _aws = 1, "confusing");
    });
    let told = object(&lines[0]);
    assert_eq!(told["field_SweptEvents"], "none");
    assert_eq!(told["field__aws"], 1);
    assert_eq!(values(&samples(&lines), "SweptEvents"), [2.0]);
}

#[test]
fn a_paper_that_takes_nothing_is_a_loss_that_is_counted() {
    let recorder = Recorder::new(
        Stage::Sweep,
        "test",
        Box::new(|_| Err(std::io::ErrorKind::BrokenPipe.into())),
    );
    recorder
        .register_counter(&key("SweptEvents", &[]), &super::METADATA)
        .increment(1);
    recorder.0.write_all();
    recorder.lose(2);
    let lost: Vec<_> = recorder.0.state().lost.values().copied().collect();
    assert_eq!(lost, [3]);
}

#[test]
fn the_command_writes_no_documents() {
    assert!(Recorder::install(Service::Leadwire, "test").is_none());
}

#[test]
fn the_catalogue_has_nothing_that_the_format_does_not_take() {
    for metric in Metric::ALL {
        let facts = metric.facts();
        for stage in facts.stages {
            let program = Program::new(*stage);
            let dimension = facts
                .further
                .map(|dimension| (dimension.name(), dimension.values()));
            let lines = program.told(|| match &dimension {
                None => program.measure(facts.name, &[], 1.0),
                Some((name, values)) => {
                    for value in values {
                        program.measure(facts.name, &[(*name, *value)], 1.0);
                    }
                }
            });
            let told = values(&samples(&lines), facts.name).len();
            assert_eq!(told, dimension.map_or(1, |(_, values)| values.len()));
        }
    }
}

static CLOCK_MS: AtomicI64 = AtomicI64::new(0);

fn set_clock() -> Timestamp {
    Timestamp::from_millisecond(CLOCK_MS.load(Ordering::Relaxed)).unwrap()
}

#[test]
fn a_value_that_waited_beyond_the_window_is_lost_and_counted() {
    let start = now().as_millisecond();
    CLOCK_MS.store(start, Ordering::Relaxed);
    let paper = Paper::default();
    let mut recorder = Recorder::new(Stage::Sweep, "test", paper.sink());
    Arc::get_mut(&mut recorder.0).unwrap().clock = set_clock;
    let sweeps = recorder.register_counter(&key("SweptEvents", &[]), &super::METADATA);
    sweeps.increment(1);
    CLOCK_MS.store(start + PAST_MS + 1, Ordering::Relaxed);
    sweeps.increment(2);
    metrics::with_local_recorder(&recorder, || recorder.flush());
    CLOCK_MS.store(start, Ordering::Relaxed);
    let now_ms = start + PAST_MS + 1;
    let told: Vec<_> = paper
        .lines()
        .iter()
        .flat_map(|line| super::validate(line, now_ms).unwrap())
        .collect();
    assert_eq!(values(&told, "SweptEvents"), [2.0]);
    assert_eq!(values(&told, "TelemetryDropped"), [1.0]);
}

#[test]
fn values_of_different_minutes_have_documents_of_their_own_time() {
    static MINUTES: AtomicI64 = AtomicI64::new(0);
    let start = now().as_millisecond();
    MINUTES.store(start, Ordering::Relaxed);
    let paper = Paper::default();
    let mut recorder = Recorder::new(Stage::Sweep, "test", paper.sink());
    Arc::get_mut(&mut recorder.0).unwrap().clock =
        || Timestamp::from_millisecond(MINUTES.load(Ordering::Relaxed)).unwrap();
    for _ in 0..4 {
        recorder
            .register_counter(&key("SweptEvents", &[]), &super::METADATA)
            .increment(1);
        MINUTES.fetch_add(30_000, Ordering::Relaxed);
    }
    recorder.flush();
    let samples = samples(&paper.lines());
    let times: Vec<_> = samples
        .iter()
        .map(|s| (s.at_ms - start, s.values.len()))
        .collect();
    assert_eq!(times, [(0, 2), (60_000, 2)]);
}

/// A catalogue of another size: `metric-0` to `metric-249`, every third one of high resolution.
fn many(name: &str) -> Option<Facts> {
    static MANY: OnceLock<Vec<Facts>> = OnceLock::new();
    let many = MANY.get_or_init(|| {
        let facts = |n: usize| Facts {
            name: format!("metric-{n}-{}", "x".repeat(200)).leak(),
            unit: Unit::Count,
            resolution: if n.is_multiple_of(3) {
                Resolution::High
            } else {
                Resolution::Standard
            },
            further: None,
            stages: &[Stage::Sweep],
            about: "One of many.",
        };
        (0..250).map(facts).collect()
    });
    many.iter().find(|facts| facts.name == name).copied()
}

fn program_of_many() -> Program {
    let mut program = Program::new(Stage::Sweep);
    let emf: &mut Emf = Arc::get_mut(&mut program.recorder.0).unwrap();
    emf.catalogue = many;
    program
}

#[test]
fn the_hundred_and_first_metric_begins_another_document() {
    let program = program_of_many();
    let lines = program.told(|| {
        for n in 0..250 {
            program.count(&format!("metric-{n}-{}", "x".repeat(200)), &[], 1);
        }
    });
    let sizes: Vec<_> = lines
        .iter()
        .map(|line| {
            validate_by(many, line, now().as_millisecond())
                .unwrap()
                .len()
        })
        .collect();
    assert_eq!(sizes, [100, 100, 50]);
}

#[test]
fn high_resolution_is_written_where_it_is_declared() {
    let program = program_of_many();
    let lines = program.told(|| {
        for n in 0..2 {
            program.count(&format!("metric-{n}-{}", "x".repeat(200)), &[], 1);
        }
    });
    let metrics = &object(&lines[0])["_aws"]["CloudWatchMetrics"][0]["Metrics"];
    assert_eq!(metrics[0]["StorageResolution"], 1);
    assert!(metrics[1].get("StorageResolution").is_none());
    let standard = lines[0].replace("\"StorageResolution\":1", "\"StorageResolution\":60");
    assert!(validate_by(many, &standard, now().as_millisecond()).is_err());
}

#[test]
fn a_document_stays_within_the_size_that_a_line_may_have() {
    let program = program_of_many();
    let lines = program.told(|| {
        for _ in 0..100 {
            for n in 0..100 {
                let name = format!("metric-{n}-{}", "x".repeat(200));
                program.measure(&name, &[], 1.234_567_890_123_456_7e-100);
            }
        }
    });
    let told: usize = lines
        .iter()
        .flat_map(|line| validate_by(many, line, now().as_millisecond()).unwrap())
        .map(|sample| sample.values.len())
        .sum();
    assert_eq!(told, 10_000);
    assert!(lines.iter().all(|line| line.len() < LINE_BYTES_MAX));
}

#[test]
fn a_line_that_is_full_leaves_its_metrics_to_a_document_of_their_own() {
    let program = Program::new(Stage::Sweep);
    let lines = program.told(|| {
        program.count("SweptEvents", &[], 1);
        let long = "\u{1}".repeat(8000);
        tracing::info!(a = long, b = long, c = long, d = long, e = long, "long");
    });
    assert_eq!(lines.len(), 2);
    assert_eq!(values(&samples(&lines), "SweptEvents"), [1.0]);
}

/// A catalogue whose one metric has the name of a member.
fn taken(name: &str) -> Option<Facts> {
    let facts = Metric::SweptEvents.facts();
    (name == "message").then_some(Facts {
        name: "message",
        ..facts
    })
}

#[test]
fn a_metric_with_the_name_of_a_member_is_lost_and_counted() {
    let mut program = Program::new(Stage::Sweep);
    Arc::get_mut(&mut program.recorder.0).unwrap().catalogue = taken;
    program.count("message", &[], 1);
    assert!(program.recorder.0.state().waiting.is_empty());
    let lost: Vec<_> = program
        .recorder
        .0
        .state()
        .lost
        .keys()
        .map(|loss| loss.code())
        .collect();
    assert_eq!(lost, ["unusable_name"]);
}

#[test]
fn nothing_is_no_document() {
    assert!(Document::of(Vec::new()).is_empty());
    let program = Program::new(Stage::Sweep);
    assert!(program.told(|| {}).is_empty());
}
