//! Telemetry: catalogues, dashboards, alarms, the runbook and docs/TELEMETRY.md say the same.

mod event;
mod table;
mod told;

use crate::dashboard::board::Board;
use crate::document::{chapter, differences, headings, rows, words};
use crate::tidy::Workspace;
use crate::{shell, template};
use anyhow::{Context, Result, bail};
use event::{Events, LEVELS, Manner, events};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use told::Told;

const LINES_CHAPTER: &str = "## Log lines";

/// Checks that everything agrees, and tells what does not.
pub(crate) fn check() -> Result<()> {
    let found = breaches()?;
    for breach in &found {
        shell::say(&format!("  {breach}"));
    }
    if !found.is_empty() {
        bail!("telemetry disagrees with itself in {} places", found.len());
    }
    shell::say("Catalogues, dashboards, alarms, the runbook and docs/TELEMETRY.md agree.");
    Ok(())
}

/// Writes the parts of docs/TELEMETRY.md that come from catalogues.
pub(crate) fn write() -> Result<()> {
    let document = fs::read_to_string(document())?;
    let written = with_parts(&document, &table::parts(&Told::read()?))?;
    fs::write(self::document(), written).context("docs/TELEMETRY.md")
}

fn document() -> PathBuf {
    shell::root().join("docs/TELEMETRY.md")
}

fn breaches() -> Result<Vec<String>> {
    let (workspace, told) = (Workspace::read()?, Told::read()?);
    let document = fs::read_to_string(document()).context("docs/TELEMETRY.md")?;
    let runbook = fs::read_to_string(shell::root().join("docs/RUNBOOK.md"))?;
    let mut found = template::disagreements()?;
    match with_parts(&document, &table::parts(&told)) {
        Ok(written) if written == document => {}
        Ok(_) => {
            found
                .push("docs/TELEMETRY.md is stale; run `cargo xtask telemetry --write`".to_owned());
        }
        Err(error) => found.push(format!("{error:#}")),
    }
    found.extend(unlike(
        &events(&workspace.files),
        &document,
        &runbook,
        &told.boards,
    ));
    Ok(found)
}

/// The document with its generated parts as they should be.
fn with_parts(document: &str, parts: &[(&str, String)]) -> Result<String> {
    let mut written = document.to_owned();
    for (name, part) in parts {
        let (begin, end) = (format!("<!-- generated: {name} -->\n"), "<!-- end -->");
        let found = written.split_once(&begin).and_then(|(before, rest)| {
            let (_, after) = rest.split_once(end)?;
            Some(format!("{before}{begin}\n{part}\n{end}{after}"))
        });
        written = found.with_context(|| format!("docs/TELEMETRY.md has no part {name:?}"))?;
    }
    Ok(written)
}

/// Events of the code that are not those of the documents and of the dashboards' queries.
fn unlike(
    told: &Events,
    document: &str,
    runbook: &str,
    boards: &BTreeMap<String, Board>,
) -> Vec<String> {
    let named = named(document);
    let of = |events: &Events| -> BTreeSet<String> { events.keys().cloned().collect() };
    let mut found = differences("docs/TELEMETRY.md, log lines", &of(told), &of(&named));
    for (name, manner) in told {
        if let Some(other) = named.get(name).filter(|other| *other != manner) {
            found.push(format!(
                "docs/TELEMETRY.md: `{name}` is {manner:?}, not {other:?}"
            ));
        }
    }
    let explained = headings(runbook);
    let errors = told
        .iter()
        .filter(|(_, manner)| manner.levels.contains("error"));
    let unexplained = errors.filter(|(name, _)| !explained.contains(name.as_str()));
    found.extend(unexplained.map(|(name, _)| format!("docs/RUNBOOK.md has no heading `{name}`")));
    for (name, board) in boards {
        for shown in board.shown() {
            let quoted = shown.query.split('"').skip(1).step_by(2);
            let strange = quoted.filter(|event| !told.contains_key(*event));
            found.extend(
                strange.map(|event| format!("{name} looks for {event}, which nobody tells")),
            );
        }
    }
    found
}

/// The events in the tables of log lines: name, levels, what happened, fields. The levels may say more: `warn; error for …`.
fn named(document: &str) -> Events {
    let rows = rows(chapter(document, LINES_CHAPTER)).filter_map(|cells| match cells.as_slice() {
        [name, levels, _, fields, ..] => {
            let name = words(name).next()?.to_owned();
            let all: BTreeSet<&str> = levels.split(|c: char| !c.is_alphabetic()).collect();
            let levels = LEVELS.iter().filter(|level| all.contains(*level));
            let manner = Manner {
                levels: levels.map(|level| (*level).to_owned()).collect(),
                fields: words(fields).map(str::to_owned).collect(),
            };
            Some((name, manner))
        }
        _ => None,
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // `cargo xtask telemetry` says more; this is here so that `cargo test` alone keeps it.
    #[test]
    fn catalogues_dashboards_alarms_and_documents_agree() {
        assert_eq!(breaches().unwrap(), [""; 0]);
    }

    /// An event with a field, told as an error, and documents that name it.
    fn sound() -> (Events, String, String) {
        let manner = Manner {
            levels: BTreeSet::from(["error".to_owned()]),
            fields: BTreeSet::from(["found".to_owned()]),
        };
        let told = Events::from([("oven_hot".to_owned(), manner)]);
        let row = "| event | level | what | fields |\n|---|---|---|---|\n| `oven_hot` | error | hot | `found` |\n";
        (
            told,
            format!("# T\n\n## Log lines\n\n{row}"),
            "### oven_hot\n".to_owned(),
        )
    }

    #[track_caller]
    fn check(document: impl Fn(&str) -> String, runbook: impl Fn(&str) -> String, expected: usize) {
        let (told, telemetry, explained) = sound();
        let boards = BTreeMap::new();
        let found = unlike(&told, &document(&telemetry), &runbook(&explained), &boards);
        assert_eq!(found.len(), expected, "{found:?}");
    }

    #[test]
    fn events_are_held_against_the_documents_both_ways() {
        check(str::to_owned, str::to_owned, 0);
        check(
            |text| text.replace("oven_hot", "oven_cold"),
            str::to_owned,
            2,
        );
        check(|text| text.replace("error", "warn"), str::to_owned, 1);
        check(|text| text.replace("`found`", "`lost`"), str::to_owned, 1);
        check(str::to_owned, |text| text.replace("hot", "cold"), 1);
    }

    #[test]
    fn a_query_for_an_event_that_nobody_tells_is_told() {
        let (told, telemetry, explained) = sound();
        let log = serde_json::json!({"start": "-P1D", "periodOverride": "inherit", "widgets": [{
            "type": "log", "x": 0, "y": 0, "width": 1, "height": 1,
            "properties": {"title": "t", "region": "r", "view": "table", "query": "filter event in [\"oven_hot\", \"oven_gone\"]"},
        }]});
        let boards = BTreeMap::from([("all".to_owned(), Board::read(&log).unwrap())]);
        let found = unlike(&told, &telemetry, &explained, &boards);
        assert_eq!(found, ["all looks for oven_gone, which nobody tells"]);
    }

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
