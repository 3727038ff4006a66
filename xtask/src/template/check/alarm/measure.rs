//! What alarms evaluate exists.

use crate::dashboard::family;
use crate::template::alarms;
use crate::template::check::Breakage::Edit;
use crate::template::check::{Case, Check};
use crate::view::{at, items, number, references};
use leadwire_cloudwatch::{Query, Watch};
use leadwire_pipeline::observe::OBJECTIVE;
use leadwire_pipeline::observe::metric::NAMESPACE;
use serde_json::Value;
use std::collections::BTreeSet;

/// How many times faster than allowed the budget is spent when these alarms fire.
const BURN_RATES: [(&str, f64); 4] = [
    ("ObjectiveFastBurnLongAlarm", 14.4),
    ("ObjectiveFastBurnShortAlarm", 14.4),
    ("ObjectiveSlowBurnLongAlarm", 6.0),
    ("ObjectiveSlowBurnShortAlarm", 6.0),
];

/// Read by our own evaluator, which takes nothing that `CloudWatch` would refuse.
pub(in crate::template::check) const UNDERSTOOD: Check = Check {
    promise: "every alarm can be evaluated, and names what the template has",
    breaches: |case, found| {
        let template = &case.template;
        let (alarms, wrong) = alarms::read(template);
        found.extend(wrong.iter().map(ToString::to_string));
        for (id, resource) in alarms::resources(template) {
            let is_known = |name: &str| {
                let sections = ["Parameters", "Resources"].map(|section| template.section(section));
                name.starts_with("AWS::") || sections.iter().any(|all| all.get(name).is_some())
            };
            let unknown = references(resource)
                .into_iter()
                .filter(|name| !is_known(name));
            found.extend(unknown.map(|name| format!("{id} names {name}, which there is not")));
            let condition = at(resource, "/Condition").as_str();
            if condition.is_some_and(|name| template.section("Conditions").get(name).is_none()) {
                found.push(format!("{id} has a condition that there is not"));
            }
        }
        let names: BTreeSet<&str> = alarms.iter().map(|alarm| alarm.name.as_str()).collect();
        if names.len() != alarms.len() {
            found.push("two alarms have one name".to_owned());
        }
        for alarm in &alarms {
            if let Watch::Alarms(rule) = &alarm.watch {
                let combined = rule.names().into_iter();
                let lost = combined.filter(|name| !names.contains(name));
                found.extend(
                    lost.map(|name| format!("{} combines {name}, which is no alarm", alarm.id)),
                );
            }
        }
    },
    breakages: &[
        Edit("DeadLetterQueueDepthAlarm/Dimensions/0/Value/Fn::GetAtt/0 = NoQueue"),
        Edit(
            "DeadLetterQueueDepthAlarm/AlarmName/Fn::Sub = ${AWS::StackName}-final-attempt-failed",
        ),
        Edit("DeadLetterQueueDepthAlarm/Period = 45"),
        Edit("DeadLetterQueueDepthAlarm/Statistic = Median"),
        Edit("IngestErrorRateAlarm/Metrics/2/Expression = IF(invocations > 0, 100 * errors"),
        Edit("IngestErrorRateAlarm/Metrics/2/Expression = 100 * error / invocations"),
        Edit("IngestErrorRateAlarm/Metrics/0/ReturnData = true"),
        Edit(
            r#"ObjectiveFastBurnAlarm/AlarmRule/Fn::Sub = ALARM("${ObjectiveFastBurnLongAlarm}") BUT OK("x")"#,
        ),
        Edit(r#"ObjectiveFastBurnAlarm/AlarmRule/Fn::Sub = ALARM("${DelayQueue}")"#),
        Edit("/Resources/CanaryAlarm/Condition = CanaryIsLoud"),
    ],
};

/// The catalogue is the pipeline's; of AWS's own metrics there is a list here. A name that is wrong is silence for ever.
pub(in crate::template::check) const MEASURED: Check = Check {
    promise: "every alarm evaluates a metric that exists, by its exact dimensions",
    breaches: |case, found| {
        let (alarms, _) = alarms::read(&case.template);
        for alarm in &alarms {
            let mistakes = alarms::queries(alarm).filter_map(mistake);
            found.extend(mistakes.map(|mistake| format!("{}: {mistake}", alarm.id)));
        }
    },
    breakages: &[
        Edit("FinalAttemptFailedAlarm/MetricName = FinalAttemptsFailed"),
        Edit("FinalAttemptFailedAlarm/Dimensions/0/Value = sweep"),
        Edit("FinalAttemptFailedAlarm/Dimensions/0/Name = stage"),
        Edit("FinalAttemptFailedAlarm/Dimensions/1/Value = dev"),
        // Shared by every stack of that environment.
        Edit(r#"FinalAttemptFailedAlarm/Dimensions/1/Value = {"Ref": "Environment"}"#),
        Edit(r#"FinalAttemptFailedAlarm/Dimensions = [{"Name": "service", "Value": "enrich"}]"#),
        Edit("FinalAttemptFailedAlarm/Namespace = leadwire"),
        Edit("DeadLetterQueueDepthAlarm/MetricName = NumberOfMessages"),
        Edit("DeadLetterQueueDepthAlarm/Dimensions/0/Name = Queue"),
        Edit("NothingVerifiedAlarm/Metrics/0/MetricStat/Metric/Dimensions/2/Value = wrong_secret"),
        // By source only.
        Edit("FinalAttemptFailedAlarm/MetricName = EndToEndLatency"),
    ],
};

/// Thresholds that follow from another number of the template, written out because a template cannot multiply.
pub(in crate::template::check) const DUE: Check = Check {
    promise: "thresholds follow from timeouts, visibility, delay and the objective",
    breaches: |case, found| {
        found.extend(misplaced_thresholds(case));
        found.extend(misplaced_periods(case));
    },
    breakages: &[
        Edit("IngestDurationAlarm/Threshold = 9000"),
        Edit("EnrichmentFunction/Timeout = 90"),
        Edit("DelayQueue/VisibilityTimeout = 720"),
        Edit("/Parameters/DelaySeconds/MaxValue = 600"),
        Edit("ObjectiveFastBurnLongAlarm/Threshold = 14"),
        Edit("/Mappings/CanaryPeriod/15"),
        Edit("/Mappings/CanaryPeriod/15/Seconds = 600"),
        Edit("/Mappings/SweepRuns/60"),
        Edit("/Mappings/SweepRuns/60/Seconds = 900"),
        Edit("/Mappings/SweepRuns/60/Two = 60"),
        Edit("/Mappings/SweepRuns/60/Three = 170"),
    ],
};

fn misplaced_thresholds(case: &Case) -> Vec<String> {
    let template = &case.template;
    let seconds = |value: &Value| Some(f64::from(u32::try_from(number(value)?).ok()?));
    // 80 % of the timeout, in milliseconds.
    let slow = |id: &str| Some(seconds(template.at(&format!("{id}/Timeout")))? * 800.0);
    let delay = seconds(template.at("/Parameters/DelaySeconds/MaxValue"));
    let visibility = seconds(template.at("DelayQueue/VisibilityTimeout"));
    let age = delay
        .zip(visibility)
        .map(|(delay, visibility)| delay + 2.0 * visibility);
    // At a burn rate of 1 as many per cent are bad as the objective allows.
    let burns = BURN_RATES.map(|(alarm, rate)| (alarm, Some(rate * 100.0 * (1.0 - OBJECTIVE))));
    let due = [
        ("IngestDurationAlarm", slow("IngestionFunction")),
        ("EnrichDurationAlarm", slow("EnrichmentFunction")),
        ("SweepDurationAlarm", slow("SweepFunction")),
        ("OldestMessageAgeAlarm", age),
    ];
    let wrong = due.into_iter().chain(burns).filter_map(|(alarm, due)| {
        let threshold = template.at(&format!("{alarm}/Threshold")).as_f64();
        let is_due = threshold
            .zip(due)
            .is_some_and(|(is, due)| (is - due).abs() < 1e-9);
        (!is_due).then(|| format!("the threshold of {alarm} is {threshold:?}, and {due:?} is due"))
    });
    wrong.collect()
}

/// Mappings that hold a parameter of minutes, multiplied: the parameter, the mapping, its member, and how much of it there is in a minute.
const MULTIPLES: [(&str, &str, &str, u64); 4] = [
    ("CanaryMinutes", "CanaryPeriod", "Seconds", 60),
    ("SweepMinutes", "SweepRuns", "Seconds", 60),
    ("SweepMinutes", "SweepRuns", "Two", 2),
    ("SweepMinutes", "SweepRuns", "Three", 3),
];

fn misplaced_periods(case: &Case) -> Vec<String> {
    let wrong = MULTIPLES
        .iter()
        .flat_map(|(parameter, mapping, member, times)| {
            let minutes = case
                .template
                .at(&format!("/Parameters/{parameter}/AllowedValues"));
            let mapped = case.template.at(&format!("/Mappings/{mapping}"));
            let is_wrong = move |minutes: &u64| {
                let is = number(at(mapped, &format!("/{minutes}/{member}")));
                is.is_none_or(|is| *minutes != 0 && is != minutes * times)
            };
            let minutes = items(minutes).into_iter().filter_map(number);
            let wrong = minutes.filter(is_wrong);
            wrong.map(move |minutes| format!("{mapping} is not {parameter} for {minutes}"))
        });
    wrong.collect()
}

fn mistake(query: &Query) -> Option<String> {
    if query.namespace == NAMESPACE {
        return family::breach_of_ours(query, alarms::STACK);
    }
    let exists = family::of(query).is_some();
    (!exists).then(|| format!("AWS has no {query:?}"))
}
