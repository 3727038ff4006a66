//! Alarms, each a tile in the colour of its state.

use super::svg::{Area, Svg, Type, fit};
use leadwire_cloudwatch::State;
use std::collections::BTreeMap;

const GAP: f64 = 5.0;
/// The least width of a tile: the longest name must be read.
const WIDE: f64 = 158.0;

/// Draws alarms into an area, below their title.
pub(super) fn draw(svg: &mut Svg, area: Area, alarms: &[&str], states: &BTreeMap<String, State>) {
    let mut columns = 1_usize;
    while f64::from(u32::try_from(columns + 1).unwrap_or(1)) * WIDE <= area.width + GAP {
        columns += 1;
    }
    let columns = columns.min(alarms.len().max(1));
    let rows = alarms.len().div_ceil(columns);
    let float = |count: usize| f64::from(u32::try_from(count).unwrap_or(1));
    let tile = Area {
        left: 0.0,
        top: 0.0,
        width: (area.width + GAP) / float(columns) - GAP,
        height: ((area.height + GAP) / float(rows.max(1)) - GAP).min(42.0),
    };
    for (number, alarm) in alarms.iter().enumerate() {
        let (row, column) = (number / columns, number % columns);
        let place = Area {
            left: area.left + float(column) * (tile.width + GAP),
            top: area.top + float(row) * (tile.height + GAP),
            ..tile
        };
        let state = states
            .get(*alarm)
            .copied()
            .unwrap_or(State::InsufficientData);
        one(svg, place, alarm, state);
    }
}

fn one(svg: &mut Svg, place: Area, alarm: &str, state: State) {
    let (fill, bar, word) = match state {
        State::Ok => ("#eef8ee", "#2ca02c", "OK"),
        State::Alarm => ("#fce8e8", "#d62728", "In alarm"),
        State::InsufficientData => ("#f3f4f5", "#8c8c8c", "No data"),
    };
    svg.rect(place, fill, None);
    svg.rect(
        Area {
            width: 4.0,
            ..place
        },
        bar,
        None,
    );
    let middle = place.top + place.height / 2.0;
    let name = fit(alarm, place.width - 14.0, 11.0);
    let set = Type::new(11.0);
    let set = if state == State::Alarm {
        set.bold()
    } else {
        set
    };
    svg.text((place.left + 10.0, middle - 2.5), set, &name);
    svg.text(
        (place.left + 10.0, middle + 10.5),
        Type::new(10.0).pale(),
        word,
    );
}
