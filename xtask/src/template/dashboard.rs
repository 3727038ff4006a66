//! Dashboards: JSON in `dashboards/`, and each as one line in the template, because `CloudFormation` wants a text.

mod alarm;
mod metric;
mod place;
#[cfg(test)]
mod sound;

#[cfg(test)]
pub(super) use sound::sound;

use super::check::Breakage::{Change, Edit};
use super::check::{Case, Check, edit};
use crate::dashboard::NAMES;
use crate::dashboard::board::Board;
use anyhow::{Result, bail};
use serde_json::Value;

/// The checks of the dashboards.
pub(super) const CHECKS: [&Check; 7] = [
    &EMBEDDED,
    &place::RESOLVED,
    &metric::OURS,
    &metric::OF_AWS,
    &metric::EXPRESSIONS,
    &alarm::ALARMS,
    &alarm::THRESHOLDS,
];

/// Those that need no more of a template than its alarms.
pub(super) const OF_ALARMS: [&Check; 2] = [&metric::OURS, &alarm::ALARMS];

/// The dashboard that breakages change.
const OPERATIONS: &str = "operations";

/// What the line of the template that holds a dashboard begins with.
const LINE: &str = "        - '";

/// The logical id of a dashboard.
fn resource(name: &str) -> &'static str {
    let found = NAMES.iter().find(|(known, _)| *known == name);
    found.map_or("", |(_, id)| id)
}

/// The template with a dashboard in its place.
pub(super) fn embed(template: &str, name: &str, dashboard: &Value) -> Result<String> {
    let mut lines: Vec<String> = template.lines().map(str::to_owned).collect();
    let heading = format!("  {}:", resource(name));
    let mut inside = false;
    let mut places = lines.iter_mut().filter(|line| {
        let begins = line.starts_with("  ") && !line.starts_with("   ");
        inside = if begins { **line == heading } else { inside };
        inside && line.starts_with(LINE)
    });
    match (places.next(), places.next()) {
        (Some(line), None) => {
            *line = format!("{LINE}{}'", dashboard.to_string().replace('\'', "''"));
        }
        _ => bail!("{heading} in the template has no single line that starts with {LINE:?}"),
    }
    Ok(lines.join("\n") + "\n")
}

/// What is deployed is what is tested and imported by hand.
const EMBEDDED: Check = Check {
    promise: "the dashboards in the template are those in dashboards/, and can be read",
    breaches: |case, found| {
        for (name, _) in NAMES {
            let body = case.template.at(&body_of(name)).as_str();
            let board = case.project.dashboards.get(name);
            if let Err(error) = Board::read(board.unwrap_or(&Value::Null)) {
                found.push(format!("{name}: {error:#}"));
            } else if body
                .and_then(|body| serde_json::from_str(body).ok())
                .as_ref()
                != board
            {
                found.push(format!(
                    "{name} differs; run `cargo xtask template --write`"
                ));
            }
        }
    },
    breakages: &[
        Edit(r#"OperationsDashboard/DashboardBody/Fn::Sub/0 = "{}""#),
        Edit("/Resources/LeadsDashboard"),
        Change(|case| change(case, "/widgets/0/properties/title = Other alarms")),
        Change(|case| change(case, r#"/widgets/0/properties = {"alarms": "all"}"#)),
        Change(|case| drop(case.project.dashboards.remove(OPERATIONS))),
    ],
};

/// Where the text of a dashboard stands in the expanded template.
pub(super) fn body_of(name: &str) -> String {
    format!("{}/DashboardBody/Fn::Sub/0", resource(name))
}

/// Every dashboard that can be read; [`EMBEDDED`] reports one that cannot.
fn boards(case: &Case) -> Vec<(&str, Board)> {
    let all = case.project.dashboards.iter();
    all.filter_map(|(name, json)| Some((name.as_str(), Board::read(json).ok()?)))
        .collect()
}

/// Edits the operations dashboard in the repository. For breakages.
fn change(case: &mut Case, text: &str) {
    if let Some(board) = case.project.dashboards.get_mut(OPERATIONS) {
        edit(board, text);
    }
}

/// Edits what the first graph of the operations dashboard shows. For breakages.
fn change_graph(case: &mut Case, text: &str) {
    let board = case.project.dashboards.get_mut(OPERATIONS);
    let widgets = board.and_then(|board| board.get_mut("widgets")?.as_array_mut());
    let mut shown = widgets
        .into_iter()
        .flatten()
        .filter_map(|widget| widget.get_mut("properties"));
    if let Some(graph) = shown.find(|shown| shown.get("metrics").is_some()) {
        edit(graph, text);
    }
}

/// Adds a row, written as its words, to the first graph. For breakages.
fn add_row(case: &mut Case, words: &str) {
    let row: Value = words.split_whitespace().collect();
    change_graph(case, &format!("/metrics/- = {row}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_dashboard_takes_the_place_of_the_one_before() {
        let template = format!(
            "a:\n  LeadsDashboard:\n{LINE}{{\"old\":1}}'\n  OperationsDashboard:\n{LINE}{{}}'\nb: 1\n"
        );
        let written = embed(&template, OPERATIONS, &json!({"title": "it's"})).unwrap();
        assert_eq!(written, template.replace("{}'", "{\"title\":\"it''s\"}'"));
        assert_eq!(embed(&written, OPERATIONS, &json!({})).unwrap(), template);
    }

    #[test]
    fn a_template_without_a_place_is_refused() {
        assert!(embed("a: 1\n", OPERATIONS, &json!({})).is_err());
        let elsewhere = format!("  Other:\n{LINE}{{}}'\n");
        assert!(embed(&elsewhere, OPERATIONS, &json!({})).is_err());
    }
}
