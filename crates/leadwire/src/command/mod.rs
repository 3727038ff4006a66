//! The commands. One file for each: what can be typed of it, and what it does.

mod alarms;
mod audit;
mod backup;
mod canary;
mod completion;
mod demo;
mod dlq;
mod doctor;
mod forget;
mod lead;
mod leads;
mod lookup;
mod parked;
mod quarantine;
mod replay;
mod send;
mod slo;
mod source;
mod sweep;
mod up;

use crate::home::with_home;
use crate::output::{Ended, Output};
use anyhow::Context as _;
use clap::{Parser, Subcommand};
use dlq::{Age, DlqCommand};
use leadwire_pipeline::settings::{IngestConfig, SweepConfig};
use lookup::LookupCommand;
use parked::ParkedCommand;
use quarantine::QuarantineCommand;
use source::SourceCommand;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;

/// Takes CRM webhooks, waits, adds the owner, and mails the people who must call. Loses no lead on the way.
#[derive(Debug, Parser)]
#[command(
    name = "leadwire",
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "\
Examples:
  leadwire demo                      See it work, in a quarter of a minute
  leadwire up                        Run the pipeline on this machine
  leadwire send --lead-id test-1     Post a sample lead to it
  leadwire lead test-1               What became of the lead

Exit codes: 0 done, 1 failed, 2 wrong usage."
)]
pub(crate) struct Cli {
    /// Write JSON, one document a line, for a program
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the pipeline on this machine
    Up(Box<up::UpArgs>),
    /// Show the whole pipeline at work with sample leads, scaled down to seconds
    #[command(after_help = "\
Examples:
  leadwire demo             A good lead, a duplicate, a late owner and a poisoned one, in ./leadwire-demo
  leadwire demo --json      The summary for a program")]
    Demo,
    /// Post a sample lead, signed, to any address
    Send(send::SendArgs),
    /// Send a lead of our own the whole way, and follow it
    Canary(canary::CanaryArgs),
    /// Put, import and list owner files
    #[command(subcommand)]
    Lookup(LookupCommand),
    /// List leads and where they stand
    Leads(leads::LeadsArgs),
    /// Tell what became of one lead
    Lead(lead::LeadArgs),
    /// List, show and redrive dead letters
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// List mails with unconfirmed delivery, and resolve them
    #[command(subcommand)]
    Parked(ParkedCommand),
    /// List, show and take again what a source signed and is no event
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// List the configured sources and what came to each, and find out why a request is refused
    #[command(subcommand)]
    Source(SourceCommand),
    /// Enrich leads once more, with today's owner files, and mail them again if that is wanted
    Replay(replay::ReplayArgs),
    /// Find leads whose trigger was lost, and enqueue them again
    Sweep(sweep::SweepArgs),
    /// Prove that no lead is lost: account for every event, and check what is stored
    Audit(audit::AuditArgs),
    /// Delete everything that is stored about one lead
    Forget(forget::ForgetArgs),
    /// Copy a data folder's database while it is in use
    Backup(backup::BackupArgs),
    /// Tell what calls for a person, and where to read on
    Alarms(alarms::AlarmsArgs),
    /// Tell how many leads were mailed in time, and how much of the budget is left
    Slo(slo::SloArgs),
    /// Check a data folder and its configuration
    Doctor(doctor::DoctorArgs),
    /// Write a completion script for a shell
    Completion(completion::CompletionArgs),
}

/// How long what still runs may take when a command has ended.
const WIND_UP: Duration = Duration::from_millis(500);

/// Carries out a command.
pub(crate) fn run(command: Command, output: &mut Output) -> anyhow::Result<Ended> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("could not start the runtime")?;
    let ended = runtime.block_on(dispatch(command, output));
    runtime.shutdown_timeout(WIND_UP);
    ended
}

/// What was typed is checked before any home is opened.
async fn dispatch(command: Command, output: &mut Output) -> anyhow::Result<Ended> {
    match command {
        Command::Completion(args) => completion::run(&args, output),
        Command::Send(args) => send::run(&args, output),
        Command::Up(args) => Box::pin(up::run(&args, output)).await,
        Command::Demo => Box::pin(demo::run(output)).await,
        Command::Backup(args) => backup::run(&args, output).await,
        Command::Alarms(args) => alarms::run(&args, output).await,
        Command::Slo(args) => slo::run(&args, output).await,
        Command::Doctor(args) => doctor::run(&args, output).await,
        Command::Lookup(command) => lookup(command, output).await,
        Command::Dlq(command) => dlq(command, output).await,
        Command::Parked(ParkedCommand::Ls(args)) => {
            with_home!(&args, home => parked::ls(&home, output))
        }
        Command::Parked(ParkedCommand::Resolve(args)) => {
            with_home!(&args.home, home => parked::resolve(&home, &args, output))
        }
        Command::Quarantine(command) => quarantine(command, output).await,
        Command::Source(SourceCommand::Ls(args)) => {
            let since = source::parse_since(&args)?;
            with_home!(&args.home, home => source::ls(&home, since, output))
        }
        Command::Source(SourceCommand::Check(args)) => source::check(&args, output).await,
        Command::Canary(args) => {
            let timeout = canary::parse_timeout(&args)?;
            with_home!(&args.home, home => canary::run(Arc::new(home), &args, timeout, output))
        }
        Command::Leads(args) => with_home!(&args.home, home => leads::run(&home, &args, output)),
        Command::Lead(args) => {
            let id = lead::parse_id(&args.lead_id)?;
            with_home!(&args.home, home => lead::run(&home, &id, args.trace, output))
        }
        Command::Replay(args) => {
            let selection = replay::parse(&args, output.is_json())?;
            with_home!(&args.home, home => replay::run(&home, &args, &selection, output))
        }
        Command::Sweep(args) => {
            let config = args.settings.read(SweepConfig::read)?;
            with_home!(&args.home, home => sweep::run(Arc::new(home), config, &args, output))
        }
        Command::Audit(args) => {
            let sweep = args.settings.read(SweepConfig::read)?;
            with_home!(&args.home, home => audit::run(Arc::new(home), sweep, output))
        }
        Command::Forget(args) => {
            let order = forget::parse(&args, output)?;
            with_home!(&args.home, home => forget::run(Arc::new(home), &args, order, output))
        }
    }
}

async fn lookup(command: LookupCommand, output: &mut Output) -> anyhow::Result<Ended> {
    match command {
        LookupCommand::Put(args) => {
            let file = lookup::owner_file(&args)?;
            with_home!(&args.home, lookup::mode(args.create), home => lookup::put(&home, file, output))
        }
        LookupCommand::Import(args) => match lookup::read_rows(&args, output)? {
            None => Ok(Ended::Failed),
            Some(rows) => {
                with_home!(&args.home, lookup::mode(args.create), home => lookup::import(&home, rows, output))
            }
        },
        LookupCommand::Ls(args) => with_home!(&args, home => lookup::ls(&home, output)),
    }
}

async fn quarantine(command: QuarantineCommand, output: &mut Output) -> anyhow::Result<Ended> {
    match command {
        QuarantineCommand::Ls(args) => with_home!(&args, home => quarantine::ls(&home, output)),
        QuarantineCommand::Show(args) => {
            with_home!(&args.home, home => quarantine::show(&home, &args, output))
        }
        QuarantineCommand::Retry(args) => {
            let config = args.settings.read(IngestConfig::read)?;
            with_home!(&args.home, home => quarantine::retry(Arc::new(home), &args, config, output))
        }
    }
}

async fn dlq(command: DlqCommand, output: &mut Output) -> anyhow::Result<Ended> {
    match command {
        DlqCommand::Ls(args) => {
            let age = Age::parse(&args.age)?;
            with_home!(&args.home, home => dlq::ls(&home, &args, age, output))
        }
        DlqCommand::Show(args) => with_home!(&args.home, home => dlq::show(&home, &args, output)),
        DlqCommand::Redrive(args) => {
            let age = Age::parse(&args.age)?;
            with_home!(&args.home, home => dlq::redrive(&home, &args, age, output))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_of_the_commands_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn redrive_wants_to_know_which() {
        assert!(Cli::try_parse_from(["leadwire", "dlq", "redrive"]).is_err());
        assert!(Cli::try_parse_from(["leadwire", "dlq", "redrive", "a", "--all"]).is_err());
        assert!(Cli::try_parse_from(["leadwire", "dlq", "redrive", "a", "b"]).is_ok());
        assert!(Cli::try_parse_from(["leadwire", "dlq", "redrive", "--all", "--dry-run"]).is_ok());
    }
}
