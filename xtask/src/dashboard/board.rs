//! A dashboard as `CloudWatch` takes it, read strictly: a member that is misspelt is refused, not left out.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

/// How many columns a dashboard has.
pub(crate) const COLUMNS: u32 = 24;

/// A dashboard.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Board {
    /// What it shows when it is opened: a duration before now, such as `-PT8H`.
    pub(crate) start: String,
    /// Always `inherit`: a graph keeps its own period whatever the range.
    pub(crate) period_override: String,
    pub(crate) widgets: Vec<Widget>,
}

/// A part of a dashboard.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Widget {
    #[serde(flatten)]
    pub(crate) area: Area,
    #[serde(flatten)]
    pub(crate) body: Body,
}

/// Where a widget lies, in columns and rows.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Area {
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Area {
    /// Whether any place belongs to both.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }
}

/// What a widget shows.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", content = "properties", rename_all = "lowercase")]
pub(crate) enum Body {
    Alarm(Alarms),
    Log(Log),
    Metric(Chart),
    Text(Text),
}

/// The state of alarms.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alarms {
    pub(crate) title: String,
    /// Their ARNs.
    pub(crate) alarms: Vec<String>,
}

/// What a query over log lines finds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) title: String,
    pub(crate) region: String,
    pub(crate) view: LogView,
    pub(crate) query: String,
}

/// How found log lines are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogView {
    Table,
}

/// A heading between widgets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {
    pub(crate) markdown: String,
    pub(crate) background: String,
}

/// A graph, or a row of numbers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) region: String,
    pub(crate) view: View,
    #[serde(default)]
    pub(crate) stacked: bool,
    pub(crate) stat: String,
    pub(crate) period: u32,
    /// Whether a number is about the whole range, not about its last period.
    #[serde(default)]
    pub(crate) set_period_to_time_range: bool,
    #[serde(rename = "metrics", deserialize_with = "rows")]
    pub(crate) rows: Vec<Row>,
    #[serde(default)]
    pub(crate) y_axis: Axes,
    #[serde(default)]
    pub(crate) annotations: Annotations,
}

/// How metrics are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum View {
    TimeSeries,
    SingleValue,
}

/// The axes of a graph. None of ours needs the right one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Axes {
    #[serde(default)]
    pub(crate) left: Axis,
}

/// An axis of a graph.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Axis {
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    /// What the numbers are.
    #[serde(default)]
    pub(crate) label: String,
    /// `CloudWatch` would write the metric's own unit beside the label.
    pub(crate) show_units: Option<bool>,
}

/// Lines in a graph that are no metrics.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Annotations {
    #[serde(default)]
    pub(crate) horizontal: Vec<Annotation>,
}

/// A line at a value.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Annotation {
    pub(crate) label: String,
    pub(crate) value: f64,
    pub(crate) color: String,
}

/// A line of a graph: a metric, or what is computed from others.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) source: Source,
    pub(crate) look: Look,
}

/// Where the values of a row come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Metric(Name),
    Expression(String),
}

/// A metric of `CloudWatch`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) namespace: String,
    pub(crate) metric: String,
    pub(crate) dimensions: Vec<(String, String)>,
}

/// How a row is shown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Look {
    #[serde(default)]
    pub(crate) expression: Option<String>,
    #[serde(default)]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) label: Option<String>,
    #[serde(default)]
    pub(crate) color: Option<String>,
    #[serde(default)]
    pub(crate) stat: Option<String>,
    #[serde(default)]
    pub(crate) period: Option<u32>,
    #[serde(default)]
    pub(crate) visible: Option<bool>,
}

impl Row {
    /// Whether it is drawn, and not only computed with.
    pub(crate) fn is_visible(&self) -> bool {
        self.look.visible.unwrap_or(true)
    }

    /// What its legend says.
    pub(crate) fn label(&self) -> &str {
        self.look.label.as_deref().unwrap_or_default()
    }

    /// Its colour.
    pub(crate) fn color(&self) -> &str {
        self.look.color.as_deref().unwrap_or_default()
    }
}

impl Board {
    /// Reads a dashboard.
    pub(crate) fn read(value: &Value) -> Result<Self> {
        Self::deserialize(value).context("the dashboard cannot be read")
    }

    /// Every graph and row of numbers.
    pub(crate) fn charts(&self) -> impl Iterator<Item = &Chart> {
        self.widgets.iter().filter_map(|widget| match &widget.body {
            Body::Metric(chart) => Some(chart),
            Body::Alarm(_) | Body::Log(_) | Body::Text(_) => None,
        })
    }

    /// Every metric that it shows or computes with.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Name> {
        let rows = self.charts().flat_map(|chart| &chart.rows);
        rows.filter_map(|row| match &row.source {
            Source::Metric(name) => Some(name),
            Source::Expression(_) => None,
        })
    }

    /// The ARN of every alarm that it shows.
    pub(crate) fn alarms(&self) -> impl Iterator<Item = &str> {
        let widgets = self.widgets.iter().filter_map(|widget| match &widget.body {
            Body::Alarm(alarms) => Some(&alarms.alarms),
            Body::Log(_) | Body::Metric(_) | Body::Text(_) => None,
        });
        widgets.flatten().map(String::as_str)
    }
}

impl Widget {
    /// What stands above it; a heading is its own title.
    pub(crate) fn title(&self) -> &str {
        match &self.body {
            Body::Alarm(alarms) => &alarms.title,
            Body::Log(log) => &log.title,
            Body::Metric(chart) => &chart.title,
            Body::Text(text) => text.markdown.trim_start_matches('#').trim(),
        }
    }
}

fn rows<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Row>, D::Error> {
    let lists = Vec::<Vec<Value>>::deserialize(deserializer)?;
    let rows: Result<Vec<Row>> = lists.into_iter().map(row).collect();
    rows.map_err(|error| serde::de::Error::custom(format!("{error:#}")))
}

/// Reads `[namespace, metric, dimension, value, …, {look}]` or `[{expression}]`. The shorthands `.` and `...` are not taken: a row reads alone.
fn row(mut list: Vec<Value>) -> Result<Row> {
    let look = match list.pop_if(|last| last.is_object()) {
        Some(look) => Look::deserialize(look).context("what a row looks like")?,
        None => Look::default(),
    };
    let mut words = Vec::new();
    for word in list {
        let text = word.as_str();
        let text = text.filter(|text| !text.is_empty() && !text.starts_with('.'));
        let text = text.with_context(|| format!("{word} is no name in a row"))?;
        words.push(text.to_owned());
    }
    let mut words = words.into_iter();
    let source = match (words.next(), words.next(), look.expression.clone()) {
        (None, None, Some(expression)) => Source::Expression(expression),
        (Some(namespace), Some(metric), None) => {
            let mut dimensions = Vec::new();
            while let Some(name) = words.next() {
                let value = words.next().context("a dimension has no value")?;
                dimensions.push((name, value));
            }
            Source::Metric(Name {
                namespace,
                metric,
                dimensions,
            })
        }
        _ => bail!("a row is either a metric or an expression"),
    };
    Ok(Row { source, look })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chart(rows: &Value) -> Result<Chart> {
        let chart = json!({"title": "t", "region": "r", "view": "timeSeries", "stat": "Sum", "period": 60, "metrics": rows});
        Ok(Chart::deserialize(&chart)?)
    }

    #[test]
    fn a_row_is_a_metric_with_its_dimensions_or_an_expression() {
        let chart = chart(&json!([
            ["AWS/SQS", "Age", "QueueName", "q", {"id": "m", "visible": false}],
            [{"expression": "m/1000", "label": "age"}],
        ]));
        let rows = chart.unwrap().rows;
        let name = Name {
            namespace: "AWS/SQS".to_owned(),
            metric: "Age".to_owned(),
            dimensions: vec![("QueueName".to_owned(), "q".to_owned())],
        };
        assert_eq!(rows[0].source, Source::Metric(name));
        assert!(!rows[0].is_visible());
        assert_eq!(rows[1].source, Source::Expression("m/1000".to_owned()));
        assert_eq!(rows[1].label(), "age");
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        assert!(chart(&json!([["AWS/SQS", "Age", {"colour": "#000000"}]])).is_err());
        assert!(chart(&json!([["AWS/SQS", "Age", "QueueName"]])).is_err());
        assert!(chart(&json!([["...", {"stat": "p99"}]])).is_err());
        assert!(chart(&json!([[]])).is_err());
    }

    #[test]
    fn areas_that_touch_do_not_overlap() {
        let area = |x, width| Area {
            x,
            y: 0,
            width,
            height: 3,
        };
        assert!(area(0, 13).overlaps(area(12, 12)));
        assert!(!area(0, 12).overlaps(area(12, 12)));
    }
}
