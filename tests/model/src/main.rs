//! The long check: walks the scenarios and the negative controls, and prints what was found.
//!
//! `cargo run --release -p leadwire-model` the ordinary scenarios, `-- --deep` the large ones too (minutes, gigabytes),
//! `-- --controls` the shortest run that refutes each broken variant.

use std::process::ExitCode;

use leadwire_model::control::{self, Control};
use leadwire_model::report::say;
use leadwire_model::scenario::{self, Scenario};
use leadwire_model::walk::{refute, walk};

fn main() -> ExitCode {
    let asked = |option: &str| std::env::args().any(|given| given == option);
    let good = if asked("--controls") {
        let mut good = true;
        for control in control::all() {
            good &= show_control(&control);
        }
        good
    } else {
        let mut scenarios = scenario::ordinary();
        if asked("--deep") {
            scenarios.extend(scenario::deep());
        }
        show_scenarios(&scenarios)
    };
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn show_scenarios(scenarios: &[Scenario]) -> bool {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut states, mut good) = (0, true);
    for scenario in scenarios {
        let walk = walk(scenario.protocol, threads);
        say(&format!("{:<66} {walk}", scenario.name));
        for property in &walk.broken {
            show_run(&refute(scenario.protocol, property).unwrap_or_default());
        }
        states += walk.states;
        good &= walk.holds();
    }
    say(&format!("{states} states in all"));
    good
}

fn show_control(control: &Control) -> bool {
    say(&format!(
        "\n{:?}: {}\n  breaks “{}”",
        control.protocol.variant, control.fault, control.property
    ));
    let Some(run) = refute(control.protocol, control.property) else {
        say("  NOT REFUTED");
        return false;
    };
    show_run(&run);
    true
}

fn show_run(run: &[String]) {
    for line in run {
        say(&format!("    {line}"));
    }
}
