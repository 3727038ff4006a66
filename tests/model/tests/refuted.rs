//! Negative controls: each broken protocol is refuted by the property that is named for it.

use leadwire_model::circle::circles;
use leadwire_model::control::{self, Control};
use leadwire_model::report::{folded, say};
use leadwire_model::scenario;
use leadwire_model::walk::{refute, walk};
use leadwire_model::{Protocol, Variant};

/// The shortest run that refutes it, once the sound protocol has passed in the same setting.
fn refutation(control: &Control) -> Vec<String> {
    let variant = control.protocol.variant;
    let sound = Protocol {
        variant: Variant::Sound,
        ..control.protocol
    };
    let walk = walk(sound, 1);
    assert!(
        walk.holds(),
        "the sound protocol breaks in the setting of {variant:?}: {walk}"
    );
    let run = refute(control.protocol, control.property);
    assert!(run.is_some(), "{variant:?} keeps “{}”", control.property);
    run.unwrap_or_default()
}

#[test]
fn every_broken_variant_is_refuted_by_its_property_and_the_sound_one_is_not() {
    for control in control::all() {
        let run = refutation(&control);
        say(&format!(
            "{:?}: {}\n  breaks “{}” in {} steps\n{}",
            control.protocol.variant,
            control.fault,
            control.property,
            run.len(),
            folded(&run)
        ));
    }
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
