//! Definitions read from resources, good and bad.

use super::*;
use crate::expression::{Comparison, Expression};
use crate::points::{Query, Statistic};
use serde_json::json;

fn plain() -> Value {
    json!({"Type": METRIC, "Properties": {
        "AlarmName": {"Fn::Sub": "${AWS::StackName}-depth"}, "AlarmDescription": "It is deep.",
        "Namespace": "AWS/SQS", "MetricName": "Depth", "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["Queue", "QueueName"]}}],
        "Statistic": "Maximum", "Period": 60, "EvaluationPeriods": 3, "DatapointsToAlarm": 2,
        "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1.5, "TreatMissingData": "notBreaching",
        "AlarmActions": [{"Ref": "Topic"}], "OKActions": [{"Ref": "Topic"}],
    }})
}

fn math() -> Value {
    let metric = |id: &str| json!({"Id": id, "ReturnData": false, "MetricStat": {"Period": 60, "Stat": "Sum", "Metric": {"Namespace": "N", "MetricName": id}}});
    json!({"Type": METRIC, "Properties": {
        "AlarmName": "rate", "EvaluationPeriods": 1, "ComparisonOperator": "LessThanOrEqualToThreshold", "Threshold": "5",
        "Metrics": [metric("errors"), metric("calls"), {"Id": "rate", "Expression": "errors / calls"}],
    }})
}

fn read(resource: &Value) -> Result<Alarm, String> {
    let references = [("AWS::StackName".to_owned(), "crm".to_owned())].into();
    let names = Names {
        references,
        ..Names::default()
    };
    read_alarm("A", resource, &names).map_err(|error| error.mistake)
}

#[track_caller]
fn metric_alarm(resource: &Value) -> MetricAlarm {
    match read(resource).unwrap().watch {
        Watch::Metric(alarm) => alarm,
        Watch::Alarms(rule) => panic!("{rule:?}"),
    }
}

#[test]
fn an_alarm_on_one_metric_is_read() {
    let alarm = read(&plain()).unwrap();
    let watched = Watched {
        id: "m1".to_owned(),
        query: Query {
            namespace: "AWS/SQS".to_owned(),
            metric: "Depth".to_owned(),
            dimensions: [("QueueName".to_owned(), "Queue.QueueName".to_owned())].into(),
        },
        statistic: Statistic::Maximum,
    };
    let watch = MetricAlarm {
        metrics: vec![watched],
        expressions: Vec::new(),
        returned: "m1".to_owned(),
        period: 60,
        evaluation_periods: 3,
        datapoints_to_alarm: 2,
        comparison: Comparison::Greater,
        threshold: 1.5,
        missing: Missing::NotBreaching,
    };
    let expected = Alarm {
        id: "A".to_owned(),
        name: "crm-depth".to_owned(),
        description: "It is deep.".to_owned(),
        alarm_actions: vec!["Topic".to_owned()],
        ok_actions: vec!["Topic".to_owned()],
        watch: Watch::Metric(watch),
    };
    assert_eq!(alarm, expected);
}

#[test]
fn an_alarm_on_metric_math_is_read_with_cloudwatch_s_defaults() {
    let watch = metric_alarm(&math());
    assert_eq!(watch.metrics.len(), 2);
    let rate = Expression::parse("errors / calls").unwrap();
    assert_eq!(watch.expressions[0].1, rate);
    assert_eq!((watch.returned.as_str(), watch.period), ("rate", 60));
    assert_eq!(watch.datapoints_to_alarm, 1);
    assert_eq!(watch.missing, Missing::Missing);
}

#[test]
fn a_percentile_is_an_extended_statistic() {
    let mut resource = plain();
    let properties = resource["Properties"].as_object_mut().unwrap();
    properties.remove("Statistic");
    properties.insert("ExtendedStatistic".to_owned(), json!("p99"));
    let statistic = metric_alarm(&resource).metrics[0].statistic;
    assert_eq!(statistic, Statistic::Percentile(99.0));
}

#[test]
fn only_alarms_are_read_from_a_template_and_composites_know_them_by_their_names() {
    let whole = json!({"Type": COMPOSITE, "Properties": {
        "AlarmName": "whole", "AlarmRule": {"Fn::Sub": "ALARM(\"${Half}\") AND ALARM(\"${Other}\")"},
    }});
    let resources = json!({"Queue": {"Type": "AWS::SQS::Queue"}, "Bad": {"Type": METRIC}, "Half": math(), "Whole": whole});
    let (read, wrong) = read_alarms(&resources, &Names::default());
    let ids: Vec<_> = read.iter().map(|alarm| alarm.id.as_str()).collect();
    assert_eq!(ids, ["Half", "Whole"]);
    assert_eq!(wrong.iter().map(|e| &e.id).collect::<Vec<_>>(), ["Bad"]);
    let Watch::Alarms(rule) = &read[1].watch else {
        panic!("{read:?}")
    };
    assert_eq!(rule.names(), ["rate", "Other"]);
}

/// Sets a property, or with null removes it, and expects that the alarm is refused then.
#[track_caller]
fn refused(mut resource: Value, pointer: &str, value: Value) {
    assert!(read(&resource).is_ok());
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = resource
        .pointer_mut(&format!("/Properties{parent}"))
        .unwrap();
    let told = format!("{pointer} = {value}");
    if name == "-" {
        parent.as_array_mut().unwrap().push(value);
    } else if value.is_null() {
        parent.as_object_mut().unwrap().remove(name);
    } else {
        let members = parent.as_object_mut().unwrap();
        members.insert(name.to_owned(), value);
    }
    assert!(read(&resource).is_err(), "{told}");
}

#[test]
fn what_cloudwatch_would_refuse_is_refused() {
    for (pointer, value) in [
        ("/AlarmName", Value::Null),
        ("/Namespace", Value::Null),
        ("/MetricName", Value::Null),
        ("/Statistic", Value::Null),
        ("/Statistic", json!("p99")),
        ("/ExtendedStatistic", json!("p99")),
        ("/Period", Value::Null),
        ("/Period", json!(45)),
        ("/Period", json!(0)),
        ("/Period", json!(-60)),
        ("/Period", json!(43_200)),
        ("/EvaluationPeriods", json!(0)),
        ("/EvaluationPeriods", json!(-1)),
        ("/EvaluationPeriods", json!(1441)),
        ("/EvaluationPeriods", Value::Null),
        ("/DatapointsToAlarm", json!(4)),
        ("/DatapointsToAlarm", json!(0)),
        ("/Threshold", Value::Null),
        ("/Threshold", json!("high")),
        ("/ComparisonOperator", json!("Greater")),
        ("/TreatMissingData", json!("good")),
        ("/AlarmActions", json!("Topic")),
        ("/OKActions", json!([null])),
        ("/Dimensions/-", json!({"Name": "A"})),
        ("/Metrics", json!([])),
    ] {
        // Seven days are the limit of periods from an hour on, so 43,200 needs more of them.
        let mut resource = plain();
        if value == json!(43_200) {
            resource["Properties"]["EvaluationPeriods"] = json!(20);
        }
        refused(resource, pointer, value);
    }
}

#[test]
fn what_is_wrong_with_metric_math_is_refused() {
    let expression = |id: &str, text: &str, returned: bool| json!({"Id": id, "Expression": text, "ReturnData": returned});
    for entry in [
        expression("Upper", "errors", false),
        expression("errors", "calls", false),
        expression("second", "errors", true),
        expression("bad", "errors +", false),
        expression("lost", "errors + lost2", false),
        json!({"Id": "none", "ReturnData": false}),
        json!({"Id": "slow", "ReturnData": false, "MetricStat": {"Period": 300, "Stat": "Sum", "Metric": {"Namespace": "N", "MetricName": "M"}}}),
        json!({"Id": "odd", "ReturnData": false, "MetricStat": {"Period": 60, "Stat": "Middle", "Metric": {"Namespace": "N", "MetricName": "M"}}}),
        json!({"Id": "bare", "ReturnData": false, "MetricStat": {"Period": 60, "Stat": "Sum"}}),
    ] {
        refused(math(), "/Metrics/-", entry);
    }
    refused(math(), "/MetricName", json!("M"));
    let mut crowd = math();
    for number in 0..9 {
        let list = crowd["Properties"]["Metrics"].as_array_mut().unwrap();
        list.push(expression(&format!("e{number}"), "errors", false));
    }
    refused(crowd, "/Metrics/-", expression("e9", "errors", false));
}

#[test]
fn a_mistake_says_what_and_where() {
    let mut rate = math();
    rate["Properties"]["Metrics"][2]["Expression"] = json!("errors / requests");
    let queue = json!({"Type": "AWS::SQS::Queue"});
    for (id, resource, expected) in [
        (
            "RateAlarm",
            rate,
            "RateAlarm: rate names requests, which there is not",
        ),
        ("Queue", queue, "Queue: it is no alarm"),
    ] {
        let error = read_alarm(id, &resource, &Names::default()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
