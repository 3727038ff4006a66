use super::*;
use crate::odd::Odd;
use jiff::SignedDuration;
use leadwire_domain::source::{Source, SourceKind};
use std::cell::Cell;

thread_local! {
    static MINUTE: Cell<i64> = const { Cell::new(100) };
}

fn now() -> Timestamp {
    Timestamp::from_second(MINUTE.get() * 60 + 7).unwrap()
}

fn local() -> LocalMetrics {
    LocalMetrics::new("test", now)
}

/// Measures what `body` says.
fn measure(local: &LocalMetrics, body: impl FnOnce(&mut Metrics)) {
    local.take(&Odd::silent(body));
}

fn time(metrics: &mut Metrics, metric: Metric, micros: i64, source: Source) {
    metrics.time_by(metric, SignedDuration::from_micros(micros), source);
}

/// Samples as short text: name, dimensions, minute, count, sum, min and max.
fn short(samples: &[MinuteSample]) -> Vec<String> {
    let line = |sample: &MinuteSample| {
        let (metric, minute, of) = (sample.metric, sample.minute, sample.stats);
        let dimensions: Vec<&str> = sample.dimensions.values().map(String::as_str).collect();
        let dimensions = dimensions.join(" ");
        let summary = format!("{} {} {} {}", of.count, of.sum, of.min, of.max);
        format!("{metric} {dimensions} @{minute} {summary}")
    };
    samples.iter().map(line).collect()
}

#[track_caller]
fn check_drained(local: &LocalMetrics, expected: &[&str]) {
    assert_eq!(short(&local.drain()), expected);
}

fn lines(page: &str, start: &str) -> Vec<String> {
    let lines = page.lines().filter(|line| line.starts_with(start));
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn values_add_up_by_minute_and_dimension_until_they_are_taken() {
    let local = local();
    measure(&local, |m| {
        time(m, Metric::IngestLatency, 5000, SourceKind::Close.into());
        time(m, Metric::IngestLatency, 1500, SourceKind::Close.into());
        time(m, Metric::IngestLatency, 2000, SourceKind::Generic.into());
        m.add(Metric::EmailsSent, 3);
    });
    MINUTE.set(101);
    measure(&local, |m| m.count(Metric::EmailsSent));
    MINUTE.set(100);
    let expected = [
        "IngestLatency test ingest generic @100 1 2 2 2",
        "IngestLatency test ingest close @100 2 6.5 1.5 5",
        "EmailsSent test enrich @100 1 3 3 3",
        "EmailsSent test enrich @101 1 1 1 1",
    ];
    let samples = local.drain();
    assert_eq!(short(&samples), expected);
    assert_eq!(local.drain(), []);
    local.put_back(&samples);
    measure(&local, |m| m.count(Metric::EmailsSent));
    let emails = "EmailsSent test enrich @100 2 4 1 3";
    assert_eq!(short(&local.drain())[2], emails);
}

#[test]
fn what_the_catalogue_does_not_know_is_dropped_and_counted() {
    let local = local();
    measure(&local, |m| {
        // A source that is not metered.
        time(m, Metric::IngestLatency, 1, SourceKind::Canary.into());
        m.count_by(Metric::LeadsAccepted, SourceKind::Canary);
    });
    check_drained(&local, &["TelemetryDropped test leadwire @100 2 2 1 1"]);
    let page = local.render();
    let dropped = r#"leadwire_telemetry_dropped_total{environment="test",service="leadwire"} 2"#;
    assert_eq!(lines(&page, "leadwire_telemetry_dropped"), [dropped]);
    assert!(!page.contains("canary\""), "{page}");
}

#[test]
fn the_page_has_every_metric_from_the_start() {
    let page = local().render();
    for metric in Metric::ALL {
        let about = metric.facts().about.replace('`', "");
        assert!(page.contains(&about), "{about}");
    }
    let of_source = |kind: SourceKind| {
        format!(
            r#"leadwire_leads_accepted_total{{environment="test",service="ingest",source="{kind}"}} 0"#
        )
    };
    let mut accepted: Vec<String> = SourceKind::configurable().map(of_source).collect();
    accepted.sort();
    assert_eq!(lines(&page, "leadwire_leads_accepted_total"), accepted);
    let count = "leadwire_end_to_end_latency_seconds_count";
    assert_eq!(lines(&page, count).len(), accepted.len());
    assert_eq!(lines(&page, "# TYPE ").len(), Metric::ALL.len());
}

#[test]
fn durations_are_histograms_in_seconds_with_buckets_around_the_delay() {
    let local = local();
    measure(&local, |m| {
        time(
            m,
            Metric::EndToEndLatency,
            600_900_000,
            SourceKind::Close.into(),
        );
        time(
            m,
            Metric::EndToEndLatency,
            2_400_000_000,
            SourceKind::Close.into(),
        );
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
    let counts = ["600", "601", "1800", "3600", "+Inf"].map(bucket);
    assert_eq!(counts, ["0", "1", "1", "2", "2"]);
    let sum = lines(&page, "leadwire_end_to_end_latency_seconds_sum");
    assert!(sum[0].ends_with(r#"source="close"} 3000.9"#), "{sum:?}");
}

#[test]
fn a_state_is_held_by_the_minute_and_shown_as_it_is_now() {
    let local = local();
    local.set(State::DeadLetters, 3.0);
    local.set(State::DeadLetters, 1.0);
    check_drained(&local, &["DeadLetters test leadwire @100 2 4 1 3"]);
    let state = r#"leadwire_dead_letters{environment="test",service="leadwire"} 1"#;
    assert_eq!(lines(&local.render(), "leadwire_dead_letters"), [state]);
}
