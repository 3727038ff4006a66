//! Functions: how many run, what they are told, how they end.

use super::Check;
use crate::template::view::{at, refers};
use serde_json::Value;
use std::collections::BTreeSet;

const ENRICHMENT: &str = "/Resources/EnrichmentFunction/Properties";
const SWEEP: &str = "/Resources/SweepFunction/Properties";

/// A throttled poller would cost a message one of its receives; a stopped recursion would lose it.
pub(super) const CONCURRENCY: Check = Check {
    promise: "no function is starved or stopped",
    breaches: |case| {
        let functions: Vec<_> = case.template.of_type("AWS::Lambda::Function").collect();
        let reserved = functions
            .iter()
            .filter(|(_, f)| !at(f, "/ReservedConcurrentExecutions").is_null());
        let mut found: Vec<_> = reserved
            .map(|(id, _)| format!("{id} reserves concurrency"))
            .collect();
        for (_, mapping) in case.template.of_type("AWS::Lambda::EventSourceMapping") {
            let readers = functions
                .iter()
                .filter(|(id, _)| refers(at(mapping, "/FunctionName"), id));
            let stopped = readers.filter(|(_, function)| at(function, "/RecursiveLoop") != "Allow");
            found.extend(stopped.map(|(id, _)| {
                format!("{id} sends to its own queue without RecursiveLoop: Allow")
            }));
        }
        found
    },
    breakages: &[
        |case| case.remove(ENRICHMENT, "RecursiveLoop"),
        |case| case.set(&format!("{ENRICHMENT}/RecursiveLoop"), "Terminate"),
        |case| case.add(ENRICHMENT, "ReservedConcurrentExecutions", 5),
    ],
};

/// A function has what its binary reads, and nothing else.
pub(super) const VARIABLES: Check = Check {
    promise: "the template sets the variables that each binary reads",
    breaches: |case| {
        let mut found = Vec::new();
        for (id, _) in case.template.of_type("AWS::Lambda::Function") {
            let names = case
                .template
                .environment(id)
                .as_object()
                .into_iter()
                .flatten();
            let set: BTreeSet<&str> = names.map(|(name, _)| name.as_str()).collect();
            let read: BTreeSet<&str> = case
                .project
                .variables
                .get(id)
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect();
            found.extend(
                set.difference(&read)
                    .map(|name| format!("{id} has {name}, which its binary does not read")),
            );
            found.extend(
                read.difference(&set)
                    .map(|name| format!("{id} lacks {name}, which its binary reads")),
            );
        }
        found
    },
    breakages: &[
        |case| {
            case.add(
                &format!("{SWEEP}/Environment/Variables"),
                "SWEEP_MAXIMUM",
                "1",
            );
        },
        |case| case.remove(&format!("{SWEEP}/Environment/Variables"), "SWEEP_MAX"),
        |case| {
            case.project
                .variables
                .values_mut()
                .for_each(|read| read.extend(["NEW_VARIABLE".to_owned()]));
        },
        |case| case.project.variables.clear(),
    ],
};

/// One record's panic is that record's failure; aborting would fail the batch.
pub(super) const PANIC: Check = Check {
    promise: "a panic unwinds in the release profile",
    breaches: |case| {
        let wrong = case.project.panic != "unwind";
        wrong
            .then(|| format!("profile.release.panic is \"{}\"", case.project.panic))
            .into_iter()
            .collect()
    },
    breakages: &[
        |case| "abort".clone_into(&mut case.project.panic),
        |case| case.project.panic.clear(),
    ],
};

/// The names of the functions' roles.
pub(super) fn role_of(function: &Value) -> Option<&str> {
    at(function, "/Role/Fn::GetAtt/0").as_str()
}
