//! The pipeline at work on one machine: the server, the worker and the sweep over one data folder.

use crate::canary;
use crate::home::desk;
use crate::page::Pages;
use crate::server::{App, serve};
use crate::settings::{Door, Settings};
use crate::spans::MachineSpans;
use crate::telemetry_store;
use anyhow::Context as _;
use leadwire_local::{
    LocalHome, LocalPorts, OsEntropy, Runner, RunnerConfig, SqliteQueue, SqliteStore, SystemClock,
};
use leadwire_pipeline::config::{EnrichConfig, IngestConfig, LEASE_SECONDS, SweepConfig};
use leadwire_pipeline::port::{NoMailer, Ports};
use leadwire_pipeline::secrets::SecretCache;
use leadwire_pipeline::stage::enrich::Enrich;
use leadwire_pipeline::stage::ingest::Ingest;
use leadwire_pipeline::stage::sweep::Sweep;
use leadwire_telemetry::local::LocalMetrics;
use leadwire_telemetry::{Names, Traced, traced};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often finished spans go out.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// Visibility after the first transient failure, in seconds (README.md, `RETRY_SECONDS`).
const RETRY_SECONDS: u32 = 15;
/// More lost triggers than this: none is sent (README.md, `SWEEP_MAX`).
pub(crate) const SWEEP_MAX: usize = 100;
/// Older leads are left alone by the sweep, in days (README.md, `SWEEP_MAX_AGE_DAYS`).
pub(crate) const SWEEP_MAX_AGE_DAYS: u32 = 14;
/// What makes [`SecretCache`] take unsigned requests where there is no document.
const OPEN: &str = "dev";
/// What makes it refuse them, also when `sources.json` is deleted later.
const CLOSED: &str = "signed";

/// How quickly it works: the demo is faster than real life.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) runner: RunnerConfig,
    pub(crate) lease_seconds: u32,
    pub(crate) retry_seconds: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            runner: RunnerConfig::default(),
            lease_seconds: LEASE_SECONDS,
            retry_seconds: RETRY_SECONDS,
        }
    }
}

/// Works until `stop` says so, then finishes what is under way, and keeps what it told of itself.
pub(crate) async fn run(
    home: &LocalHome,
    listener: TcpListener,
    settings: &Settings,
    pace: Pace,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let metrics = telemetry_store::install(&settings.environment);
    let (finish, finished) = watch::channel(false);
    let keeping = telemetry_store::run(home, metrics.clone(), finished);
    let app = app(home, settings, metrics);
    let working = async {
        let ended = work(home, (listener, app), settings, pace, stop).await;
        finish.send_replace(true);
        ended
    };
    tokio::join!(keeping, working).1
}

/// The ports of this home, traced.
type TracedPorts<M> =
    Ports<Traced<SqliteStore>, Traced<SqliteQueue>, Traced<M>, SystemClock, OsEntropy>;

/// The stage `ingest` behind the server.
type LocalApp = App<LocalPorts<NoMailer>, TracedPorts<NoMailer>, leadwire_local::FileSecrets>;

async fn work(
    home: &LocalHome,
    (listener, app): (TcpListener, LocalApp),
    settings: &Settings,
    pace: Pace,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mailer = match &settings.smtp {
        Some(url) => home.smtp(url),
        None => home.outbox(),
    };
    let names = names(settings);
    let ports = Arc::new(traced(home.ports(mailer), &names));
    let enrich = Enrich::new(Arc::clone(&ports), enrich_config(home, settings, pace));
    let sweep = Sweep::new(ports, sweep_config(settings, pace));
    let runner =
        Runner::new(home.queue(), enrich, Some(sweep), pace.runner).traced(MachineSpans(names));
    let address = listener
        .local_addr()
        .context("could not tell the address")?;
    let canary = settings
        .canary
        .map(|every| tokio::spawn(canary::send_for_ever(home.clone(), address, every)));
    let mut worker = tokio::spawn(runner.run(stopped(stop.clone())));
    let mut server = tokio::spawn(serve(listener, Arc::new(app), stopped(stop.clone())));
    let flushing = tokio::spawn(flush_for_ever());
    let ended = tokio::select! {
        ended = &mut worker => {
            ended.context("the worker stopped")?;
            anyhow::ensure!(*stop.borrow(), "the worker ended by itself");
            server.await.context("the server stopped")
        }
        ended = &mut server => {
            ended.context("the server stopped")?;
            anyhow::ensure!(*stop.borrow(), "the server ended by itself");
            worker.await.context("the worker stopped")
        }
    };
    flushing.abort();
    // One that is under way is an event already, or is none.
    canary.inspect(tokio::task::JoinHandle::abort);
    leadwire_telemetry::flush().await;
    ended
}

/// Finished spans go out every second; a stage never waits for it.
async fn flush_for_ever() {
    let mut ticks = interval(FLUSH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let _now: Instant = ticks.tick().await;
        leadwire_telemetry::flush().await;
    }
}

/// The names of this machine's parts in spans.
fn names(settings: &Settings) -> Arc<Names> {
    Arc::new(Names::local(match &settings.smtp {
        Some(_) => "SMTP",
        None => "Outbox",
    }))
}

fn app(home: &LocalHome, settings: &Settings, metrics: LocalMetrics) -> LocalApp {
    let ports = Arc::new(traced(home.ports(NoMailer), &names(settings)));
    let environment = if settings.door == Door::Open {
        OPEN
    } else {
        CLOSED
    };
    let secrets = SecretCache::new(home.secrets(), environment);
    let config = IngestConfig {
        delay_seconds: settings.waits.delay_seconds,
    };
    let canary = SecretCache::of_canary(home.canary_secret());
    App {
        home: Arc::new(home.ports(NoMailer)),
        ingest: Ingest::new(ports, secrets, config).with_canary(canary),
        pages: Pages {
            home: desk(home),
            telemetry: home.telemetry(),
            metrics,
        },
    }
}

fn enrich_config(home: &LocalHome, settings: &Settings, pace: Pace) -> EnrichConfig {
    EnrichConfig {
        delay_seconds: settings.waits.delay_seconds,
        from: settings.from.clone(),
        to: settings.to.clone(),
        notify_owner: settings.notify_owner,
        ambiguous: settings.ambiguous,
        lease_seconds: pace.lease_seconds,
        owner_wait_seconds: settings.waits.owner_wait_seconds,
        owner_missing: settings.owner_missing,
        mail_wait_seconds: settings.waits.mail_wait_seconds,
        retry_seconds: pace.retry_seconds,
        max_receive_count: pace.runner.max_receive_count,
        lead_url: settings.lead_url.clone(),
        environment: settings.environment.clone(),
        boot: home.boot().map(str::to_owned),
    }
}

fn sweep_config(settings: &Settings, pace: Pace) -> SweepConfig {
    SweepConfig {
        delay_seconds: settings.waits.delay_seconds,
        owner_wait_seconds: settings.waits.owner_wait_seconds,
        mail_wait_seconds: settings.waits.mail_wait_seconds,
        visibility_seconds: u32::try_from(pace.runner.visibility.as_secs()).unwrap_or(u32::MAX),
        max: SWEEP_MAX,
        max_age_days: SWEEP_MAX_AGE_DAYS,
    }
}

/// Ends when the flag is set, or when nobody can set it any more.
async fn stopped(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        tracing::debug!("nobody is left to stop the pipeline; it stops");
    }
}
