//! Naming: slots, `dedupe/`, and what forget must leave behind.

use leadwire_model::naming::{
    BYTES_STAY, FORGOTTEN_STAYS, NOT_SWALLOWED, Naming, NamingModel, ONE_NAME, STORED, walk,
};
use leadwire_model::walk::refute;

const TIMED: NamingModel = NamingModel {
    naming: Naming::Sound,
    timed: true,
    posts: 2,
    crashes: 1,
    lost: 1,
    forgets: 1,
};
const TIMELESS: NamingModel = NamingModel {
    timed: false,
    ..TIMED
};

#[track_caller]
fn breaks(naming: Naming, model: NamingModel, property: &'static str) {
    let run = refute(NamingModel { naming, ..model }, property);
    assert!(run.is_some(), "{naming:?} keeps “{property}”");
}

#[test]
fn events_of_one_instant_keep_their_names_through_retries_and_forget() {
    for model in [TIMED, TIMELESS] {
        let (states, broken) = walk(model);
        println!("{states} states of {model:?}");
        assert!(broken.is_empty(), "{broken:?}");
    }
}

#[test]
fn taking_ones_own_write_for_anothers_gives_an_event_two_names() {
    breaks(Naming::BlindToOwnWrite, TIMED, ONE_NAME);
}

#[test]
fn taking_anothers_bytes_for_ones_own_loses_an_event() {
    breaks(Naming::NoComparison, TIMED, STORED);
}

#[test]
fn writing_raw_unconditionally_replaces_an_event() {
    breaks(Naming::Overwrite, TIMED, BYTES_STAY);
}

#[test]
fn forgetting_the_dedupe_entry_brings_an_event_without_a_time_back() {
    breaks(Naming::DedupeForgotten, TIMELESS, FORGOTTEN_STAYS);
}

#[test]
fn a_forgotten_marker_without_a_name_swallows_another_event() {
    breaks(Naming::NamelessMarker, TIMED, STORED);
}

#[test]
fn storing_without_a_look_at_the_marker_brings_an_event_back_or_buries_another() {
    breaks(Naming::BlindToMarker, TIMED, FORGOTTEN_STAYS);
    breaks(Naming::BlindToMarker, TIMED, NOT_SWALLOWED);
}

#[test]
fn forgetting_without_waiting_for_ingest_brings_an_event_back() {
    breaks(Naming::ForgetWithoutWait, TIMED, FORGOTTEN_STAYS);
}
