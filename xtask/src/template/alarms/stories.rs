//! Every alarm of the template over recorded series: when it must fire, and when it must not. What `CloudWatch` would do is evaluated by
//! `leadwire_cloudwatch`; one minute is one evaluation. An alarm on a single metric needs no story of its own: two are derived from its definition.

mod leads;
mod mail;
mod objective;
mod platform;
mod sweep;
mod tape;

use super::{read, resources, with_parameters};
use crate::view::Template;
use leadwire_cloudwatch::{Alarm, Comparison, State, Watch, replay};
use std::collections::BTreeSet;
use std::panic::Location;
use tape::Tape;

/// What happened, and what an alarm does.
struct Story {
    alarm: &'static str,
    happened: fn(&mut Tape),
    /// The minute in which it must go on, if it must; once, so that one trouble is one page.
    begins: Option<i64>,
    /// The minute in which it must be off, again or still.
    ends: i64,
    place: &'static Location<'static>,
}

/// The stories, each of the alarm that was named last.
#[derive(Default)]
struct Stories {
    alarm: &'static str,
    all: Vec<Story>,
}

impl Stories {
    fn of(&mut self, alarm: &'static str) -> &mut Self {
        self.alarm = alarm;
        self
    }

    /// The alarm goes on at a minute, and is off again at another one at the latest.
    #[track_caller]
    fn fires(&mut self, (begins, ends): (i64, i64), happened: fn(&mut Tape)) -> &mut Self {
        self.add(Some(begins), ends, happened)
    }

    /// The alarm stays off until a minute.
    #[track_caller]
    fn stays_ok(&mut self, ends: i64, happened: fn(&mut Tape)) -> &mut Self {
        self.add(None, ends, happened)
    }

    #[track_caller]
    fn add(&mut self, begins: Option<i64>, ends: i64, happened: fn(&mut Tape)) -> &mut Self {
        self.all.push(Story {
            alarm: self.alarm,
            happened,
            begins,
            ends,
            place: Location::caller(),
        });
        self
    }
}

fn stories() -> Vec<Story> {
    let mut stories = Stories::default();
    leads::tell(&mut stories);
    objective::tell(&mut stories);
    mail::tell(&mut stories);
    platform::of_functions(&mut stories);
    platform::around_functions(&mut stories);
    sweep::tell(&mut stories);
    stories.all
}

/// The template's alarms, as the command carries them.
fn template() -> Template {
    let alarms = include_str!("../../../../alarms/alarms.json");
    with_parameters(serde_json::from_str(alarms).unwrap())
}

/// An alarm, and those that it combines.
fn alone(id: &str) -> Vec<Alarm> {
    let (alarms, wrong) = read(&template());
    assert_eq!(wrong, []);
    let alarm = alarms.iter().find(|alarm| alarm.id == id).unwrap().clone();
    let inputs = match &alarm.watch {
        Watch::Alarms(rule) => rule.names().into_iter().map(str::to_owned).collect(),
        Watch::Metric(_) => BTreeSet::new(),
    };
    let halves = alarms
        .into_iter()
        .filter(|other| inputs.contains(&other.name));
    halves.chain([alarm]).collect()
}

/// What went wrong in a story, if anything did.
fn verdict(story: &Story) -> Option<String> {
    let mut tape = Tape::default();
    (story.happened)(&mut tape);
    let changes = replay(&alone(story.alarm), &tape.0, 3_600, story.ends * 60);
    let changes: Vec<(i64, State)> = changes
        .into_iter()
        .filter(|change| change.id == story.alarm)
        .map(|change| (change.at / 60, change.state))
        .collect();
    let is_right = match changes.as_slice() {
        [] => story.begins.is_none(),
        [(at, State::Alarm), (_, State::Ok)] => story.begins == Some(*at),
        _ => false,
    };
    (!is_right).then(|| format!("{}, {}: {changes:?}", story.alarm, story.place))
}

/// What is wrong with the two stories that follow from the definition of an alarm on a single metric, or that it has more than one.
fn derived_verdict(alarm: &Alarm) -> Option<String> {
    let id = &alarm.id;
    let Watch::Metric(watch) = &alarm.watch else {
        return Some(format!("{id} combines others, and has no two stories"));
    };
    let ([metric], []) = (watch.metrics.as_slice(), watch.expressions.as_slice()) else {
        return Some(format!("{id} has an expression, and no two stories"));
    };
    if !matches!(
        watch.comparison,
        Comparison::Greater | Comparison::GreaterOrEqual
    ) {
        return Some(format!("{id} fires at low values, and has no two stories"));
    }
    let periods = i64::try_from(watch.evaluation_periods).unwrap();
    let changes = |value: f64| -> Vec<State> {
        let mut tape = Tape::default();
        for period in 0..periods {
            tape.0
                .record(&metric.query, 7_200 + period * watch.period + 30, value);
        }
        let end = 7_200 + (3 * periods + 3) * watch.period;
        let changes = replay(std::slice::from_ref(alarm), &tape.0, 3_600, end);
        changes.into_iter().map(|change| change.state).collect()
    };
    let above = changes(watch.threshold + 1.0);
    let below = changes((watch.threshold - 1.0).max(0.0));
    let is_right = above == [State::Alarm, State::Ok] && below.is_empty();
    (!is_right).then(|| format!("{id} above its threshold: {above:?}, below: {below:?}"))
}

#[test]
fn every_alarm_fires_when_it_must_and_stays_ok_when_it_must() {
    let wrong: Vec<String> = stories().iter().filter_map(verdict).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_alarm_has_a_story_in_which_it_fires_and_one_in_which_it_stays_ok() {
    let stories = stories();
    let of = |fires: bool| -> BTreeSet<&str> {
        let stories = stories.iter();
        let stories = stories.filter(|story| story.begins.is_some() == fires);
        stories.map(|story| story.alarm).collect()
    };
    let (fire, stay) = (of(true), of(false));
    let template = template();
    let ids: BTreeSet<&str> = resources(&template).map(|(id, _)| id).collect();
    assert!(fire.is_subset(&ids) && stay.is_subset(&ids));
    let (alarms, wrong) = read(&template);
    assert_eq!(wrong, []);
    let has_both = |alarm: &&Alarm| {
        let id = alarm.id.as_str();
        fire.contains(id) && stay.contains(id)
    };
    let wrong = alarms.iter().filter(|alarm| !has_both(alarm));
    let wrong: Vec<String> = wrong.filter_map(derived_verdict).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn stories_are_derived_for_an_alarm_on_one_metric() {
    let (alarms, _) = read(&template());
    let verdict = |id: &str| derived_verdict(alarms.iter().find(|alarm| alarm.id == id).unwrap());
    assert_eq!(verdict("EmailParkedAlarm"), None);
    assert!(verdict("ObjectiveFastBurnAlarm").is_some());
    assert!(verdict("NothingVerifiedAlarm").is_some());
}
