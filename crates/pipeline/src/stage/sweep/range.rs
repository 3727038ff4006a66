//! How the names are divided into ranges that are listed side by side. Page ends of earlier runs say where.

use crate::ledger::{Mark, Span};
use leadwire_domain::limits::{SWEEP_MARKS_MAX, SWEEP_RANGES_MAX};

/// Divides what is to be looked at, nothing being everything: the heaviest range in its middle, until there are enough of them.
pub(super) fn divide(left: Vec<Span>, marks: &[Mark]) -> Vec<Span> {
    let mut spans = if left.is_empty() {
        vec![Span::default()]
    } else {
        left
    };
    while spans.len() < SWEEP_RANGES_MAX {
        let middles = spans.iter().enumerate();
        let middles = middles.filter_map(|(place, span)| Some((place, middle(span, marks)?)));
        let Some((place, (_, name))) = middles.max_by_key(|(_, (pages, _))| *pages) else {
            break;
        };
        let name = Some(name.to_owned());
        if let Some(span) = spans.get_mut(place) {
            let after = std::mem::replace(&mut span.after, name.clone());
            let before = Span { after, until: name };
            spans.insert(place, before);
        }
    }
    spans
}

/// The pages within a span, as far as they are known, and the mark in their middle.
fn middle<'a>(span: &Span, marks: &'a [Mark]) -> Option<(u64, &'a str)> {
    let inside = || marks.iter().filter(|mark| span.is_inside(&mark.name));
    let pages: u64 = inside().map(|mark| mark.pages).sum();
    let mut before = 0;
    let half = inside().find(|mark| {
        before += mark.pages;
        2 * before >= pages
    });
    half.map(|mark| (pages, mark.name.as_str()))
}

/// Marks the ends of a range's pages: every one, then, when they are many, every second, every fourth.
#[derive(Debug)]
pub(super) struct Marker {
    marks: Vec<Mark>,
    every: u64,
    since: u64,
}

impl Default for Marker {
    fn default() -> Self {
        Self {
            marks: Vec::new(),
            every: 1,
            since: 0,
        }
    }
}

impl Marker {
    /// A page ended with this name.
    pub(super) fn page_ended(&mut self, name: &str) {
        self.since += 1;
        if self.since < self.every {
            return;
        }
        self.marks.push(Mark {
            name: name.to_owned(),
            pages: self.since,
        });
        self.since = 0;
        if self.marks.len() > SWEEP_MARKS_MAX {
            self.marks = thin(std::mem::take(&mut self.marks));
            self.every *= 2;
        }
    }

    /// The marks.
    pub(super) fn into_marks(self) -> Vec<Mark> {
        self.marks
    }
}

/// Every second mark, with the pages of the one before it.
fn thin(marks: Vec<Mark>) -> Vec<Mark> {
    let mut kept = Vec::with_capacity(marks.len() / 2);
    let mut before = 0;
    for (place, mark) in marks.into_iter().enumerate() {
        if place % 2 == 0 {
            before = mark.pages;
        } else {
            let pages = before + mark.pages;
            kept.push(Mark { pages, ..mark });
        }
    }
    kept
}

/// The marks of this run, and those of earlier ones where this one did not look.
pub(super) fn merge(old: Vec<Mark>, seen: &[Span], new: Vec<Mark>) -> Vec<Mark> {
    let is_seen = |mark: &Mark| seen.iter().any(|span| covers(span, &mark.name));
    let mut marks: Vec<Mark> = old.into_iter().filter(|mark| !is_seen(mark)).collect();
    marks.extend(new);
    marks.sort_by(|one, other| one.name.cmp(&other.name));
    marks.dedup_by(|one, other| one.name == other.name);
    while marks.len() > SWEEP_MARKS_MAX {
        marks = thin(marks);
    }
    marks
}

fn covers(span: &Span, name: &str) -> bool {
    span.is_inside(name) || span.until.as_deref() == Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(number: usize, pages: u64) -> Mark {
        Mark {
            name: format!("{number:05}"),
            pages,
        }
    }

    fn marks(pages: usize) -> Vec<Mark> {
        let mut marker = Marker::default();
        for page in 0..pages {
            marker.page_ended(&mark(page, 1).name);
        }
        marker.into_marks()
    }

    /// Every range begins where the one before it ends, from the beginning to the end.
    #[track_caller]
    fn check_whole(spans: &[Span]) {
        assert_eq!(spans[0].after, None);
        assert_eq!(spans[spans.len() - 1].until, None);
        assert!(spans.windows(2).all(|pair| pair[0].until == pair[1].after));
        assert!(spans.iter().skip(1).all(|span| span.after.is_some()));
    }

    #[test]
    fn ten_thousand_pages_are_divided_into_even_ranges() {
        let spans = divide(Vec::new(), &marks(10_000));
        assert_eq!(spans.len(), SWEEP_RANGES_MAX);
        check_whole(&spans);
        let place = |name: &Option<String>, end| name.as_ref().map_or(end, |n| n.parse().unwrap());
        for span in &spans {
            let pages: usize = place(&span.until, 10_000) - place(&span.after, 0);
            assert!((500..=2_000).contains(&pages), "{span:?}");
        }
    }

    #[test]
    fn without_marks_everything_is_one_range() {
        assert_eq!(divide(Vec::new(), &[]), [Span::default()]);
    }

    #[test]
    fn what_is_left_is_divided_and_nothing_else() {
        let left = Span {
            after: Some("00400".to_owned()),
            until: Some("00600".to_owned()),
        };
        let spans = divide(vec![left.clone()], &marks(1_000));
        assert!(spans.len() > 1);
        assert_eq!(spans[0].after, left.after);
        assert_eq!(spans[spans.len() - 1].until, left.until);
        assert!(spans.windows(2).all(|pair| pair[0].until == pair[1].after));
    }

    #[test]
    fn marks_are_bounded_and_keep_the_number_of_pages() {
        for pages in [0, 1, 17, 1_000, 100_000] {
            let marks = marks(pages);
            assert!(marks.len() <= SWEEP_MARKS_MAX);
            let counted: u64 = marks.iter().map(|mark| mark.pages).sum();
            let pages = u64::try_from(pages).unwrap();
            assert!(counted <= pages && counted >= pages / 2, "{counted}");
        }
    }

    #[test]
    fn marks_of_what_was_not_looked_at_stay() {
        let old = vec![mark(1, 5), mark(2, 5), mark(3, 5)];
        let seen = Span {
            after: Some(mark(1, 0).name),
            until: Some(mark(2, 0).name),
        };
        let merged = merge(old, &[seen], vec![mark(2, 7)]);
        assert_eq!(merged, [mark(1, 5), mark(2, 7), mark(3, 5)]);
        let many = (0..1_000).map(|number| mark(number, 1)).collect();
        let merged = merge(many, &[], Vec::new());
        assert!(merged.len() <= SWEEP_MARKS_MAX);
        assert_eq!(merged.iter().map(|mark| mark.pages).sum::<u64>(), 1_000);
    }
}
