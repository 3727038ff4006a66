//! A day to draw dashboards from: made up, the same every time, and told in the metrics that there are. Its story is in `sample/story.rs`.

mod chance;
mod gauge;
mod mail;
mod story;

use super::board::Name;
use super::family;
use leadwire_cloudwatch::{Names, Query, Recording};
use leadwire_pipeline::observe::metric::Metric;
use std::collections::BTreeMap;

/// When the day ends, in seconds after it began: dashboards are opened now.
pub(crate) const NOW: i64 = 86_400;
/// The hour at which it began, and ends.
const HOUR: i64 = 15;
/// What stands for the stack.
pub(crate) const STACK: &str = "crm-ingestion-dev";
pub(crate) const ENVIRONMENT: &str = "dev";

/// What was told in a day.
#[derive(Default)]
pub(crate) struct Day {
    pub(crate) points: Recording,
    /// Log lines that queries of dashboards find: their fields, and when.
    pub(crate) lines: Vec<(i64, BTreeMap<&'static str, String>)>,
}

/// The day.
pub(crate) fn day() -> Day {
    story::tell()
}

/// The minute of the clock, of 1440, at a second of the day.
pub(crate) fn clock(second: i64) -> i64 {
    (second.div_euclid(60) + HOUR * 60).rem_euclid(1440)
}

/// The query for a metric of a dashboard, names of the stack filled in.
pub(crate) fn query(name: &Name) -> Query {
    let dimensions = name.dimensions.iter();
    Query {
        namespace: name.namespace.clone(),
        metric: name.metric.clone(),
        dimensions: dimensions
            .map(|(name, value)| (name.clone(), fill(value)))
            .collect(),
    }
}

/// Resources are known by their logical ids, as in the evaluator of alarms.
fn fill(value: &str) -> String {
    let inner = value.strip_prefix("${").and_then(|v| v.strip_suffix('}'));
    match inner {
        None => value.to_owned(),
        Some("AWS::StackName") => STACK.to_owned(),
        Some("Environment") => ENVIRONMENT.to_owned(),
        Some("MailSet") => "ConfigurationSet".to_owned(),
        Some(inner) => inner.to_owned(),
    }
}

/// The same names for alarms.
pub(crate) fn names(alarms: &serde_json::Value) -> Names {
    let references = [
        ("AWS::StackName", STACK),
        ("Environment", ENVIRONMENT),
        ("CanaryMinutes", "15"),
    ];
    Names {
        references: references
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        unmet: vec!["HasConfigurationSet".to_owned()],
        mappings: alarms.get("Mappings").cloned().unwrap_or_default(),
    }
}

impl Day {
    /// Tells a metric of ours, by its further dimension where it has one.
    fn tell(&mut self, second: i64, metric: Metric, further: Option<&str>, value: f64) {
        let stage = metric.facts().services.first();
        let service = stage.map_or("", |stage| stage.name());
        self.tell_as(second, (metric, service), further, value);
    }

    /// Tells a metric that several stages tell.
    fn tell_as(
        &mut self,
        second: i64,
        (metric, service): (Metric, &str),
        further: Option<&str>,
        value: f64,
    ) {
        let facts = metric.facts();
        let further = facts.further.zip(further);
        let further = further.map(|(dimension, value)| (dimension.name(), value));
        let dimensions = [("service", service), ("environment", ENVIRONMENT)];
        let dimensions = dimensions.into_iter().chain(further);
        let query = Query {
            namespace: family::OURS.to_owned(),
            metric: facts.name.to_owned(),
            dimensions: dimensions
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        self.points.record(&query, second, value);
    }

    /// Tells a metric of AWS by its one dimension.
    fn tell_aws(
        &mut self,
        second: i64,
        (namespace, metric): (&str, &str),
        (dimension, of): (&str, &str),
        value: f64,
    ) {
        let query = Query {
            namespace: namespace.to_owned(),
            metric: metric.to_owned(),
            dimensions: BTreeMap::from([(dimension.to_owned(), of.to_owned())]),
        };
        self.points.record(&query, second, value);
    }

    /// Tells a metric of a function.
    fn tell_function(&mut self, second: i64, metric: &str, function: &str, value: f64) {
        self.tell_aws(
            second,
            ("AWS/Lambda", metric),
            ("FunctionName", function),
            value,
        );
    }

    /// Tells a metric of the API, of one request.
    fn tell_api(&mut self, second: i64, metric: &str, value: f64) {
        let query = Query {
            namespace: "AWS/ApiGateway".to_owned(),
            metric: metric.to_owned(),
            dimensions: BTreeMap::from([
                ("ApiName".to_owned(), STACK.to_owned()),
                ("Stage".to_owned(), "Prod".to_owned()),
            ]),
        };
        self.points.record(&query, second, value);
    }

    /// Writes a log line.
    fn write(&mut self, second: i64, fields: &[(&'static str, &str)]) {
        let fields = fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        self.lines.push((second, fields.collect()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leadwire_cloudwatch::{Points as _, Statistic, Window};

    /// The sum over the values of its further dimension, if it has one.
    fn sum(day: &Day, metric: Metric) -> f64 {
        let facts = metric.facts();
        let service = ("service", facts.services[0].name());
        let common = [service, ("environment", "${Environment}")];
        let further: Vec<Vec<(&str, &str)>> = match facts.further {
            None => vec![Vec::new()],
            Some(dimension) => {
                let values = dimension.values().into_iter();
                values
                    .map(|value| vec![(dimension.name(), value)])
                    .collect()
            }
        };
        let window = Window {
            end: NOW,
            period: NOW,
            count: 1,
        };
        let sums = further.into_iter().map(|further| {
            let dimensions = common.into_iter().chain(further);
            let name = Name {
                namespace: "Leadwire".to_owned(),
                metric: facts.name.to_owned(),
                dimensions: dimensions
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect(),
            };
            let periods = day.points.points(&query(&name), window).unwrap();
            let stats = periods.values().next().cloned().unwrap_or_default();
            stats.value(Statistic::Sum).unwrap().unwrap_or_default()
        });
        sums.sum()
    }

    #[test]
    fn a_day_is_the_same_every_time() {
        assert_eq!(format!("{:?}", day().points), format!("{:?}", day().points));
    }

    #[test]
    fn no_lead_of_the_day_is_lost() {
        let day = day();
        let ends = [Metric::MailedInTime, Metric::MailedLate, Metric::NotMailed];
        let ends: f64 = ends.map(|metric| sum(&day, metric)).iter().sum();
        let waiting = sum(&day, Metric::LeadsAccepted) - ends;
        // Those of the last ten minutes wait, those of the ten minutes before the day were mailed in it.
        assert!(waiting.abs() < 30.0, "{waiting}");
        assert!(ends > 1000.0, "{ends}");
    }
}
