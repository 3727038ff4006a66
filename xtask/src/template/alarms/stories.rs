//! Every alarm of the template over recorded series: when it must cry, and when it must not. What `CloudWatch` would do is evaluated by
//! `leadwire_cloudwatch`; one minute is one evaluation.

mod leads;
mod mail;
mod objective;
mod platform;
mod sweep;
mod tape;

use super::super::view::Template;
use super::{read, resources};
use leadwire_cloudwatch::{Alarm, State, Watch, replay};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tape::Tape;

/// What an alarm must do.
enum Must {
    /// Go on once, at this minute, and be off again at the second one at the latest. Once, so that one trouble is one page.
    Cry(i64, i64),
    /// Say nothing until this minute.
    BeSilent(i64),
}

/// What happened, and what an alarm says to it.
struct Story {
    alarm: &'static str,
    /// Completes the sentence "the alarm …".
    told: &'static str,
    happened: fn(&mut Tape),
    must: Must,
}

fn stories() -> impl Iterator<Item = &'static Story> {
    [
        leads::STORIES,
        objective::STORIES,
        mail::STORIES,
        platform::STORIES,
        sweep::STORIES,
    ]
    .into_iter()
    .flatten()
}

/// The template's alarms, as the command carries them.
fn template() -> Template {
    let mut alarms: Value =
        serde_json::from_str(include_str!("../../../../alarms/alarms.json")).unwrap();
    alarms["Parameters"] = json!({"CanaryMinutes": {"Default": 15}});
    Template(alarms)
}

/// An alarm, and those that it looks at.
fn alone(id: &str) -> Vec<Alarm> {
    let (alarms, wrong) = read(&template());
    assert_eq!(wrong, []);
    let alarm = alarms.iter().find(|alarm| alarm.id == id).unwrap().clone();
    let looked_at = match &alarm.watch {
        Watch::Alarms(rule) => rule.names().into_iter().map(str::to_owned).collect(),
        Watch::Metric(_) => BTreeSet::new(),
    };
    let halves = alarms
        .into_iter()
        .filter(|other| looked_at.contains(&other.name));
    halves.chain([alarm]).collect()
}

/// What went wrong in a story, if anything did.
fn verdict(story: &Story) -> Option<String> {
    let mut tape = Tape::default();
    (story.happened)(&mut tape);
    let end = match story.must {
        Must::Cry(_, end) | Must::BeSilent(end) => end,
    };
    let changes = replay(&alone(story.alarm), &tape.0, 3_600, end * 60);
    let changes: Vec<(i64, State)> = changes
        .into_iter()
        .filter(|change| change.id == story.alarm)
        .map(|change| (change.at / 60, change.state))
        .collect();
    let is_right = match (&story.must, changes.as_slice()) {
        (Must::BeSilent(_), []) => true,
        (Must::Cry(begin, _), [(at, State::Alarm), (_, State::Ok)]) => at == begin,
        _ => false,
    };
    (!is_right).then(|| format!("{} {}: {changes:?}", story.alarm, story.told))
}

#[test]
fn every_alarm_cries_when_it_must_and_is_silent_when_it_must() {
    let wrong: Vec<String> = stories().filter_map(verdict).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_alarm_has_a_story_in_which_it_cries_and_one_in_which_it_is_silent() {
    let of = |wanted: fn(&Must) -> bool| -> BTreeSet<&str> {
        let stories = stories().filter(|story| wanted(&story.must));
        stories.map(|story| story.alarm).collect()
    };
    let template = template();
    let ids: BTreeSet<&str> = resources(&template).map(|(id, _)| id.as_str()).collect();
    assert_eq!(of(|must| matches!(must, Must::Cry(..))), ids);
    assert_eq!(of(|must| matches!(must, Must::BeSilent(_))), ids);
}
