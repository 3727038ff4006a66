//! What the code emits by name stands in the documents: an operator who meets a word must find it.

use crate::document::{chapter, headings};
use crate::shell;
use anyhow::Result;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::problem::Problem;
use std::collections::BTreeSet;

const REASONS_CHAPTER: &str = "## Reasons in failed/";

/// The documents that must name things.
#[derive(Clone, Debug)]
pub(crate) struct Documents {
    protocol: String,
    runbook: String,
}

impl Documents {
    /// Reads them.
    pub(crate) fn read() -> Result<Self> {
        Ok(Self {
            protocol: shell::text("docs/PROTOCOL.md")?,
            runbook: shell::text("docs/RUNBOOK.md")?,
        })
    }

    /// What they lack, and what they name that is not there any more.
    pub(crate) fn breaches(&self) -> Vec<String> {
        let problems = Problem::ALL.iter().map(|problem| problem.code());
        let problems = problems.filter(|code| !self.protocol.contains(&format!("`{code}`")));
        let problems =
            problems.map(|code| format!("docs/PROTOCOL.md does not name the problem `{code}`"));
        let reasons = reasons();
        let reasons: BTreeSet<&str> = reasons.iter().map(String::as_str).collect();
        let explained = headings(chapter(&self.runbook, REASONS_CHAPTER));
        let lacking = reasons.difference(&explained);
        let lacking = lacking.map(|code| format!("docs/RUNBOOK.md, reasons: `{code}` is missing"));
        let stale = explained.difference(&reasons);
        let stale =
            stale.map(|code| format!("docs/RUNBOOK.md, reasons: `{code}` is not in the code"));
        problems.chain(lacking).chain(stale).collect()
    }
}

/// The reasons as they are written in `failed/`. Refusing another word, serde lists them all: "unknown variant `?`, expected one of `…`".
fn reasons() -> Vec<String> {
    let refusal = serde_json::from_str::<FailureReason>(r#""?""#).err();
    let refusal = refusal.map_or(String::new(), |error| error.to_string());
    let quoted = refusal.split('`').skip(1).step_by(2);
    quoted.skip(1).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Documents that name everything, except that one word stands where another should.
    #[track_caller]
    fn check(word: &str, other: &str, expected: &[&str]) {
        let problems = Problem::ALL
            .iter()
            .map(|problem| format!("`{}` ", problem.code()));
        let reasons = reasons().into_iter().map(|code| format!("### {code}\n\n"));
        let reasons: String = reasons.collect();
        let documents = Documents {
            protocol: problems.collect::<String>().replace(word, other),
            runbook: format!(
                "# Runbook\n\n{REASONS_CHAPTER}\n\n{reasons}## Log events\n\n### oven_hot\n"
            )
            .replace(word, other),
        };
        assert_eq!(documents.breaches(), expected);
    }

    #[test]
    fn documents_that_name_everything_are_in_order() {
        assert_eq!(
            reasons().first().map(String::as_str),
            Some(FailureReason::BadMessage.code())
        );
        check("x", "x", &[]);
    }

    #[test]
    fn a_problem_that_no_document_names_is_told() {
        let expected = "docs/PROTOCOL.md does not name the problem `too_deep`";
        check("`too_deep`", "too deep", &[expected]);
    }

    #[test]
    fn a_reason_needs_a_heading_and_a_heading_a_reason() {
        let expected = [
            "docs/RUNBOOK.md, reasons: `owner_missing` is missing",
            "docs/RUNBOOK.md, reasons: `owner_gone` is not in the code",
        ];
        check("### owner_missing", "### owner_gone", &expected);
    }
}
