//! What a dashboard names: metrics, alarms, queries over log lines, lines at a value. How it looks is `CloudWatch`'s own affair.

use anyhow::{Context, Result, bail};
use leadwire_cloudwatch::Query;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A dashboard.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Board {
    widgets: Vec<Widget>,
}

#[derive(Clone, Debug, Deserialize)]
struct Widget {
    properties: Shown,
}

/// What a widget shows; a member that its kind does not have is empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Shown {
    pub(crate) title: String,
    /// ARNs of alarms.
    pub(crate) alarms: Vec<String>,
    /// A query over log lines.
    pub(crate) query: String,
    #[serde(rename = "metrics")]
    pub(crate) rows: Vec<Row>,
    pub(crate) annotations: Annotations,
}

/// Lines in a graph that are not metrics.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Annotations {
    pub(crate) horizontal: Vec<Annotation>,
}

/// A line at a value.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Annotation {
    pub(crate) label: String,
    pub(crate) value: f64,
}

/// A line of a graph, with the id by which expressions refer to it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<Value>")]
pub(crate) struct Row {
    pub(crate) id: Option<String>,
    pub(crate) source: Source,
}

/// Where the values of a row come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Metric(Query),
    Expression(String),
}

impl Board {
    /// Reads a dashboard.
    pub(crate) fn read(value: &Value) -> Result<Self> {
        Self::deserialize(value).context("the dashboard cannot be read")
    }

    /// What each widget shows.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Shown> {
        self.widgets.iter().map(|widget| &widget.properties)
    }

    /// Every metric that it shows or computes with.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Query> {
        let rows = self.shown().flat_map(|shown| &shown.rows);
        rows.filter_map(|row| match &row.source {
            Source::Metric(name) => Some(name),
            Source::Expression(_) => None,
        })
    }
}

impl TryFrom<Vec<Value>> for Row {
    type Error = anyhow::Error;

    /// Reads `[namespace, metric, dimension, value, …, {look}]` or `[{expression}]`. The shorthands `.` and `...` are refused: a row reads alone.
    fn try_from(mut list: Vec<Value>) -> Result<Self> {
        let look = list.pop_if(|last| last.is_object()).unwrap_or_default();
        let text = |name: &str| look.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut words = Vec::new();
        for word in list {
            let text = word.as_str();
            let text = text.filter(|text| !text.is_empty() && !text.starts_with('.'));
            let text = text.with_context(|| format!("{word} is not a name in a row"))?;
            words.push(text.to_owned());
        }
        let mut words = words.into_iter();
        let source = match (words.next(), words.next(), text("expression")) {
            (None, None, Some(expression)) => Source::Expression(expression),
            (Some(namespace), Some(metric), None) => {
                let mut dimensions = BTreeMap::new();
                while let Some(name) = words.next() {
                    let value = words.next().context("a dimension has no value")?;
                    dimensions.insert(name, value);
                }
                Source::Metric(Query {
                    namespace,
                    metric,
                    dimensions,
                })
            }
            _ => bail!("a row is either a metric or an expression"),
        };
        let id = text("id");
        Ok(Self { id, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(rows: &Value) -> Result<Vec<Row>> {
        let board = Board::read(&json!({"widgets": [{"properties": {"metrics": rows}}]}))?;
        Ok(board.shown().flat_map(|shown| shown.rows.clone()).collect())
    }

    #[test]
    fn a_row_is_a_metric_with_its_dimensions_or_an_expression() {
        let rows = read(&json!([
            ["AWS/SQS", "Age", "QueueName", "q", {"id": "m", "visible": false}],
            [{"expression": "m/1000", "label": "age"}],
        ]));
        let name = Query {
            namespace: "AWS/SQS".to_owned(),
            metric: "Age".to_owned(),
            dimensions: [("QueueName".to_owned(), "q".to_owned())].into(),
        };
        let row = |id: Option<&str>, source| Row {
            id: id.map(str::to_owned),
            source,
        };
        let expected = [
            row(Some("m"), Source::Metric(name)),
            row(None, Source::Expression("m/1000".to_owned())),
        ];
        assert_eq!(rows.unwrap(), expected);
    }

    #[test]
    fn a_row_that_is_neither_is_refused() {
        assert!(read(&json!([["AWS/SQS", "Age", "QueueName"]])).is_err());
        assert!(read(&json!([["...", {"stat": "p99"}]])).is_err());
        assert!(read(&json!([[]])).is_err());
    }
}
