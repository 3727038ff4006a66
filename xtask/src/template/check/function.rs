//! Functions: how many run, what they are told, how they end.

use super::Breakage::{Change, Edit};
use super::{Case, Check};
use crate::template::project::{Entry, FUNCTIONS};
use crate::view::{at, number, refers, texts};
use leadwire_pipeline::settings::{Preset, Template, Values};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// A throttled poller would cost a message one of its receives; a stopped recursion would lose it.
pub(super) const CONCURRENCY: Check = Check {
    promise: "no function is starved or stopped",
    breaches: |case, found| {
        for (id, function) in case.template.of_type("AWS::Lambda::Function") {
            if !at(function, "/ReservedConcurrentExecutions").is_null() {
                found.push(format!("{id} reserves concurrency"));
            }
            let mut mappings = case.template.of_type("AWS::Lambda::EventSourceMapping");
            let reads = mappings.any(|(_, mapping)| refers(at(mapping, "/FunctionName"), id));
            if reads && at(function, "/RecursiveLoop") != "Allow" {
                found.push(format!(
                    "{id} sends to its own queue without RecursiveLoop: Allow"
                ));
            }
        }
    },
    breakages: &[
        Edit("EnrichmentFunction/RecursiveLoop"),
        Edit("EnrichmentFunction/RecursiveLoop = Terminate"),
        Edit("EnrichmentFunction/ReservedConcurrentExecutions = 5"),
    ],
};

/// A function has what its binary reads, and nothing else; each variable and parameter is what the setting's entry says.
pub(super) const VARIABLES: Check = Check {
    promise: "the template sets the variables that each binary reads, as their entries say",
    breaches: |case, found| {
        for (_, id) in FUNCTIONS {
            found.extend(strange(case, id));
        }
        let entries = case.project.settings.iter();
        found.extend(entries.filter_map(|entry| wrong(case, entry)));
    },
    breakages: &[
        Edit(r#"SweepFunction/Environment/Variables/SWEEP_MAXIMUM = "1""#),
        Edit("SweepFunction/Environment/Variables/SWEEP_MAX"),
        Edit(r#"SweepFunction/Environment/Variables/SWEEP_MAX = "101""#),
        Edit("/Parameters/DelaySeconds/Default = 601"),
        Edit("/Parameters/DelaySeconds/MaxValue = 901"),
        Edit("/Parameters/DelaySeconds"),
        Change(|case| case.project.settings.clear()),
    ],
};

/// Variables that a function has and does not read.
fn strange(case: &Case, id: &str) -> Vec<String> {
    let names = case
        .template
        .environment(id)
        .as_object()
        .into_iter()
        .flatten();
    let entries = &case.project.settings;
    let is_read = |name: &str| {
        entries
            .iter()
            .any(|entry| entry.function == id && entry.variable == name)
    };
    names
        .filter(|(name, _)| !is_read(name))
        .map(|(name, _)| format!("{id} has {name}, which its binary does not read"))
        .collect()
}

/// What is wrong with a variable of a function, and with its parameter.
fn wrong(case: &Case, entry: &Entry) -> Option<String> {
    let Entry {
        function, variable, ..
    } = entry;
    let value = at(case.template.environment(function), &format!("/{variable}"));
    let agrees = match entry.facts.template {
        Template::Absent => value.is_null(),
        Template::Stack => !value.is_null(),
        Template::Literal => Some(text(value)) == entry.facts.default.text().map(Cow::into_owned),
        Template::Parameter(name) => {
            let parameter = case.template.at(&format!("/Parameters/{name}"));
            refers(value, name) && is_parameter_of(parameter, entry)
        }
    };
    (!agrees).then(|| format!("{function}: {variable} or its parameter is not what its entry says"))
}

fn is_parameter_of(parameter: &Value, entry: &Entry) -> bool {
    let default = text(at(parameter, "/Default"));
    let has_default = match entry.facts.default {
        Preset::Required | Preset::Unset => default.is_empty(),
        Preset::Derived(_) => true,
        value @ (Preset::Number(_) | Preset::Text(_)) => value.text().as_deref() == Some(&default),
    };
    let has_bounds = match &entry.values {
        Values::Seconds(range) | Values::Count(range) => {
            let bound = |name| number(at(parameter, name));
            (bound("/MinValue"), bound("/MaxValue"))
                == (Some((*range.start()).into()), Some((*range.end()).into()))
        }
        Values::Words(words) => {
            let allowed: BTreeSet<&str> =
                texts(at(parameter, "/AllowedValues")).into_iter().collect();
            allowed == words.iter().copied().collect()
        }
        Values::Text { .. } => true,
    };
    parameter.is_object() && has_default && has_bounds
}

/// A text or a number as text; nothing where there is neither.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

/// Stacks of one `Environment` would share every metric, and one's canary would hide the other's death; a bucket of our name may be another's.
pub(super) const NAMED: Check = Check {
    promise: "every function knows its stack and its account",
    breaches: |case, found| {
        let names = [
            ("STACK_NAME", "AWS::StackName"),
            ("ACCOUNT_ID", "AWS::AccountId"),
        ];
        for (_, id) in FUNCTIONS {
            for (variable, name) in names {
                let value = at(case.template.environment(id), &format!("/{variable}"));
                if at(value, "/Ref") != name {
                    found.push(format!("{variable} of {id} is not {name}"));
                }
            }
        }
    },
    breakages: &[
        Edit(r#"SweepFunction/Environment/Variables/STACK_NAME = {"Ref": "Environment"}"#),
        Edit("IngestionFunction/Environment/Variables/STACK_NAME"),
        Edit("EnrichmentFunction/Environment/Variables/ACCOUNT_ID"),
    ],
};

/// One record's panic is that record's failure; aborting would fail the batch.
pub(super) const PANIC: Check = Check {
    promise: "a panic unwinds in the release profile",
    breaches: |case, found| {
        let panic = &case.project.panic;
        if panic != "unwind" {
            found.push(format!("profile.release.panic is \"{panic}\""));
        }
    },
    breakages: &[
        Change(|case| "abort".clone_into(&mut case.project.panic)),
        Change(|case| case.project.panic.clear()),
    ],
};
