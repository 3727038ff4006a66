//! What was measured, minute by minute.

use crate::template::alarms::STACK;
use leadwire_cloudwatch::{Query, Recording};
use leadwire_pipeline::observe::metric::{Metric, Service};

/// The minutes in which something was measured.
pub(super) trait Minutes: IntoIterator<Item = i64> + Clone {}

impl<M: IntoIterator<Item = i64> + Clone> Minutes for M {}

/// Recorded series. Resources are known by their logical ids.
#[derive(Default)]
pub(super) struct Tape(pub(super) Recording);

impl Tape {
    /// A metric of ours in the given minutes.
    pub(super) fn ours(
        &mut self,
        metric: Metric,
        service: Service,
        minutes: impl Minutes,
        value: f64,
    ) {
        let dimensions = [("service", service.name()), ("environment", STACK)];
        self.put(("Leadwire", metric.name()), dimensions, minutes, value);
    }

    /// A metric of ours that ingest tells by a further dimension: 1 in each of the given minutes.
    pub(super) fn counted(
        &mut self,
        metric: Metric,
        (name, value): (&str, &str),
        minutes: impl Minutes,
    ) {
        let dimensions = [
            ("service", Service::Ingest.name()),
            ("environment", STACK),
            (name, value),
        ];
        self.put(("Leadwire", metric.name()), dimensions, minutes, 1.0);
    }

    /// A metric of a queue.
    pub(super) fn queue(&mut self, metric: &str, queue: &str, minutes: impl Minutes, value: f64) {
        let name = format!("{queue}.QueueName");
        let dimensions = [("QueueName", name.as_str())];
        self.put(("AWS/SQS", metric), dimensions, minutes, value);
    }

    /// A metric of a function.
    pub(super) fn function(
        &mut self,
        metric: &str,
        function: &str,
        minutes: impl Minutes,
        value: f64,
    ) {
        let dimensions = [("FunctionName", function)];
        self.put(("AWS/Lambda", metric), dimensions, minutes, value);
    }

    /// Invocations of a function of which so many fail. Lambda tells both, errors as 0 where there are none.
    pub(super) fn runs(&mut self, function: &str, minutes: impl Minutes, runs: f64, failed: f64) {
        self.function("Invocations", function, minutes.clone(), runs);
        self.function("Errors", function, minutes, failed);
    }

    /// Any metric.
    pub(super) fn put<'a>(
        &mut self,
        (namespace, metric): (&str, &str),
        dimensions: impl IntoIterator<Item = (&'a str, &'a str)>,
        minutes: impl Minutes,
        value: f64,
    ) {
        let dimensions = dimensions.into_iter();
        let query = Query {
            namespace: namespace.to_owned(),
            metric: metric.to_owned(),
            dimensions: dimensions
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        for minute in minutes {
            self.0.record(&query, minute * 60 + 30, value);
        }
    }
}
