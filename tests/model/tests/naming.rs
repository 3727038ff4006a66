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

#[test]
fn events_of_one_instant_keep_their_names_through_retries_and_forget() {
    for model in [TIMED, TIMELESS] {
        let (states, broken) = walk(model);
        println!("{states} states of {model:?}");
        assert!(broken.is_empty(), "{broken:?}");
    }
}

#[test]
fn every_broken_naming_is_refuted_by_its_property() {
    for (naming, model, property) in [
        (Naming::BlindToOwnWrite, TIMED, ONE_NAME),
        (Naming::NoComparison, TIMED, STORED),
        (Naming::Overwrite, TIMED, BYTES_STAY),
        (Naming::DedupeForgotten, TIMELESS, FORGOTTEN_STAYS),
        (Naming::NamelessMarker, TIMED, STORED),
        (Naming::BlindToMarker, TIMED, FORGOTTEN_STAYS),
        (Naming::BlindToMarker, TIMED, NOT_SWALLOWED),
        (Naming::ForgetWithoutWait, TIMED, FORGOTTEN_STAYS),
    ] {
        let run = refute(&NamingModel { naming, ..model }, property);
        assert!(run.is_some(), "{naming:?} keeps “{property}”");
    }
}
