//! Negative controls: each broken protocol is refuted by the property that is named for it.

use clap::ValueEnum as _;
use leadwire_model::circle::circles;
use leadwire_model::control::{self, Control};
use leadwire_model::scenario;
use leadwire_model::walk::{refute, walk};
use leadwire_model::{Protocol, Variant};

#[test]
fn every_broken_variant_is_refuted_by_its_property_and_the_sound_one_is_not() {
    for Control { protocol, property } in control::all() {
        let sound = Protocol {
            variant: Variant::Sound,
            ..protocol
        };
        let (variant, walk) = (protocol.variant, walk(sound, 1));
        let setting = format!("the sound protocol breaks in the setting of {variant:?}: {walk}");
        assert!(walk.holds(), "{setting}");
        let run = refute(&protocol, property);
        let run = run.unwrap_or_else(|| panic!("{variant:?} keeps “{property}”"));
        println!(
            "\n{variant:?} breaks “{property}”\n    {}",
            run.join("\n    ")
        );
    }
}

#[test]
fn without_a_bound_on_hops_a_run_goes_on_for_ever() {
    let unbounded = control::of(Variant::HopsUnbounded).expect("it is a control");
    assert!(circles(&unbounded.protocol));
}

#[test]
fn every_variant_is_a_control_or_is_shown_to_be_harmless() {
    for variant in Variant::value_variants() {
        let harmless = [Variant::Sound, Variant::LeaseFromTombstone].contains(variant);
        assert!(control::of(*variant).is_some() != harmless, "{variant:?}");
    }
    let mut scenarios = scenario::ordinary().into_iter();
    assert!(scenarios.all(|s| s.protocol.variant == Variant::Sound));
}
