//! The judge finds each mistake that it is there for.

use super::{Sample, validate};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NOW_MS: i64 = 1_795_416_600_000;

fn good() -> Value {
    json!({
        "timestamp": "2026-11-23T06:50:00.000000Z", "level": "INFO", "service": "ingest", "environment": "test",
        "trace_id": "0000000000000000000000000000000a", "span_id": "000000000000000b", "source": "close",
        "_aws": {"Timestamp": NOW_MS, "CloudWatchMetrics": [{
            "Namespace": "Leadwire",
            "Dimensions": [["service", "environment", "source"]],
            "Metrics": [{"Name": "LeadsAccepted", "Unit": "Count"}, {"Name": "IngestLatency", "Unit": "Milliseconds", "StorageResolution": 60}],
        }]},
        "LeadsAccepted": 1, "IngestLatency": [1.5, 2],
    })
}

/// Changes the good line, and expects that this mistake is found then.
#[track_caller]
fn check_changed(change: impl FnOnce(&mut Value), mistake: &str) {
    let mut line = good();
    change(&mut line);
    check_line(&line.to_string(), mistake);
}

#[track_caller]
fn check(pointer: &str, value: Value, mistake: &str) {
    check_changed(|line| *line.pointer_mut(pointer).unwrap() = value, mistake);
}

/// The same within the directive.
#[track_caller]
fn check_directive(pointer: &str, value: Value, mistake: &str) {
    let pointer = format!("/_aws/CloudWatchMetrics/0{pointer}");
    check(&pointer, value, mistake);
}

#[track_caller]
fn check_without(member: &str, mistake: &str) {
    let remove = |line: &mut Value| drop(line.as_object_mut().unwrap().remove(member));
    check_changed(remove, mistake);
}

#[track_caller]
fn check_line(line: &str, mistake: &str) {
    let found = validate(line, NOW_MS).unwrap_err();
    assert!(found.contains(mistake), "{found}");
}

#[test]
fn a_good_document_gives_its_samples() {
    let of_line = ["service", "environment", "source"].into_iter();
    let of_line = of_line.zip(["ingest", "test", "close"]);
    let dimensions: BTreeMap<_, _> = of_line
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let sample = |name: &str, unit: &str, values: &[f64]| Sample {
        name: name.to_owned(),
        unit: unit.to_owned(),
        dimensions: dimensions.clone(),
        values: values.to_vec(),
        at_ms: NOW_MS,
        trace_id: Some(format!("{:032x}", 10)),
    };
    let line = format!("{}\n", good());
    let expected = [
        sample("LeadsAccepted", "Count", &[1.0]),
        sample("IngestLatency", "Milliseconds", &[1.5, 2.0]),
    ];
    assert_eq!(validate(&line, NOW_MS).unwrap(), expected);
}

#[test]
fn a_plain_line_has_no_samples() {
    let mut line = good();
    let members = line.as_object_mut().unwrap();
    let metrics = ["_aws", "LeadsAccepted", "IngestLatency"];
    for name in metrics.into_iter().chain(["trace_id", "span_id"]) {
        members.remove(name);
    }
    assert_eq!(validate(&line.to_string(), NOW_MS), Ok(Vec::new()));
}

#[test]
fn what_is_not_one_object_on_one_line_is_found() {
    let good = good().to_string();
    let pretty = good.replacen(',', ",\n", 1);
    let twice = good.replacen('{', "{\"service\":\"ingest\",", 1);
    check_line(&pretty, "more than one line");
    check_line("", "empty or cut off");
    check_line("[]", "not a JSON object");
    check_line(&format!("START {good}"), "not valid JSON");
    check_line(&good.replace("1.5", "NaN"), "not valid JSON");
    check_line(&good.replace("1.5", "1e999"), "");
    check_line(&twice, "the same key twice");
    let long = |line: &mut Value| line["error"] = "x".repeat(256 * 1024).into();
    check_changed(long, "longer than a line may be");
}

#[test]
fn a_member_that_every_line_has_is_missed() {
    for name in ["timestamp", "level", "service", "environment"] {
        check_without(name, &format!("{name} is missing"));
    }
    check("/level", json!("LOUD"), "level");
    check("/timestamp", json!("yesterday"), "timestamp");
    let (zeros, upper) = ("0".repeat(32), format!("{:032X}", 10));
    for id in ["", "xyz", &zeros, &upper] {
        check("/trace_id", json!(id), "trace_id");
    }
    check("/span_id", json!("0000000000000000"), "span_id");
}

#[test]
fn a_time_outside_the_window_is_found() {
    let hour = 3_600_000;
    let oldest = NOW_MS - 14 * 24 * hour;
    for at in [oldest - 1, NOW_MS + 2 * hour + 1, NOW_MS / 1000] {
        check("/_aws/Timestamp", json!(at), "Timestamp is not");
    }
    for at in [json!(1.5), json!("now")] {
        check("/_aws/Timestamp", at, "expected i64");
    }
    let mut line = good();
    line["_aws"]["Timestamp"] = json!(oldest);
    assert!(validate(&line.to_string(), NOW_MS).is_ok());
}

#[test]
fn a_directive_that_is_not_ours_is_found() {
    check("/_aws/CloudWatchMetrics", json!([]), "is empty");
    check_directive("", json!({}), "missing field `Namespace`");
    let group = |line: &mut Value| line["_aws"]["LogGroupName"] = "x".into();
    check_changed(group, "LogGroupName");
    check_directive("/Namespace", json!("AWS/Lambda"), "Namespace");
    for sets in [
        json!([]),
        json!(["service"]),
        json!([["service"], ["environment"]]),
    ] {
        check_directive("/Dimensions", sets, "_aws: ");
    }
    let many: Vec<_> = (0..31).map(|n| format!("d{n}")).collect();
    check_directive("/Dimensions/0", json!(many), "more than 30");
    for (further, mistake) in [
        (vec![], "its dimensions are not"),
        (
            vec![json!("source"), json!("level")],
            "its dimensions are not",
        ),
        (vec![json!("source"), json!("source")], "stands twice"),
        (vec![json!("lead_id")], "no usable value"),
        (vec![json!(1)], "expected a string"),
    ] {
        let set = [vec![json!("service"), json!("environment")], further].concat();
        check_directive("/Dimensions/0", json!(set), mistake);
    }
    check_directive("/Dimensions/0", json!([]), "its dimensions are not");
}

#[test]
fn a_dimension_without_a_usable_value_is_found() {
    let long = "x".repeat(1025);
    for value in [
        json!(""),
        json!(" "),
        json!(7),
        json!(null),
        json!(long),
        json!("é"),
    ] {
        check("/source", value, "no usable value");
    }
    check_without("source", "no usable value");
    check("/source", json!("nobody"), "not a value of source");
    check("/service", json!("enrich"), "for this service");
    check("/service", json!("leadwire"), "for this service");
}

#[test]
fn a_definition_that_the_catalogue_does_not_have_is_found() {
    for (member, value, mistake) in [
        ("Unit", json!("ms"), "another unit"),
        ("Unit", json!("Percent"), "another unit"),
        ("Unit", json!(null), "expected a string"),
        ("Name", json!("LeadsLost"), "not in the catalogue"),
        ("Name", json!(null), "expected a string"),
        ("StorageResolution", json!(1), "resolution"),
        ("Value", json!(1), "unknown field `Value`"),
    ] {
        let mut metric = json!({"Name": "LeadsAccepted", "Unit": "Count"});
        metric[member] = value;
        check_directive("/Metrics/0", metric, mistake);
    }
    let twice = json!({"Name": "IngestLatency", "Unit": "Milliseconds"});
    check_directive("/Metrics/0", twice, "defined twice");
    let unitless = json!({"Name": "LeadsAccepted"});
    check_directive("/Metrics/0", unitless, "missing field `Unit`");
    let metric = |n| json!({"Name": format!("Metric{n}"), "Unit": "Count"});
    for count in [0, 101] {
        let metrics: Vec<_> = (0..count).map(metric).collect();
        check_directive("/Metrics", json!(metrics), "1 to 100");
    }
}

#[test]
fn a_value_that_cloudwatch_cannot_take_is_found() {
    let not_a_number = "not a number at the root";
    for (value, mistake) in [
        (json!("1"), not_a_number),
        (json!(null), not_a_number),
        (json!([null]), not_a_number),
        (json!({"Values": [1]}), not_a_number),
        (json!([[1]]), not_a_number),
        (json!([]), "not 1 to 100"),
        (json!(vec![1; 101]), "not 1 to 100"),
        (json!(-1), "negative or too large"),
        (json!(1e109), "negative or too large"),
    ] {
        check("/LeadsAccepted", value, mistake);
    }
    check_without("LeadsAccepted", not_a_number);
}

#[test]
fn a_value_that_no_directive_defines_is_found() {
    let sent = |line: &mut Value| line["EmailsSent"] = 1.into();
    check_changed(sent, "EmailsSent stands there");
    check_without("_aws", "IngestLatency stands there");
}
