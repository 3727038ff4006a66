//! The commands. What can be typed of each, and its help, stands in its own file.

use crate::command::{
    alarms::AlarmsArgs, audit::AuditArgs, backup::BackupArgs, canary::CanaryArgs,
    completion::CompletionArgs, dlq::DlqCommand, doctor::DoctorArgs, forget::ForgetArgs,
    lead::LeadArgs, leads::LeadsArgs, lookup::LookupCommand, parked::ParkedCommand,
    replay::ReplayArgs, send::SendArgs, slo::SloArgs, sweep::SweepArgs, up::UpArgs,
};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

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
    Up(Box<UpArgs>),
    /// Show the whole pipeline at work with sample leads, scaled down to seconds
    #[command(after_help = "\
Examples:
  leadwire demo             A good lead, a duplicate, a late owner and a poisoned one, in ./leadwire-demo
  leadwire demo --json      The summary for a program")]
    Demo,
    /// Post a sample lead, signed, to any address
    Send(SendArgs),
    /// Send a lead of our own the whole way, and follow it
    Canary(CanaryArgs),
    /// Put, import and list owner files
    #[command(subcommand)]
    Lookup(LookupCommand),
    /// List leads and where they stand
    Leads(LeadsArgs),
    /// Tell what became of one lead
    Lead(LeadArgs),
    /// List, show and redrive dead letters
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// List mails with unconfirmed delivery, and resolve them
    #[command(subcommand)]
    Parked(ParkedCommand),
    /// Enrich leads once more, with today's owner files, and mail them again if that is wanted
    Replay(ReplayArgs),
    /// Find leads whose trigger was lost, and enqueue them again
    Sweep(SweepArgs),
    /// Prove that no lead is lost: account for every event, and check what is stored
    Audit(AuditArgs),
    /// Delete everything that is stored about one lead
    Forget(ForgetArgs),
    /// Copy a data folder's database while it is in use
    Backup(BackupArgs),
    /// Tell what calls for a person, and where to read on
    Alarms(AlarmsArgs),
    /// Tell how many leads were mailed in time, and how much of the budget is left
    Slo(SloArgs),
    /// Check a data folder and its configuration
    Doctor(DoctorArgs),
    /// Write a completion script for a shell
    Completion(CompletionArgs),
}

/// The default data folder of commands.
pub(crate) const DATA_DEFAULT: &str = "./leadwire-data";

/// The data folder.
#[derive(Clone, Debug, Args)]
pub(crate) struct FolderArgs {
    /// The data folder
    #[arg(long, value_name = "DIR", env = "LEADWIRE_DATA", default_value = DATA_DEFAULT)]
    pub(crate) data: PathBuf,
}

/// Which home a command works on.
#[derive(Clone, Debug, Args)]
pub(crate) struct HomeArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,
    /// Work on a deployed stack instead, by its name (needs a build with --features aws)
    #[arg(long, value_name = "NAME", env = "LEADWIRE_STACK")]
    pub(crate) stack: Option<String>,
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
