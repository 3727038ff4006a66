//! Dashboards: kept as JSON in `dashboards/`, and as one line in the template, because `CloudFormation` wants a text.

use super::check::{Case, Check};
use super::view::{at, items, number};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const RESOURCE: &str = "OperationsDashboard";
/// The line of the template that holds the dashboard.
const LINE: &str = "      DashboardBody: !Sub '";
const COLUMNS: u64 = 24;

/// The template with a dashboard in its place.
pub(super) fn embed(template: &str, json: &str) -> Result<String> {
    let dashboard: Value = serde_json::from_str(json).context("the dashboard is not JSON")?;
    let mut lines: Vec<String> = template.lines().map(str::to_owned).collect();
    let mut places = lines.iter_mut().filter(|line| line.starts_with(LINE));
    match (places.next(), places.next()) {
        (Some(line), None) => {
            *line = format!("{LINE}{}'", dashboard.to_string().replace('\'', "''"));
        }
        _ => bail!("the template has no single line that starts with {LINE:?}"),
    }
    Ok(lines.join("\n") + "\n")
}

/// The dashboard of the stack is the one of the repository, and can be drawn.
pub(super) const SHOWN: Check = Check {
    promise: "the dashboard in the template is dashboards/operations.json, and can be drawn",
    breaches: |case| {
        let mut found = Vec::new();
        let body = at(case.template.properties(RESOURCE), "/DashboardBody/Fn::Sub")
            .as_str()
            .unwrap_or_default();
        if serde_json::from_str::<Value>(body).ok().as_ref() != Some(&case.project.dashboard) {
            found.push(
                "the template has another dashboard; run `cargo xtask template --write`".to_owned(),
            );
        }
        let known = known_names(case);
        found.extend(
            placeholders(&case.project.dashboard.to_string())
                .difference(&known)
                .map(|name| format!("${{{name}}} is nothing in the template")),
        );
        let widgets = items(at(&case.project.dashboard, "/widgets"));
        let boxes: Vec<_> = widgets
            .iter()
            .filter_map(|widget| Area::of(widget))
            .collect();
        if boxes.is_empty()
            || boxes.len() != widgets.len()
            || boxes.iter().any(|b| b.right > COLUMNS)
        {
            found.push("a widget lies outside the 24 columns".to_owned());
        }
        let pairs = boxes
            .iter()
            .enumerate()
            .flat_map(|(at, one)| boxes.iter().skip(at + 1).map(move |other| (one, other)));
        if pairs.into_iter().any(|(one, other)| one.overlaps(other)) {
            found.push("two widgets overlap".to_owned());
        }
        found
    },
    breakages: &[
        |case| {
            case.set(
                &format!("/Resources/{RESOURCE}/Properties/DashboardBody/Fn::Sub"),
                "{}",
            );
        },
        |case| {
            let body = case
                .project
                .dashboard
                .to_string()
                .replace("${DelayQueue.QueueName}", "${NoQueue.QueueName}");
            case.project.dashboard = serde_json::from_str(&body).unwrap_or_default();
            case.set(
                &format!("/Resources/{RESOURCE}/Properties/DashboardBody/Fn::Sub"),
                body,
            );
        },
        |case| place(case, "/widgets/0/x", 1),
        |case| place(case, "/widgets/1/height", 100),
    ],
};

/// Moves a widget, in the repository and in the template.
fn place(case: &mut Case, pointer: &str, to: u64) {
    if let Some(value) = case.project.dashboard.pointer_mut(pointer) {
        *value = json!(to);
    }
    let body = case.project.dashboard.to_string();
    case.set(
        &format!("/Resources/{RESOURCE}/Properties/DashboardBody/Fn::Sub"),
        body,
    );
}

/// The names that `Fn::Sub` could fill in.
fn known_names(case: &Case) -> BTreeSet<String> {
    let sections =
        ["Parameters", "Resources"].map(|section| case.template.section(section).as_object());
    let ours = sections
        .into_iter()
        .flatten()
        .flat_map(serde_json::Map::keys)
        .cloned();
    ours.chain(["AWS::Region", "AWS::AccountId", "AWS::StackName"].map(str::to_owned))
        .collect()
}

/// The resources and parameters named as `${Name}` or `${Name.Attribute}`.
fn placeholders(text: &str) -> BTreeSet<String> {
    let names = text
        .split("${")
        .skip(1)
        .filter_map(|rest| rest.split(['}', '.']).next());
    names.map(str::to_owned).collect()
}

/// Where a widget lies.
struct Area {
    left: u64,
    right: u64,
    top: u64,
    bottom: u64,
}

impl Area {
    fn of(widget: &Value) -> Option<Self> {
        let side = |name: &str| widget.get(name).and_then(number);
        let (left, top) = (side("x")?, side("y")?);
        Some(Self {
            left,
            right: left + side("width")?,
            top,
            bottom: top + side("height")?,
        })
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dashboard_takes_the_place_of_the_one_before() {
        let template = format!("a:\n{LINE}{{}}'\nb: 1\n");
        let written = embed(&template, r#"{"title": "it's"}"#).unwrap();
        assert_eq!(
            written,
            format!("a:\n{LINE}{{\"title\":\"it''s\"}}'\nb: 1\n")
        );
        assert_eq!(embed(&written, "{}").unwrap(), template);
    }

    #[test]
    fn a_template_without_a_place_is_refused() {
        assert!(embed("a: 1\n", "{}").is_err());
    }
}
