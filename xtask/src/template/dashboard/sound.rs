//! Dashboards as small as they can be that pass every check.

use super::OPERATIONS;
use super::alarm::ARN;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The dashboards of the small sound template, with these alarms.
pub(in crate::template) fn sound(alarms: &Value) -> BTreeMap<String, Value> {
    let alarms = alarms["Resources"].as_object().unwrap().values();
    let arns: Vec<String> = alarms
        .map(|alarm| &alarm["Properties"]["AlarmName"]["Fn::Sub"])
        .map(|name| name.as_str().unwrap().replace("${AWS::StackName}-", ARN))
        .collect();
    let alarms = json!({"properties": {"title": "All", "alarms": arns}});
    let graph = json!({"properties": {
        "title": "Time",
        "metrics": [
            ["Leadwire", "EmailsSent", "service", "enrich", "environment", "${AWS::StackName}"],
            ["AWS/Lambda", "Duration", "FunctionName", "${SweepFunction}", {"id": "sweep"}],
            [{"expression": "100 * sweep / 900000"}],
        ],
        "annotations": {"horizontal": [{"value": 600, "label": "planned delay"}]},
    }});
    [
        (
            OPERATIONS.to_owned(),
            json!({"start": "-PT8H", "widgets": [&alarms, graph]}),
        ),
        ("leads".to_owned(), json!({"widgets": [alarms]})),
    ]
    .into()
}
