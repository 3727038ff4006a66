//! The parts of docs/TELEMETRY.md that are written from the catalogues.

use super::Told;
use crate::dashboard::family::OURS;
use leadwire_pipeline::observe::metric::{Dimension, Facts, Metric, Unit};
use leadwire_telemetry::{ATTRIBUTES, SPANS};

/// What a custom metric costs in a month, in US cents, at the list price of us-east-1.
const METRIC_CENTS: usize = 30;
/// What an alarm costs for each metric that it looks at, and a composite.
const ALARM_CENTS: usize = 10;
const COMPOSITE_CENTS: usize = 50;

/// Every part, by the name in its markers.
pub(super) fn parts(told: &Told) -> [(&'static str, String); 7] {
    [
        ("metrics", metrics(told)),
        ("dimensions", dimensions()),
        ("cost", cost(told)),
        ("aws", of_aws(told)),
        ("spans", spans()),
        ("attributes", attributes()),
        ("alarms", alarms(told)),
    ]
}

fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let rows = rows.into_iter().map(|row| row.join(" | "));
    let rows: Vec<String> = rows.map(|row| format!("| {row} |\n")).collect();
    let line = "---|".repeat(head.len());
    format!("| {} |\n|{line}\n{}", head.join(" | "), rows.concat())
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names = names.into_iter().map(|name| format!("`{name}`"));
    names.collect::<Vec<_>>().join(", ")
}

fn metrics(told: &Told) -> String {
    let row = |metric: Metric| {
        let Facts {
            name,
            unit,
            further,
            stages,
            about,
            ..
        } = metric.facts();
        let unit = match unit {
            Unit::Count => "",
            Unit::Milliseconds => "ms",
        };
        vec![
            format!("`{name}`"),
            unit.to_owned(),
            quoted(stages.iter().map(|stage| stage.name())),
            further.map_or(String::new(), |further| format!("`{}`", further.name())),
            about.to_owned(),
            told.alarms_on(OURS, name).join(", "),
            told.boards_with(OURS, name).join(", "),
        ]
    };
    table(
        &[
            "metric",
            "unit",
            "`service`",
            "by",
            "what",
            "alarms",
            "dashboards",
        ],
        Metric::ALL.into_iter().map(row),
    )
}

fn dimensions() -> String {
    let row = |dimension: Dimension| {
        vec![
            format!("`{}`", dimension.name()),
            quoted(dimension.values()),
        ]
    };
    table(
        &["dimension", "values"],
        [Dimension::Source, Dimension::Reason].map(row),
    )
}

/// How many series there can be: each is a metric to pay for.
fn series() -> usize {
    let of = |metric: &Metric| {
        let facts = metric.facts();
        let values = facts.further.map_or(1, |further| further.values().len());
        facts.stages.len() * values
    };
    Metric::ALL.iter().map(of).sum()
}

fn cost(told: &Told) -> String {
    let dollars = |cents: usize| format!("{}.{:02}", cents / 100, cents % 100);
    let (series, watched, composites) = (series(), told.series(), told.composites());
    format!(
        "{} metrics make at most {series} series in each environment, each a custom metric of CloudWatch: {} USD a month at most, at 0.30 USD each. \
         One that tells nothing in an hour costs nothing in it. {} alarms look at {watched} series, at 0.10 USD each, and {composites} of them at \
         other alarms, at 0.50 USD: {} USD. (List prices of us-east-1.)\n",
        Metric::ALL.len(),
        dollars(series * METRIC_CENTS),
        told.alarms().len(),
        dollars(watched * ALARM_CENTS + composites * COMPOSITE_CENTS),
    )
}

fn of_aws(told: &Told) -> String {
    let row = |(namespace, metric): (&str, &str)| {
        vec![
            format!("`{namespace}`"),
            format!("`{metric}`"),
            told.alarms_on(namespace, metric).join(", "),
            told.boards_with(namespace, metric).join(", "),
        ]
    };
    table(
        &["namespace", "metric", "alarms", "dashboards"],
        told.of_aws().into_iter().map(row),
    )
}

fn spans() -> String {
    let rows = SPANS.iter().map(|span| {
        vec![
            quoted(span.name.split(", ")),
            span.kind.to_owned(),
            span.about.to_owned(),
            quoted(span.attributes.iter().copied()),
        ]
    });
    table(&["span", "kind", "what it covers", "attributes"], rows)
}

fn attributes() -> String {
    let rows = ATTRIBUTES
        .iter()
        .map(|attribute| vec![format!("`{}`", attribute.name), attribute.about.to_owned()]);
    table(&["attribute", "what"], rows)
}

fn alarms(told: &Told) -> String {
    table(
        &["alarm", "tells", "looks at"],
        told.alarms().into_iter().map(|alarm| {
            vec![
                format!("`{}`", alarm.id),
                alarm.route.to_owned(),
                quoted(alarm.looks_at.iter().map(String::as_str)),
            ]
        }),
    )
}
