//! The sound protocol keeps every promise in every scenario.

use leadwire_model::circle::circles;
use leadwire_model::property as p;
use leadwire_model::scenario;
use leadwire_model::walk::{refute, walk};
use leadwire_model::{Protocol, Variant};

/// The ordinary run must stay exhaustive enough to mean something.
const STATES_MIN: usize = 1_000_000;

#[test]
fn the_protocol_keeps_its_promises_in_every_scenario() {
    let mut states = 0;
    for scenario in scenario::ordinary() {
        let walk = walk(scenario.protocol, 2);
        println!("{:<66} {walk}", scenario.name);
        let broken = walk.broken.iter();
        let runs = broken.map(|property| (property, refute(&scenario.protocol, property)));
        let runs: Vec<_> = runs.collect();
        assert!(walk.holds(), "{}: {walk}\n{runs:#?}", scenario.name);
        states += walk.states;
    }
    println!("{states} states in all");
    assert!(states >= STATES_MIN, "only {states} states");
}

#[test]
fn no_run_of_the_protocol_goes_on_for_ever() {
    let mut walked = 0;
    for scenario in scenario::ordinary()
        .iter()
        .filter(|scenario| scenario.small)
    {
        assert!(!circles(&scenario.protocol), "{} circles", scenario.name);
        walked += 1;
    }
    assert!(walked >= 10, "only {walked} scenarios");
}

/// The lease that forget waits for covers the sender: see `docs/MODEL.md`.
#[test]
fn forget_may_replace_a_live_claim_because_it_waits_one_lease_anyway() {
    for scenario in scenario::ordinary()
        .iter()
        .filter(|s| s.protocol.bounds.forgets > 0)
    {
        let protocol = Protocol {
            variant: Variant::ForgetOverLiveClaim,
            ..scenario.protocol
        };
        let walk = walk(protocol, 2);
        assert!(walk.holds(), "{}: {walk}", scenario.name);
    }
}

/// `If-None-Match` and `If-Match` alone carry P1 to P4; the first read of `mail/X` is there for forget, and for `park`.
#[test]
fn reading_the_claim_first_matters_to_forget_only() {
    for scenario in scenario::ordinary()
        .iter()
        .filter(|s| s.small && s.protocol.bounds.forgets == 0)
    {
        let protocol = Protocol {
            variant: Variant::EnrichSkipsMail,
            ..scenario.protocol
        };
        let walk = walk(protocol, 2);
        let broken: Vec<_> = walk
            .broken
            .iter()
            .filter(|name| **name != p::WAITING_IS_FREE)
            .collect();
        assert!(broken.is_empty(), "{}: {walk}", scenario.name);
    }
}
