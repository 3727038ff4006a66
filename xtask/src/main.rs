#![doc = include_str!("../README.md")]

mod dashboard;
mod document;
mod flaky;
mod fuzz;
mod gate;
mod mutants;
mod settings;
mod shell;
mod telemetry;
mod template;
mod tidy;
mod tool;
mod view;

use anyhow::Result;
use clap::{Parser, Subcommand};
use gate::Step;
use std::path::PathBuf;
use std::process::ExitCode;

/// The automation of leadwire.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The whole gate: every step below, in this order.
    Ci {
        /// Leaves a step out, because it has just been run.
        #[arg(long, value_name = "STEP")]
        skip: Vec<Step>,
        /// Goes on after a step that failed, and fails at the end.
        #[arg(long)]
        keep_going: bool,
    },
    /// Formatting, as rustfmt wants it.
    Fmt,
    /// Lints, every warning an error.
    Clippy,
    /// Documentation, every warning an error.
    Doc,
    /// Every test.
    Test,
    /// House rules: arrows between rooms, sizes, manifests, unused dependencies, snapshots, what the documents must name.
    Tidy,
    /// The template: cfn-lint, sam validate and the project's own checks.
    Template {
        /// Writes the expanded `CloudFormation` template to this file and stops.
        #[arg(long, value_name = "FILE")]
        expand: Option<PathBuf>,
        /// First puts dashboards/ into the template, and the template's alarms into alarms/alarms.json.
        #[arg(long)]
        write: bool,
    },
    /// Writes the tables of docs/CONFIG.md from the settings' entries; the step `telemetry` fails where they are stale.
    Settings,
    /// Whether dashboards, alarms and the runbook agree with the catalogue, and the tables of docs/TELEMETRY.md and docs/CONFIG.md are fresh.
    Telemetry {
        /// First writes the tables of docs/TELEMETRY.md.
        #[arg(long)]
        write: bool,
    },
    /// What a stack costs in a month, by AWS's list prices of us-east-1.
    Cost {
        /// Leads a month; one column for each.
        #[arg(value_name = "LEADS")]
        leads: Vec<u32>,
    },
    /// The dashboards, made ready to be imported.
    Dashboards {
        /// Writes the dashboards into this folder, ready to be imported by hand into the account of a stack.
        #[arg(long, value_name = "FOLDER")]
        export: PathBuf,
        /// The stack that they show.
        #[arg(long, value_name = "NAME")]
        stack: String,
        /// Its region, where it is not the AWS CLI's own.
        #[arg(long)]
        region: Option<String>,
    },
    /// Licences, bans and sources of dependencies.
    Deny,
    /// The command's tests over a deployed stack, which its default build leaves out.
    Stack,
    /// Every benchmark once, for compiling and panics; it measures nothing.
    Bench,
    /// The Lambda binaries, by `sam build`.
    Build,
    /// Holds the laws of tests/fuzz by libFuzzer, each for a while. Not a step of the gate, which holds them over a few thousand inputs.
    Fuzz {
        /// How long, for each law.
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        seconds: u32,
        /// One law, instead of all.
        law: Option<String>,
    },
    /// Runs every suite many times and lists each test that ever failed. Not a step of the gate: it takes hours.
    Flaky(#[command(flatten)] flaky::Options),
    /// Breaks the code in every small way that cargo-mutants knows, and wants a test to fail for each. Not a step of the gate: it takes hours.
    Mutants {
        /// Only mutants in these files, by their paths from the root.
        #[arg(long, value_name = "FILE")]
        file: Vec<String>,
        /// Only those that no test saw in the last run.
        #[arg(long)]
        survivors: bool,
        /// Judges what the last run left in target/mutants, and runs nothing.
        #[arg(long, conflicts_with_all = ["file", "survivors"])]
        judge: bool,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            shell::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Ci { skip, keep_going } => gate::run(&skip, keep_going),
        Task::Fmt => Step::Fmt.run(),
        Task::Clippy => Step::Clippy.run(),
        Task::Doc => Step::Doc.run(),
        Task::Test => Step::Test.run(),
        Task::Tidy => Step::Tidy.run(),
        Task::Template {
            expand: Some(file), ..
        } => template::expand_to(&file),
        Task::Template {
            expand: None,
            write,
        } => {
            if write {
                template::write()?;
            }
            Step::Template.run()
        }
        Task::Settings => settings::write(),
        Task::Telemetry { write } => {
            if write {
                telemetry::write()?;
            }
            Step::Telemetry.run()
        }
        Task::Cost { leads } => telemetry::cost(&leads),
        Task::Dashboards {
            export,
            stack,
            region,
        } => dashboard::export(&export, &stack, region.as_deref()),
        Task::Deny => Step::Deny.run(),
        Task::Stack => Step::Stack.run(),
        Task::Bench => Step::Bench.run(),
        Task::Build => Step::Build.run(),
        Task::Fuzz { seconds, law } => fuzz::run(seconds, law.as_deref()),
        Task::Flaky(options) => flaky::run(&options),
        Task::Mutants { judge: true, .. } => mutants::judge(),
        Task::Mutants {
            file, survivors, ..
        } => mutants::run(&file, survivors),
    }
}
