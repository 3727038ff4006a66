//! The state of alarms at an instant.

#[cfg(test)]
mod tests;

use super::definition::{Alarm, MetricAlarm, Missing, Watch};
use super::expression::Expression;
use super::math::{self, Series};
use super::points::{Points, Unanswered, Window};
use super::rule::State;
use std::collections::BTreeMap;

/// How many periods more than it judges an alarm fetches, for when some have no value. AWS does not tell the number; in its documentation's
/// tables it is two, and what users measured agrees.
const FURTHER_PERIODS: usize = 2;
/// Alarms with periods below a minute are looked at this often, all others every minute.
const TICKS: (i64, i64) = (10, 60);

/// The state of an alarm, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The state.
    pub state: State,
    /// Why, with the values that decided.
    pub reason: String,
}

/// The state of each alarm, by its logical id. `before` holds the states until now, which only an alarm that ignores missing data asks for.
/// An alarm that the source of points cannot answer has no state.
pub fn evaluate(
    alarms: &[Alarm],
    points: &impl Points,
    at: i64,
    before: &BTreeMap<String, State>,
) -> BTreeMap<String, Result<Verdict, Unanswered>> {
    let mut verdicts = BTreeMap::new();
    for alarm in alarms {
        if let Watch::Metric(metric) = &alarm.watch {
            let state = before.get(&alarm.id).copied();
            let state = state.unwrap_or(State::InsufficientData);
            verdicts.insert(alarm.id.clone(), judge(metric, points, at, state));
        }
    }
    // A composite may look at others, so the ones whose alarms all have a verdict come first. A circle never does.
    let mut waiting: Vec<&Alarm> = alarms
        .iter()
        .filter(|a| !verdicts.contains_key(&a.id))
        .collect();
    let ready = |waiting: &[&Alarm], verdicts: &BTreeMap<_, _>| {
        let mut waiting = waiting.iter().enumerate();
        waiting.find_map(|(place, alarm)| Some((place, combine(alarm, alarms, verdicts)?)))
    };
    while let Some((place, verdict)) = ready(&waiting, &verdicts) {
        verdicts.insert(waiting.remove(place).id.clone(), verdict);
    }
    for alarm in waiting {
        let why = Unanswered("alarms that look at each other".to_owned());
        verdicts.insert(alarm.id.clone(), Err(why));
    }
    verdicts
}

/// A composite's verdict; none while an alarm that it looks at has none.
fn combine(
    alarm: &Alarm,
    alarms: &[Alarm],
    verdicts: &BTreeMap<String, Result<Verdict, Unanswered>>,
) -> Option<Result<Verdict, Unanswered>> {
    let Watch::Alarms(rule) = &alarm.watch else {
        return None;
    };
    let mut states = BTreeMap::new();
    for name in rule.names() {
        let Some(other) = alarms.iter().find(|other| other.name == name) else {
            return Some(Err(Unanswered(format!("there is no alarm {name}"))));
        };
        match verdicts.get(&other.id)? {
            Ok(verdict) => states.insert(name, verdict.state),
            Err(why) => return Some(Err(why.clone())),
        };
    }
    let holds = rule.holds(&states);
    let each = states.iter();
    let each = each.map(|(name, state)| format!("{name} is {state}"));
    let reason = each.collect::<Vec<_>>().join(", ");
    let state = if holds { State::Alarm } else { State::Ok };
    Some(Ok(Verdict { state, reason }))
}

fn judge(
    alarm: &MetricAlarm,
    points: &impl Points,
    at: i64,
    before: State,
) -> Result<Verdict, Unanswered> {
    let tick = if alarm.period < 60 { TICKS.0 } else { TICKS.1 };
    let window = Window {
        end: at - at.rem_euclid(tick),
        period: alarm.period,
        count: alarm.evaluation_periods + FURTHER_PERIODS,
    };
    let values = values(alarm, points, window)?;
    let range: Vec<Option<f64>> = window
        .begins()
        .map(|begin| values.get(&begin).copied())
        .collect();
    let state = decide(alarm, &range, before);
    Ok(Verdict {
        state,
        reason: reason(alarm, &range),
    })
}

/// The values that are compared, by the begin of their period.
fn values(alarm: &MetricAlarm, points: &impl Points, window: Window) -> Result<Series, Unanswered> {
    let mut known = BTreeMap::<&str, Series>::new();
    for watched in &alarm.metrics {
        let mut series = Series::new();
        for (begin, stats) in points.points(&watched.query, window)? {
            if let Some(value) = stats.value(watched.statistic)? {
                series.insert(begin, value);
            }
        }
        known.insert(&watched.id, series);
    }
    let grid: Vec<i64> = window.begins().collect();
    let mut waiting: Vec<_> = alarm.expressions.iter().collect();
    let is_ready = |expression: &Expression, known: &BTreeMap<&str, Series>| {
        expression.ids().iter().all(|id| known.contains_key(id))
    };
    while let Some(ready) = waiting.iter().position(|(_, of)| is_ready(of, &known)) {
        let (id, expression) = waiting.remove(ready);
        known.insert(id, math::series(expression, &known, &grid)?);
    }
    if !waiting.is_empty() {
        let circle = "expressions name each other in a circle";
        return Err(Unanswered(circle.to_owned()));
    }
    let returned = known.remove(alarm.returned.as_str());
    returned.ok_or_else(|| math::unknown(&alarm.returned))
}

/// AWS's rules for M out of N with missing values; `range` has the newest period last.
fn decide(alarm: &MetricAlarm, range: &[Option<f64>], before: State) -> State {
    let breaches = |value: f64| alarm.comparison.holds(value, alarm.threshold);
    let (n, m) = (alarm.evaluation_periods, alarm.datapoints_to_alarm);
    // Real values come first, even from before the judged periods; only where they do not suffice, missing ones are filled in.
    let real: Vec<f64> = range.iter().rev().copied().flatten().take(n).collect();
    let breaching = real.iter().filter(|value| breaches(**value)).count();
    let filled = n.saturating_sub(real.len());
    let of = |alarms: bool| if alarms { State::Alarm } else { State::Ok };
    match alarm.missing {
        _ if filled == 0 => of(breaching >= m),
        Missing::NotBreaching => of(breaching >= m),
        Missing::Breaching => of(breaching + filled >= m),
        Missing::Missing | Missing::Ignore if breaching >= m => State::Alarm,
        Missing::Missing if real.is_empty() => State::InsufficientData,
        Missing::Ignore if breaching == real.len() => before,
        Missing::Ignore => State::Ok,
        Missing::Missing => of(is_old_and_unanswered(range, m, breaches)),
    }
}

/// The "premature" alarm of the documentation: the oldest value breaches and is at least M periods old, and nothing newer says otherwise. A
/// younger one is no alarm yet; which of the other states it is then, AWS does not say, and OK is assumed.
fn is_old_and_unanswered(range: &[Option<f64>], m: usize, breaches: impl Fn(f64) -> bool) -> bool {
    let oldest = range.iter().rev().rposition(Option::is_some);
    let all_breach = range.iter().flatten().all(|value| breaches(*value));
    all_breach && oldest.is_some_and(|age| age + 1 >= m)
}

fn reason(alarm: &MetricAlarm, range: &[Option<f64>]) -> String {
    let written: Vec<String> = range
        .iter()
        .map(|value| value.map_or_else(|| "-".to_owned(), |value| format!("{}", round(value))))
        .collect();
    format!(
        "{} of {} periods of {} s {} {}: {}",
        alarm.datapoints_to_alarm,
        alarm.evaluation_periods,
        alarm.period,
        alarm.comparison.sign(),
        alarm.threshold,
        written.join(" ")
    )
}

/// To three digits behind the point.
fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// A change of an alarm's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// When it was noticed.
    pub at: i64,
    /// The alarm's logical id.
    pub id: String,
    /// The new state.
    pub state: State,
}

/// What alarms would have said from one second to another, looked at every minute: each change, in the order of time. The first states count
/// as changes, unless they are OK.
pub fn replay(alarms: &[Alarm], points: &impl Points, from: i64, to: i64) -> Vec<Change> {
    let mut states: BTreeMap<String, State> = BTreeMap::new();
    let mut changes = Vec::new();
    let mut at = from;
    while at <= to {
        for (id, verdict) in evaluate(alarms, points, at, &states) {
            let Ok(Verdict { state, .. }) = verdict else {
                continue;
            };
            let before = states.insert(id.clone(), state);
            if before.unwrap_or(State::Ok) != state {
                changes.push(Change { at, id, state });
            }
        }
        at += TICKS.1;
    }
    changes
}
