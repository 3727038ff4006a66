//! The catalogue as Prometheus reads it: snake case, counters that end in `_total`, durations in seconds.

use leadwire_pipeline::observe::metric::{Metric, Unit};
use metrics::{Key, KeyName, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Upper bounds of the histograms, in seconds: from a request's milliseconds to the hour that a lead may wait. They are close together
/// behind 600 s, the delay: what lies beyond it is what one wants to know.
const BUCKETS: [f64; 27] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    120.0, 300.0, 600.0, 601.0, 605.0, 615.0, 630.0, 660.0, 900.0, 1200.0, 1800.0, 3600.0,
];

const METADATA: Metadata<'_> = Metadata::new(module_path!(), Level::INFO, None);

/// The page `/metrics`.
pub(crate) struct Page {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Page {
    /// A page that describes every metric and knows no value yet.
    pub(crate) fn new() -> Self {
        let mut builder = PrometheusBuilder::new();
        for metric in durations() {
            builder = builder
                .set_buckets_for_metric(Matcher::Full(name(metric)), &BUCKETS)
                .expect("there are buckets");
        }
        let recorder = builder.build_recorder();
        for metric in Metric::ALL {
            let about = metric.facts().about.replace('`', "");
            let key = KeyName::from(name(metric));
            match metric.facts().unit {
                Unit::Count => recorder.describe_counter(key, None, about.into()),
                Unit::Milliseconds => recorder.describe_histogram(key, None, about.into()),
            }
        }
        let handle = recorder.handle();
        Self { recorder, handle }
    }

    /// Shows a series although nothing was told of it yet.
    pub(crate) fn show(&self, metric: Metric, dimensions: &BTreeMap<&'static str, String>) {
        let key = key(name(metric), dimensions);
        match metric.facts().unit {
            Unit::Count => drop(self.recorder.register_counter(&key, &METADATA)),
            Unit::Milliseconds => drop(self.recorder.register_histogram(&key, &METADATA)),
        }
    }

    pub(crate) fn count(
        &self,
        metric: Metric,
        dimensions: &BTreeMap<&'static str, String>,
        many: u64,
    ) {
        let key = key(name(metric), dimensions);
        let counter = self.recorder.register_counter(&key, &METADATA);
        counter.increment(many);
    }

    pub(crate) fn record_millis(
        &self,
        metric: Metric,
        dimensions: &BTreeMap<&'static str, String>,
        millis: f64,
    ) {
        let key = key(name(metric), dimensions);
        let histogram = self.recorder.register_histogram(&key, &METADATA);
        histogram.record(millis / 1000.0);
    }

    pub(crate) fn set(
        &self,
        name: &'static str,
        about: &'static str,
        dimensions: &BTreeMap<&'static str, String>,
        value: f64,
    ) {
        let name = snake(name);
        self.recorder
            .describe_gauge(KeyName::from(name.clone()), None, about.into());
        let gauge = self
            .recorder
            .register_gauge(&key(name, dimensions), &METADATA);
        gauge.set(value);
    }

    /// The page's text.
    pub(crate) fn render(&self) -> String {
        self.handle.render()
    }

    /// Moves recorded durations into their buckets. Until then each holds memory.
    pub(crate) fn settle(&self) {
        self.handle.run_upkeep();
    }
}

fn durations() -> impl Iterator<Item = Metric> {
    Metric::ALL
        .into_iter()
        .filter(|metric| metric.facts().unit == Unit::Milliseconds)
}

fn key(name: String, dimensions: &BTreeMap<&'static str, String>) -> Key {
    let labels = dimensions
        .iter()
        .map(|(name, value)| Label::new(*name, value.clone()));
    Key::from_parts(name, labels.collect::<Vec<_>>())
}

/// `LeadsAccepted` is `leadwire_leads_accepted_total` here, `EndToEndLatency` is `leadwire_end_to_end_latency_seconds`.
fn name(metric: Metric) -> String {
    let unit = match metric.facts().unit {
        Unit::Count => "total",
        Unit::Milliseconds => "seconds",
    };
    format!("{}_{unit}", snake(metric.name()))
}

fn snake(name: &str) -> String {
    let mut snake = "leadwire".to_owned();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        write!(snake, "{}", c.to_ascii_lowercase()).expect("a String takes every write");
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_prometheus_expects() {
        assert_eq!(name(Metric::LeadsAccepted), "leadwire_leads_accepted_total");
        assert_eq!(
            name(Metric::EndToEndLatency),
            "leadwire_end_to_end_latency_seconds"
        );
    }

    #[test]
    fn buckets_rise_and_know_the_delay() {
        assert!(BUCKETS.is_sorted());
        assert!(BUCKETS.contains(&600.0));
    }
}
