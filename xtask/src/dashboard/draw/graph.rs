//! Graphs: lines or layers over time, an axis with its unit, lines at values, a legend.

use super::line::Line;
use super::scale::{self, Scale};
use super::svg::{Anchor, Area, FRAME, GRID, Svg, Type, fit, width};
use crate::dashboard::board::{Annotation, Chart};
use crate::dashboard::sample::NOW;

const SMALL: f64 = 10.5;
/// Room for the numbers at the left, and for the hours below.
const NUMBERS: f64 = 44.0;
const HOURS: f64 = 16.0;
const LEGEND_LINE: f64 = 15.0;

/// Draws a graph into an area, below its title.
pub(super) fn draw(svg: &mut Svg, area: Area, chart: &Chart, lines: &[Line<'_>], range: i64) {
    let axis = &chart.y_axis.left;
    svg.text(
        (area.left, area.top + 9.0),
        Type::new(SMALL).pale(),
        &axis.label,
    );
    let legend = legend(lines, area.width);
    let rows = legend
        .iter()
        .map(|(row, ..)| *row)
        .max()
        .unwrap_or_default()
        + 1;
    let below = HOURS + f64::from(rows) * LEGEND_LINE;
    let plot = area.inset(NUMBERS, 18.0, 6.0, below);
    for (row, left, line) in &legend {
        let top = plot.bottom() + HOURS + f64::from(*row) * LEGEND_LINE;
        entry(svg, (area.left + left, top), line);
    }
    let layers = if chart.stacked {
        layers(lines, chart)
    } else {
        Vec::new()
    };
    let scale = scale(chart, lines, &layers);
    frame(svg, plot, scale, range);
    let place = Place { plot, scale, range };
    if chart.stacked {
        surfaces(svg, &place, &layers);
    } else {
        for line in lines {
            curves(svg, &place, line, i64::from(chart.period));
        }
    }
    let points = points(&place, lines);
    notes(svg, &place, &chart.annotations.horizontal, points);
}

/// Where seconds and values lie.
struct Place {
    plot: Area,
    scale: Scale,
    range: i64,
}

impl Place {
    fn x(&self, second: i64) -> f64 {
        self.plot.left + self.plot.width * part(second, self.range)
    }

    fn y(&self, value: f64) -> f64 {
        self.plot.bottom() - self.plot.height * self.scale.part(value)
    }
}

/// Where a second lies in the range, from 0 to 1.
fn part(second: i64, range: i64) -> f64 {
    let float = |value: i64| i32::try_from(value).map_or(0.0, f64::from);
    float(second - (NOW - range)) / float(range)
}

fn scale(chart: &Chart, lines: &[Line<'_>], layers: &[Layer<'_>]) -> Scale {
    let axis = &chart.y_axis.left;
    let drawn = || lines.iter().flat_map(|line| line.points.values().copied());
    let tops = layers
        .iter()
        .flat_map(|layer| layer.tops.iter().map(|(_, top)| *top));
    let noted = || chart.annotations.horizontal.iter().map(|note| note.value);
    let high = drawn().chain(tops).chain(noted()).fold(1.0, f64::max);
    let low = drawn().chain(noted()).fold(f64::MAX, f64::min);
    Scale::holding(axis.min.unwrap_or(low.min(high)), axis.max.unwrap_or(high))
}

/// The grid with its numbers and hours.
fn frame(svg: &mut Svg, plot: Area, scale: Scale, range: i64) {
    for tick in scale.ticks() {
        let y = plot.bottom() - plot.height * scale.part(tick);
        svg.line((plot.left, y), (plot.right(), y), GRID, false);
        let set = Type::new(SMALL).pale().at(Anchor::End);
        svg.text((plot.left - 5.0, y + 3.5), set, &scale::written(tick));
    }
    for (second, hour) in scale::hours(NOW - range, NOW) {
        let x = plot.left + plot.width * part(second, range);
        svg.line((x, plot.bottom()), (x, plot.bottom() + 3.0), FRAME, false);
        let set = Type::new(SMALL).pale().at(Anchor::Middle);
        svg.text((x, plot.bottom() + 13.0), set, &hour);
    }
    svg.line(
        (plot.left, plot.bottom()),
        (plot.right(), plot.bottom()),
        FRAME,
        false,
    );
}

/// A line is broken where values are missing; a value that stands alone is a dot.
fn curves(svg: &mut Svg, place: &Place, line: &Line<'_>, period: i64) {
    let mut piece: Vec<(f64, f64)> = Vec::new();
    let mut before = None;
    let flush = |svg: &mut Svg, piece: &mut Vec<(f64, f64)>| {
        match piece.as_slice() {
            [] => {}
            [alone] => svg.dot(*alone, line.color),
            many => svg.curve(many, line.color),
        }
        piece.clear();
    };
    for (second, value) in &line.points {
        if before.is_some_and(|before| second - before > period) {
            flush(svg, &mut piece);
        }
        piece.push((place.x(*second), place.y(*value)));
        before = Some(*second);
    }
    flush(svg, &mut piece);
}

/// A line on top of those below it.
struct Layer<'a> {
    color: &'a str,
    bottoms: Vec<(i64, f64)>,
    tops: Vec<(i64, f64)>,
}

fn layers<'a>(lines: &[Line<'a>], chart: &Chart) -> Vec<Layer<'a>> {
    let seconds: Vec<i64> = {
        let all = lines.iter().flat_map(|line| line.points.keys().copied());
        let (first, last) = all.fold((i64::MAX, i64::MIN), |(first, last), second| {
            (first.min(second), last.max(second))
        });
        let step = usize::try_from(chart.period).unwrap_or(60);
        (first..=last).step_by(step).collect()
    };
    let mut bottoms: Vec<(i64, f64)> = seconds.iter().map(|second| (*second, 0.0)).collect();
    let mut layers = Vec::new();
    for line in lines {
        let value = |second: i64| line.points.get(&second).copied().unwrap_or_default();
        let raised = bottoms
            .iter()
            .map(|(second, below)| (*second, below + value(*second)));
        let tops: Vec<(i64, f64)> = raised.collect();
        layers.push(Layer {
            color: line.color,
            bottoms: std::mem::replace(&mut bottoms, tops.clone()),
            tops,
        });
    }
    layers
}

fn surfaces(svg: &mut Svg, place: &Place, layers: &[Layer<'_>]) {
    for layer in layers {
        let at = |(second, value): &(i64, f64)| (place.x(*second), place.y(*value));
        let tops = layer.tops.iter().map(at);
        let outline: Vec<(f64, f64)> = tops.chain(layer.bottoms.iter().rev().map(at)).collect();
        svg.surface(&outline, layer.color);
    }
}

/// Points along everything that is drawn, close enough together that a label between two of them is seen.
fn points(place: &Place, lines: &[Line<'_>]) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for line in lines {
        let mut before: Option<(f64, f64)> = None;
        for (second, value) in &line.points {
            let here = (place.x(*second), place.y(*value));
            let from = before.unwrap_or(here);
            let (x, y) = (here.0 - from.0, here.1 - from.1);
            let step = 5.0 / x.abs().max(y.abs()).max(5.0);
            let mut part = 0.0;
            while part <= 1.0 {
                points.push((from.0 + x * part, from.1 + y * part));
                part += step;
            }
            before = Some(here);
        }
    }
    points
}

/// Lines at values. A label stands where it covers the fewest values and no other label, rather at the right and above its line.
fn notes(svg: &mut Svg, place: &Place, notes: &[Annotation], mut taken: Vec<(f64, f64)>) {
    let plot = place.plot;
    for note in notes {
        let y = place.y(note.value);
        svg.line((plot.left, y), (plot.right(), y), &note.color, true);
    }
    for note in notes {
        let y = place.y(note.value);
        let text = format!("{}: {}", note.label, scale::written(note.value));
        let wide = width(&text, SMALL);
        let mut best: Option<(usize, Area)> = None;
        for top in [y - 13.0, y + 2.0] {
            for part in [1.0, 0.8, 0.6, 0.4, 0.2, 0.0] {
                let label = Area {
                    left: plot.left + 4.0 + (plot.width - wide - 6.0) * part,
                    top,
                    width: wide,
                    height: 11.0,
                };
                let covered = taken.iter().filter(|point| label.holds(**point)).count();
                let inside = top >= plot.top - 6.0 && label.bottom() <= plot.bottom();
                if inside && best.is_none_or(|(least, _)| covered < least) {
                    best = Some((covered, label));
                }
            }
        }
        if let Some((_, label)) = best {
            let set = Type::new(SMALL).over_lines();
            svg.text((label.left, label.bottom() - 2.0), set, &text);
            // A label weighs more than any number of values.
            let middle = (label.left + wide / 2.0, label.top + 5.0);
            let edges = [label.left + 1.0, middle.0, label.right() - 1.0];
            let points = edges.map(|x| (x, middle.1));
            taken.extend(points.iter().cycle().take(3_000));
        }
    }
}

/// The entries of the legend: their row, their left edge, and the line.
fn legend<'a, 'b>(lines: &'b [Line<'a>], room: f64) -> Vec<(u32, f64, &'b Line<'a>)> {
    let (mut row, mut left) = (0, 0.0);
    let mut entries = Vec::new();
    for line in lines {
        let wide = width(line.label, SMALL) + 28.0;
        if left > 0.0 && left + wide > room + 12.0 {
            row += 1;
            left = 0.0;
        }
        entries.push((row, left, line));
        left += wide;
    }
    entries
}

fn entry(svg: &mut Svg, (left, top): (f64, f64), line: &Line<'_>) {
    let square = Area {
        left,
        top: top + 3.0,
        width: 10.0,
        height: 8.0,
    };
    svg.rect(square, line.color, None);
    svg.text(
        (left + 14.0, top + 11.0),
        Type::new(SMALL),
        &fit(line.label, 400.0, SMALL),
    );
}
