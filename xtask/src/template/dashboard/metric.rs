//! What graphs show: metrics of ours by the catalogue, AWS's by a list, and expressions over them.

use super::{Case, Change, Check, add_row, boards, change_graph};
use crate::dashboard::board::{Board, Row, Shown, Source};
use crate::dashboard::family::{self, Value as Filler};
use crate::view::at;
use leadwire_cloudwatch::{Expression, Query};
use leadwire_pipeline::observe::metric::NAMESPACE;
use std::collections::BTreeSet;

/// A metric that does not exist draws an empty graph.
pub(in crate::template) const OURS: Check = Check {
    promise: "the metrics of ours in dashboards exist, with these dimensions",
    breaches: |case, found| {
        let boards = boards(case);
        let ours = names(&boards).filter(|name| name.namespace == NAMESPACE);
        found.extend(ours.filter_map(|name| family::breach_of_ours(name, "${AWS::StackName}")));
    },
    breakages: &[
        Change(|case| {
            add_ours(
                case,
                "LeadsLost service ingest environment ${AWS::StackName}",
            );
        }),
        Change(|case| {
            add_ours(
                case,
                "EmailsSent service ingest environment ${AWS::StackName}",
            );
        }),
        Change(|case| add_ours(case, "EmailsSent service enrich")),
        Change(|case| add_ours(case, "EmailsSent service enrich environment dev")),
        // Shared by every stack of that environment.
        Change(|case| add_ours(case, "EmailsSent service enrich environment ${Environment}")),
        Change(|case| add_ours_by(case, "EmailsSent service enrich", "source close")),
        Change(|case| add_ours_by(case, "LeadsAccepted service ingest", "source fax")),
        Change(|case| add_ours_by(case, "LeadsRejected service ingest", "reason mood")),
        Change(|case| add_ours_by(case, "LeadsDuplicate service ingest", "")),
    ],
};

/// A wrong dimension draws an empty graph too.
pub(in crate::template) const OF_AWS: Check = Check {
    promise: "the metrics of AWS in dashboards exist, of resources that exist",
    breaches: |case, found| {
        let boards = boards(case);
        let theirs = names(&boards).filter(|name| name.namespace != NAMESPACE);
        found.extend(theirs.filter_map(|name| breach(case, name)));
    },
    breakages: &[
        Change(|case| add_row(case, "AWS/Fax Errors FunctionName ${SweepFunction}")),
        Change(|case| add_row(case, "AWS/Lambda Mistakes FunctionName ${SweepFunction}")),
        Change(|case| add_row(case, "AWS/Lambda Errors FunctionName ${DelayQueue}")),
        Change(|case| add_row(case, "AWS/Lambda Errors QueueName ${SweepFunction}")),
    ],
};

/// One expression that cannot be evaluated and the whole graph is empty.
pub(in crate::template) const EXPRESSIONS: Check = Check {
    promise: "the expressions in dashboards can be evaluated over rows that exist",
    breaches: |case, found| {
        for (name, board) in boards(case) {
            for shown in board.shown() {
                let wrong = shown.rows.iter().filter_map(|row| wrong(shown, row));
                found.extend(wrong.map(|what| format!("{name}, {:?}: {what}", shown.title)));
            }
        }
    },
    breakages: &[
        Change(|case| change_graph(case, r#"/metrics/- = [{"expression": "nothing / 2"}]"#)),
        Change(|case| change_graph(case, r#"/metrics/- = [{"expression": "2 *"}]"#)),
    ],
};

fn add_ours(case: &mut Case, words: &str) {
    add_row(case, &format!("Leadwire {words}"));
}

fn add_ours_by(case: &mut Case, words: &str, further: &str) {
    add_ours(
        case,
        &format!("{words} environment ${{AWS::StackName}} {further}"),
    );
}

fn wrong(shown: &Shown, row: &Row) -> Option<String> {
    let Source::Expression(text) = &row.source else {
        return None;
    };
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => return Some(format!("{text:?}: {error:#}")),
    };
    let has = |id: &str| shown.rows.iter().any(|row| row.id.as_deref() == Some(id));
    let mut unknown = expression.ids().into_iter().filter(|id| !has(id));
    let unknown = unknown.next()?;
    Some(format!("{text:?}: no row has the id {unknown:?}"))
}

/// Every metric that is shown, once.
fn names<'a>(boards: &'a [(&str, Board)]) -> impl Iterator<Item = &'a Query> {
    let names: BTreeSet<&Query> = boards.iter().flat_map(|(_, board)| board.names()).collect();
    names.into_iter()
}

fn breach(case: &Case, query: &Query) -> Option<String> {
    let exists = family::of(query).is_some_and(|family| {
        let mut fillers = family.dimensions.iter().zip(query.dimensions.values());
        fillers.all(|((_, filler), value)| is_filled(case, value, filler))
    });
    (!exists).then(|| format!("AWS has no {query:?}"))
}

/// Whether a dimension's value is a resource of the right kind, or the right text.
fn is_filled(case: &Case, value: &str, filler: &Filler) -> bool {
    match filler {
        Filler::Text(text) => value == *text,
        Filler::Of(kind, attribute) => {
            let inner = value.strip_prefix("${").and_then(|v| v.strip_suffix('}'));
            let id = inner.and_then(|inner| inner.strip_suffix(attribute));
            id.is_some_and(|id| at(case.template.resource(id), "/Type") == *kind)
        }
    }
}
