//! Every mistake in the protocol is noticed: a simulator that finds nothing could also be blind.

use leadwire_sim::control::{CONTROLS, Control, notice};

/// Seeds within which a mistake must be noticed.
const SEEDS: u64 = 100_000;

#[test]
fn every_mistake_in_the_protocol_is_noticed() {
    let unnoticed: Vec<_> = std::thread::scope(|scope| {
        let (early, late) = CONTROLS.split_at(CONTROLS.len() / 2);
        let look = |controls: &'static [Control]| {
            let unnoticed = controls
                .iter()
                .filter(|&&control| notice(control, SEEDS).is_none());
            unnoticed.copied().collect::<Vec<_>>()
        };
        let halves = [early, late].map(|controls| scope.spawn(move || look(controls)));
        let found = halves.map(|half| half.join().expect("a world does not panic"));
        found.concat()
    });
    assert_eq!(unnoticed, []);
}
