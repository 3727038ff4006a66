//! One file per command: what can be typed of it, and what it does.

pub(crate) mod alarms;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod canary;
pub(crate) mod completion;
mod demo;
pub(crate) mod dlq;
pub(crate) mod doctor;
pub(crate) mod forget;
pub(crate) mod lead;
pub(crate) mod leads;
pub(crate) mod lookup;
pub(crate) mod parked;
pub(crate) mod replay;
pub(crate) mod send;
pub(crate) mod slo;
pub(crate) mod sweep;
pub(crate) mod up;

use crate::cli::Command;
use crate::home::with_home;
use crate::output::{Ended, Output};
use anyhow::Context as _;
use dlq::{Age, DlqCommand};
use leadwire_local::Mode;
use leadwire_pipeline::settings::SweepConfig;
use lookup::LookupCommand;
use parked::ParkedCommand;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;

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
            with_home!(&args.home, home => audit::run(Arc::new(home), sweep.lost_after(), output))
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
            with_home!(&args.home, Mode::Prepare, home => lookup::put(&home, file, output))
        }
        LookupCommand::Import(args) => match lookup::read_rows(&args, output)? {
            None => Ok(Ended::Failed),
            Some(rows) => {
                with_home!(&args.home, Mode::Prepare, home => lookup::import(&home, rows, output))
            }
        },
        LookupCommand::Ls(args) => with_home!(&args, home => lookup::ls(&home, output)),
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
