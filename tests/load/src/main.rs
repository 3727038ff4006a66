//! The command: reads what to do, does it, prints what came of it.

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Parser, Subcommand};
use leadwire_load::flood::{self, Flood};
#[cfg(feature = "aws")]
use leadwire_load::functions::Functions;
#[cfg(feature = "aws")]
use leadwire_load::kill;
use leadwire_load::machine::Machine;
use leadwire_load::million::{self, Million};
use leadwire_load::report::Report;
use leadwire_load::smtp::{MailFault, MailServer};
use leadwire_load::soak::{self, Soak};
#[cfg(feature = "aws")]
use leadwire_tests::{kill::Kind, program};
use std::io::Write as _;
use std::path::PathBuf;
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
    /// A million stored leads, and how long it takes to look at them
    Million(MillionArgs),
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
    #[command(flatten)]
    trouble: Trouble,
    /// Seconds between two kills of every process at work, half of it more or less by chance; 0 kills once, at the end
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    kill_every: u64,
    /// Events a second
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
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
struct MillionArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Leads with one event each
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    leads: usize,
    /// Connections that are kept
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,
}

#[derive(Clone, Copy, Debug, Args)]
struct Trouble {
    /// How long leads come
    #[arg(long, value_name = "N", default_value_t = 10)]
    minutes: u64,
    /// So many of a hundred mails or calls fail, and so many requests
    #[arg(long, value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=50))]
    faults: u32,
    /// What chance begins with
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
struct SoakArgs {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    trouble: Trouble,
    /// Seconds between two kills, half of it more or less by chance; 0 kills once, at the end
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    kill_every: u64,
    /// Events a second
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=5000))]
    rate: u32,
    /// Seconds that each lead waits
    #[arg(long, value_name = "SECONDS", default_value_t = 6)]
    delay: u64,
}

/// The longest delay there is: no lead is mailed while others are posted.
const NEVER: Duration = Duration::from_mins(15);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    let report = run(&cli.run).await?;
    let text = if cli.json {
        format!("{}\n", report.json())
    } else {
        report.table()
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::from(u8::from(!report.holds())))
}

async fn run(run: &Run) -> Result<Report> {
    #[cfg(feature = "aws")]
    if !matches!(run, Run::Flood(_) | Run::Million(_) | Run::Soak(_)) {
        program::adopt(program::released().await?);
    }
    match run {
        Run::Flood(args) => {
            let (binary, folder) = args.place.prepare()?;
            let delay = Duration::from_secs(args.delay);
            let machine = Machine::start(&binary, folder.path(), delay, None).await?;
            let flood = Flood {
                leads: args.leads,
                events: args.events,
                senders: usize::from(args.connections),
            };
            flood::run(flood, &machine).await
        }
        Run::Million(args) => {
            let (binary, folder) = args.place.prepare()?;
            let machine = Machine::start(&binary, folder.path(), NEVER, None).await?;
            let million = Million {
                leads: args.leads,
                senders: usize::from(args.connections),
            };
            let mut report = million::run(million, &machine).await?;
            million::hold(&mut report);
            Ok(report)
        }
        Run::Soak(args) => {
            let (binary, folder) = args.place.prepare()?;
            let delay = Duration::from_secs(args.delay);
            let faults = [MailFault::Busy, MailFault::Refuse, MailFault::Close];
            let mail = MailServer::start(&faults, args.trouble.faults, args.trouble.seed)?;
            let machine = Machine::start(&binary, folder.path(), delay, Some(mail)).await?;
            soak::run(args.trouble.soak(args.kill_every, args.rate), machine).await
        }
        #[cfg(feature = "aws")]
        Run::Lambda(args) => {
            let environments = usize::from(args.environments);
            let flood = Flood {
                leads: args.leads,
                events: 0,
                senders: environments,
            };
            flood::run(flood, &Functions::warm(environments).await?).await
        }
        #[cfg(feature = "aws")]
        Run::LambdaSoak(args) => {
            let Trouble { faults, seed, .. } = args.trouble;
            let functions = Functions::failing(3, faults, seed).await?;
            soak::run(args.trouble.soak(args.kill_every, args.rate), functions).await
        }
        #[cfg(feature = "aws")]
        Run::Kill(args) => {
            let kind = if args.memory {
                Kind::Memory
            } else {
                Kind::LocalStack
            };
            kill::run(kind, args.points, usize::from(args.at_once)).await
        }
    }
}

impl Trouble {
    fn soak(&self, kill_every: u64, rate: u32) -> Soak {
        Soak {
            lasts: Duration::from_secs(self.minutes * 60),
            kill_every: Duration::from_secs(kill_every),
            rate,
            percent: self.faults,
            seed: self.seed,
        }
    }
}

impl PlaceArgs {
    /// The command's binary, and a folder of the run.
    fn prepare(&self) -> Result<(PathBuf, TempDir)> {
        let here = std::env::current_exe()?;
        let here = here.parent().context("an executable lies in a folder")?;
        let binary = match &self.binary {
            Some(binary) => binary.clone(),
            None => built(here)?,
        };
        let parent = self.folder.as_deref().unwrap_or(here);
        let mut folder = TempDir::with_prefix_in("load-", parent)?;
        folder.disable_cleanup(self.keep);
        Ok((binary, folder))
    }
}

/// The command, built as this program was, into the same folder.
fn built(here: &std::path::Path) -> Result<PathBuf> {
    let profile = match here.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let target = here.parent().context("a profile lies in a target folder")?;
    let built = Command::new("cargo")
        .args(["build", "--quiet", "--package", "leadwire"])
        .args(["--profile", profile])
        .arg("--target-dir")
        .arg(target)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .status()
        .context("cargo")?;
    ensure!(built.success(), "the command does not build");
    Ok(here.join("leadwire"))
}
