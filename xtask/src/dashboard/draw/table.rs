//! What a query over log lines finds.

use super::svg::{Area, FRAME, GRID, Svg, Type, fit, width};
use crate::dashboard::board::Log;
use crate::dashboard::sample::{Day, NOW, clock};
use std::collections::BTreeMap;

const SIZE: f64 = 11.0;
const LINE: f64 = 19.0;
const TIME: &str = "@timestamp";

/// Draws the lines that a query would find, below its title.
pub(super) fn draw(svg: &mut Svg, area: Area, log: &Log, day: &Day, range: i64) {
    let columns = columns(&log.query);
    let found = found(&log.query, day, range);
    let rows = found.len().min(rows_in(area));
    let shown: Vec<Vec<String>> = found
        .iter()
        .take(rows)
        .map(|(second, fields)| {
            let cell = |column: &&str| match *column {
                TIME => time(*second),
                name => fields.get(name).cloned().unwrap_or_default(),
            };
            columns.iter().map(cell).collect()
        })
        .collect();
    let widths = columns.iter().enumerate().map(|(at, column)| {
        let cells = shown.iter().filter_map(|row| row.get(at));
        let texts = cells.map(String::as_str).chain([*column]);
        texts.map(|text| width(text, SIZE)).fold(0.0, f64::max) + 22.0
    });
    let mut lefts = vec![area.left];
    for wide in widths {
        lefts.push(lefts.last().copied().unwrap_or_default() + wide);
    }
    let mut top = area.top + 12.0;
    for (left, column) in lefts.iter().zip(&columns) {
        svg.text((*left, top), Type::new(SIZE).bold(), column);
    }
    svg.line(
        (area.left, top + 6.0),
        (area.right(), top + 6.0),
        FRAME,
        false,
    );
    for row in &shown {
        top += LINE;
        for (left, cell) in lefts.iter().zip(row) {
            svg.text(
                (*left, top),
                Type::new(SIZE),
                &fit(cell, area.right() - left, SIZE),
            );
        }
        svg.line(
            (area.left, top + 6.0),
            (area.right(), top + 6.0),
            GRID,
            false,
        );
    }
}

fn rows_in(area: Area) -> usize {
    let mut rows = 0;
    let mut used = 12.0 + LINE;
    while used + 4.0 < area.height {
        rows += 1;
        used += LINE;
    }
    rows
}

/// The fields that a query displays.
fn columns(query: &str) -> Vec<&str> {
    let display = query
        .rsplit_once("| display ")
        .map_or("", |(_, fields)| fields);
    display.split(',').map(str::trim).collect()
}

type Found<'a> = (i64, &'a BTreeMap<&'static str, String>);

/// The lines whose event the query names, in its order.
fn found<'a>(query: &str, day: &'a Day, range: i64) -> Vec<Found<'a>> {
    let named = |fields: &BTreeMap<&'static str, String>| {
        let event = fields.get("event");
        event.is_some_and(|event| query.contains(&format!("\"{event}\"")))
    };
    let mut found: Vec<Found<'_>> = day
        .lines
        .iter()
        .filter(|(second, fields)| (NOW - range..NOW).contains(second) && named(fields))
        .map(|(second, fields)| (*second, fields))
        .collect();
    let by = query
        .split_once("| sort ")
        .and_then(|(_, rest)| rest.split(' ').next());
    let key = |(second, fields): &Found<'_>| match by {
        Some(TIME) | None => *second,
        Some(field) => {
            let value = fields.get(field).and_then(|value| value.parse().ok());
            value.unwrap_or_default()
        }
    };
    found.sort_by_key(|line| std::cmp::Reverse(key(line)));
    found
}

fn time(second: i64) -> String {
    let minute = clock(second);
    let date = if second < NOW - 15 * 3600 { 24 } else { 25 };
    let (hour, rest, second) = (minute / 60, minute % 60, second.rem_euclid(60));
    format!("2026-11-{date} {hour:02}:{rest:02}:{second:02}")
}
