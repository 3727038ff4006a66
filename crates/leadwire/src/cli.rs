//! What can be typed, and its help.

mod audit;
mod backup;
mod canary;
mod dlq;
mod forget;
mod lookup;
mod parked;
mod replay;
mod watch;

pub(crate) use audit::AuditArgs;
pub(crate) use backup::BackupArgs;
pub(crate) use canary::CanaryArgs;
pub(crate) use dlq::{AgeArgs, DlqCommand, DlqLsArgs, DlqRedriveArgs, DlqShowArgs};
pub(crate) use forget::ForgetArgs;
pub(crate) use lookup::{LookupCommand, LookupImportArgs, LookupPutArgs};
pub(crate) use parked::{ParkedCommand, ParkedResolveArgs};
pub(crate) use replay::ReplayArgs;
pub(crate) use watch::{AlarmsArgs, DoctorArgs, SloArgs};

use crate::settings::typed::{Sweep, Typed, Up};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use leadwire_domain::source::Source;
use leadwire_pipeline::ledger::history::LeadState;
use std::path::PathBuf;

/// The sources that `send` can be, by name.
fn source_names() -> PossibleValuesParser {
    PossibleValuesParser::new(Source::configurable().map(Source::as_str))
}

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
    Demo(DemoArgs),
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

/// `up`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire up
      Take leads at http://127.0.0.1:8787/ingest and put mails into ./leadwire-data/outbox
  leadwire up --delay 30s --to you@example.com
      A short delay, to try things
  LEADWIRE_SMTP='smtp://user:password@mail.example.com:587' \\
  leadwire up --from leads@example.com --to team@example.com,boss@example.com \\
      --public-url https://hooks.example.com --environment prod
      For real: mails by SMTP, requests from a reverse proxy, secrets in ./leadwire-data/sources.json

Secrets of the CRMs are in sources.json in the data folder:
  {\"close\":{\"secrets\":[\"<64 hex digits>\"]},\"generic\":{\"secrets\":[\"whsec_...\"]}}
Without it only unsigned requests to /ingest are taken, and only from this machine.")]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,
    #[command(flatten)]
    pub(crate) settings: Typed<Up>,
}

/// `demo`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire demo             A good lead, a duplicate, a late owner and a poisoned one, in ./leadwire-demo
  leadwire demo --json      The summary for a program")]
pub(crate) struct DemoArgs {}

/// `send`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire send
      A sample lead to the pipeline on this machine
  leadwire send --lead-id test-1 --name Alice --email alice@example.com
      A lead of your own
  leadwire send https://<API_ID>.execute-api.us-east-1.amazonaws.com/Prod/ingest --count 5
      Five leads, lead ids with -1 to -5 behind, to a deployed stack
  leadwire send --source close --secret <64 hex digits>
      As Close sends and signs it, to /ingest/close")]
pub(crate) struct SendArgs {
    #[arg(
        help = "Where to: the whole address, or only https://host, to which /ingest is added",
        value_name = "URL",
        default_value = "http://127.0.0.1:8787"
    )]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) folder: FolderArgs,
    /// As which source [default: what the address says, else generic]
    #[arg(long, value_name = "SOURCE", value_parser = source_names())]
    pub(crate) source: Option<String>,
    /// The signing secret [default: the first one of the source in sources.json of the data folder]
    #[arg(
        long,
        value_name = "SECRET",
        env = "LEADWIRE_SECRET",
        hide_env_values = true
    )]
    pub(crate) secret: Option<String>,
    /// The lead's id
    #[arg(long, value_name = "ID", default_value = "test-1")]
    pub(crate) lead_id: String,
    /// The lead's name
    #[arg(long, value_name = "NAME", default_value = "Alice Example")]
    pub(crate) name: String,
    /// The lead's own address
    #[arg(long, value_name = "ADDRESS", default_value = "alice@example.com")]
    pub(crate) email: String,
    /// The event's id; the same id again is a duplicate [default: a new one]
    #[arg(long, value_name = "ID")]
    pub(crate) event_id: Option<String>,
    /// How many leads
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) count: u32,
}

/// `leads`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire leads                     The newest 50
  leadwire leads --stage waiting     Only those that wait
  leadwire leads --limit 1000 --json | jq .
  leadwire leads --stack crm-ingestion-dev")]
pub(crate) struct LeadsArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    /// At most so many, the newest first
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
    /// Only those in this stage
    #[arg(long, value_name = "STAGE", value_parser = lead_states())]
    pub(crate) stage: Option<LeadState>,
    /// The canaries instead, which are left out otherwise
    #[arg(long)]
    pub(crate) canary: bool,
}

/// The states by name, each with what it means.
fn lead_states() -> impl TypedValueParser<Value = LeadState> {
    let help = |state| match state {
        LeadState::Waiting => "For its delay, its owner file or the mail service",
        LeadState::Ready => "Due, and in the queue or under way",
        LeadState::Retrying => "It failed and is tried again",
        LeadState::Mailed => "Its mail went out",
        LeadState::Parked => "Delivery of its mail is not confirmed; a person must decide",
        LeadState::Dead => "It failed for good",
        LeadState::Forgotten => "It was forgotten on request",
        LeadState::Silent => "A replay that mailed nobody",
        LeadState::Lost => "Neither an end nor a trigger; the sweep enqueues it again",
    };
    let states = LeadState::ALL.iter();
    let values = states.map(|state| PossibleValue::new(state.as_str()).help(help(*state)));
    PossibleValuesParser::new(values).map(|name| {
        let mut states = LeadState::ALL.iter().copied();
        let state = states.find(|state| state.as_str() == name);
        state.expect("the parser takes these names only")
    })
}

/// `lead`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire lead test-1
  leadwire lead test-1 --trace      And what took how long, from the webhook to the mail
  leadwire lead test-1 --json")]
pub(crate) struct LeadArgs {
    /// The lead's id
    pub(crate) lead_id: String,
    /// Show its trace too: every span, from the webhook to the mail, the wait in between and each attempt
    #[arg(long)]
    pub(crate) trace: bool,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

/// `sweep`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
`up` sweeps by itself. Give the same --delay, --owner-wait and --mail-wait (or environment) as to `up`:
a lead counts as lost only after all of them.

Examples:
  leadwire sweep --dry-run     What would be enqueued again
  leadwire sweep --confirm     Go on although more than --max were found")]
pub(crate) struct SweepArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    #[command(flatten)]
    pub(crate) settings: Typed<Sweep>,
    /// Only say what would be sent
    #[arg(long, conflicts_with = "confirm")]
    pub(crate) dry_run: bool,
    /// Send although more than --max were found
    #[arg(long)]
    pub(crate) confirm: bool,
}

/// `completion`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire completion bash > ~/.local/share/bash-completion/completions/leadwire
  leadwire completion zsh > ~/.zfunc/_leadwire
  leadwire completion fish > ~/.config/fish/completions/leadwire.fish")]
pub(crate) struct CompletionArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
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
