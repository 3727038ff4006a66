//! The units of graphs: what a row's values are, and whether the axis says so.

use super::board::{Chart, Row, Source};
use super::family::{self, Measure};
use anyhow::{Context, Result, bail};
use leadwire_cloudwatch::Expression;
use std::collections::BTreeSet;

/// What the values of a row are.
pub(crate) fn of_row(chart: &Chart, row: &Row) -> Result<Measure> {
    match &row.source {
        Source::Metric(name) => {
            family::measure(name).with_context(|| format!("{} is not known", name.metric))
        }
        Source::Expression(text) => of_expression(chart, text),
    }
}

/// An expression is a sum of what it is computed from, unless its form says otherwise.
fn of_expression(chart: &Chart, text: &str) -> Result<Measure> {
    let parsed = Expression::parse(text)?;
    let mut measures = BTreeSet::new();
    for id in parsed.ids() {
        let mut rows = chart.rows.iter();
        let row = rows.find(|row| row.look.id.as_deref() == Some(id));
        let row = row.with_context(|| format!("no row has the id {id:?}"))?;
        measures.insert(of_row(chart, row)?);
    }
    let mut measures = measures.into_iter();
    let (Some(measure), None) = (measures.next(), measures.next()) else {
        bail!("{text:?} is not computed from values of one unit");
    };
    let text = parsed.to_string();
    Ok(if text.starts_with("100 * ") {
        Measure::Percent
    } else if text.ends_with(" / 0.01") {
        Measure::Ratio
    } else if text.ends_with(" / 1000") && measure == Measure::Milliseconds {
        Measure::Seconds
    } else {
        measure
    })
}

/// Whether the label of the axis names the unit. A sum says over how long.
pub(crate) fn fits(measure: Measure, chart: &Chart) -> bool {
    let label = chart.y_axis.left.label.as_str();
    match measure {
        Measure::Milliseconds => label == "milliseconds",
        Measure::Seconds => label == "seconds",
        Measure::Percent => label == "percent",
        Measure::Ratio => label == "times the allowed rate",
        Measure::Count if chart.stat == "Sum" => match chart.period {
            60 => label.ends_with(" per minute"),
            3600 => label.ends_with(" per hour"),
            period => label.ends_with(&format!(" per {} minutes", period / 60)),
        },
        Measure::Count => ["messages", "batches"].contains(&label),
    }
}
