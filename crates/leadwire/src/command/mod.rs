//! One file per command.

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
mod replay;
mod send;
mod slo;
mod sweep;
mod up;

use crate::cli::{Command, DlqCommand, LookupCommand, ParkedCommand};
use crate::home::with_home;
use crate::output::{Ended, Output};
use anyhow::Context as _;
use leadwire_local::Mode;
use leadwire_pipeline::settings::SweepConfig;
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
        Command::Canary(args) => {
            let timeout = canary::parse_timeout(&args)?;
            wait(async {
                with_home!(&args.home, Mode::Operate, home => {
                    Box::pin(canary::run(Arc::new(home), &args, timeout, output)).await
                })
            })
        }
        Command::Up(args) => wait(up::run(&args, output)),
        Command::Demo(_) => wait(demo::run(output)),
        Command::Lookup(command) => wait(lookup(command, output)),
        Command::Leads(args) => wait(async {
            with_home!(&args.home, Mode::Operate, home => leads::run(&home, &args, output).await)
        }),
        Command::Lead(args) => {
            let id = lead::parse_lead_id(&args)?;
            wait(async {
                with_home!(&args.home, Mode::Operate, home => lead::run(&home, &id, args.trace, output).await)
            })
        }
        Command::Dlq(command) => wait(dlq(command, output)),
        Command::Parked(command) => wait(parked(command, output)),
        Command::Replay(args) => {
            let wish = replay::Wish::parse(&args, output.is_json())?;
            wait(async {
                with_home!(&args.home, Mode::Operate, home => replay::run(&home, &wish, output).await)
            })
        }
        Command::Sweep(args) => {
            let config = args.settings.read(SweepConfig::read)?;
            wait(async {
                with_home!(&args.home, Mode::Operate, home => {
                    sweep::run(Arc::new(home), config, &args, output).await
                })
            })
        }
        Command::Audit(args) => {
            let lost_after = audit::lost_after(&args)?;
            wait(async {
                with_home!(&args.home, Mode::Operate, home => {
                    audit::run(Arc::new(home), lost_after, output).await
                })
            })
        }
        Command::Forget(args) => {
            let order = forget::parse(&args, output)?;
            wait(async {
                with_home!(&args.home, Mode::Operate, home => {
                    forget::run(Arc::new(home), &order, output).await
                })
            })
        }
        Command::Backup(args) => wait(backup::run(&args, output)),
        Command::Alarms(args) => wait(alarms::run(&args, output)),
        Command::Slo(args) => wait(slo::run(&args, output)),
        Command::Doctor(args) => wait(doctor::run(&args, output)),
    }
}

async fn lookup(command: LookupCommand, output: &mut Output) -> anyhow::Result<Ended> {
    match command {
        LookupCommand::Put(args) => {
            let file = lookup::owner_file(&args)?;
            with_home!(&args.home, Mode::Prepare, home => lookup::put(&home, file, output).await)
        }
        LookupCommand::Import(args) => {
            let Some(rows) = lookup::read_rows(&args, output)? else {
                return Ok(Ended::Failed);
            };
            with_home!(&args.home, Mode::Prepare, home => lookup::import(&home, rows, output).await)
        }
        LookupCommand::Ls(args) => {
            with_home!(&args.home, Mode::Operate, home => lookup::ls(&home, output).await)
        }
    }
}

async fn dlq(command: DlqCommand, output: &mut Output) -> anyhow::Result<Ended> {
    match command {
        DlqCommand::Ls(args) => {
            let age = dlq::Age::parse(&args.age)?;
            with_home!(&args.home, Mode::Operate, home => dlq::ls(&home, &args, age, output).await)
        }
        DlqCommand::Show(args) => {
            with_home!(&args.home, Mode::Operate, home => Box::pin(dlq::show(&home, &args, output)).await)
        }
        DlqCommand::Redrive(args) => {
            let age = dlq::Age::parse(&args.age)?;
            with_home!(&args.home, Mode::Operate, home => {
                dlq::redrive(&home, &args, age, output).await
            })
        }
    }
}

async fn parked(command: ParkedCommand, output: &mut Output) -> anyhow::Result<Ended> {
    match command {
        ParkedCommand::Ls(args) => {
            with_home!(&args.home, Mode::Operate, home => Box::pin(parked::ls(&home, output)).await)
        }
        ParkedCommand::Resolve(args) => {
            with_home!(&args.home, Mode::Operate, home => Box::pin(parked::resolve(&home, &args, output)).await)
        }
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
