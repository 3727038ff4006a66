//! Numbers, side by side.

use super::line::Line;
use super::scale;
use super::svg::{Anchor, Area, Svg, Type, fit};

/// Draws the last value of each line into an area, below its title.
pub(super) fn draw(svg: &mut Svg, area: Area, lines: &[Line<'_>]) {
    let count = f64::from(u32::try_from(lines.len().max(1)).unwrap_or(1));
    let wide = area.width / count;
    let mut left = area.left;
    for line in lines {
        let middle = left + wide / 2.0;
        let value = line.points.values().next_back();
        let text = value.map_or("–".to_owned(), |value| scale::written(*value));
        let set = Type::new(24.0).bold().at(Anchor::Middle);
        svg.text((middle, area.top + area.height / 2.0 + 2.0), set, &text);
        let bar = Area {
            left: middle - 22.0,
            top: area.top + area.height / 2.0 + 9.0,
            width: 44.0,
            height: 4.0,
        };
        svg.rect(bar, line.color, None);
        let label = fit(line.label, wide - 6.0, 11.0);
        let set = Type::new(11.0).at(Anchor::Middle);
        svg.text((middle, area.bottom() - 2.0), set, &label);
        left += wide;
    }
}
