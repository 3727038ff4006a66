//! The parts of docs/TELEMETRY.md that are written from the catalogue.

use super::bill::{self, Watching};
use super::usage::{Usage, inputs};
use crate::document::table;
use leadwire_pipeline::observe::metric::{Dimension, Facts, Metric, NAMESPACE, Unit};
use leadwire_pipeline::observe::{EVENTS, EventFacts};
use leadwire_telemetry::{ATTRIBUTES, SPANS};
use std::collections::BTreeSet;

/// What a custom metric costs in a month, in US cents, at the list price of us-east-1.
const METRIC_CENTS: usize = 30;
/// What an alarm costs for each metric that it evaluates, and a composite.
const ALARM_CENTS: usize = 10;
const COMPOSITE_CENTS: usize = 50;

/// Every part, by the name in its markers.
pub(super) fn parts(usage: &Usage) -> Vec<(String, String)> {
    let events = EVENTS.iter().map(|(name, events)| {
        let rows = events.iter().map(event);
        let head = "event | level | what happened | further fields";
        (format!("events of {name}"), table(head, rows))
    });
    let others = [
        ("metrics", metrics(usage)),
        ("dimensions", dimensions()),
        ("cost", cost(usage)),
        ("bill", bill::table(&watching(usage), &bill::COLUMNS)),
        ("aws", of_aws(usage)),
        ("spans", spans()),
        ("attributes", attributes()),
        ("alarms", alarms(usage)),
    ];
    let others = others.map(|(name, part)| (name.to_owned(), part));
    events.chain(others).collect()
}

fn event(event: &EventFacts) -> Vec<String> {
    let levels = event
        .levels
        .iter()
        .map(|level| level.as_str().to_lowercase());
    vec![
        format!("`{}`", event.name),
        levels.collect::<Vec<_>>().join(", "),
        event.about.trim().to_owned(),
        quoted(event.fields.iter().copied()),
    ]
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names = names.into_iter().map(|name| format!("`{name}`"));
    names.collect::<Vec<_>>().join(", ")
}

fn metrics(usage: &Usage) -> String {
    let row = |metric: Metric| {
        let Facts {
            name,
            unit,
            further,
            services,
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
            quoted(services.iter().map(|service| service.name())),
            further.map_or(String::new(), |further| format!("`{}`", further.name())),
            about.to_owned(),
            usage.alarms_on(NAMESPACE, name).join(", "),
            usage.boards_with(NAMESPACE, name).join(", "),
        ]
    };
    let head = "metric | unit | `service` | by | what | alarms | dashboards";
    table(head, Metric::ALL.into_iter().map(row))
}

fn dimensions() -> String {
    let row = |dimension: Dimension| {
        let name = format!("`{}`", dimension.name());
        vec![name, quoted(dimension.values())]
    };
    table("dimension | values", Dimension::ALL.map(row))
}

/// How many series there can be: each is a metric to pay for.
fn series() -> usize {
    let of = |metric: &Metric| {
        let facts = metric.facts();
        let values = facts.further.map_or(1, |further| further.values().len());
        facts.services.len() * values
    };
    Metric::ALL.iter().map(of).sum()
}

/// What of a stack's bill is counted here.
pub(super) fn watching(usage: &Usage) -> Watching {
    Watching {
        series: series(),
        alarm_series: usage.series(),
        composites: usage.composites(),
        boards: usage.board_metrics(),
    }
}

fn cost(usage: &Usage) -> String {
    let dollars = |cents: usize| format!("{}.{:02}", cents / 100, cents % 100);
    let (series, used, composites) = (series(), usage.series(), usage.composites());
    format!(
        "{} metrics make at most {series} series in each stack, each a custom metric of CloudWatch: {} USD a month at most, at 0.30 USD each. \
         One without a value in an hour costs nothing in it. {} alarms evaluate {used} series, at 0.10 USD each, and {composites} of them \
         other alarms, at 0.50 USD: {} USD. (List prices of us-east-1.)\n",
        Metric::ALL.len(),
        dollars(series * METRIC_CENTS),
        usage.alarms.len(),
        dollars(used * ALARM_CENTS + composites * COMPOSITE_CENTS),
    )
}

fn of_aws(usage: &Usage) -> String {
    let row = |(namespace, metric): (&str, &str)| {
        vec![
            format!("`{namespace}`"),
            format!("`{metric}`"),
            usage.alarms_on(namespace, metric).join(", "),
            usage.boards_with(namespace, metric).join(", "),
        ]
    };
    let head = "namespace | metric | alarms | dashboards";
    table(head, usage.of_aws().into_iter().map(row))
}

fn spans() -> String {
    let rows = SPANS.iter().map(|span| {
        vec![
            quoted(span.name.split(", ")),
            span.kind.to_owned(),
            span.about.to_owned(),
            quoted(span.attributes.split_whitespace()),
        ]
    });
    table("span | kind | what it covers | attributes", rows)
}

fn attributes() -> String {
    let rows = ATTRIBUTES
        .iter()
        .map(|(name, about)| vec![format!("`{name}`"), (*about).to_owned()]);
    table("attribute | what", rows)
}

fn alarms(usage: &Usage) -> String {
    let alarms = usage.alarms.iter().map(|alarm| {
        let route = match alarm.alarm_actions.first().map(String::as_str) {
            Some("AlarmTopic") => "a person (`AlarmTopic`)",
            Some(_) => "someone in the morning (`TicketTopic`)",
            None => "the alarm that it is half of",
        };
        (route, alarm.id.as_str(), quoted(inputs(alarm)))
    });
    // Pages first.
    let alarms: BTreeSet<_> = alarms.collect();
    let rows = alarms.into_iter();
    let rows = rows.map(|(route, id, inputs)| vec![format!("`{id}`"), route.to_owned(), inputs]);
    table("alarm | notifies | evaluates", rows)
}
