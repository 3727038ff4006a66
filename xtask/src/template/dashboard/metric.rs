//! What graphs look at: metrics of ours by the catalogue, AWS's by a list.

use super::{Case, Check, add_row, boards};
use crate::dashboard::board::{Board, Name, Source};
use crate::dashboard::family::{self, Value as Filler};
use crate::template::view::at;
use leadwire_pipeline::observe::metric::{Dimension, Metric};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// A metric that nobody tells draws an empty graph; one that is on no dashboard is not looked at.
pub(in crate::template) const OURS: Check = Check {
    promise: "dashboards show every metric of ours, as it is told",
    breaches: |case| {
        let boards = boards(case);
        let names: BTreeSet<&Name> = boards.iter().flat_map(|(_, board)| board.names()).collect();
        let ours = || names.iter().filter(|name| name.namespace == family::OURS);
        let mut found: Vec<String> = ours()
            .filter_map(|name| family::breach_of_ours(name))
            .collect();
        for (name, board) in &boards {
            let lacking = lacking(board).into_iter();
            found.extend(lacking.map(|what| format!("{name}: {what}")));
        }
        let shown: BTreeSet<&str> = ours().map(|name| name.metric.as_str()).collect();
        let unseen = Metric::ALL.iter().map(|metric| metric.name());
        let unseen = unseen.filter(|name| !shown.contains(name));
        found.extend(unseen.map(|name| format!("{name} is on no dashboard")));
        found
    },
    breakages: &[
        |case| {
            add_row(
                case,
                &json!([
                    "Leadwire",
                    "LeadsLost",
                    "service",
                    "ingest",
                    "environment",
                    "${Environment}"
                ]),
            );
        },
        |case| {
            add_row(
                case,
                &json!([
                    "Leadwire",
                    "EmailsSent",
                    "service",
                    "ingest",
                    "environment",
                    "${Environment}"
                ]),
            );
        },
        |case| {
            add_row(
                case,
                &json!(["Leadwire", "EmailsSent", "service", "enrich"]),
            );
        },
        |case| {
            add_row(
                case,
                &json!([
                    "Leadwire",
                    "EmailsSent",
                    "service",
                    "enrich",
                    "environment",
                    "dev"
                ]),
            );
        },
        |case| {
            add_row(
                case,
                &json!([
                    "Leadwire",
                    "EmailsSent",
                    "service",
                    "enrich",
                    "environment",
                    "${Environment}",
                    "source",
                    "close"
                ]),
            );
        },
        |case| {
            add_row(
                case,
                &json!([
                    "Leadwire",
                    "LeadsAccepted",
                    "service",
                    "ingest",
                    "environment",
                    "${Environment}",
                    "source",
                    "fax"
                ]),
            );
        },
        |case| {
            add_row(
                case,
                &json!([
                    "Leadwire",
                    "LeadsRejected",
                    "service",
                    "ingest",
                    "environment",
                    "${Environment}",
                    "reason",
                    "mood"
                ]),
            );
        },
        |case| {
            add_row(
                case,
                &json!([
                    "Leadwire",
                    "LeadsDuplicate",
                    "service",
                    "ingest",
                    "environment",
                    "${Environment}"
                ]),
            );
        },
        |case| {
            add_row(
                case,
                &json!([
                    "Leadwire",
                    "LeadsDuplicate",
                    "service",
                    "ingest",
                    "environment",
                    "${Environment}",
                    "source",
                    "close"
                ]),
            );
        },
        |case| {
            let text = json!(case.project.dashboards)
                .to_string()
                .replace("EmailsParked", "EmailsSent");
            case.project.dashboards = serde_json::from_str(&text).unwrap_or_default();
        },
    ],
};

/// A wrong dimension draws an empty graph too.
pub(in crate::template) const OF_AWS: Check = Check {
    promise: "dashboards look at metrics that AWS tells, of resources that there are",
    breaches: |case| {
        let boards = boards(case);
        let names: BTreeSet<&Name> = boards.iter().flat_map(|(_, board)| board.names()).collect();
        let theirs = names
            .into_iter()
            .filter(|name| name.namespace != family::OURS);
        theirs.filter_map(|name| breach(case, name)).collect()
    },
    breakages: &[
        |case| {
            add_row(
                case,
                &json!(["AWS/Fax", "Errors", "FunctionName", "${SweepFunction}"]),
            );
        },
        |case| {
            add_row(
                case,
                &json!(["AWS/Lambda", "Mistakes", "FunctionName", "${SweepFunction}"]),
            );
        },
        |case| {
            add_row(
                case,
                &json!(["AWS/Lambda", "Errors", "FunctionName", "${DelayQueue}"]),
            );
        },
        |case| {
            add_row(
                case,
                &json!(["AWS/Lambda", "Errors", "QueueName", "${SweepFunction}"]),
            );
        },
    ],
};

/// What stands in a title before the source that a graph is about; the other sources have graphs of the same title.
const ABOUT: &str = ": source ";

/// What graphs leave out that show a metric by its further dimension: a new source must not be missing in a sum.
fn lacking(board: &Board) -> Vec<String> {
    let mut shown: BTreeMap<(&str, Metric), BTreeSet<&str>> = BTreeMap::new();
    for chart in board.charts() {
        let title = chart.title.split(ABOUT).next().unwrap_or_default();
        let names = chart.rows.iter().filter_map(|row| match &row.source {
            Source::Metric(name) => Some(name),
            Source::Expression(_) => None,
        });
        for name in names {
            if let Some(metric) = Metric::from_name(&name.metric) {
                let value = name.dimensions.get(2).map(|(_, value)| value.as_str());
                shown.entry((title, metric)).or_default().extend(value);
            }
        }
    }
    let mut found = Vec::new();
    for ((title, metric), shown) in shown {
        let values = metric.facts().further.map(Dimension::values);
        for value in values.unwrap_or_default() {
            if !shown.contains(value) {
                found.push(format!("{title:?} leaves {value} out of {}", metric.name()));
            }
        }
    }
    found
}

fn breach(case: &Case, name: &Name) -> Option<String> {
    let Some(family) = family::of(name) else {
        return Some(format!("AWS has no {} {}", name.namespace, name.metric));
    };
    let mut pairs = name.dimensions.iter().zip(family.dimensions);
    let same = name.dimensions.len() == family.dimensions.len()
        && pairs.all(|((dimension, value), (wanted, filler))| {
            dimension == wanted && is_filled(case, value, filler)
        });
    (!same).then(|| {
        format!(
            "{} {} is not told by {:?}",
            name.namespace, name.metric, name.dimensions
        )
    })
}

/// Whether a dimension's value is a resource of the right kind, or the right text.
fn is_filled(case: &Case, value: &str, filler: &Filler) -> bool {
    match filler {
        Filler::Text(text) => value == *text,
        Filler::Of { kind, attribute } => {
            let inner = value.strip_prefix("${").and_then(|v| v.strip_suffix('}'));
            let id = inner.and_then(|inner| inner.strip_suffix(attribute));
            id.is_some_and(|id| at(case.template.resource(id), "/Type") == *kind)
        }
    }
}
