//! The sound protocol keeps every promise in every scenario.

use leadwire_model::circle::circles;
use leadwire_model::scenario;
use leadwire_model::walk::{refute, walk};
use leadwire_model::{Protocol, Variant};

/// The ordinary run must stay exhaustive enough to mean something.
const STATES_MIN: usize = 9_000_000;

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
    assert!(walked >= 60, "only {walked} scenarios");
}

/// The tombstone alone stops every worker that starts after it.
#[test]
fn forget_may_count_its_lease_from_the_tombstone() {
    for scenario in scenario::ordinary() {
        let forgets = scenario.protocol.bounds.forgets > 0;
        let protocol = Protocol {
            variant: Variant::LeaseFromTombstone,
            ..scenario.protocol
        };
        let holds = !forgets || walk(protocol, 2).holds();
        assert!(holds, "{}", scenario.name);
    }
}
