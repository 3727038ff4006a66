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

#[track_caller]
fn check(pointer: &str, value: Value, mistake: &str) {
    let mut line = good();
    *line.pointer_mut(pointer).unwrap() = value;
    check_line(&line.to_string(), mistake);
}

#[track_caller]
fn check_line(line: &str, mistake: &str) {
    let found = validate(line, NOW_MS).unwrap_err();
    assert!(found.iter().any(|m| m.contains(mistake)), "{found:?}");
}

#[track_caller]
fn check_without(member: &str, mistake: &str) {
    let mut line = good();
    line.as_object_mut().unwrap().remove(member);
    check_line(&line.to_string(), mistake);
}

#[test]
fn a_good_document_gives_its_samples() {
    let sample = |name: &str, unit: &str, values: &[f64]| Sample {
        name: name.to_owned(),
        unit: unit.to_owned(),
        dimensions: BTreeMap::from(
            [
                ("service", "ingest"),
                ("environment", "test"),
                ("source", "close"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        ),
        values: values.to_vec(),
        at_ms: NOW_MS,
        trace_id: Some(format!("{:032x}", 10)),
    };
    let line = format!("{}\n", good());
    assert_eq!(
        validate(&line, NOW_MS).unwrap(),
        [
            sample("LeadsAccepted", "Count", &[1.0]),
            sample("IngestLatency", "Milliseconds", &[1.5, 2.0])
        ]
    );
}

#[test]
fn a_plain_line_has_no_samples() {
    let mut line = good();
    let members = line.as_object_mut().unwrap();
    for name in [
        "_aws",
        "LeadsAccepted",
        "IngestLatency",
        "trace_id",
        "span_id",
    ] {
        members.remove(name);
    }
    assert_eq!(validate(&line.to_string(), NOW_MS), Ok(Vec::new()));
}

#[test]
fn what_is_not_one_object_on_one_line_is_found() {
    check_line(
        &serde_json::to_string_pretty(&good()).unwrap(),
        "more than one line",
    );
    check_line("", "not valid JSON");
    check_line("[]", "not a JSON object");
    check_line(&format!("START {}", good()), "not valid JSON");
    check_line(&good().to_string().replace("1.5", "NaN"), "not valid JSON");
    check_line(&good().to_string().replace("1.5", "1e999"), "");
    let twice = good()
        .to_string()
        .replacen('{', "{\"service\":\"ingest\",", 1);
    check_line(&twice, "the same key twice");
    let mut large = good();
    large["error"] = "x".repeat(256 * 1024).into();
    check_line(&large.to_string(), "more than a line may have");
}

#[test]
fn a_member_that_every_line_has_is_missed() {
    for name in ["timestamp", "level", "service", "environment"] {
        check_without(name, &format!("{name} is missing"));
    }
    check("/level", json!("LOUD"), "level");
    check("/timestamp", json!("yesterday"), "timestamp");
    for id in [
        "",
        "xyz",
        "00000000000000000000000000000000",
        "0000000000000000000000000000000A",
    ] {
        check("/trace_id", json!(id), "trace_id");
    }
    check("/span_id", json!("0000000000000000"), "span_id");
}

#[test]
fn a_time_outside_the_window_is_found() {
    let day = 24 * 3_600_000;
    for at in [
        json!(NOW_MS - 14 * day - 1),
        json!(NOW_MS + day / 12 + 1),
        json!(1.5),
        json!("now"),
        json!(NOW_MS / 1000),
    ] {
        check("/_aws/Timestamp", at, "Timestamp is not");
    }
    let mut line = good();
    line["_aws"]["Timestamp"] = json!(NOW_MS - 14 * day);
    assert!(validate(&line.to_string(), NOW_MS).is_ok());
}

#[test]
fn a_directive_that_is_not_ours_is_found() {
    let directive = "/_aws/CloudWatchMetrics/0";
    check(
        "/_aws/CloudWatchMetrics",
        json!([]),
        "not a list of directives",
    );
    check("/_aws/CloudWatchMetrics/0", json!({}), "has no Namespace");
    check(
        "/_aws",
        json!({"Timestamp": NOW_MS, "CloudWatchMetrics": [], "LogGroupName": "x"}),
        "LogGroupName",
    );
    check(
        &format!("{directive}/Namespace"),
        json!("AWS/Lambda"),
        "Namespace",
    );
    for sets in [
        json!([]),
        json!(["service"]),
        json!([["service"], ["environment"]]),
    ] {
        check(
            &format!("{directive}/Dimensions"),
            sets,
            "Dimensions is not one set",
        );
    }
    let many: Vec<_> = (0..31).map(|n| format!("d{n}")).collect();
    check(
        &format!("{directive}/Dimensions/0"),
        json!(many),
        "at most 30",
    );
    for (set, mistake) in [
        (json!([]), "its dimensions are not"),
        (json!(["service", "environment"]), "its dimensions are not"),
        (
            json!(["service", "environment", "source", "level"]),
            "its dimensions are not",
        ),
        (
            json!(["service", "environment", "source", "source"]),
            "stands twice",
        ),
        (
            json!(["service", "environment", "lead_id"]),
            "no usable value",
        ),
        (json!(["service", "environment", 1]), "not a text"),
    ] {
        check(&format!("{directive}/Dimensions/0"), set, mistake);
    }
}

#[test]
fn a_dimension_without_a_usable_value_is_found() {
    for value in [
        json!(""),
        json!(" "),
        json!(7),
        json!(null),
        json!("x".repeat(1025)),
        json!("é"),
    ] {
        check("/source", value, "no usable value");
    }
    check_without("source", "no usable value");
    check("/source", json!("salesforce"), "not a value of source");
    check("/service", json!("enrich"), "for this service");
    check("/service", json!("leadwire"), "for this service");
}

#[test]
fn a_definition_that_the_catalogue_does_not_have_is_found() {
    let metric = "/_aws/CloudWatchMetrics/0/Metrics/0";
    check(&format!("{metric}/Unit"), json!("ms"), "ms is not a unit");
    check(&format!("{metric}/Unit"), json!("Percent"), "another unit");
    check(
        &format!("{metric}/Name"),
        json!("LeadsLost"),
        "not in the catalogue",
    );
    check(&format!("{metric}/Name"), json!(null), "not a text");
    check(
        &format!("{metric}/Name"),
        json!("IngestLatency"),
        "defined twice",
    );
    check(metric, json!({"Name": "LeadsAccepted"}), "has no Unit");
    check(
        metric,
        json!({"Name": "LeadsAccepted", "Unit": "Count", "StorageResolution": 1}),
        "another resolution",
    );
    check(
        metric,
        json!({"Name": "LeadsAccepted", "Unit": "Count", "Value": 1}),
        "has Value",
    );
    let metrics = "/_aws/CloudWatchMetrics/0/Metrics";
    check(metrics, json!([]), "1 to 100");
    check(
        metrics,
        json!(vec![json!({"Name": "LeadsAccepted", "Unit": "Count"}); 101]),
        "1 to 100",
    );
}

#[test]
fn a_value_that_cloudwatch_cannot_take_is_found() {
    for value in [
        json!("1"),
        json!(null),
        json!([null]),
        json!({"Values": [1]}),
        json!([[1]]),
    ] {
        check("/LeadsAccepted", value, "not a number at the root");
    }
    check_without("LeadsAccepted", "not a number at the root");
    check("/LeadsAccepted", json!([]), "not 1 to 100");
    check("/LeadsAccepted", json!(vec![1; 101]), "not 1 to 100");
    for value in [json!(-1), json!(1e109)] {
        check("/LeadsAccepted", value, "negative or too large");
    }
}

#[test]
fn a_value_that_no_directive_defines_is_found() {
    let mut line = good();
    line["EmailsSent"] = json!(1);
    check_line(&line.to_string(), "EmailsSent stands there");
    check_without("_aws", "LeadsAccepted stands there");
}
