//! What graphs look at: metrics of ours by the catalogue, AWS's by a list.

use super::{Case, Check, add_row, boards};
use crate::dashboard::board::Name;
use crate::dashboard::family::{self, Value as Filler};
use crate::template::view::at;
use leadwire_pipeline::metric::Metric;
use serde_json::json;
use std::collections::BTreeSet;

/// A metric that nobody tells draws an empty graph; one that is on no dashboard is not looked at.
pub(in crate::template) const TOLD: Check = Check {
    promise: "dashboards look at metrics that are told, by their dimensions, and at every one of ours",
    breaches: |case| {
        let boards = boards(case);
        let names: BTreeSet<&Name> = boards.iter().flat_map(|(_, board)| board.names()).collect();
        let mut found: Vec<String> = names.iter().filter_map(|name| breach(case, name)).collect();
        let shown = |metric: &&Metric| {
            let mut ours = names.iter().filter(|name| name.namespace == family::OURS);
            ours.any(|name| name.metric == metric.name())
        };
        let unseen = Metric::ALL.iter().filter(|metric| !shown(metric));
        found.extend(unseen.map(|metric| format!("{} is on no dashboard", metric.name())));
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
            )
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
            )
        },
        |case| {
            add_row(
                case,
                &json!(["Leadwire", "EmailsSent", "service", "enrich"]),
            )
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
            )
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
            )
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
            )
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
            )
        },
        |case| {
            add_row(
                case,
                &json!(["AWS/Fax", "Errors", "FunctionName", "${SweepFunction}"]),
            )
        },
        |case| {
            add_row(
                case,
                &json!(["AWS/Lambda", "Mistakes", "FunctionName", "${SweepFunction}"]),
            )
        },
        |case| {
            add_row(
                case,
                &json!(["AWS/Lambda", "Errors", "FunctionName", "${DelayQueue}"]),
            )
        },
        |case| {
            add_row(
                case,
                &json!(["AWS/Lambda", "Errors", "QueueName", "${SweepFunction}"]),
            )
        },
        |case| {
            let text = json!(case.project.dashboards)
                .to_string()
                .replace("EmailsParked", "EmailsSent");
            case.project.dashboards = serde_json::from_str(&text).unwrap_or_default();
        },
    ],
};

fn breach(case: &Case, name: &Name) -> Option<String> {
    if name.namespace == family::OURS {
        return family::breach_of_ours(name);
    }
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
