//! Dashboards: JSON in `dashboards/`, and each as one line in the template, because `CloudFormation` wants a text.

mod alarm;
mod metric;
mod place;
#[cfg(test)]
mod sound;

#[cfg(test)]
pub(super) use sound::sound;

use super::check::{Case, Check};
use crate::dashboard::NAMES;
use crate::dashboard::board::Board;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

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
pub(super) fn embed(template: &str, name: &str, json: &str) -> Result<String> {
    let dashboard: Value = serde_json::from_str(json).context("the dashboard is not JSON")?;
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
    breaches: |case| {
        let wrong = |(name, _): &(&str, &str)| {
            let body = case.template.0.pointer(&body_of(name));
            let body = body.and_then(Value::as_str).unwrap_or_default();
            let board = case.project.dashboards.get(*name);
            if let Err(error) = Board::read(board.unwrap_or(&Value::Null)) {
                return Some(format!("{name}: {error:#}"));
            }
            let same = serde_json::from_str::<Value>(body).ok().as_ref() == board;
            (!same).then(|| format!("{name} differs; run `cargo xtask template --write`"))
        };
        NAMES.iter().filter_map(wrong).collect()
    },
    breakages: &[
        |case| case.set(&body_of(OPERATIONS), "{}"),
        |case| case.remove("/Resources", "LeadsDashboard"),
        |case| change(case, "/widgets/0/properties/title", json!("Other alarms")),
        |case| change(case, "/widgets/0/properties", json!({"alarms": "all"})),
        |case| drop(case.project.dashboards.remove(OPERATIONS)),
    ],
};

/// Where the text of a dashboard stands in the expanded template.
pub(super) fn body_of(name: &str) -> String {
    format!(
        "/Resources/{}/Properties/DashboardBody/Fn::Sub/0",
        resource(name)
    )
}

/// Every dashboard that can be read; [`EMBEDDED`] reports one that cannot.
fn boards(case: &Case) -> Vec<(&str, Board)> {
    let all = case.project.dashboards.iter();
    all.filter_map(|(name, json)| Some((name.as_str(), Board::read(json).ok()?)))
        .collect()
}

/// Changes the operations dashboard in the repository. For breakages.
fn change(case: &mut Case, pointer: &str, to: Value) {
    let board = case.project.dashboards.get_mut(OPERATIONS);
    if let Some(place) = board.and_then(|board| board.pointer_mut(pointer)) {
        *place = to;
    }
}

/// What the graphs of the operations dashboard show. For breakages.
fn graphs(case: &mut Case) -> impl Iterator<Item = &mut Value> {
    let board = case.project.dashboards.get_mut(OPERATIONS);
    let widgets = board.and_then(|board| board.pointer_mut("/widgets")?.as_array_mut());
    let shown = widgets.into_iter().flatten();
    let shown = shown.filter_map(|widget| widget.get_mut("properties"));
    shown.filter(|shown| shown.get("metrics").is_some())
}

/// Adds a row to the first graph. For breakages.
fn add(case: &mut Case, row: Value) {
    let rows = graphs(case)
        .next()
        .and_then(|graph| graph.get_mut("metrics"));
    if let Some(rows) = rows.and_then(Value::as_array_mut) {
        rows.push(row);
    }
}

/// Adds a row, written as its words. For breakages.
fn add_row(case: &mut Case, words: &str) {
    add(case, words.split_whitespace().collect());
}

/// Sets a member of every graph. For breakages.
fn change_graphs(case: &mut Case, member: &str, to: &Value) {
    for graph in graphs(case) {
        if let Some(graph) = graph.as_object_mut() {
            graph.insert(member.to_owned(), to.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dashboard_takes_the_place_of_the_one_before() {
        let template = format!(
            "a:\n  LeadsDashboard:\n{LINE}{{\"old\":1}}'\n  OperationsDashboard:\n{LINE}{{}}'\nb: 1\n"
        );
        let written = embed(&template, OPERATIONS, r#"{"title": "it's"}"#).unwrap();
        assert_eq!(written, template.replace("{}'", "{\"title\":\"it''s\"}'"));
        assert_eq!(embed(&written, OPERATIONS, "{}").unwrap(), template);
    }

    #[test]
    fn a_template_without_a_place_is_refused() {
        assert!(embed("a: 1\n", OPERATIONS, "{}").is_err());
        let elsewhere = format!("  Other:\n{LINE}{{}}'\n");
        assert!(embed(&elsewhere, OPERATIONS, "{}").is_err());
    }
}
