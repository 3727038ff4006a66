//! What the code tells by name stands in the documents: an operator who meets a word must find it.

use super::workspace::SourceFile;
use crate::shell;
use anyhow::{Context, Result};
use leadwire_domain::problem::Problem;
use leadwire_pipeline::metric::Metric;
use std::collections::BTreeSet;
use std::fs;

/// The one file that names the reasons in `failed/`.
const REASONS: &str = "crates/domain/src/failure.rs";
const REASONS_CHAPTER: &str = "## Reasons in failed/";
const METRICS_CHAPTER: &str = "## Metrics";

/// The documents that must name things.
#[derive(Clone, Debug)]
pub(crate) struct Documents {
    protocol: String,
    runbook: String,
    telemetry: String,
}

impl Documents {
    /// Reads them.
    pub(crate) fn read() -> Result<Self> {
        let read = |name: &str| {
            let path = shell::root().join("docs").join(name);
            fs::read_to_string(&path).with_context(|| path.display().to_string())
        };
        Ok(Self {
            protocol: read("PROTOCOL.md")?,
            runbook: read("RUNBOOK.md")?,
            telemetry: read("TELEMETRY.md")?,
        })
    }
}

/// What the documents lack, and what they name that is not there any more.
pub(crate) fn breaches(documents: &Documents, files: &[SourceFile]) -> Vec<String> {
    let reasons = files
        .iter()
        .filter(|file| file.path.ends_with(REASONS))
        .flat_map(|file| codes(&file.text))
        .collect();
    let metrics = Metric::ALL.iter().map(|metric| metric.name()).collect();
    let problems = Problem::ALL.iter().map(|problem| problem.code());
    let problems = problems.filter(|code| !documents.protocol.contains(&format!("`{code}`")));
    let mut found: Vec<String> = problems
        .map(|code| format!("docs/PROTOCOL.md does not name the problem `{code}`"))
        .collect();
    found.extend(differences(
        "docs/RUNBOOK.md, reasons",
        &reasons,
        &headings(chapter(&documents.runbook, REASONS_CHAPTER)),
    ));
    found.extend(differences(
        "docs/TELEMETRY.md, metrics",
        &metrics,
        &first_cells(chapter(&documents.telemetry, METRICS_CHAPTER)),
    ));
    let explained = headings(&documents.runbook);
    let untold = error_events(files).into_iter();
    let untold = untold.filter(|event| !explained.contains(event));
    found.extend(untold.map(|event| format!("docs/RUNBOOK.md has no heading `{event}`")));
    found
}

fn differences<'a>(
    place: &str,
    told: &BTreeSet<&'a str>,
    named: &BTreeSet<&'a str>,
) -> Vec<String> {
    let lacking = told.difference(named);
    let lacking = lacking.map(|word| format!("{place}: `{word}` is missing"));
    let stale = named.difference(told);
    let stale = stale.map(|word| format!("{place}: nobody tells `{word}`"));
    lacking.chain(stale).collect()
}

/// The words that the function `code` gives its variants.
fn codes(source: &str) -> Vec<&str> {
    let body = source
        .split_once("fn code(self)")
        .and_then(|(_, rest)| rest.split_once("\n    }\n"))
        .map(|(body, _)| body);
    let arms = body.unwrap_or_default().lines();
    arms.filter_map(|line| line.split_once("=> \"")?.1.split('"').next())
        .collect()
}

/// The text of a chapter, from its heading to the next of its level.
fn chapter<'a>(document: &'a str, heading: &str) -> &'a str {
    let after = document
        .split_once(&format!("\n{heading}\n"))
        .map(|(_, after)| after);
    after
        .and_then(|after| after.split("\n## ").next())
        .unwrap_or_default()
}

/// The words of all headings; one heading may explain several things, separated by commas.
fn headings(document: &str) -> BTreeSet<&str> {
    let lines = document.lines().filter_map(|line| line.strip_prefix("###"));
    lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .collect()
}

/// The words in backticks in the first cells of a table.
fn first_cells(text: &str) -> BTreeSet<&str> {
    let cells = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split('|').next());
    cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect()
}

/// The events that are told as errors by name. A macro's arguments stand within a few lines of its name.
fn error_events(files: &[SourceFile]) -> BTreeSet<&str> {
    let sources = files.iter().filter(|file| {
        let production = file.path.starts_with("crates") && !file.path.ends_with("tests.rs");
        production && file.path.components().any(|part| part.as_os_str() == "src")
    });
    let calls = sources.flat_map(|file| file.text.split("error!(").skip(1));
    let event = |call| {
        let arguments = str::split(call, ");").next()?;
        let value = arguments.split_once("event = \"")?.1;
        value.split('"').next()
    };
    calls.filter_map(event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn source(path: &str, text: &str) -> SourceFile {
        SourceFile {
            path: PathBuf::from(path),
            text: text.to_owned(),
        }
    }

    /// Documents that name everything that the code below and the real enums tell.
    fn complete() -> Documents {
        let problems = Problem::ALL
            .iter()
            .map(|problem| format!("`{}` ", problem.code()));
        let metrics = Metric::ALL
            .iter()
            .map(|metric| format!("| `{}` | x |\n", metric.name()));
        Documents {
            protocol: problems.collect(),
            runbook: "# Runbook\n\n## Reasons in failed/\n\n### owner_missing\n\n## Log events\n\n### sweep_refused, oven_hot\n".to_owned(),
            telemetry: format!("# Telemetry\n\n## Metrics\n\n| metric | what |\n|---|---|\n{}", metrics.collect::<String>()),
        }
    }

    fn files() -> [SourceFile; 2] {
        let reasons = "impl FailureReason {\n    pub fn code(self) -> &'static str {\n        match self {\n            Self::OwnerMissing => \"owner_missing\",\n        }\n    }\n\n    fn advice(self) { \"x => \\\"y\\\"\" }\n}\n";
        let events = "fn tell() {\n    tracing::error!(\n        event = \"sweep_refused\",\n        found,\n        \"too many\"\n    );\n    tracing::warn!(event = \"coped\");\n}\n";
        [
            source(REASONS, reasons),
            source("crates/pipeline/src/events/sweep.rs", events),
        ]
    }

    #[track_caller]
    fn check(documents: &Documents, files: &[SourceFile], expected: &[&str]) {
        assert_eq!(breaches(documents, files), expected);
    }

    #[test]
    fn documents_that_name_everything_are_in_order() {
        check(&complete(), &files(), &[]);
    }

    #[test]
    fn a_problem_that_no_document_names_is_told() {
        let mut documents = complete();
        documents.protocol = documents.protocol.replace("`too_deep`", "too deep");
        let told = "docs/PROTOCOL.md does not name the problem `too_deep`";
        check(&documents, &files(), &[told]);
    }

    #[test]
    fn a_reason_needs_a_heading_and_a_heading_a_reason() {
        let mut documents = complete();
        documents.runbook = documents
            .runbook
            .replace("### owner_missing", "### owner_gone");
        check(
            &documents,
            &files(),
            &[
                "docs/RUNBOOK.md, reasons: `owner_missing` is missing",
                "docs/RUNBOOK.md, reasons: nobody tells `owner_gone`",
            ],
        );
    }

    #[test]
    fn a_metric_needs_a_row_and_a_row_a_metric() {
        let mut documents = complete();
        documents.telemetry = documents.telemetry.replace("`EmailsSent`", "`EmailsSpent`");
        check(
            &documents,
            &files(),
            &[
                "docs/TELEMETRY.md, metrics: `EmailsSent` is missing",
                "docs/TELEMETRY.md, metrics: nobody tells `EmailsSpent`",
            ],
        );
    }

    #[test]
    fn an_event_told_as_an_error_needs_a_heading() {
        let [reasons, events] = files();
        let renamed = events.text.replace("sweep_refused", "sweep_balked");
        let events = source("crates/pipeline/src/events/sweep.rs", &renamed);
        let told = "docs/RUNBOOK.md has no heading `sweep_balked`";
        check(&complete(), &[reasons, events], &[told]);
    }
}
