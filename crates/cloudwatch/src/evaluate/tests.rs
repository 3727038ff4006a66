//! The tables of AWS's documentation, and laws.

use super::*;
use crate::definition::Watched;
use crate::expression::Comparison;
use crate::points::{Query, Recording, Statistic};
use crate::rule::Rule;
use proptest::prelude::*;

const PERIOD: i64 = 60;

fn query(metric: &str) -> Query {
    Query {
        namespace: "Test".to_owned(),
        metric: metric.to_owned(),
        dimensions: BTreeMap::new(),
    }
}

/// An alarm on values above 5.
fn above_five(n: usize, m: usize, missing: Missing) -> MetricAlarm {
    MetricAlarm {
        metrics: vec![Watched {
            id: "m1".to_owned(),
            query: query("M"),
            statistic: Statistic::Sum,
        }],
        expressions: Vec::new(),
        returned: "m1".to_owned(),
        period: PERIOD,
        evaluation_periods: n,
        datapoints_to_alarm: m,
        comparison: Comparison::Greater,
        threshold: 5.0,
        missing,
    }
}

fn alarm(id: &str, watch: Watch) -> Alarm {
    Alarm {
        id: id.to_owned(),
        name: format!("stack-{id}"),
        description: String::new(),
        alarm_actions: Vec::new(),
        ok_actions: Vec::new(),
        watch,
    }
}

/// Five periods as the documentation draws them: `0` is fine, `X` breaches, `-` is missing; the newest last.
fn drawn(text: &str) -> Vec<Option<f64>> {
    let value = |word| match word {
        "0" => Some(1.0),
        "X" => Some(10.0),
        _ => None,
    };
    text.split_whitespace().map(value).collect()
}

/// As the columns of the documentation.
const TREATMENTS: [Missing; 4] = [
    Missing::Missing,
    Missing::Ignore,
    Missing::Breaching,
    Missing::NotBreaching,
];

/// The documentation's columns. `R` retains the state.
#[track_caller]
fn row(m: usize, text: &str, columns: &str) {
    for (missing, expected) in TREATMENTS.into_iter().zip(columns.split_whitespace()) {
        let alarm = above_five(3, m, missing);
        for before in State::ALL {
            let expected = State::from_name(expected).unwrap_or(before);
            let state = decide(&alarm, &drawn(text), before);
            assert_eq!(state, expected, "{text} {missing:?}");
        }
    }
}

#[test]
fn the_documented_table_of_three_out_of_three_holds() {
    row(3, "0 - X - X", "OK OK OK OK");
    row(3, "0 - - - -", "OK OK OK OK");
    row(3, "- - - - -", "INSUFFICIENT_DATA R ALARM OK");
    row(3, "0 X X - X", "ALARM ALARM ALARM ALARM");
    row(3, "- - X - -", "ALARM R ALARM OK");
}

#[test]
fn the_documented_table_of_two_out_of_three_holds() {
    row(2, "0 - X - X", "ALARM ALARM ALARM ALARM");
    row(2, "0 0 X 0 X", "ALARM ALARM ALARM ALARM");
    row(2, "0 - X - -", "OK OK ALARM OK");
    row(2, "- - - - 0", "OK OK ALARM OK");
    row(2, "- - - X -", "ALARM R ALARM OK");
}

#[test]
fn an_alarm_on_data_treated_as_missing_is_not_premature() {
    row(3, "- - - - X", "OK R ALARM OK");
    row(3, "- - - X -", "OK R ALARM OK");
    row(3, "- - - X 0", "OK OK OK OK");
}

#[test]
fn every_comparison_is_exact_at_the_threshold() {
    for (comparison, expected) in [
        (Comparison::Greater, [false, false, true]),
        (Comparison::GreaterOrEqual, [false, true, true]),
        (Comparison::Less, [true, false, false]),
        (Comparison::LessOrEqual, [true, true, false]),
    ] {
        let told = [4.9, 5.0, 5.1].map(|value| comparison.holds(value, 5.0));
        assert_eq!(told, expected, "{}", comparison.sign());
    }
}

fn recorded(values: &[(i64, f64)]) -> Recording {
    let mut recording = Recording::default();
    for (second, value) in values {
        recording.record(&query("M"), *second, *value);
    }
    recording
}

fn verdict(rule: MetricAlarm, recording: &Recording, at: i64) -> Result<Verdict, Unanswered> {
    let alarms = [alarm("A", Watch::Metric(rule))];
    evaluate(&alarms, recording, at, &BTreeMap::new())["A"].clone()
}

/// An alarm on a value above 5 in a period of this length.
fn of_period(period: i64) -> MetricAlarm {
    MetricAlarm {
        period,
        ..above_five(1, 1, Missing::NotBreaching)
    }
}

#[test]
fn periods_end_at_the_last_full_minute_and_slide() {
    let recording = recorded(&[(1_000, 3.0), (1_100, 4.0)]);
    // 1,100 lies in the minute that ends at 1,140; both lie in [960, 1140) only with periods of 180 s, or in [990, 1110).
    for at in [1_139, 1_140] {
        let verdict = verdict(of_period(120), &recording, at).unwrap();
        assert_eq!(verdict.state, State::Ok);
    }
    let verdict = verdict(of_period(180), &recording, 1_145).unwrap();
    assert_eq!(verdict.state, State::Alarm);
    assert_eq!(verdict.reason, "1 of 1 periods of 180 s > 5: - - 7");
}

#[test]
fn a_short_period_is_looked_at_every_ten_seconds() {
    let recording = recorded(&[(1_005, 9.0)]);
    let state = |at| verdict(of_period(10), &recording, at).unwrap().state;
    assert_eq!(state(1_009), State::Ok);
    assert_eq!(state(1_010), State::Alarm);
    assert_eq!(state(1_039), State::Alarm, "two periods more are fetched");
    assert_eq!(state(1_040), State::Ok);
}

fn math(expressions: &[(&str, &str)], returned: &str) -> MetricAlarm {
    let read = |(id, text): &(&str, &str)| ((*id).to_owned(), Expression::parse(text).unwrap());
    MetricAlarm {
        expressions: expressions.iter().map(read).collect(),
        returned: returned.to_owned(),
        ..above_five(1, 1, Missing::Missing)
    }
}

#[test]
fn expressions_may_name_each_other_in_any_order_but_no_circle() {
    let recording = recorded(&[(30, 3.0)]);
    let twice = math(&[("e2", "e1 + e1"), ("e1", "m1")], "e2");
    let verdict = |rule| verdict(rule, &recording, 60);
    assert_eq!(verdict(twice).unwrap().state, State::Alarm);
    let circle = math(&[("e2", "e1"), ("e1", "e2")], "e2");
    let why = verdict(circle).unwrap_err().to_string();
    assert_eq!(why, "expressions name each other in a circle");
    assert!(verdict(math(&[("e1", "1 + 1")], "e1")).is_err());
}

fn composite(id: &str, rule: &str) -> Alarm {
    alarm(id, Watch::Alarms(Rule::parse(rule).unwrap()))
}

#[test]
fn a_composite_follows_its_alarms_however_they_are_listed() {
    let loud = above_five(1, 1, Missing::NotBreaching);
    let quiet = MetricAlarm {
        threshold: 100.0,
        ..loud.clone()
    };
    let alarms = [
        composite("Top", r#"ALARM("stack-Both") OR ALARM("stack-Loud")"#),
        composite("Both", r#"ALARM("stack-Loud") AND ALARM("stack-Quiet")"#),
        alarm("Loud", Watch::Metric(loud)),
        alarm("Quiet", Watch::Metric(quiet)),
        composite("Lost", r#"ALARM("stack-Nobody")"#),
        composite("One", r#"ALARM("stack-Other")"#),
        composite("Other", r#"ALARM("stack-One")"#),
    ];
    let recording = recorded(&[(30, 9.0)]);
    let verdicts = evaluate(&alarms, &recording, 60, &BTreeMap::new());
    let state = |id: &str| verdicts[id].as_ref().map(|verdict| verdict.state).ok();
    for (id, expected) in [
        ("Loud", Some(State::Alarm)),
        ("Quiet", Some(State::Ok)),
        ("Both", Some(State::Ok)),
        ("Top", Some(State::Alarm)),
        ("Lost", None),
        ("One", None),
        ("Other", None),
    ] {
        assert_eq!(state(id), expected, "{id}");
    }
    let reason = &verdicts["Both"].as_ref().unwrap().reason;
    assert_eq!(reason, "stack-Loud is ALARM, stack-Quiet is OK");
}

#[test]
fn what_a_source_does_not_keep_has_no_state_and_neither_have_composites_over_it() {
    struct Nothing;
    impl Points for Nothing {
        fn points(
            &self,
            query: &Query,
            _: Window,
        ) -> Result<BTreeMap<i64, crate::Stats>, Unanswered> {
            Err(Unanswered(format!("{} is not kept", query.metric)))
        }
    }
    let alarms = [
        alarm("A", Watch::Metric(above_five(1, 1, Missing::Breaching))),
        composite("B", r#"ALARM("stack-A")"#),
    ];
    let verdicts = evaluate(&alarms, &Nothing, 60, &BTreeMap::new());
    assert_eq!(verdicts["A"], Err(Unanswered("M is not kept".to_owned())));
    assert_eq!(verdicts["B"], verdicts["A"]);
    assert_eq!(replay(&alarms, &Nothing, 0, 120), []);
}

#[test]
fn a_replay_tells_each_change_once() {
    let recording = recorded(&[(130, 9.0)]);
    let alarms = [alarm("A", Watch::Metric(of_period(PERIOD)))];
    let change = |at, state| Change {
        at,
        id: "A".to_owned(),
        state,
    };
    // The period [120, 180) is over at 180, and out of reach two periods after the judged one.
    let changes = [change(180, State::Alarm), change(360, State::Ok)];
    assert_eq!(replay(&alarms, &recording, 0, 900), changes);
}

fn any_range() -> impl Strategy<Value = Vec<Option<f64>>> {
    prop::collection::vec(prop::option::of(prop_oneof![Just(1.0), Just(10.0)]), 5)
}

fn any_missing() -> impl Strategy<Value = Missing> {
    prop::sample::select(TREATMENTS.to_vec())
}

proptest! {
    #[test]
    fn without_a_missing_value_only_the_newest_n_count(values in prop::collection::vec(prop_oneof![Just(1.0), Just(10.0)], 5), m in 1_usize..=3, missing in any_missing(), before in prop::sample::select(State::ALL.to_vec())) {
        let range: Vec<_> = values.iter().copied().map(Some).collect();
        let breaching = values.iter().rev().take(3).filter(|value| **value > 5.0).count();
        let expected = if breaching >= m { State::Alarm } else { State::Ok };
        prop_assert_eq!(decide(&above_five(3, m, missing), &range, before), expected);
    }

    #[test]
    fn not_breaching_alarms_least_and_breaching_most(range in any_range(), m in 1_usize..=3, missing in any_missing()) {
        let of = |missing| decide(&above_five(3, m, missing), &range, State::Ok) == State::Alarm;
        prop_assert!(!of(Missing::NotBreaching) || of(missing));
        prop_assert!(!of(missing) || of(Missing::Breaching));
    }

    #[test]
    fn fewer_breaches_to_alarm_never_silence_one(range in any_range(), m in 1_usize..3, missing in prop::sample::select(vec![Missing::Breaching, Missing::NotBreaching])) {
        let of = |m| decide(&above_five(3, m, missing), &range, State::Ok) == State::Alarm;
        prop_assert!(!of(m + 1) || of(m));
    }

    #[test]
    fn no_recording_makes_an_evaluation_panic(samples in prop::collection::vec((-200_i64..2000, prop_oneof![-1e308..1e308, Just(f64::INFINITY), Just(f64::NAN)]), 0..30), at in -500_i64..3000, n in 1_usize..6, missing in any_missing()) {
        let recording = recorded(&samples);
        let math = math(&[("e1", "IF(m1 / m1 > 0, m1 * m1, -m1)")], "e1");
        let alarms = [
            alarm("A", Watch::Metric(above_five(n, n, missing))),
            alarm("B", Watch::Metric(math)),
        ];
        let verdicts = evaluate(&alarms, &recording, at, &BTreeMap::new());
        prop_assert_eq!(verdicts.len(), 2);
    }
}
