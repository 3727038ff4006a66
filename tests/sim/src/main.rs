//! The long runs, one command each.

use clap::{Parser, Subcommand};
use leadwire_pipeline::settings::AmbiguousPolicy;
use leadwire_sim::control::{Control, notice};
use leadwire_sim::explore::explore;
use leadwire_sim::findings::Findings;
use leadwire_sim::kept::{RUNS_A_MONTH, Stock};
use leadwire_sim::mistake::Mistake;
use leadwire_sim::run_seed;
use leadwire_sim::seeds::run_seeds;
use leadwire_sim::setting::Setting;
use std::fmt::Debug;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Progress is shown whenever so many worlds were run.
const PROGRESS: u64 = 64 * 256;

/// Runs the real stages through every fault, and checks the promises after every step. Exit codes: 0 all held, 1 one was broken, 2 wrong usage.
#[derive(Parser)]
#[command(name = "leadwire-sim", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    run: Run,
}

#[derive(Subcommand)]
enum Run {
    /// The worlds of so many seeds
    Seeds {
        /// How many
        count: u64,
        /// The first one
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
    /// Every schedule of one event, two receivers and one worker with up to so many faults, where doubts are sent again and where they are parked
    Schedules {
        /// How many faults at most
        faults: usize,
    },
    /// Sweeps over so many kept events: requests, dollars and time, at Amazon S3's latencies and list prices
    Sweeps {
        /// How many events are kept
        #[arg(default_values_t = [100_000, 1_000_000, 10_000_000])]
        events: Vec<u64>,
        /// The least and the most milliseconds of a call
        #[arg(long, num_args = 2, default_values_t = [15, 30])]
        millis: Vec<u64>,
    },
    /// The first seed below so many that notices a mistake in the protocol, and by what
    Notice {
        /// Which mistakes
        #[arg(required = true)]
        mistakes: Vec<Mistake>,
        /// Seeds
        #[arg(long, default_value_t = 100_000)]
        seeds: u64,
    },
    /// The world of one seed, step by step
    Show {
        /// Which one
        seed: u64,
    },
}

fn main() -> ExitCode {
    let began = Instant::now();
    let holds = match Arguments::parse().run {
        Run::Seeds { count, from } => seeds(from, count),
        Run::Schedules { faults } => {
            let policies = [AmbiguousPolicy::Resend, AmbiguousPolicy::Park];
            policies.map(|policy| schedules(policy, faults)) == [true; 2]
        }
        Run::Sweeps { events, millis } => sweeps(&events, &millis),
        Run::Notice { mistakes, seeds } => notices(&mistakes, seeds),
        Run::Show { seed } => show(seed),
    };
    say(&format!("It took {:.1} s.", began.elapsed().as_secs_f64()));
    ExitCode::from(u8::from(!holds))
}

fn seeds(from: u64, count: u64) -> bool {
    let shows = std::io::stderr().is_terminal();
    let progress = |done: u64| {
        if shows && done.is_multiple_of(PROGRESS) {
            drop(write!(std::io::stderr(), "\r{done} of {count} seeds"));
        }
    };
    let found = run_seeds(from..from.saturating_add(count), progress);
    say("leadwire-sim show SEED shows a seed step by step.");
    holds("seeds", &found)
}

fn schedules(policy: AmbiguousPolicy, faults: usize) -> bool {
    let found = explore(&Setting::plain(policy).telling_two(), faults);
    holds(&format!("{policy:?}: schedules of up to {faults}"), &found)
}

fn holds<W: Debug>(worlds: &str, found: &Findings<W>) -> bool {
    say(&format!(
        "{worlds}: {}, with {} steps and {} faults: {} broken promises",
        found.worlds,
        found.steps,
        found.faults,
        found.breaches.len()
    ));
    for (world, breach) in &found.breaches {
        say(&format!("{world:?}: {breach}"));
    }
    found.breaches.is_empty()
}

fn sweeps(events: &[u64], millis: &[u64]) -> bool {
    say("    events  run  ranges  requests  GET only  dollars  a month  seconds  missed");
    let latency = [0, millis.len().saturating_sub(1)]
        .map(|place| Duration::from_millis(millis.get(place).copied().unwrap_or_default()));
    let sweep = |events: &u64| {
        let stock = Stock {
            latency,
            ..Stock::of(*events)
        };
        let swept = match stock.sweep(2) {
            Ok(swept) => swept,
            Err(error) => {
                say(&error.to_string());
                return false;
            }
        };
        for (number, run) in (1..).zip(&swept.runs) {
            let dollars = run.calls.dollars();
            say(&format!(
                "{events:10}  {number:3}  {:6}  {:8}  {:8}  {dollars:7.4}  {:7.2}  {:7.1}  {:6}",
                run.report.ranges,
                run.calls.count(),
                run.calls.gets,
                dollars * RUNS_A_MONTH,
                run.took.as_secs_f64(),
                swept.missed,
            ));
        }
        swept.missed == 0 && swept.runs.iter().all(|run| run.took <= stock.time)
    };
    events
        .iter()
        .map(sweep)
        .fold(true, |all, holds| all & holds)
}

fn notices(mistakes: &[Mistake], seeds: u64) -> bool {
    let mut all = true;
    for mistake in mistakes {
        let noticed = notice(Control::Code(*mistake), seeds);
        all &= noticed.is_some();
        say(&match noticed {
            Some((seed, breach)) => format!("{mistake:?}: seed {seed}: {breach}"),
            None => format!("{mistake:?}: unnoticed"),
        });
    }
    all
}

fn show(seed: u64) -> bool {
    let report = run_seed(seed, true);
    for line in &report.story {
        say(line);
    }
    let digest = report.digest;
    say(&format!("{} steps, digest {digest:016x}", report.steps));
    report.breach.is_none()
}

fn say(line: &str) {
    // Nobody reads any more: there is nobody to tell either.
    drop(writeln!(std::io::stdout(), "{line}"));
}
