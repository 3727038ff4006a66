//! Dashboards: kept as JSON in `dashboards/`, and each as one line in the template, because `CloudFormation` wants a text.

mod alarm;
mod grid;
mod look;
mod metric;
mod place;
#[cfg(test)]
mod sound;

pub(super) use alarm::{ALL_THERE, THRESHOLDS};
pub(super) use grid::GRID;
pub(super) use look::LOOK;
pub(super) use metric::{OF_AWS, OURS};
pub(super) use place::RESOLVED;
#[cfg(test)]
pub(super) use sound::sound;

use super::check::{Case, Check};
use super::view::at;
use crate::dashboard::board::Board;
use crate::dashboard::{NAMES, OPERATIONS};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// What the line of the template that holds a dashboard begins with.
const LINE: &str = "        - '";

/// The logical id of a dashboard.
fn resource(name: &str) -> &'static str {
    if name == OPERATIONS {
        "OperationsDashboard"
    } else {
        "LeadsDashboard"
    }
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

/// What is deployed is what is drawn, tested and imported by hand.
pub(super) const EMBEDDED: Check = Check {
    promise: "the dashboards in the template are those in dashboards/",
    breaches: |case| {
        let differs = |name: &&&str| {
            let body = at(
                case.template.properties(resource(name)),
                "/DashboardBody/Fn::Sub/0",
            );
            let body = body.as_str().unwrap_or_default();
            serde_json::from_str::<Value>(body).ok().as_ref() != case.project.dashboards.get(**name)
        };
        let told = |name: &&str| {
            format!("the template has another {name}.json; run `cargo xtask template --write`")
        };
        NAMES.iter().filter(differs).map(told).collect()
    },
    breakages: &[
        |case| case.set(&body_of(OPERATIONS), "{}"),
        |case| case.remove("/Resources", "LeadsDashboard"),
        |case| change(case, "/widgets/0/properties/title", json!("Other alarms")),
    ],
};

/// Where the text of a dashboard stands in the expanded template.
pub(super) fn body_of(name: &str) -> String {
    format!(
        "/Resources/{}/Properties/DashboardBody/Fn::Sub/0",
        resource(name)
    )
}

/// Every dashboard that can be read; one that cannot is told by [`GRID`].
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

/// Adds a row to the first graph of counts of the operations dashboard, where one more does no harm if it is sound. For breakages.
fn add_row(case: &mut Case, row: &Value) {
    let board = case.project.dashboards.get_mut(OPERATIONS);
    let widgets = board.and_then(|board| board.pointer_mut("/widgets")?.as_array_mut());
    let graph = widgets
        .into_iter()
        .flatten()
        .find(|widget| at(widget, "/properties/yAxis/left/label") == "count per 5 minutes");
    let rows = graph.and_then(|graph| graph.pointer_mut("/properties/metrics")?.as_array_mut());
    if let Some(rows) = rows {
        rows.push(row.clone());
    }
}

/// Changes every widget of a kind on the operations dashboard. For breakages.
fn change_each(case: &mut Case, kind: &str, pointer: &str, to: &Value) {
    let board = case.project.dashboards.get_mut(OPERATIONS);
    let widgets = board.and_then(|board| board.pointer_mut("/widgets")?.as_array_mut());
    let wanted = widgets
        .into_iter()
        .flatten()
        .filter(|widget| at(widget, "/type") == kind);
    for widget in wanted {
        if let Some(place) = widget.pointer_mut(pointer) {
            *place = to.clone();
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
