//! Naming: identity, slots, requests of many events, tombstones.

use leadwire_model::naming::{
    ALL_QUEUED, BYTES_STAY, FORGOTTEN_STAYS, Naming, NamingModel, ONE_NAME, STORED, walk,
};
use leadwire_model::walk::refute;

const FIXED: NamingModel = NamingModel {
    naming: Naming::Sound,
    fixed: true,
    array: false,
    posts: 2,
    crashes: 1,
    lost: 1,
    errors: 1,
    forgets: 1,
};
const RENEWED: NamingModel = NamingModel {
    fixed: false,
    ..FIXED
};
const FIXED_ARRAY: NamingModel = NamingModel {
    array: true,
    ..FIXED
};
const RENEWED_ARRAY: NamingModel = NamingModel {
    array: true,
    ..RENEWED
};

#[test]
fn events_of_one_instant_keep_their_names_through_retries_and_forget() {
    for model in [FIXED, RENEWED, FIXED_ARRAY, RENEWED_ARRAY] {
        let (states, wrong) = walk(model);
        println!("{states} states of {model:?}");
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

#[test]
fn every_broken_naming_is_refuted_by_its_property() {
    for (naming, model, property) in [
        (Naming::IdentitySkipped, RENEWED, ONE_NAME),
        (Naming::RequestIdForAll, FIXED_ARRAY, STORED),
        (Naming::AnswerAtFirst, FIXED_ARRAY, ALL_QUEUED),
        (Naming::BlindToOwnWrite, FIXED, ONE_NAME),
        (Naming::NoComparison, FIXED, STORED),
        (Naming::Overwrite, FIXED, BYTES_STAY),
        (Naming::IdentityForgotten, RENEWED, FORGOTTEN_STAYS),
        (Naming::NamelessTombstone, FIXED, STORED),
        (Naming::TombstoneGoesToo, FIXED, FORGOTTEN_STAYS),
    ] {
        let run = refute(&NamingModel { naming, ..model }, property);
        let run = run.unwrap_or_else(|| panic!("{naming:?} keeps “{property}”"));
        println!("{naming:?} breaks “{property}” in {} steps", run.len());
    }
}
