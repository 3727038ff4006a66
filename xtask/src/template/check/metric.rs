//! Dashboards and alarms name metrics that somebody tells (docs/TELEMETRY.md, Metrics).

use super::{Case, Check};
use crate::template::view::at;
use leadwire_pipeline::metric::Metric;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NAMESPACE: &str = "Leadwire";
const SERVICES: [&str; 3] = ["ingest", "enrich", "sweep"];
const FURTHER: [&str; 2] = ["source", "reason"];

/// A metric that nobody tells draws an empty graph, and its alarm sleeps for ever.
pub(super) const TOLD: Check = Check {
    promise: "dashboards and alarms look at metrics that are told",
    breaches: |case| {
        let mut found = Vec::new();
        for (name, dimensions) in rows(&case.project.dashboard)
            .into_iter()
            .chain(alarms(case))
        {
            if !Metric::ALL.iter().any(|metric| metric.name() == name) {
                found.push(format!("nobody tells {name}"));
            }
            let service = dimensions
                .get("service")
                .is_some_and(|service| SERVICES.contains(&service.as_str()));
            let others = dimensions
                .keys()
                .filter(|key| *key != "service" && *key != "environment");
            if !service
                || !dimensions.contains_key("environment")
                || !others
                    .into_iter()
                    .all(|key| FURTHER.contains(&key.as_str()))
            {
                found.push(format!("{name} is not told by {dimensions:?}"));
            }
        }
        found
    },
    breakages: &[
        |case| {
            show(
                case,
                &json!([
                    NAMESPACE,
                    "LeadsLost",
                    "service",
                    "ingest",
                    "environment",
                    "dev"
                ]),
            );
        },
        |case| {
            show(
                case,
                &json!([
                    NAMESPACE,
                    "EmailsSent",
                    "service",
                    "mail",
                    "environment",
                    "dev"
                ]),
            );
        },
        |case| show(case, &json!([NAMESPACE, "EmailsSent", "service", "enrich"])),
        |case| {
            show(
                case,
                &json!([
                    NAMESPACE,
                    "EmailsSent",
                    "service",
                    "enrich",
                    "environment",
                    "dev",
                    "lead_id",
                    "1"
                ]),
            );
        },
        |case| {
            let alarm = json!({"Type": "AWS::CloudWatch::Alarm", "Properties": {"Namespace": NAMESPACE, "MetricName": "LeadsLost"}});
            case.add("/Resources", "LostAlarm", alarm);
        },
    ],
};

fn show(case: &mut Case, row: &Value) {
    let widget = json!({"type": "metric", "properties": {"metrics": [row]}});
    if let Some(widgets) = case
        .project
        .dashboard
        .pointer_mut("/widgets")
        .and_then(Value::as_array_mut)
    {
        widgets.push(widget);
    }
}

type Row = (String, BTreeMap<String, String>);

/// The rows of a dashboard that show metrics of ours, wherever they stand.
fn rows(value: &Value) -> Vec<Row> {
    match value {
        Value::Array(list) if list.first().is_some_and(|first| first == NAMESPACE) => {
            let mut words = list
                .iter()
                .skip(1)
                .filter_map(Value::as_str)
                .map(str::to_owned);
            let name = words.next().unwrap_or_default();
            let mut dimensions = BTreeMap::new();
            while let (Some(key), Some(value)) = (words.next(), words.next()) {
                dimensions.insert(key, value);
            }
            vec![(name, dimensions)]
        }
        Value::Array(list) => list.iter().flat_map(rows).collect(),
        Value::Object(members) => members.values().flat_map(rows).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// The alarms on metrics of ours.
fn alarms(case: &Case) -> Vec<Row> {
    let all = case
        .template
        .of_type("AWS::CloudWatch::Alarm")
        .map(|(_, alarm)| alarm);
    let ours = all.filter(|alarm| at(alarm, "/Namespace") == NAMESPACE);
    let row = |alarm: &Value| {
        let name = at(alarm, "/MetricName")
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let dimensions = at(alarm, "/Dimensions").as_array().into_iter().flatten();
        // What a parameter fills in is some text.
        let text = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        (
            name,
            dimensions
                .map(|d| (text(at(d, "/Name")), text(at(d, "/Value"))))
                .collect(),
        )
    };
    ours.map(row).collect()
}
