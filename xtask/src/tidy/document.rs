//! What the code tells by name stands in the documents: an operator who meets a word must find it.

use super::workspace::SourceFile;
use crate::document::{chapter, headings};
use crate::shell;
use anyhow::Result;
use leadwire_domain::problem::Problem;
use std::collections::BTreeSet;

/// The one file that names the reasons in `failed/`.
const REASONS: &str = "crates/domain/src/failure.rs";
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
}

/// What the documents lack, and what they name that is not there any more.
pub(crate) fn breaches(documents: &Documents, files: &[SourceFile]) -> Vec<String> {
    let problems = Problem::ALL.iter().map(|problem| problem.code());
    let problems = problems.filter(|code| !documents.protocol.contains(&format!("`{code}`")));
    let problems =
        problems.map(|code| format!("docs/PROTOCOL.md does not name the problem `{code}`"));
    let source = files.iter().find(|file| file.path.ends_with(REASONS));
    let reasons: BTreeSet<&str> = source.map(|file| codes(&file.text)).unwrap_or_default();
    let explained = headings(chapter(&documents.runbook, REASONS_CHAPTER));
    let lacking = reasons.difference(&explained);
    let lacking = lacking.map(|code| format!("docs/RUNBOOK.md, reasons: `{code}` is missing"));
    let stale = explained.difference(&reasons);
    let stale = stale.map(|code| format!("docs/RUNBOOK.md, reasons: `{code}` is not in the code"));
    problems.chain(lacking).chain(stale).collect()
}

/// The words that the function `code` gives its variants.
fn codes(source: &str) -> BTreeSet<&str> {
    let body = source
        .split_once("fn code(self)")
        .and_then(|(_, rest)| rest.split_once("\n    }\n"))
        .map(|(body, _)| body);
    let arms = body.unwrap_or_default().lines();
    arms.filter_map(|line| line.split_once("=> \"")?.1.split('"').next())
        .collect()
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
        Documents {
            protocol: problems.collect(),
            runbook: "# Runbook\n\n## Reasons in failed/\n\n### owner_missing\n\n## Log events\n\n### oven_hot\n".to_owned(),
        }
    }

    fn files() -> [SourceFile; 1] {
        let reasons = "impl FailureReason {\n    pub fn code(self) -> &'static str {\n        match self {\n            Self::OwnerMissing => \"owner_missing\",\n        }\n    }\n\n    fn advice(self) { \"x => \\\"y\\\"\" }\n}\n";
        [source(REASONS, reasons)]
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
                "docs/RUNBOOK.md, reasons: `owner_gone` is not in the code",
            ],
        );
    }
}
