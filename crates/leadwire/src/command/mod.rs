//! One file per command.

mod completion;
mod demo;
mod dlq;
mod doctor;
mod lead;
mod leads;
mod lookup;
mod send;
mod sweep;
mod up;

use crate::cli::{Command, DlqCommand, LookupCommand};
use crate::home::operate;
use crate::output::{Ended, Output};
use anyhow::Context as _;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;

/// How long what still runs may take when a command has ended.
const WIND_UP: Duration = Duration::from_millis(500);

/// Carries out a command.
pub(crate) fn run(command: Command, output: &mut Output) -> anyhow::Result<Ended> {
    match command {
        Command::Completion(args) => completion::run(&args, output),
        Command::Send(args) => send::run(&args, output),
        Command::Up(args) => wait(up::run(&args, output)),
        Command::Demo(_) => wait(demo::run(output)),
        Command::Lookup(command) => wait(lookup(command, output)),
        Command::Leads(args) => {
            wait(async { leads::run(&operate(&args.home)?, &args, output).await })
        }
        Command::Lead(args) => {
            let lead_id = lead::parse_lead_id(&args)?;
            wait(async { lead::run(&operate(&args.home)?, &lead_id, output).await })
        }
        Command::Dlq(command) => wait(dlq(command, output)),
        Command::Sweep(args) => {
            let config = sweep::config(&args)?;
            wait(async { sweep::run(Arc::new(operate(&args.home)?), config, &args, output).await })
        }
        Command::Doctor(args) => wait(doctor::run(&args, output)),
    }
}

async fn lookup(command: LookupCommand, output: &mut Output) -> anyhow::Result<Ended> {
    match command {
        LookupCommand::Put(args) => lookup::put(&args, output).await,
        LookupCommand::Import(args) => lookup::import(&args, output).await,
        LookupCommand::Ls(args) => lookup::ls(&operate(&args.home)?, output).await,
    }
}

async fn dlq(command: DlqCommand, output: &mut Output) -> anyhow::Result<Ended> {
    match command {
        DlqCommand::Ls(args) => dlq::ls(&operate(&args.home)?, &args, output).await,
        DlqCommand::Show(args) => dlq::show(&operate(&args.home)?, &args, output).await,
        DlqCommand::Redrive(args) => dlq::redrive(&operate(&args.home)?, &args, output).await,
    }
}

fn wait(command: impl Future<Output = anyhow::Result<Ended>>) -> anyhow::Result<Ended> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("could not start the runtime")?;
    let ended = runtime.block_on(command);
    runtime.shutdown_timeout(WIND_UP);
    ended
}
