//! Where a moment lies on a waterfall. A lead takes ten minutes, and its work milliseconds: the long idle times are drawn as breaks of one
//! width. What lies between two breaks is to scale; the room that each such stretch gets grows with the root of its time, so that the nine
//! milliseconds of a webhook can be seen beside the five seconds of a slow mail server.

use super::render_nanos;

/// A place on the scale runs from 0 to this.
pub(crate) const WHOLE: u32 = 10_000;
/// The width of a break, unless there are many.
const BREAK_WIDTH: u32 = 1_200;
/// All breaks together take at most this.
const BREAKS_WIDTH_MAX: u32 = 5_000;
/// Shorter idle times are drawn to scale, whatever the work took: 20 ms.
const BREAK_NANOS_MIN: i64 = 20_000_000;

/// From one moment to another, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stretch {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

impl Stretch {
    pub(crate) fn nanos(self) -> i64 {
        self.to.saturating_sub(self.from).max(0)
    }
}

/// A part of the scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) time: Stretch,
    /// Where it begins and ends, up to [`WHOLE`].
    pub(crate) left: u32,
    pub(crate) right: u32,
    /// What it was, such as `in the queue`, where nothing happened in it, so that it is not to scale.
    pub(crate) idle: Option<&'static str>,
}

impl Piece {
    /// Such as `10 min in the queue`, of a break.
    pub(crate) fn text(&self) -> String {
        let time = render_nanos(self.time.nanos());
        format!("{time} {}", self.idle.unwrap_or_default())
    }
}

/// The whole scale.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scale {
    pub(crate) pieces: Vec<Piece>,
}

impl Scale {
    /// The scale of a time in which work was done in these stretches. What is idle is explained.
    pub(crate) fn new(
        all: Stretch,
        busy: Vec<Stretch>,
        explain: impl Fn(Stretch) -> &'static str,
    ) -> Self {
        let cuts = cut(all, merge(busy));
        let breaks = cuts.iter().filter(|(_, is_break)| *is_break).count();
        let breaks = u32::try_from(breaks).unwrap_or(u32::MAX);
        let break_width = BREAK_WIDTH.min(BREAKS_WIDTH_MAX / breaks.max(1));
        let drawn = WHOLE - break_width * breaks;
        let root = |time: Stretch| time.nanos().max(1).isqrt();
        let works = || cuts.iter().filter(|(_, is_break)| !*is_break);
        let roots: i64 = works().map(|(time, _)| root(*time)).sum();
        // However short it is, it can be seen.
        let weight = |time| root(time) + roots / 8;
        let work: i64 = works().map(|(time, _)| weight(*time)).sum();
        let (mut worked, mut passed, mut left) = (0, 0, 0);
        let mut pieces = Vec::new();
        for &(time, is_break) in &cuts {
            if is_break {
                passed += break_width;
            } else {
                worked += weight(time);
            }
            let right = passed + share(worked, work, drawn);
            pieces.push(Piece {
                time,
                left,
                right,
                idle: is_break.then(|| explain(time)),
            });
            left = right;
        }
        Self { pieces }
    }

    /// Where a moment lies.
    pub(crate) fn place(&self, moment: i64) -> u32 {
        let found = self.pieces.iter().find(|piece| moment <= piece.time.to);
        found.or(self.pieces.last()).map_or(0, |piece| {
            let passed = moment.saturating_sub(piece.time.from);
            piece.left + share(passed, piece.time.nanos(), piece.right - piece.left)
        })
    }
}

/// How much of `whole` a part is, at most all of it.
fn share(part: i64, of: i64, whole: u32) -> u32 {
    let part = i128::from(part.clamp(0, of.max(0)));
    let share = (part * i128::from(whole)).checked_div(i128::from(of));
    share
        .and_then(|share| u32::try_from(share).ok())
        .unwrap_or(0)
}

/// Stretches that do not touch, in the order of time.
fn merge(mut busy: Vec<Stretch>) -> Vec<Stretch> {
    busy.sort_unstable();
    let mut merged: Vec<Stretch> = Vec::new();
    for next in busy {
        match merged.last_mut() {
            Some(last) if next.from <= last.to => last.to = last.to.max(next.to),
            Some(_) | None => merged.push(next),
        }
    }
    merged
}

/// Cuts the time into work and breaks. A break is an idle time that would take half the room from the work.
fn cut(all: Stretch, busy: Vec<Stretch>) -> Vec<(Stretch, bool)> {
    let work: i64 = busy.iter().map(|stretch| stretch.nanos()).sum();
    let mut cuts: Vec<(Stretch, bool)> = Vec::new();
    let mut from = all.from;
    let (end, to) = (all.to, all.to);
    let end = Stretch { from: end, to };
    for next in busy.into_iter().chain([end]) {
        let to = next.from;
        let idle = Stretch { from, to };
        if idle.nanos() >= BREAK_NANOS_MIN && idle.nanos() > work / 2 {
            cuts.push((idle, true));
            // After the last break there may be nothing.
            if next.nanos() > 0 || next != end {
                cuts.push((next, false));
            }
        } else {
            match cuts.last_mut() {
                Some((last, false)) => last.to = last.to.max(next.to),
                Some(_) | None => cuts.push((Stretch { from, to: next.to }, false)),
            }
        }
        from = from.max(next.to);
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn stretch(from: i64, to: i64) -> Stretch {
        let (from, to) = (from * MS, to * MS);
        Stretch { from, to }
    }

    fn scale(all: Stretch, busy: Vec<Stretch>) -> Scale {
        Scale::new(all, busy, |_idle| "idle")
    }

    /// Which pieces are breaks.
    fn breaks(scale: &Scale) -> Vec<bool> {
        let breaks = scale.pieces.iter().map(|piece| piece.idle.is_some());
        breaks.collect()
    }

    #[test]
    fn a_long_idle_time_is_a_break_and_the_work_is_to_scale() {
        let busy = vec![stretch(600_000, 600_400), stretch(0, 10), stretch(5, 100)];
        let scale = scale(stretch(0, 600_400), busy);
        assert_eq!(breaks(&scale), [false, true, false]);
        assert_eq!(scale.place(0), 0);
        // The roots of 100 and 400 are as one to two; an eighth of all is added to each.
        assert_eq!(scale.place(100 * MS), 3226);
        assert_eq!(scale.place(50 * MS), 1613);
        assert_eq!(scale.place(600_000 * MS), 4426);
        assert_eq!(scale.place(600_400 * MS), WHOLE);
        let half_way_through_the_break = 300_050 * MS;
        assert_eq!(scale.place(half_way_through_the_break), 3826);
    }

    #[test]
    fn short_idle_times_are_to_scale() {
        let scale = scale(stretch(0, 100), vec![stretch(0, 50), stretch(60, 100)]);
        assert_eq!(scale.pieces.len(), 1);
        assert_eq!(scale.place(55 * MS), 5500);
    }

    #[test]
    fn many_breaks_leave_half_the_room_for_the_work() {
        let busy = (0..50).map(|number| stretch(number * 30_000, number * 30_000 + 5));
        let busy: Vec<Stretch> = busy.collect();
        let scale = scale(stretch(0, 49 * 30_000 + 5), busy);
        let breaks = scale.pieces.iter().filter(|piece| piece.idle.is_some());
        let width: u32 = breaks.map(|piece| piece.right - piece.left).sum();
        assert!(width <= BREAKS_WIDTH_MAX, "{width}");
        let pieces = &scale.pieces;
        assert!(pieces.is_sorted_by_key(|piece| (piece.left, piece.right)));
    }

    #[test]
    fn a_time_that_is_nothing_has_a_place() {
        let scale = scale(stretch(5, 5), vec![stretch(5, 5)]);
        assert_eq!(scale.place(5 * MS), 0);
        assert_eq!(Scale::default().place(0), 0);
    }

    #[test]
    fn time_that_nothing_is_known_of_at_either_end_is_a_break_too() {
        let scale = scale(stretch(0, 90_000), vec![stretch(30_000, 30_010)]);
        assert_eq!(breaks(&scale), [true, false, true]);
        assert_eq!(scale.place(90_000 * MS), scale.pieces[2].right);
    }
}
