//! From the rows of a graph to the lines that are drawn.

use crate::dashboard::board::{Chart, Row, Source};
use crate::dashboard::sample::{self, Day, NOW};
use anyhow::{Context, Result};
use leadwire_cloudwatch::{Expression, Points as _, Series, Statistic, Window};
use std::collections::BTreeMap;

/// A line that is drawn.
pub(super) struct Line<'a> {
    pub(super) label: &'a str,
    pub(super) color: &'a str,
    pub(super) points: Series,
}

/// The visible rows of a graph, over the seconds before now.
pub(super) fn lines<'a>(chart: &'a Chart, day: &Day, range: i64) -> Result<Vec<Line<'a>>> {
    let period = if chart.set_period_to_time_range {
        range
    } else {
        i64::from(chart.period)
    };
    let count = usize::try_from(range / period).context("the range of a graph")?;
    let window = Window {
        end: NOW,
        period,
        count,
    };
    let mut known: BTreeMap<&str, Series> = BTreeMap::new();
    for row in &chart.rows {
        if let (Some(id), Source::Metric(_)) = (row.look.id.as_deref(), &row.source) {
            known.insert(id, series(chart, row, day, window, &BTreeMap::new())?);
        }
    }
    let visible = chart.rows.iter().filter(|row| row.is_visible());
    visible
        .map(|row| {
            Ok(Line {
                label: row.label(),
                color: row.color(),
                points: series(chart, row, day, window, &known)?,
            })
        })
        .collect()
}

fn series(
    chart: &Chart,
    row: &Row,
    day: &Day,
    window: Window,
    known: &BTreeMap<&str, Series>,
) -> Result<Series> {
    match &row.source {
        Source::Metric(name) => {
            let stat = row.look.stat.as_deref().unwrap_or(&chart.stat);
            let stat = Statistic::parse(stat).context("a statistic")?;
            let periods = day.points.points(&sample::query(name), window)?;
            let mut series = Series::new();
            for (begin, stats) in periods {
                series.extend(stats.value(stat)?.map(|value| (begin, value)));
            }
            Ok(series)
        }
        Source::Expression(text) => {
            let grid: Vec<i64> = window.begins().collect();
            Ok(leadwire_cloudwatch::series(
                &Expression::parse(text)?,
                known,
                &grid,
            )?)
        }
    }
}
