#![expect(
    clippy::disallowed_macros,
    reason = "the recorder is told what the pipeline would tell, and worse"
)]

use super::*;
use jiff::Timestamp;
use metrics::{counter, gauge, histogram};
use std::cell::Cell;

thread_local! {
    static MINUTE: Cell<i64> = const { Cell::new(100) };
}

fn now() -> Timestamp {
    Timestamp::from_second(MINUTE.get() * 60 + 7).unwrap()
}

fn local() -> LocalMetrics {
    LocalMetrics::new(Setup {
        environment: "test",
        now,
    })
}

/// What is told by `body`.
fn told(local: &LocalMetrics, body: impl FnOnce()) {
    metrics::with_local_recorder(&local.recorder(), body);
}

/// Samples as short text: name, further dimension, minute, count, sum, min and max.
fn short(samples: &[MinuteSample]) -> Vec<String> {
    let line = |sample: &MinuteSample| {
        assert_eq!(sample.dimensions["environment"], "test");
        let further: Vec<&str> = sample
            .dimensions
            .iter()
            .filter(|(name, _)| **name != "environment")
            .map(|(_, value)| value.as_str())
            .collect();
        let MinuteSample {
            metric,
            minute,
            count,
            sum,
            min,
            max,
            ..
        } = sample;
        format!(
            "{metric} {} @{minute} {count} {sum} {min} {max}",
            further.join(" ")
        )
    };
    samples.iter().map(line).collect()
}

fn lines(page: &str, start: &str) -> Vec<String> {
    let mut lines: Vec<String> = page
        .lines()
        .filter(|line| line.starts_with(start))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

#[test]
fn values_add_up_by_minute_and_dimension_until_they_are_taken() {
    let local = local();
    told(&local, || {
        histogram!("IngestLatency", "source" => "close").record(5.0);
        histogram!("IngestLatency", "source" => "close").record(1.5);
        histogram!("IngestLatency", "source" => "generic").record(2.0);
        counter!("EmailsSent").increment(3);
        MINUTE.set(101);
        counter!("EmailsSent").increment(1);
        MINUTE.set(100);
    });
    let expected = [
        "EmailsSent enrich @100 1 3 3 3",
        "IngestLatency ingest close @100 2 6.5 1.5 5",
        "IngestLatency ingest generic @100 1 2 2 2",
        "EmailsSent enrich @101 1 1 1 1",
    ];
    let samples = local.drain();
    assert_eq!(short(&samples), expected);
    assert_eq!(local.drain(), []);
    local.put_back(samples);
    told(&local, || counter!("EmailsSent").increment(1));
    assert_eq!(short(&local.drain())[0], "EmailsSent enrich @100 2 4 1 3");
}

#[test]
fn what_the_catalogue_does_not_know_is_dropped_and_counted() {
    let local = local();
    told(&local, || {
        counter!("Unknown").increment(7);
        counter!("IngestLatency", "source" => "close").increment(1);
        histogram!("IngestLatency").record(1.0);
        histogram!("IngestLatency", "reason" => "close").record(1.0);
        histogram!("IngestLatency", "source" => "").record(1.0);
        histogram!("IngestLatency", "source" => "a-stranger").record(1.0);
        histogram!("IngestLatency", "source" => "close", "lead" => "x").record(1.0);
        histogram!("IngestLatency", "source" => "close").record(f64::NAN);
        histogram!("IngestLatency", "source" => "close").record(f64::INFINITY);
        counter!("EmailsSent", "source" => "close").increment(1);
        counter!("EmailsSent").absolute(1);
        gauge!("EmailsSent").set(1.0);
    });
    assert_eq!(
        short(&local.drain()),
        ["TelemetryDropped leadwire @100 12 12 1 1"]
    );
    let page = local.render();
    assert_eq!(
        lines(&page, "leadwire_telemetry_dropped_total"),
        [r#"leadwire_telemetry_dropped_total{environment="test",service="leadwire"} 12"#]
    );
    assert!(!page.contains("nknown"), "{page}");
}

#[test]
fn the_page_has_every_metric_from_the_start() {
    let page = local().render();
    for metric in Metric::ALL {
        let about = metric.facts().about.replace('`', "");
        assert!(page.contains(&about), "{about}");
    }
    assert_eq!(
        lines(&page, "leadwire_leads_accepted_total"),
        [
            r#"leadwire_leads_accepted_total{environment="test",service="ingest",source="close"} 0"#,
            r#"leadwire_leads_accepted_total{environment="test",service="ingest",source="generic"} 0"#,
            r#"leadwire_leads_accepted_total{environment="test",service="ingest",source="standard"} 0"#,
        ]
    );
    let count = "leadwire_end_to_end_latency_seconds_count";
    assert_eq!(lines(&page, count).len(), 3);
    assert_eq!(lines(&page, "# TYPE ").len(), Metric::ALL.len());
}

#[test]
fn durations_are_histograms_in_seconds_with_buckets_around_the_delay() {
    let local = local();
    told(&local, || {
        histogram!("EndToEndLatency", "source" => "close").record(600_900.0);
        histogram!("EndToEndLatency", "source" => "close").record(2_400_000.0);
    });
    let page = local.render();
    let name = r#"leadwire_end_to_end_latency_seconds_bucket{environment="test",service="enrich",source="close",le=""#;
    let bucket = |bound: &str| {
        let start = format!("{name}{bound}\"}} ");
        lines(&page, &start)[0]
            .strip_prefix(&start)
            .unwrap()
            .to_owned()
    };
    let told = ["600", "601", "1800", "3600", "+Inf"].map(bucket);
    assert_eq!(told, ["0", "1", "1", "2", "2"]);
    let sum = lines(&page, "leadwire_end_to_end_latency_seconds_sum");
    assert!(sum[0].ends_with(r#"source="close"} 3000.9"#), "{sum:?}");
}

#[test]
fn a_state_is_kept_by_the_minute_and_shown_as_it_is_now() {
    let local = local();
    local.set(State::DeadLetters, 3.0);
    local.set(State::DeadLetters, 1.0);
    assert_eq!(short(&local.drain()), ["DeadLetters leadwire @100 2 4 1 3"]);
    assert_eq!(
        lines(&local.render(), "leadwire_dead_letters"),
        [r#"leadwire_dead_letters{environment="test",service="leadwire"} 1"#]
    );
}
