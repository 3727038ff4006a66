//! SVG, as much as dashboards need. Numbers have one digit after the point, so that a drawing is the same on every machine.

/// Dark text, and less dark text.
pub(super) const INK: &str = "#16191f";
pub(super) const PALE_INK: &str = "#545b64";
/// Lines of frames and grids.
pub(super) const FRAME: &str = "#c9d1d9";
pub(super) const GRID: &str = "#e9edf0";
const FONT: &str = "Helvetica, Arial, 'Liberation Sans', sans-serif";

/// A drawing.
pub(super) struct Svg {
    body: String,
    width: f64,
    height: f64,
}

/// A rectangle, in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    pub(super) fn right(self) -> f64 {
        self.left + self.width
    }

    pub(super) fn bottom(self) -> f64 {
        self.top + self.height
    }

    /// Whether a point lies in it.
    pub(super) fn holds(self, (x, y): (f64, f64)) -> bool {
        (self.left..self.right()).contains(&x) && (self.top..self.bottom()).contains(&y)
    }

    /// The same with less at its left, top, right and bottom.
    pub(super) fn inset(self, left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self {
            left: self.left + left,
            top: self.top + top,
            width: self.width - left - right,
            height: self.height - top - bottom,
        }
    }
}

/// Which end of a text stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Type {
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) color: &'static str,
    pub(super) anchor: Anchor,
    /// A white edge, for text over lines.
    pub(super) halo: bool,
}

impl Type {
    /// Dark text from its place on.
    pub(super) const fn new(size: f64) -> Self {
        Self {
            size,
            bold: false,
            color: INK,
            anchor: Anchor::Start,
            halo: false,
        }
    }

    pub(super) const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(super) const fn pale(self) -> Self {
        Self {
            color: PALE_INK,
            ..self
        }
    }

    pub(super) const fn at(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    pub(super) const fn over_lines(self) -> Self {
        Self { halo: true, ..self }
    }
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self {
            body: String::new(),
            width,
            height,
        }
    }

    /// Adds an element.
    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        self.body.push_str(&element.to_string());
        self.body.push('\n');
    }

    pub(super) fn rect(&mut self, area: Area, fill: &str, stroke: Option<&str>) {
        let (x, y) = (number(area.left), number(area.top));
        let (width, height) = (number(area.width), number(area.height));
        let stroke = stroke.map_or(String::new(), |color| format!(" stroke=\"{color}\""));
        self.put(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"3\" fill=\"{fill}\"{stroke}/>"
        ));
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), color: &str, dashed: bool) {
        let dash = if dashed {
            " stroke-dasharray=\"5 3\""
        } else {
            ""
        };
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(number);
        self.put(format_args!(
            "<path d=\"M{x1} {y1}L{x2} {y2}\" stroke=\"{color}\"{dash}/>"
        ));
    }

    /// A line through points, open.
    pub(super) fn curve(&mut self, points: &[(f64, f64)], color: &str) {
        let path = path(points);
        self.put(format_args!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.6\" stroke-linejoin=\"round\"/>"
        ));
    }

    /// What lies between points, closed.
    pub(super) fn surface(&mut self, points: &[(f64, f64)], color: &str) {
        let path = path(points);
        self.put(format_args!(
            "<path d=\"{path}Z\" fill=\"{color}\" fill-opacity=\"0.75\"/>"
        ));
    }

    pub(super) fn dot(&mut self, at: (f64, f64), color: &str) {
        let (x, y) = (number(at.0), number(at.1));
        self.put(format_args!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"2.2\" fill=\"{color}\"/>"
        ));
    }

    pub(super) fn text(&mut self, at: (f64, f64), set: Type, text: &str) {
        let (x, y) = (number(at.0), number(at.1));
        let (size, color) = (number(set.size), set.color);
        let bold = if set.bold {
            " font-weight=\"bold\""
        } else {
            ""
        };
        let anchor = match set.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let halo = if set.halo {
            " stroke=\"#ffffff\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\""
        } else {
            ""
        };
        let text = escaped(text);
        self.put(format_args!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{color}\"{bold}{anchor}{halo}>{text}</text>"
        ));
    }

    /// The whole document.
    pub(super) fn finish(self) -> String {
        let (width, height) = (number(self.width), number(self.height));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" font-family=\"{FONT}\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n{}</svg>\n",
            self.body
        )
    }
}

fn path(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (at, (x, y)) in points.iter().enumerate() {
        path.push(if at == 0 { 'M' } else { 'L' });
        path.push_str(&number(*x));
        path.push(' ');
        path.push_str(&number(*y));
    }
    path
}

fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// About how wide a text is. There is no font to ask, so it is rather too much.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let of = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | '\'' | '|' | '!' => 0.28,
        ' ' | 'f' | 't' | 'r' | '(' | ')' | '/' | '-' | '[' | ']' => 0.36,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.87,
        'A'..='Z' => 0.7,
        _ => 0.57,
    };
    text.chars().map(of).sum::<f64>() * size
}

/// As much of a text as there is room for.
pub(super) fn fit(text: &str, room: f64, size: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    for next in text.chars() {
        if width(&kept, size) + width("…", size) + size * 0.6 > room {
            break;
        }
        kept.push(next);
    }
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_there_is_no_room() {
        assert_eq!(fit("short", 100.0, 10.0), "short");
        let cut = fit("a text that is much too long", 60.0, 10.0);
        assert!(cut.ends_with('…') && width(&cut, 10.0) <= 60.0, "{cut}");
    }

    #[test]
    fn a_drawing_is_sound_markup() {
        let mut svg = Svg::new(10.0, 10.0);
        svg.text((1.0, 2.25), Type::new(9.0), "a < b & c");
        let text = svg.finish();
        assert!(text.contains("y=\"2.2\""), "{text}");
        assert!(text.contains("a &lt; b &amp; c"), "{text}");
    }
}
