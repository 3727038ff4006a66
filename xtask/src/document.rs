//! The documents: chapters, headings, tables, and the parts that are generated.

use crate::shell;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::fmt::Display;

/// The document with its generated parts as they should be.
fn with_parts(document: &str, parts: &[(impl Display, String)]) -> Result<String> {
    let mut written = document.to_owned();
    for (name, part) in parts {
        let (begin, end) = (format!("<!-- generated: {name} -->\n"), "<!-- end -->");
        let found = written.split_once(&begin).and_then(|(before, rest)| {
            let (_, after) = rest.split_once(end)?;
            Some(format!("{before}{begin}\n{part}\n{end}{after}"))
        });
        written = found.with_context(|| format!("the document has no part \"{name}\""))?;
    }
    Ok(written)
}

/// Writes the generated parts of a document.
pub(crate) fn write(path: &str, parts: &[(impl Display, String)]) -> Result<()> {
    shell::write(path, &with_parts(&shell::text(path)?, parts)?)
}

/// What is wrong with the generated parts of a document, which a command writes.
pub(crate) fn stale(path: &str, parts: &[(impl Display, String)], command: &str) -> Option<String> {
    let document = shell::text(path);
    match document.and_then(|document| Ok(with_parts(&document, parts)? == document)) {
        Ok(true) => None,
        Ok(false) => Some(format!("{path} is stale; run `cargo xtask {command}`")),
        Err(error) => Some(format!("{path}: {error:#}")),
    }
}

/// A table under a head such as `metric | unit`.
pub(crate) fn table(head: &str, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let rows = rows.into_iter().map(|row| row.join(" | "));
    let rows: Vec<String> = rows.map(|row| format!("| {row} |\n")).collect();
    let line = "---|".repeat(head.split('|').count());
    format!("| {head} |\n|{line}\n{}", rows.concat())
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_takes_the_place_between_its_markers() {
        let document = "a\n<!-- generated: x -->\nold\n<!-- end -->\nb\n";
        let parts = [("x", "new\n".to_owned())];
        let written = with_parts(document, &parts).unwrap();
        assert_eq!(
            written,
            "a\n<!-- generated: x -->\n\nnew\n\n<!-- end -->\nb\n"
        );
        assert_eq!(with_parts(&written, &parts).unwrap(), written);
        assert!(with_parts("a", &parts).is_err());
    }
}
