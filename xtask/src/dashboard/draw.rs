//! A dashboard as a picture, from sample data: for whoever has no stack to look at, and to see that it can be read.

mod graph;
mod line;
mod number;
mod scale;
mod svg;
mod table;
mod tile;

use super::board::{Board, Body, Chart, View, Widget};
use super::sample::Day;
use anyhow::{Context, Result};
use leadwire_cloudwatch::State;
use std::collections::BTreeMap;
use svg::{Area, FRAME, Svg, Type, fit};

/// Pixels of a column and of a row, and around everything.
const COLUMN: f64 = 50.0;
const ROW: f64 = 40.0;
const MARGIN: f64 = 10.0;
/// Room for the name above, and between widgets.
const HEAD: f64 = 44.0;
const GAP: f64 = 3.0;
const TITLE: f64 = 13.0;

/// Draws a dashboard over the day.
pub(crate) fn draw(
    name: &str,
    board: &Board,
    day: &Day,
    states: &BTreeMap<String, State>,
) -> Result<String> {
    let range = range(&board.start).with_context(|| board.start.clone())?;
    let rows = board
        .widgets
        .iter()
        .map(|widget| widget.area.y + widget.area.height);
    let rows = f64::from(rows.max().unwrap_or_default());
    let width = 24.0 * COLUMN + 2.0 * MARGIN;
    let mut svg = Svg::new(width, HEAD + rows * ROW + MARGIN);
    let title = format!("leadwire: {name}");
    svg.text((MARGIN + GAP, 28.0), Type::new(20.0).bold(), &title);
    let hours = range / 3600;
    let note = format!("sample data: the last {hours} hours of a day that was made up");
    let set = Type::new(12.0).pale().at(svg::Anchor::End);
    svg.text((width - MARGIN - GAP, 28.0), set, &note);
    for widget in &board.widgets {
        let picture = Picture { day, states, range };
        picture.widget(&mut svg, widget)?;
    }
    Ok(svg.finish())
}

/// The seconds of `-PT8H` or `-P1D`.
fn range(start: &str) -> Option<i64> {
    let (amount, unit) = match start.strip_prefix("-PT") {
        Some(rest) => (rest.strip_suffix('H')?, 3600),
        None => (start.strip_prefix("-P")?.strip_suffix('D')?, 86_400),
    };
    Some(amount.parse::<i64>().ok()? * unit)
}

/// What all widgets are drawn from.
struct Picture<'a> {
    day: &'a Day,
    states: &'a BTreeMap<String, State>,
    range: i64,
}

impl Picture<'_> {
    fn widget(&self, svg: &mut Svg, widget: &Widget) -> Result<()> {
        let [left, top, width, height] = [
            widget.area.x,
            widget.area.y,
            widget.area.width,
            widget.area.height,
        ]
        .map(f64::from);
        let frame = Area {
            left: MARGIN + left * COLUMN,
            top: HEAD + top * ROW,
            width: width * COLUMN,
            height: height * ROW,
        }
        .inset(GAP, GAP, GAP, GAP);
        if let Body::Text(_) = &widget.body {
            let place = (frame.left, frame.bottom() - 9.0);
            svg.text(place, Type::new(16.0).bold(), widget.title());
            return Ok(());
        }
        svg.rect(frame, "#ffffff", Some(FRAME));
        let title = fit(widget.title(), frame.width - 18.0, TITLE);
        svg.text(
            (frame.left + 9.0, frame.top + 18.0),
            Type::new(TITLE).bold(),
            &title,
        );
        let inner = frame.inset(9.0, 27.0, 9.0, 7.0);
        match &widget.body {
            Body::Text(_) => {}
            Body::Alarm(alarms) => {
                let names: Vec<&str> = alarms
                    .alarms
                    .iter()
                    .map(|arn| arn.split_once("}-").map_or(arn.as_str(), |(_, name)| name))
                    .collect();
                tile::draw(svg, inner, &names, self.states);
            }
            Body::Log(log) => table::draw(svg, inner, log, self.day, self.range),
            Body::Metric(chart) => self.chart(svg, inner, chart)?,
        }
        Ok(())
    }

    fn chart(&self, svg: &mut Svg, inner: Area, chart: &Chart) -> Result<()> {
        let lines = line::lines(chart, self.day, self.range);
        let lines = lines.with_context(|| format!("drawing {:?}", chart.title))?;
        match chart.view {
            View::SingleValue => number::draw(svg, inner, &lines),
            View::TimeSeries => graph::draw(svg, inner, chart, &lines, self.range),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_hours_or_days() {
        assert_eq!(range("-PT8H"), Some(28_800));
        assert_eq!(range("-P1D"), Some(86_400));
        assert_eq!(range("PT8H"), None);
    }
}
