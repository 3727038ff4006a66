//! Dashboards as small as they can be that keep every promise.

use super::alarm::ARN;
use crate::dashboard::palette::PALETTE;
use crate::dashboard::{LEADS, OPERATIONS};
use leadwire_pipeline::observe::metric::{Metric, Unit};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The dashboards of the small sound template, with these alarms.
pub(in crate::template) fn sound(alarms: &Value) -> BTreeMap<String, Value> {
    let arns: Vec<String> = alarms["Resources"]
        .as_object()
        .unwrap()
        .values()
        .map(|alarm| {
            alarm["Properties"]["AlarmName"]["Fn::Sub"]
                .as_str()
                .unwrap()
        })
        .map(|name| name.replace("${AWS::StackName}-", ARN))
        .collect();
    let alarms = |title| {
        let alarms = &arns;
        widget(0, "alarm", &json!({"title": title, "alarms": alarms}))
    };
    let mut widgets = vec![alarms("All"), widget(1, "metric", &durations())];
    for (number, metric) in (0..).zip(Metric::ALL) {
        widgets.push(widget(
            number + 2,
            "metric",
            &graph(metric, PALETTE[number % PALETTE.len()].0),
        ));
    }
    let (heading, table) = (Metric::ALL.len() + 2, Metric::ALL.len() + 3);
    let text = json!({"markdown": "## Log", "background": "transparent"});
    widgets.push(widget(heading, "text", &text));
    let log = json!({"title": "Log", "region": "${AWS::Region}", "view": "table", "query": "SOURCE '${SweepLogGroup}' | display @timestamp"});
    widgets.push(widget(table, "log", &log));
    let board =
        |widgets| json!({"start": "-PT8H", "periodOverride": "inherit", "widgets": widgets});
    [
        (OPERATIONS.to_owned(), board(json!(widgets))),
        (LEADS.to_owned(), board(json!([alarms("Some")]))),
    ]
    .into()
}

fn widget(row: usize, kind: &str, properties: &Value) -> Value {
    json!({"type": kind, "x": 0, "y": row * 3, "width": 24, "height": 3, "properties": properties})
}

fn graph(metric: Metric, color: &str) -> Value {
    let facts = metric.facts();
    let (stat, label) = match facts.unit {
        Unit::Count => ("Sum", "count per 5 minutes"),
        Unit::Milliseconds => ("p99", "milliseconds"),
    };
    let service = facts.services.first().unwrap().name();
    let row = json!([
        "Leadwire",
        facts.name,
        "service",
        service,
        "environment",
        "${Environment}"
    ]);
    let with = |more: &[Value]| {
        let row = row.as_array().unwrap().iter().chain(more);
        Value::from(row.cloned().collect::<Vec<_>>())
    };
    let look = json!({"label": "one", "color": color});
    let rows = match facts.further {
        None => vec![with(&[look])],
        Some(dimension) => {
            let values = dimension.values();
            let hidden = values.iter().map(|value| {
                let hidden = json!({"id": value, "visible": false});
                with(&[json!(dimension.name()), json!(value), hidden])
            });
            let sum = json!({"expression": values.join(" + "), "label": "one", "color": color});
            hidden.chain([json!([sum])]).collect()
        }
    };
    json!({
        "title": facts.name, "region": "${AWS::Region}", "view": "timeSeries", "stat": stat, "period": 300,
        "metrics": rows,
        "yAxis": {"left": {"label": label, "showUnits": false}},
    })
}

fn durations() -> Value {
    json!({
        "title": "Time", "region": "${AWS::Region}", "view": "timeSeries", "stat": "p99", "period": 300,
        "metrics": [
            ["AWS/Lambda", "Duration", "FunctionName", "${SweepFunction}", {"id": "sweep", "visible": false}],
            [{"expression": "100 * sweep / 300000", "label": "sweep", "color": PALETTE[0].0}],
        ],
        "yAxis": {"left": {"label": "percent", "showUnits": false}},
        "annotations": {"horizontal": [{"value": 600, "label": "planned delay", "color": PALETTE[1].0}]},
    })
}
