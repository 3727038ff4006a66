//! The long check: walks the scenarios or the negative controls, and prints what was found.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use leadwire_model::control::{self, Control};
use leadwire_model::scenario::{self, Scenario};
use leadwire_model::walk::{refute, walk};

/// Walks the protocol's model. Exit codes: 0 it is as it should be, 1 it is not.
#[derive(Parser)]
struct Arguments {
    /// The large scenarios too: minutes, gigabytes
    #[arg(long)]
    deep: bool,
    /// Only scenarios whose name has this in it
    #[arg(long, default_value = "")]
    only: String,
    /// The shortest run that refutes each broken variant
    #[arg(long, conflicts_with = "deep")]
    controls: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let good = if arguments.controls {
        let shown = control::all().iter().map(show_control).collect::<Vec<_>>();
        !shown.contains(&false)
    } else {
        let mut scenarios = scenario::ordinary();
        if arguments.deep {
            scenarios.extend(scenario::deep());
        }
        scenarios.retain(|scenario| scenario.name.contains(&arguments.only));
        show_scenarios(&scenarios)
    };
    ExitCode::from(u8::from(!good))
}

fn show_scenarios(scenarios: &[Scenario]) -> bool {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut states, mut good) = (0, true);
    for scenario in scenarios {
        let walk = walk(scenario.protocol, threads);
        say(&format!("{:<66} {walk}", scenario.name));
        for property in &walk.broken {
            show_run(&refute(&scenario.protocol, property).unwrap_or_default());
        }
        states += walk.states;
        good &= walk.holds();
    }
    say(&format!("{states} states in all"));
    good
}

fn show_control(control: &Control) -> bool {
    let (variant, property) = (control.protocol.variant, control.property);
    say(&format!("\n{variant:?} breaks “{property}”"));
    let run = refute(&control.protocol, property);
    if run.is_none() {
        say("  NOT REFUTED");
    }
    show_run(run.as_deref().unwrap_or_default());
    run.is_some()
}

fn show_run(run: &[String]) {
    for line in run {
        say(&format!("    {line}"));
    }
}

/// A closed pipe is no reason to fail.
fn say(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}
