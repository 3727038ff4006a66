//! `alarms` and `slo` on one machine: the template's alarms over what `up` has kept.

use crate::house::{House, wait_until};
use leadwire_local::{Minute, Mode, NewMinute, SystemClock};
use leadwire_pipeline::port::Clock as _;
use serde_json::Value;
use std::ops::RangeInclusive;

fn alarm(house: &House, id: &str) -> Value {
    let told = house.run("alarms --json").documents();
    let found = told.into_iter().find(|alarm| alarm["alarm"] == id);
    found.unwrap_or_else(|| panic!("{id} is not told"))
}

/// Plants a value of a metric in each of these minutes from now.
fn plant(house: &House, (metric, service): (&str, &str), minutes: RangeInclusive<i64>, value: f64) {
    let now = SystemClock.now().as_second() / 60;
    let dimensions = [("service", service), ("environment", "dev")];
    let minutes: Vec<NewMinute> = minutes
        .map(|minute| NewMinute {
            metric: metric.to_owned(),
            dimensions: dimensions
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            minute: Minute {
                minute: now + minute,
                count: 1,
                sum: value,
                min: value,
                max: value,
            },
        })
        .collect();
    let home = house.open(Mode::Operate);
    home.telemetry().add_minutes(&minutes).unwrap();
}

#[test]
fn a_lead_that_is_mailed_counts_for_the_objective_and_no_alarm_calls() {
    let (house, _up) = House::with_mailed("good-1");
    wait_until("the lead counts", || house.json("slo")[0]["in_time"] == 1.0);
    house
        .run("slo")
        .expect_out(0, "100.00 % in time")
        .expect_out(0, "100 % of the budget is left");
    house.run("alarms").expect_out(0, "None of");
    let fast = alarm(&house, "ObjectiveFastBurnAlarm");
    assert_eq!(fast["state"], "OK");
    assert_eq!(fast["severity"], "page");
    // Lambda is not here, and so its alarms have no state.
    assert!(alarm(&house, "EnrichErrorRateAlarm")["state"].is_null());
}

#[test]
fn a_lead_that_fails_for_good_calls_and_says_where_to_read_on() {
    let house = House::new();
    drop(house.up(""));
    // Three receives of a message take minutes, so what such a lead tells is planted: a lead a minute that failed for good.
    plant(&house, ("FinalAttemptFailed", "enrich"), -5..=0, 1.0);
    house
        .run("alarms")
        .expect_out(1, "FinalAttemptFailedAlarm")
        .expect_out(1, "alarms call.");
    let told = alarm(&house, "FinalAttemptFailedAlarm");
    assert_eq!(told["state"], "ALARM");
    assert_eq!(told["severity"], "page");
    assert_eq!(told["runbook"], "docs/RUNBOOK.md#FinalAttemptFailedAlarm");
}

#[test]
fn the_objective_of_a_machine_without_leads_is_no_failure() {
    let house = House::new();
    let _up = house.up("");
    house.run("slo").expect_out(0, "No lead has counted");
}

#[test]
fn a_source_that_a_sweep_found_silent_is_a_ticket_for_two_sweeps_and_no_longer() {
    let silent = ("SourcesSilent", "sweep");
    let state = |values: [(i64, f64); 2]| {
        let house = House::new();
        drop(house.up(""));
        for (minute, value) in values {
            plant(&house, silent, minute..=minute, value);
        }
        let told = alarm(&house, "SourceSilentAlarm");
        assert_eq!(told["severity"], "ticket");
        told["state"].clone()
    };
    // A sweep comes an hour after the other.
    assert_eq!(state([(-65, 0.0), (-5, 2.0)]), "ALARM");
    assert_eq!(state([(-65, 1.0), (-5, 0.0)]), "ALARM");
    assert_eq!(state([(-125, 1.0), (-65, 0.0)]), "OK");
}
