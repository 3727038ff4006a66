//! Telemetry: what dashboards, alarms and the runbook name is in the catalogue, and the tables of docs/TELEMETRY.md are written from it.

mod bill;
mod table;
mod usage;

use crate::dashboard::board::Board;
use crate::document::{self, headings};
use crate::{settings, shell, template};
use anyhow::Result;
use leadwire_pipeline::observe::{EVENTS, EventFacts};
use std::collections::BTreeMap;
use usage::Usage;

const DOCUMENT: &str = "docs/TELEMETRY.md";
const RUNBOOK: &str = "docs/RUNBOOK.md";
/// The level of events that someone must act on.
const ERROR: &str = "ERROR";

/// Checks that everything agrees, and reports what does not.
pub(crate) fn check() -> Result<()> {
    shell::judge(&breaches()?, "disagreements in telemetry")?;
    shell::say("Catalogue, settings, dashboards, alarms and the documents agree.");
    Ok(())
}

/// Writes the parts of docs/TELEMETRY.md that come from the catalogue.
pub(crate) fn write() -> Result<()> {
    document::write(DOCUMENT, &table::parts(&Usage::read()?))
}

/// Prints what a stack costs in a month, for so many leads in each column.
pub(crate) fn cost(leads: &[u32]) -> Result<()> {
    let columns = if leads.is_empty() {
        &bill::COLUMNS
    } else {
        leads
    };
    shell::say(&bill::table(&table::watching(&Usage::read()?), columns));
    Ok(())
}

fn breaches() -> Result<Vec<String>> {
    let usage = Usage::read()?;
    let mut found = template::disagreements()?;
    found.extend(document::stale(
        DOCUMENT,
        &table::parts(&usage),
        "telemetry --write",
    ));
    found.extend(settings::stale());
    found.extend(unexplained(&shell::text(RUNBOOK)?));
    found.extend(unknown(&usage.boards));
    Ok(found)
}

fn events() -> impl Iterator<Item = &'static EventFacts> {
    EVENTS.iter().flat_map(|(_, events)| *events)
}

/// Events that are logged as errors and have no heading in the runbook.
fn unexplained(runbook: &str) -> Vec<String> {
    let explained = headings(runbook);
    let errors = events().filter(|event| event.levels.iter().any(|level| level.as_str() == ERROR));
    let unexplained = errors.filter(|event| !explained.contains(event.name));
    unexplained
        .map(|event| format!("docs/RUNBOOK.md has no heading `{}`", event.name))
        .collect()
}

/// Events that a dashboard's query names and the catalogue does not.
fn unknown(boards: &BTreeMap<String, Board>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, board) in boards {
        for shown in board.shown() {
            let quoted = shown.query.split('"').skip(1).step_by(2);
            let unknown = quoted.filter(|named| events().all(|event| event.name != *named));
            found.extend(
                unknown.map(|event| {
                    format!("{name} filters for {event}, which is not in the catalogue")
                }),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    // `cargo xtask telemetry` says more; this is here so that `cargo test` alone holds it.
    #[test]
    fn catalogue_dashboards_alarms_and_documents_agree() {
        assert_eq!(breaches().unwrap(), [""; 0]);
    }

    #[test]
    fn an_error_without_a_heading_is_reported() {
        let runbook = shell::text(RUNBOOK).unwrap();
        assert_eq!(unexplained(&runbook), [""; 0]);
        let without = runbook.replace("### event_swept", "### event");
        assert_eq!(
            unexplained(&without),
            ["docs/RUNBOOK.md has no heading `event_swept`"]
        );
    }

    #[test]
    fn a_query_for_an_unknown_event_is_reported() {
        let log = serde_json::json!({"start": "-P1D", "periodOverride": "inherit", "widgets": [{
            "type": "log", "x": 0, "y": 0, "width": 1, "height": 1,
            "properties": {"title": "t", "region": "r", "view": "table", "query": "filter event in [\"email_sent\", \"oven_gone\"]"},
        }]});
        let boards = BTreeMap::from([("all".to_owned(), Board::read(&log).unwrap())]);
        let expected = "all filters for oven_gone, which is not in the catalogue";
        assert_eq!(unknown(&boards), [expected]);
    }
}
