//! Alarms name metrics that somebody tells (docs/TELEMETRY.md, Metrics).

use super::{Case, Check};
use crate::template::view::at;
use leadwire_pipeline::metric::Metric;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NAMESPACE: &str = "Leadwire";
const SERVICES: [&str; 3] = ["ingest", "enrich", "sweep"];
const FURTHER: [&str; 2] = ["source", "reason"];

/// The alarm on a metric that nobody tells sleeps for ever.
pub(super) const TOLD: Check = Check {
    promise: "alarms look at metrics that are told",
    breaches: |case| {
        let mut found = Vec::new();
        for (name, dimensions) in alarms(case) {
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
    breakages: &[|case| {
        let alarm = json!({"Type": "AWS::CloudWatch::Alarm", "Properties": {"Namespace": NAMESPACE, "MetricName": "LeadsLost"}});
        case.add("/Resources", "LostAlarm", alarm);
    }],
};

type Row = (String, BTreeMap<String, String>);

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
