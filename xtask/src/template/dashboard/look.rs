//! How dashboards look: colours that mean something, labels, units, statistics.

use super::place::placeholders;
use super::{Case, Check, add_row, boards, change_each};
use crate::dashboard::board::{Annotation, Body, Chart, Log, LogView, Row, Source, View};
use crate::dashboard::{palette, unit};
use crate::template::view::at;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const REGION: &str = "${AWS::Region}";

/// `CloudWatch` refuses the whole dashboard over a colour that is a word.
pub(in crate::template) const LOOK: Check = Check {
    promise: "colours, labels, units and statistics of dashboards are sound, and a colour means one thing",
    breaches: |case| {
        let boards = boards(case);
        let mut found = Vec::new();
        let mut colours = BTreeMap::new();
        let mut used = BTreeSet::new();
        for (name, board) in &boards {
            for widget in &board.widgets {
                let told = match &widget.body {
                    Body::Metric(chart) => of_chart(chart, &mut colours, &mut used),
                    Body::Log(log) => of_log(case, log),
                    Body::Text(text) if text.background != "transparent" => {
                        vec!["a heading has a background".to_owned()]
                    }
                    Body::Alarm(_) | Body::Text(_) => Vec::new(),
                };
                let title = widget.title();
                found.extend(told.iter().map(|what| format!("{name}, {title:?}: {what}")));
                if title.is_empty() {
                    found.push(format!("{name}: a widget has no title"));
                }
            }
        }
        let unused = palette::PALETTE
            .iter()
            .filter(|(color, _)| !used.contains(*color));
        found.extend(
            unused.map(|(color, meaning)| format!("nothing is shown as {meaning} ({color})")),
        );
        found
    },
    breakages: &[
        |case| add_row(case, &row("red", "x", json!({}))),
        |case| add_row(case, &row("#1F77B4", "x", json!({}))),
        |case| add_row(case, &row("#123456", "x", json!({}))),
        |case| add_row(case, &row("#bcbd22", "", json!({}))),
        // Shown in green elsewhere.
        |case| {
            add_row(
                case,
                &json!(["Leadwire", "MailedInTime", "service", "enrich", "environment", "${Environment}", {"color": "#bcbd22", "label": "x", "stat": "Sum"}]),
            );
        },
        |case| add_row(case, &row("#bcbd22", "x", json!({"stat": "p100"}))),
        |case| add_row(case, &row("#bcbd22", "x", json!({"stat": "Most"}))),
        |case| add_row(case, &row("#bcbd22", "x", json!({"period": 61}))),
        |case| {
            add_row(
                case,
                &json!([{"expression": "nothing / 2", "label": "x", "color": "#bcbd22"}]),
            );
        },
        |case| {
            add_row(
                case,
                &json!([{"expression": "2 *", "label": "x", "color": "#bcbd22"}]),
            );
        },
        |case| add_row(case, &row("#bcbd22", "x", json!({"id": "X"}))),
        // A duration among counts.
        |case| {
            add_row(
                case,
                &json!(["Leadwire", "EnrichmentLag", "service", "enrich", "environment", "${Environment}", {"color": "#bcbd22", "label": "x"}]),
            );
        },
        |case| change_each(case, "metric", "/properties/yAxis/left/label", &json!("")),
        |case| {
            change_each(
                case,
                "metric",
                "/properties/yAxis/left/label",
                &json!("leads"),
            );
        },
        |case| {
            change_each(
                case,
                "metric",
                "/properties/yAxis/left/showUnits",
                &json!(true),
            );
        },
        |case| change_each(case, "metric", "/properties/title", &json!("")),
        |case| change_each(case, "metric", "/properties/region", &json!("us-east-1")),
        |case| change_each(case, "log", "/properties/region", &json!("us-east-1")),
        |case| change_each(case, "log", "/properties/query", &json!("sort @timestamp")),
        |case| {
            change_each(
                case,
                "log",
                "/properties/query",
                &json!("SOURCE '${SweepFunction}' | display @timestamp"),
            );
        },
        |case| change_each(case, "text", "/properties/background", &json!("solid")),
        |case| {
            change_each(
                case,
                "metric",
                "/properties/annotations/horizontal/0/color",
                &json!("grey"),
            );
        },
        |case| {
            change_each(
                case,
                "metric",
                "/properties/annotations/horizontal/0/label",
                &json!(""),
            );
        },
    ],
};

fn row(color: &str, label: &str, more: serde_json::Value) -> serde_json::Value {
    let mut look = json!({"color": color, "label": label});
    if let (Some(look), serde_json::Value::Object(more)) = (look.as_object_mut(), more) {
        look.extend(more);
    }
    json!([
        "AWS/SNS",
        "NumberOfMessagesPublished",
        "TopicName",
        "${AlarmTopic.TopicName}",
        look
    ])
}

fn of_chart(
    chart: &Chart,
    colours: &mut BTreeMap<String, String>,
    used: &mut BTreeSet<String>,
) -> Vec<String> {
    let mut found = Vec::new();
    if chart.region != REGION {
        found.push("the region is not the stack's".to_owned());
    }
    let visible: Vec<&Row> = chart.rows.iter().filter(|row| row.is_visible()).collect();
    for row in &visible {
        let (label, color) = (row.label(), row.color());
        used.insert(color.to_owned());
        if palette::meaning(color).is_none() {
            found.push(format!(
                "{color:?} of {label:?} is no colour that means something"
            ));
        }
        if let Source::Metric(name) = &row.source {
            let stat = row.look.stat.as_deref().unwrap_or(&chart.stat);
            let before = colours
                .entry(format!("{name:?} {stat}"))
                .or_insert_with(|| color.to_owned());
            if before != color {
                found.push(format!("{label:?} is {color} here and {before} elsewhere"));
            }
        }
    }
    let distinct = |of: fn(&Row) -> &str| {
        let set: BTreeSet<&str> = visible.iter().map(|row| of(row)).collect();
        set.len() == visible.len() && !set.contains("")
    };
    if visible.is_empty() || !distinct(Row::label) || !distinct(Row::color) {
        found.push("its rows are not told apart by label and colour".to_owned());
    }
    found.extend(chart.rows.iter().filter_map(|row| of_row(chart, row)));
    found.extend(of_axis(chart));
    for note in &chart.annotations.horizontal {
        used.insert(note.color.clone());
        found.extend(of_note(note));
    }
    found
}

fn of_row(chart: &Chart, row: &Row) -> Option<String> {
    let label = row.label();
    let stat = row.look.stat.as_deref().unwrap_or(&chart.stat);
    let period = row.look.period.unwrap_or(chart.period);
    let good_id = |id: &str| {
        let word = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        word && id.starts_with(|c: char| c.is_ascii_lowercase())
    };
    if !is_statistic(stat) {
        return Some(format!("{stat:?} of {label:?} is no statistic"));
    }
    if period == 0 || !period.is_multiple_of(60) {
        return Some(format!("{period} s is no period"));
    }
    if row.look.id.as_deref().is_some_and(|id| !good_id(id)) {
        return Some(format!("{:?} is no id", row.look.id));
    }
    let measured = unit::of_row(chart, row);
    measured.err().map(|error| format!("{label:?}: {error:#}"))
}

fn is_statistic(stat: &str) -> bool {
    let percent = stat.strip_prefix('p').and_then(|p| p.parse::<f64>().ok());
    percent.is_some_and(|percent| percent > 0.0 && percent < 100.0)
        || ["Average", "Maximum", "Minimum", "SampleCount", "Sum"].contains(&stat)
}

fn of_log(case: &Case, log: &Log) -> Vec<String> {
    let mut found = Vec::new();
    for name in placeholders(&log.query) {
        if at(case.template.resource(&name), "/Type") != "AWS::Logs::LogGroup" {
            found.push(format!("{name} holds no log lines"));
        }
    }
    if log.region != REGION || log.view != LogView::Table {
        found.push("it is no table of the stack's region".to_owned());
    }
    if !log.query.starts_with("SOURCE '${") || !log.query.contains("| display ") {
        found.push("it does not say where to look, or what to show".to_owned());
    }
    found
}

/// Numbers carry their units in their labels; a graph has one unit, and its axis names it.
fn of_axis(chart: &Chart) -> Option<String> {
    if chart.view == View::SingleValue {
        return None;
    }
    let axis = &chart.y_axis.left;
    if axis.show_units != Some(false) {
        return Some("the axis shows CloudWatch's unit beside ours".to_owned());
    }
    let visible = chart.rows.iter().filter(|row| row.is_visible());
    let mut wrong = visible
        .filter_map(|row| unit::of_row(chart, row).ok())
        .filter(|measure| !unit::fits(*measure, chart));
    let wrong = wrong.next()?;
    Some(format!("an axis of {:?} shows {wrong:?}", axis.label))
}

fn of_note(note: &Annotation) -> Option<String> {
    let sound = palette::meaning(&note.color).is_some() && !note.label.is_empty();
    (!sound).then(|| {
        format!(
            "the line at {} has no label, or no colour of ours",
            note.value
        )
    })
}
