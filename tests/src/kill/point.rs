//! The moments at which a process is killed.

use std::collections::BTreeMap;

use hyper::Method;
use percent_encoding::percent_decode_str;

use crate::cloud::SEND_EMAIL;
use crate::http::Request;
use crate::kill::shape::Shape;

/// Before or after a call takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The service has not seen it.
    Before,
    /// The service has done it, and the process does not know.
    After,
}

/// A call of a run: what is asked for, and how many of its kind came before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// Such as `PutObject raw/`.
    pub what: String,
    /// Zero for the first.
    pub number: usize,
}

/// One kill.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// What is going on.
    pub shape: Shape,
    /// The call.
    pub step: Step,
    /// Which side of its effect.
    pub side: Side,
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { shape, step, side } = self;
        let number = step.number + 1;
        write!(f, "{shape:?}: {side:?} {} {number}", step.what)
    }
}

/// What a request asks for, without whom it is about.
pub(crate) fn what(request: &Request) -> String {
    let target = request.headers().get("x-amz-target");
    if let Some(target) = target.and_then(|target| target.to_str().ok()) {
        let (_service, action) = target.split_once('.').unwrap_or(("", target));
        return action.to_owned();
    }
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy();
    if path == SEND_EMAIL {
        return "SendEmail".to_owned();
    }
    let key = path.splitn(3, '/').nth(2).unwrap_or_default();
    let room = key.split_once('/').map_or("owner file", |(room, _)| room);
    match *request.method() {
        Method::GET => format!("GetObject {room}"),
        Method::PUT => format!("PutObject {room}"),
        ref other => format!("{other} {room}"),
    }
}

/// The calls of an undisturbed run, each with its number among those of its kind.
pub(crate) fn steps(calls: impl IntoIterator<Item = String>) -> Vec<Step> {
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let step = |what: String| {
        let next = numbers.entry(what.clone()).or_default();
        let number = *next;
        *next += 1;
        Step { what, number }
    };
    calls.into_iter().map(step).collect()
}

/// So many of the points, evenly over all of them.
pub fn spread(points: Vec<Point>, count: usize) -> Vec<Point> {
    let all = points.len();
    let count = count.min(all);
    let chosen = points.into_iter().enumerate().filter(|(at, _)| {
        // Where the share rises by one, a point is taken.
        at * count / all != (at + 1) * count / all
    });
    chosen.map(|(_, point)| point).collect()
}

/// The least that covers: each kind of call on each side once, in the first shape that has it.
pub fn cover(points: Vec<Point>) -> Vec<Point> {
    let mut seen: BTreeMap<(String, Side), Point> = BTreeMap::new();
    for point in points {
        let kind = (point.step.what.clone(), point.side);
        seen.entry(kind).or_insert(point);
    }
    seen.into_values().collect()
}
