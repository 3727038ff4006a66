//! Negative controls: each broken protocol is refuted by the property that is named for it.

use leadwire_model::circle::circles;
use leadwire_model::control::{self, Control};
use leadwire_model::scenario;
use leadwire_model::walk::{refute, walk};
use leadwire_model::{Protocol, Variant};

fn is_refuted(control: &Control) {
    let variant = control.protocol.variant;
    let run = refute(control.protocol, control.property);
    let run = run.unwrap_or_else(|| panic!("{variant:?} keeps “{}”", control.property));
    println!(
        "\n{variant:?}: {}\n  breaks “{}” in {} steps",
        control.fault,
        control.property,
        run.len()
    );
    println!("    {}", run.join("\n    "));
    let sound = Protocol {
        variant: Variant::Sound,
        ..control.protocol
    };
    let walk = walk(sound, 1);
    assert!(
        walk.holds(),
        "the sound protocol breaks in the setting of {variant:?}: {walk}"
    );
}

#[test]
fn every_broken_variant_is_refuted_by_its_property_and_the_sound_one_is_not() {
    let controls = control::all();
    controls.iter().for_each(is_refuted);
    println!("\n{} broken variants refuted", controls.len());
}

#[test]
fn without_a_bound_on_hops_a_run_goes_on_for_ever() {
    let controls = control::all();
    let unbounded = controls
        .iter()
        .find(|c| c.protocol.variant == Variant::HopsUnbounded);
    assert!(circles(
        &unbounded.expect("it is among the controls").protocol
    ));
}

#[test]
fn every_variant_is_a_control_or_is_shown_to_be_harmless() {
    let controls = control::all();
    for variant in Variant::BROKEN {
        let refuted = controls.iter().any(|c| c.protocol.variant == *variant);
        let harmless = *variant == Variant::ForgetOverLiveClaim;
        assert!(refuted != harmless, "{variant:?}");
    }
    assert!(
        scenario::ordinary()
            .iter()
            .all(|s| s.protocol.variant == Variant::Sound)
    );
}
