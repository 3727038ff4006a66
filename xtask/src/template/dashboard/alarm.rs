//! Dashboards and alarms: those shown exist, and thresholds are drawn where they are.

use super::{Case, Change, Check, Edit, boards, change, change_graph};
use crate::dashboard::board::{Annotation, Shown, Source};
use crate::template::alarms::TYPES;
use crate::view::at;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What ARNs of alarms begin with. No attribute of the resource: an alarm may depend on a parameter, and a dashboard that names one that is
/// not there stays a dashboard.
pub(super) const ARN: &str = "${AlarmArn}-";
/// What names of alarms begin with.
const STACK: &str = "${AWS::StackName}-";

/// `CloudWatch` takes an alarm that does not exist, and shows nothing of it.
pub(in crate::template) const ALARMS: Check = Check {
    promise: "the alarms in dashboards exist",
    breaches: |case, found| {
        let alarms = alarms(case);
        let exists = |arn: &str| {
            let alarm = arn.strip_prefix(ARN);
            alarm.is_some_and(|alarm| alarms.contains_key(alarm))
        };
        for (name, board) in boards(case) {
            let shown = board.shown().flat_map(|shown| &shown.alarms);
            let unknown = shown.filter(|arn| !exists(arn));
            found.extend(unknown.map(|arn| format!("{name} shows {arn:?}, which is no alarm")));
        }
    },
    breakages: &[
        Change(|case| show(case, "${DeadLetterQueueDepthAlarm.Arn}")),
        Change(|case| show(case, "${AlarmArn}-no-such-alarm")),
        Edit("/Resources/DeadLetterQueueDepthAlarm"),
    ],
};

fn show(case: &mut Case, arn: &str) {
    change(case, &format!("/widgets/0/properties/alarms/0 = {arn}"));
}

/// Lines that stand at a parameter's default.
const LINES: [(&str, &str); 2] = [
    ("planned delay", "DelaySeconds"),
    ("limit by default", "EnrichmentMaxConcurrency"),
];

/// A line whose label ends with an alarm's name in parentheses is that alarm's threshold.
pub(in crate::template) const THRESHOLDS: Check = Check {
    promise: "thresholds, timeouts and the delay in dashboards are those of the template",
    breaches: |case, found| {
        for (name, board) in boards(case) {
            for shown in board.shown() {
                let notes = shown.annotations.horizontal.iter();
                let wrong = notes.filter_map(|note| misplaced(case, note));
                let wrong = wrong.chain(mistimed(case, shown));
                found.extend(wrong.map(|what| format!("{name}, {:?}: {what}", shown.title)));
            }
        }
    },
    breakages: &[
        Change(|case| change_notes(case, 9.75, "pages (dead-letter-queue-depth)")),
        Change(|case| change_notes(case, 0.0, "pages (no-such-alarm)")),
        Change(|case| change_notes(case, 601.0, "planned delay")),
        Edit("SweepFunction/Timeout = 899"),
    ],
};

fn change_notes(case: &mut Case, value: f64, label: &str) {
    let note = json!({"horizontal": [{"value": value, "label": label}]});
    change_graph(case, &format!("/annotations = {note}"));
}

/// A line that is not at the value that its label speaks of.
fn misplaced(case: &Case, note: &Annotation) -> Option<String> {
    let label = note.label.as_str();
    let alarm = label
        .rsplit_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    let line = LINES.iter().find(|(line, _)| *line == label);
    let wanted = match (alarm, line) {
        (Some(alarm), _) => {
            let alarms = alarms(case);
            let alarm = alarms.get(alarm);
            alarm.and_then(|alarm| at(alarm, "/Threshold").as_f64())
        }
        (None, Some((_, parameter))) => {
            let default = format!("/Parameters/{parameter}/Default");
            case.template.at(&default).as_f64()
        }
        (None, None) => return None,
    };
    let value = note.value;
    (wanted != Some(value)).then(|| format!("{label:?} is drawn at {value}, not at {wanted:?}"))
}

/// Expressions that compare a function's running time to something that is not its timeout.
fn mistimed(case: &Case, shown: &Shown) -> Vec<String> {
    let durations = shown.rows.iter().filter_map(|row| match &row.source {
        Source::Metric(name) if name.metric == "Duration" => {
            let function = name.dimensions.get("FunctionName")?;
            let id = function.strip_prefix("${")?.strip_suffix('}')?;
            Some((row.id.as_deref()?, id))
        }
        Source::Metric(_) | Source::Expression(_) => None,
    });
    let mut found = Vec::new();
    for (id, function) in durations {
        let timeout = case.template.at(&format!("{function}/Timeout")).as_u64();
        let wanted = format!("100 * {id} / {}", timeout.unwrap_or_default() * 1000);
        let wanted = Source::Expression(wanted);
        if !shown.rows.iter().any(|row| row.source == wanted) {
            found.push(format!("nothing is computed by {wanted:?}"));
        }
    }
    found
}

/// The properties of every alarm of the template, by its name without the stack's.
fn alarms(case: &Case) -> BTreeMap<String, &Value> {
    let all = TYPES.iter().flat_map(|kind| case.template.of_type(kind));
    let named = all.filter_map(|(_, alarm)| {
        let name = at(alarm, "/AlarmName/Fn::Sub").as_str()?;
        Some((name.strip_prefix(STACK)?.to_owned(), alarm))
    });
    named.collect()
}
