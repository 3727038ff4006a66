//! What alarms evaluate exists.

use crate::template::alarms;
use crate::template::check::Check;
use crate::template::view::{at, number};
use leadwire_cloudwatch::{Alarm, Query, Watch};
use leadwire_pipeline::observe::OBJECTIVE;
use leadwire_pipeline::observe::metric::{Dimension, Metric, NAMESPACE};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const DEPTH: &str = "/Resources/DeadLetterQueueDepthAlarm/Properties";
const FINAL: &str = "/Resources/FinalAttemptFailedAlarm/Properties";
const RATE: &str = "/Resources/IngestErrorRateAlarm/Properties";
const WHOLE: &str = "/Resources/ObjectiveFastBurnAlarm/Properties";
const BURN: &str = "/Resources/ObjectiveFastBurnLongAlarm/Properties";
const VERIFIED: &str = "/Resources/NothingVerifiedAlarm/Properties";

/// Metrics of AWS, with their dimensions. A name that is wrong is silence for ever.
const OF_AWS: [(&str, &str, &[&str]); 11] = [
    ("AWS/ApiGateway", "5XXError", &["ApiName", "Stage"]),
    ("AWS/Lambda", "Duration", &["FunctionName"]),
    ("AWS/Lambda", "Errors", &["FunctionName"]),
    ("AWS/Lambda", "Invocations", &["FunctionName"]),
    ("AWS/Lambda", "Throttles", &["FunctionName"]),
    ("AWS/Logs", "EMFParsingErrors", &["LogGroupName"]),
    ("AWS/Logs", "EMFValidationErrors", &["LogGroupName"]),
    ("AWS/SES", "Bounce", &["ses:configuration-set"]),
    ("AWS/SES", "Complaint", &["ses:configuration-set"]),
    ("AWS/SES", "Reject", &["ses:configuration-set"]),
    ("AWS/SQS", "*", &["QueueName"]),
];
/// How many times faster than allowed the budget is spent when these alarms fire.
const BURN_RATES: [(&str, f64); 4] = [
    ("ObjectiveFastBurnLongAlarm", 14.4),
    ("ObjectiveFastBurnShortAlarm", 14.4),
    ("ObjectiveSlowBurnLongAlarm", 6.0),
    ("ObjectiveSlowBurnShortAlarm", 6.0),
];
/// The metrics of a queue.
const OF_QUEUES: [&str; 2] = [
    "ApproximateAgeOfOldestMessage",
    "ApproximateNumberOfMessagesVisible",
];

/// Read by our own evaluator, which takes nothing that `CloudWatch` would refuse.
pub(in crate::template::check) const UNDERSTOOD: Check = Check {
    promise: "every alarm can be evaluated, and names what the template has",
    breaches: |case| {
        let (alarms, wrong) = alarms::read(&case.template);
        let mut found: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        let known: BTreeSet<&String> = ["Parameters", "Resources"]
            .into_iter()
            .filter_map(|section| case.template.section(section).as_object())
            .flat_map(serde_json::Map::keys)
            .collect();
        for (id, resource) in alarms::resources(&case.template) {
            let names = alarms::named(&Value::Object(resource.clone())).into_iter();
            let unknown = names.filter(|name| !name.starts_with("AWS::") && !known.contains(name));
            found.extend(unknown.map(|name| format!("{id} names {name}, which there is not")));
            let condition = resource.get("Condition").and_then(Value::as_str);
            if condition.is_some_and(|name| {
                at(case.template.section("Conditions"), &format!("/{name}")).is_null()
            }) {
                found.push(format!("{id} has a condition that there is not"));
            }
        }
        let names: BTreeSet<&str> = alarms.iter().map(|alarm| alarm.name.as_str()).collect();
        if names.len() != alarms.len() {
            found.push("two alarms have one name".to_owned());
        }
        for alarm in &alarms {
            if let Watch::Alarms(rule) = &alarm.watch {
                let lost = rule
                    .names()
                    .into_iter()
                    .filter(|name| !names.contains(name));
                found.extend(
                    lost.map(|name| format!("{} combines {name}, which is no alarm", alarm.id)),
                );
            }
        }
        found
    },
    breakages: &[
        |case| {
            case.set(
                &format!("{DEPTH}/Dimensions/0/Value/Fn::GetAtt/0"),
                "NoQueue",
            );
        },
        |case| {
            case.set(
                &format!("{DEPTH}/AlarmName/Fn::Sub"),
                "${AWS::StackName}-final-attempt-failed",
            );
        },
        |case| case.set(&format!("{DEPTH}/Period"), 45),
        |case| case.set(&format!("{DEPTH}/Statistic"), "Median"),
        |case| {
            case.set(
                &format!("{RATE}/Metrics/2/Expression"),
                "IF(invocations > 0, 100 * errors",
            );
        },
        |case| {
            case.set(
                &format!("{RATE}/Metrics/2/Expression"),
                "100 * error / invocations",
            );
        },
        |case| case.set(&format!("{RATE}/Metrics/0/ReturnData"), true),
        |case| {
            case.set(
                &format!("{WHOLE}/AlarmRule/Fn::Sub"),
                "ALARM(\"${ObjectiveFastBurnLongAlarm}\") BUT OK(\"x\")",
            );
        },
        |case| {
            case.set(
                &format!("{WHOLE}/AlarmRule/Fn::Sub"),
                "ALARM(\"${DelayQueue}\")",
            );
        },
        |case| case.set("/Resources/CanaryAlarm/Condition", "CanaryIsLoud"),
    ],
};

/// The catalogue is the pipeline's; of AWS's own metrics there is a list here.
pub(in crate::template::check) const MEASURED: Check = Check {
    promise: "every alarm evaluates a metric that exists, by its exact dimensions",
    breaches: |case| {
        let (alarms, _) = alarms::read(&case.template);
        let mut found = Vec::new();
        for (alarm, query) in queries(&alarms) {
            if let Some(mistake) = mistake(query) {
                found.push(format!("{}: {mistake}", alarm.id));
            }
        }
        // A source that is left out could be the one that is well: then the alarm would fire without need.
        let verified = queries(&alarms).filter(|(alarm, _)| alarm.id == "NothingVerifiedAlarm");
        let verified: BTreeSet<(&str, &str)> = verified
            .filter_map(|(_, query)| {
                Some((
                    query.metric.as_str(),
                    query.dimensions.get("source")?.as_str(),
                ))
            })
            .collect();
        for source in Dimension::Source.values() {
            for metric in [Metric::LeadsAccepted, Metric::LeadsDuplicate] {
                if !verified.contains(&(metric.name(), source)) {
                    found.push(format!(
                        "NothingVerifiedAlarm does not count {} of {source}",
                        metric.name()
                    ));
                }
            }
        }
        found
    },
    breakages: &[
        |case| case.set(&format!("{FINAL}/MetricName"), "FinalAttemptsFailed"),
        |case| case.set(&format!("{FINAL}/Dimensions/0/Value"), "sweep"),
        |case| case.set(&format!("{FINAL}/Dimensions/0/Name"), "stage"),
        |case| case.set(&format!("{FINAL}/Dimensions/1/Value"), "dev"),
        |case| {
            case.set(
                &format!("{FINAL}/Dimensions"),
                json!([{"Name": "service", "Value": "enrich"}]),
            );
        },
        |case| case.set(&format!("{FINAL}/Namespace"), "leadwire"),
        |case| case.set(&format!("{DEPTH}/MetricName"), "NumberOfMessages"),
        |case| case.set(&format!("{DEPTH}/Dimensions/0/Name"), "Queue"),
        |case| {
            case.set(
                &format!("{VERIFIED}/Metrics/0/MetricStat/Metric/Dimensions/2/Value"),
                "wrong_secret",
            );
        },
        // By source only.
        |case| case.set(&format!("{FINAL}/MetricName"), "EndToEndLatency"),
        |case| {
            case.set(
                &format!("{VERIFIED}/Metrics/1/MetricStat/Metric/Dimensions/2/Value"),
                "hubspot",
            );
        },
        |case| {
            case.set(
                &format!("{VERIFIED}/Metrics/1/MetricStat/Metric/MetricName"),
                "LeadsConflicting",
            );
        },
    ],
};

/// Thresholds that follow from another number of the template, written out because a template cannot multiply.
pub(in crate::template::check) const DUE: Check = Check {
    promise: "thresholds follow from timeouts, visibility, delay and the objective",
    breaches: |case| {
        let mut found = Vec::new();
        let mut expect = |id: &str, due: Option<u64>| {
            let threshold = number(at(case.template.properties(id), "/Threshold"));
            if threshold.is_none() || threshold != due {
                found.push(format!(
                    "the threshold of {id} is {threshold:?}, and {due:?} is due"
                ));
            }
        };
        for (alarm, function) in [
            ("IngestDurationAlarm", "IngestionFunction"),
            ("EnrichDurationAlarm", "EnrichmentFunction"),
            ("SweepDurationAlarm", "SweepFunction"),
        ] {
            // 80 % of the timeout, in milliseconds.
            let timeout = number(at(case.template.properties(function), "/Timeout"));
            expect(alarm, timeout.map(|seconds| seconds * 800));
        }
        let visibility = number(at(
            case.template.properties("DelayQueue"),
            "/VisibilityTimeout",
        ));
        let longest = number(at(
            case.template.section("Parameters"),
            "/DelaySeconds/MaxValue",
        ));
        let age = longest
            .zip(visibility)
            .map(|(delay, visibility)| delay + 2 * visibility);
        expect("OldestMessageAgeAlarm", age);
        for (alarm, burn_rate) in BURN_RATES {
            // At a burn rate of 1 as many per cent are bad as the objective allows.
            let due = burn_rate * 100.0 * (1.0 - OBJECTIVE);
            let threshold = at(case.template.properties(alarm), "/Threshold").as_f64();
            if threshold.is_none_or(|threshold| (threshold - due).abs() > 1e-9) {
                found.push(format!(
                    "the threshold of {alarm} is {threshold:?}, and {due} is due"
                ));
            }
        }
        let minutes = at(
            case.template.section("Parameters"),
            "/CanaryMinutes/AllowedValues",
        );
        for minutes in minutes.as_array().into_iter().flatten().filter_map(number) {
            let period = at(
                case.template.section("Mappings"),
                &format!("/CanaryPeriod/{minutes}/Seconds"),
            );
            if number(period).is_none_or(|seconds| minutes != 0 && seconds != minutes * 60) {
                found.push(format!("CanaryPeriod is not CanaryMinutes for {minutes}"));
            }
        }
        found
    },
    breakages: &[
        |case| case.set("/Resources/IngestDurationAlarm/Properties/Threshold", 9000),
        |case| case.set("/Resources/EnrichmentFunction/Properties/Timeout", 90),
        |case| case.set("/Resources/DelayQueue/Properties/VisibilityTimeout", 720),
        |case| case.set("/Parameters/DelaySeconds/MaxValue", 600),
        |case| case.set(&format!("{BURN}/Threshold"), 14),
        |case| case.remove("/Mappings/CanaryPeriod", "15"),
        |case| case.set("/Mappings/CanaryPeriod/15/Seconds", 600),
    ],
};

/// The metrics of each alarm.
fn queries(alarms: &[Alarm]) -> impl Iterator<Item = (&Alarm, &Query)> {
    alarms.iter().flat_map(|alarm| {
        let metrics = match &alarm.watch {
            Watch::Metric(watch) => watch.metrics.as_slice(),
            Watch::Alarms(_) => &[],
        };
        metrics.iter().map(move |watched| (alarm, &watched.query))
    })
}

fn mistake(query: &Query) -> Option<String> {
    let Query {
        namespace,
        metric,
        dimensions,
    } = query;
    let names: Vec<&str> = dimensions.keys().map(String::as_str).collect();
    if namespace != NAMESPACE {
        let exists = OF_AWS.iter().any(|(of, name, by)| {
            of == namespace
                && names == *by
                && (name == metric || *name == "*" && OF_QUEUES.contains(&metric.as_str()))
        });
        return (!exists).then(|| format!("AWS has no {namespace} {metric} by {names:?}"));
    }
    let Some(facts) = Metric::from_name(metric).map(Metric::facts) else {
        return Some(format!("{metric} is not in the catalogue"));
    };
    let by = |name: &str| dimensions.get(name).map(String::as_str);
    let is_emitted = facts
        .services
        .iter()
        .any(|service| by("service") == Some(service.name()));
    let is_here = by("environment") == Some(alarms::ENVIRONMENT);
    if !is_emitted || !is_here {
        return Some(format!("{metric} has no {dimensions:?}"));
    }
    let further: BTreeMap<&str, &str> = dimensions
        .iter()
        .filter(|(name, _)| !["service", "environment"].contains(&name.as_str()))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    // A metric with a further dimension has that set alone: there is no sum over its values.
    let fits = match facts.further {
        None => further.is_empty(),
        Some(dimension) => {
            let value = further.get(dimension.name());
            further.len() == 1 && value.is_some_and(|value| dimension.values().contains(value))
        }
    };
    (!fits).then(|| format!("{metric} has no {further:?}"))
}
