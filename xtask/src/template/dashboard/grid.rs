//! Where widgets lie.

use super::{Check, change, change_each};
use crate::dashboard::board::{Board, Body, COLUMNS};
use crate::dashboard::{NAMES, OPERATIONS};
use serde_json::json;

/// A row of `CloudWatch` and a dashboard's end.
const ROWS: u32 = 1000;
/// `CloudWatch`'s limit.
const WIDGETS: usize = 500;

/// `CloudWatch` itself shows a dashboard with overlapping widgets as it likes.
pub(in crate::template) const GRID: Check = Check {
    promise: "dashboards can be read, lie in 24 columns without overlap, alarms first",
    breaches: |case| {
        let told = |name: &&str| match case.project.dashboards.get(*name).map(Board::read) {
            Some(Ok(board)) => breaches(name, &board),
            Some(Err(error)) => vec![format!("{name}: {error:#}")],
            None => vec![format!("{name} is not there")],
        };
        NAMES.iter().flat_map(told).collect()
    },
    breakages: &[
        |case| change(case, "/widgets/0/x", json!(14)),
        |case| change(case, "/widgets/0/height", json!(100)),
        |case| change(case, "/widgets/0/height", json!(0)),
        |case| {
            change(
                case,
                "/widgets/0/properties",
                json!({"titel": "Alarms", "alarms": []}),
            );
        },
        |case| change(case, "/widgets/0/type", json!("pie")),
        |case| change(case, "/periodOverride", json!("auto")),
        |case| change(case, "/start", json!("8 hours")),
        |case| change_each(case, "alarm", "/y", &json!(900)),
        |case| change(case, "/widgets", json!([])),
        |case| drop(case.project.dashboards.remove(OPERATIONS)),
    ],
};

fn breaches(name: &str, board: &Board) -> Vec<String> {
    let mut found = Vec::new();
    let mut say = |what: String| found.push(format!("{name}: {what}"));
    if !board.start.starts_with("-P") || board.period_override != "inherit" {
        say("it needs a start before now, and each graph's own period".to_owned());
    }
    if board.widgets.is_empty() || board.widgets.len() > WIDGETS {
        say(format!("it has {} widgets", board.widgets.len()));
    }
    for widget in &board.widgets {
        let area = widget.area;
        let empty = area.width == 0 || area.height == 0;
        if empty || area.x + area.width > COLUMNS || area.y + area.height > ROWS {
            say(format!("{:?} lies outside the grid", widget.title()));
        }
    }
    for (number, one) in board.widgets.iter().enumerate() {
        let others = board.widgets.iter().skip(number + 1);
        for other in others.filter(|other| one.area.overlaps(other.area)) {
            say(format!("{:?} overlaps {:?}", one.title(), other.title()));
        }
    }
    let first_row = || board.widgets.iter().filter(|widget| widget.area.y == 0);
    let is_alarm = |body: &Body| matches!(body, Body::Alarm(_));
    if first_row().next().is_none() || !first_row().all(|widget| is_alarm(&widget.body)) {
        say("the first row is not alarms".to_owned());
    }
    found
}
