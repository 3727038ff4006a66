//! The command: reads what to do, does it, prints what came of it.

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Parser, Subcommand};
use leadwire_load::flood;
use leadwire_load::report::Report;
use leadwire_load::smtp::MailFault;
use leadwire_load::soak::{self, Soak};
#[cfg(feature = "aws")]
use leadwire_load::stack;
#[cfg(feature = "aws")]
use leadwire_tests::{flood::Flood, kill::Kind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;
use tempfile::TempDir;

/// Load and chaos, held against what is promised.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    run: Run,
    /// One JSON document instead of a table
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Run {
    /// Many leads at once, and many events of one lead at one instant, through the one-machine home
    Flood(FloodArgs),
    /// Minutes of kills and faults for the one-machine home
    Soak(SoakArgs),
    /// Many leads through the real functions, over a cloud in memory
    #[cfg(feature = "aws")]
    Lambda(LambdaArgs),
    /// Minutes of kills and faults for the real functions, over a cloud in memory
    #[cfg(feature = "aws")]
    LambdaSoak(LambdaSoakArgs),
    /// The real functions killed at every call, before and after it takes effect
    #[cfg(feature = "aws")]
    Kill(KillArgs),
}

#[cfg(feature = "aws")]
#[derive(Debug, Args)]
struct LambdaArgs {
    /// Leads with one event each
    #[arg(long, value_name = "N", default_value_t = 5000)]
    leads: usize,
    /// Environments of each function at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    environments: u16,
}

#[cfg(feature = "aws")]
#[derive(Debug, Args)]
struct LambdaSoakArgs {
    /// How long leads come
    #[arg(long, value_name = "N", default_value_t = 10)]
    minutes: u64,
    /// Seconds between two kills of every process at work
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    kill_every: u64,
    /// Leads a second
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// So many of a hundred calls fail
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=20))]
    faults: u32,
    /// What chance begins with
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

#[cfg(feature = "aws")]
#[derive(Debug, Args)]
struct KillArgs {
    /// Points at most, spread over all of them
    #[arg(long, value_name = "N", default_value_t = 200)]
    points: usize,
    /// S3 and SQS in memory instead of `LocalStack`
    #[arg(long)]
    memory: bool,
    /// Runs at once: they mostly wait for a message to come back
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    at_once: u16,
}

#[derive(Debug, Args)]
struct PlaceArgs {
    /// The command to try, instead of building it like this one
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Where the run's folder is made, and removed at its end; beside this executable by default
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Leaves the run's folder there
    #[arg(long)]
    keep: bool,
}

#[derive(Debug, Args)]
struct FloodArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Leads with one event each
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    leads: usize,
    /// Events of one lead at one instant
    #[arg(long, value_name = "N", default_value_t = 1000)]
    events: usize,
    /// Connections that are kept; `up` serves 256 at once
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,
    /// Seconds that each lead waits: longer than the posting takes, so that mailing is measured by itself
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    delay: u64,
}

#[derive(Debug, Args)]
struct SoakArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// How long leads come
    #[arg(long, value_name = "N", default_value_t = 10)]
    minutes: u64,
    /// Seconds between two kills, half of it more or less by chance; 0 kills once, at the end
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    kill_every: u64,
    /// Events a second
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=5000))]
    rate: u32,
    /// Seconds that each lead waits
    #[arg(long, value_name = "SECONDS", default_value_t = 6)]
    delay: u64,
    /// So many of a hundred mails fail, and so many requests
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=50))]
    faults: u32,
    /// What chance begins with
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let report = match &cli.run {
        Run::Flood(args) => run_flood(args)?,
        Run::Soak(args) => run_soak(args)?,
        #[cfg(feature = "aws")]
        Run::Lambda(args) => stack::flood(Flood {
            leads: args.leads,
            environments: usize::from(args.environments),
            batch: 10,
        })?,
        #[cfg(feature = "aws")]
        Run::LambdaSoak(args) => stack::soak(leadwire_tests::soak::Soak {
            lasts: Duration::from_secs(args.minutes * 60),
            kill_every: Duration::from_secs(args.kill_every),
            rate: args.rate,
            percent: args.faults,
            seed: args.seed,
        })?,
        #[cfg(feature = "aws")]
        Run::Kill(args) => {
            let kind = if args.memory {
                Kind::Memory
            } else {
                Kind::LocalStack
            };
            stack::kill(kind, args.points, usize::from(args.at_once))?
        }
    };
    let text = if cli.json {
        format!("{}\n", report.json())
    } else {
        report.table()
    };
    say(&text);
    Ok(if report.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn run_flood(args: &FloodArgs) -> Result<Report> {
    args.place.with(|binary, folder| {
        flood::run(&flood::Flood {
            binary: binary.to_owned(),
            folder: folder.to_owned(),
            leads: args.leads,
            events: args.events,
            connections: usize::from(args.connections),
            delay: Duration::from_secs(args.delay),
        })
    })
}

fn run_soak(args: &SoakArgs) -> Result<Report> {
    args.place.with(|binary, folder| {
        soak::run(&Soak {
            binary: binary.to_owned(),
            folder: folder.to_owned(),
            lasts: Duration::from_secs(args.minutes * 60),
            kill_every: Duration::from_secs(args.kill_every),
            rate: args.rate,
            delay: Duration::from_secs(args.delay),
            faults: vec![MailFault::Busy, MailFault::Refuse, MailFault::Close],
            percent: args.faults,
            seed: args.seed,
        })
    })
}

impl PlaceArgs {
    /// Runs with the command's binary and a folder of the run.
    fn with(&self, run: impl FnOnce(&Path, &Path) -> Result<Report>) -> Result<Report> {
        let here = std::env::current_exe()?;
        let here = here.parent().context("an executable lies in a folder")?;
        let binary = match &self.binary {
            Some(binary) => binary.clone(),
            None => built(here)?,
        };
        let parent = self.folder.as_deref().unwrap_or(here);
        let mut folder = TempDir::with_prefix_in("load-", parent)?;
        folder.disable_cleanup(self.keep);
        run(&binary, folder.path())
    }
}

/// The command, built as this program was, into the same folder.
fn built(here: &Path) -> Result<PathBuf> {
    let profile = here.file_name().and_then(|name| name.to_str());
    let profile = match profile {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let target = here.parent().context("a profile lies in a target folder")?;
    let built = Command::new("cargo")
        .args([
            "build",
            "--quiet",
            "--package",
            "leadwire",
            "--profile",
            profile,
        ])
        .arg("--target-dir")
        .arg(target)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .status()
        .context("cargo")?;
    ensure!(built.success(), "the command does not build");
    Ok(here.join("leadwire"))
}

#[expect(clippy::print_stdout, reason = "what a command is for")]
fn say(text: &str) {
    print!("{text}");
}
