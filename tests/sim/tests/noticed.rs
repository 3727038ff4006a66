//! Every mistake in the protocol is noticed: a simulator that finds nothing could also be blind.

use leadwire_sim::control::{self, Control, notice};

/// Seeds within which a mistake must be noticed.
const SEEDS: u64 = 100_000;

#[test]
fn every_mistake_in_the_protocol_is_noticed() {
    let controls = control::all();
    let (early, late) = controls.split_at(controls.len() / 2);
    let look = |controls: &[Control]| -> Vec<Control> {
        let unnoticed = |control: &Control| notice(*control, SEEDS).is_none();
        controls.iter().copied().filter(unnoticed).collect()
    };
    let unnoticed = std::thread::scope(|scope| {
        let halves = [early, late].map(|half| scope.spawn(move || look(half)));
        halves.map(|half| half.join().expect("a world does not panic"))
    });
    assert_eq!(unnoticed.concat(), []);
}
