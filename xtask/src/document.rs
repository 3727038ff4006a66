//! Reading the documents: chapters, headings, tables.

use std::collections::BTreeSet;

/// The text of a chapter, from its heading to the next of its level.
pub(crate) fn chapter<'a>(document: &'a str, heading: &str) -> &'a str {
    let after = document
        .split_once(&format!("\n{heading}\n"))
        .map(|(_, after)| after);
    after
        .and_then(|after| after.split("\n## ").next())
        .unwrap_or_default()
}

/// The words of all headings below the chapters; one heading may explain several things, separated by commas.
pub(crate) fn headings(document: &str) -> BTreeSet<&str> {
    let lines = document.lines().filter_map(|line| line.strip_prefix("###"));
    lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .collect()
}

/// What one side has and the other has not.
pub(crate) fn differences<T: Ord + std::fmt::Display>(
    place: &str,
    told: &BTreeSet<T>,
    named: &BTreeSet<T>,
) -> Vec<String> {
    let lacking = told.difference(named);
    let lacking = lacking.map(|word| format!("{place}: `{word}` is missing"));
    let stale = named.difference(told);
    let stale = stale.map(|word| format!("{place}: nobody tells `{word}`"));
    lacking.chain(stale).collect()
}
