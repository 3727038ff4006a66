//! The promises hold, whatever goes wrong.

use leadwire_pipeline::settings::AmbiguousPolicy;
use leadwire_sim::explore::explore;
use leadwire_sim::run_seed;
use leadwire_sim::seeds::run_seeds;
use leadwire_sim::setting::Setting;

/// Seeds of the ordinary run.
const SEEDS: u64 = 100_000;
/// Seeds that broke a promise once, while the code or the simulator had a mistake: they stay tried, with the reason beside them.
const REGRESSIONS: &str = include_str!("seeds.txt");

#[test]
fn a_hundred_thousand_worlds_keep_every_promise() {
    let found = run_seeds(0..SEEDS, |_| ());
    assert_eq!(found.breaches, [], "leadwire-sim show SEED tells the story");
    assert_eq!(found.worlds, SEEDS);
    assert!(found.faults > SEEDS, "faults happen: {}", found.faults);
}

#[test]
fn what_broke_a_promise_once_does_not_break_it_again() {
    let lines = REGRESSIONS.lines().filter(|line| !line.starts_with('#'));
    for line in lines {
        let seed = line.split_whitespace().next().unwrap_or_default();
        let seed: u64 = seed.parse().expect("a seed at the beginning of the line");
        assert_eq!(run_seed(seed, false).breach, None, "seed {line}");
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in 0..1000 {
        assert_eq!(run_seed(seed, false), run_seed(seed, false), "seed {seed}");
    }
    let told = run_seed(7, true);
    assert_eq!(told.story, run_seed(7, true).story);
    assert_eq!(
        told.digest,
        run_seed(7, false).digest,
        "telling changes nothing"
    );
}

#[track_caller]
fn check_world(setting: &Setting, faults: usize, worlds: u64) {
    let found = explore(setting, faults);
    assert_eq!(found.breaches, []);
    assert!(found.worlds > worlds, "{} schedules", found.worlds);
}

#[test]
fn every_schedule_of_up_to_three_faults_keeps_every_promise() {
    check_world(&Setting::plain(AmbiguousPolicy::Resend), 3, 1000);
}

#[test]
fn every_schedule_of_up_to_two_faults_keeps_every_promise_where_doubts_are_parked() {
    check_world(&Setting::plain(AmbiguousPolicy::Park), 2, 1000);
}

#[test]
fn every_schedule_of_up_to_two_faults_keeps_every_promise_to_each_of_two_receivers() {
    for policy in [AmbiguousPolicy::Resend, AmbiguousPolicy::Park] {
        check_world(&Setting::plain(policy).telling_two(), 2, 1000);
    }
}

#[test]
fn every_schedule_of_up_to_two_faults_keeps_every_promise_on_one_machine_that_dies_as_a_whole() {
    for policy in [AmbiguousPolicy::Resend, AmbiguousPolicy::Park] {
        let alone = Setting::plain(policy).on_one_machine();
        check_world(&alone, 2, 1000);
        // A second worker, and an event beside it, so that a death takes what others were at.
        let crowd = Setting {
            workers: 2,
            events: 2,
            ..alone
        };
        check_world(&crowd, 1, 100);
    }
}
