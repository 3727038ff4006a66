//! The pipeline at work on one machine: the server, the worker and the sweep over one data folder.

use crate::canary;
use crate::effects::Receivers;
use crate::home::{self, desk};
use crate::page::Pages;
use crate::refused::RefusedFiles;
use crate::server::{App, serve};
use crate::settings::{Log, Settings, SignaturePolicy};
use crate::telemetry_store;
use anyhow::Context as _;
use leadwire_local::{FileSecrets, LocalHome, LocalMailer, Runner, RunnerConfig, Spans};
use leadwire_pipeline::observe::MailServerUnusable;
use leadwire_pipeline::port::NoMailer;
use leadwire_pipeline::secrets::SecretCache;
use leadwire_pipeline::settings::{DEV, EnrichConfig};
use leadwire_pipeline::stage::enrich::{Enrich, Record};
use leadwire_pipeline::stage::ingest::Ingest;
use leadwire_pipeline::stage::sweep::Sweep;
use leadwire_telemetry::local::LocalMetrics;
use leadwire_telemetry::{Invocation, Names, TraceBudget, begin_record, sweep_span, traced};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::Span;

/// How often finished spans go out.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// An environment in which [`SecretCache`] refuses unsigned requests, also when `sources.json` is deleted later.
const SIGNED: &str = "signed";

/// What is asked of the pipeline while it works.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Whether it is to stop.
    pub(crate) stop: watch::Receiver<bool>,
    /// Notified when it is to read the sources again.
    pub(crate) reload: Arc<Notify>,
}

/// Works until it is asked to stop, then finishes what is under way, and stores its telemetry.
pub(crate) async fn run(
    home: &LocalHome,
    listener: TcpListener,
    settings: &Settings,
    runner: RunnerConfig,
    asked: Asked,
) -> anyhow::Result<()> {
    let metrics = LocalMetrics::install(&settings.enrich.environment, home::now);
    let (finish, finished) = watch::channel(false);
    let keeping = telemetry_store::run(home, metrics.clone(), finished);
    let app = Arc::new(app(home, settings, metrics));
    let working = async {
        let ended = work(home, (listener, app), settings, runner, asked).await;
        finish.send_replace(true);
        ended
    };
    tokio::join!(keeping, working).1
}

/// The spans of messages and sweeps: the same as in AWS, with the names of this machine's parts.
struct MachineSpans(Arc<Names>);

impl Spans for MachineSpans {
    fn begin(&self, record: &mut Record) {
        begin_record(record, &self.0, &Invocation::default());
    }

    fn sweep(&self) -> Span {
        sweep_span(&Invocation::default())
    }
}

async fn work(
    home: &LocalHome,
    (listener, app): (TcpListener, Arc<App>),
    settings: &Settings,
    runner: RunnerConfig,
    Asked { stop, reload }: Asked,
) -> anyhow::Result<()> {
    let mailer = match &settings.smtp {
        Some(server) => home.smtp(server.clone()),
        None => home.outbox(),
    };
    let introducing = tokio::spawn(introduce(mailer.clone()));
    let names = names(settings);
    let ports = Arc::new(traced(home.ports(mailer), &names));
    let config = EnrichConfig {
        boot: home.boot().map(str::to_owned),
        pace: leadwire_local::PACE,
        lease_seconds: leadwire_local::LEASE_SECONDS,
        ..settings.enrich.clone()
    };
    let runner = RunnerConfig {
        max_receive_count: config.max_receive_count,
        ..runner
    };
    let enrich = Enrich::new(Arc::clone(&ports), config);
    let sweep = Sweep::new(ports, settings.sweep).watching(sources(home, settings));
    let runner = Runner::new(home.queue(), enrich, Some(sweep), runner)
        .traced(MachineSpans(names))
        .watching(home.lookup());
    let address = listener.local_addr();
    let address = address.context("could not tell the address")?;
    let send_canaries = |every| canary::send_for_ever(home.clone(), address, every);
    let canary = settings
        .canary
        .map(|every| tokio::spawn(send_canaries(every)));
    let (stopping, wait, asked) = (home.stopping().clone(), settings.stop_wait, stop.clone());
    let mut worker = tokio::spawn(runner.run(async move {
        stopped(asked).await;
        stopping.begin(wait);
    }));
    let reloading = tokio::spawn(reload_for_ever(Arc::clone(&app), reload));
    let mut server = tokio::spawn(serve(listener, app, stopped(stop.clone())));
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
    reloading.abort();
    introducing.abort();
    // One that is under way is an event already, or is none.
    canary.inspect(tokio::task::JoinHandle::abort);
    leadwire_telemetry::flush().await;
    ended
}

/// Says at once where a mail server does not let us in: leads are taken all the same.
async fn introduce(mailer: LocalMailer) {
    if let Err(error) = mailer.introduce().await {
        MailServerUnusable { error: &error }.emit();
    }
}

/// Reads the sources again whenever that is asked for. A bad document changes nothing.
async fn reload_for_ever(app: Arc<App>, asked: Arc<Notify>) {
    loop {
        asked.notified().await;
        app.ingest.reload().await;
    }
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
    let mailer = settings.smtp.as_ref().map_or("Outbox", |_| "SMTP");
    Arc::new(Names::local(mailer))
}

/// The sources document, as one stage keeps it.
fn sources(home: &LocalHome, settings: &Settings) -> SecretCache<FileSecrets> {
    let environment = match settings.signatures {
        SignaturePolicy::Waived => DEV,
        SignaturePolicy::Required => SIGNED,
    };
    SecretCache::new(home.secrets(), environment)
}

fn app(home: &LocalHome, settings: &Settings, metrics: LocalMetrics) -> App {
    let ports = Arc::new(traced(home.ports(NoMailer), &names(settings)));
    let secrets = sources(home, settings);
    let canary = SecretCache::of_canary(home.canary_secret());
    let ingest = Ingest::new(ports, secrets, settings.ingest.clone()).with_canary(canary);
    // Lines of JSON name the span that is open, and a collector has its own rules.
    let is_own = settings.log == Log::Pretty && settings.spans.is_for_home_alone();
    let quiet = || ingest.over(Arc::new(home.ports(NoMailer)));
    App {
        ports: home.ports(NoMailer),
        flooded: is_own.then(|| (TraceBudget::default(), quiet())),
        ingest,
        refused: settings.refused.clone().map(RefusedFiles::start),
        pages: Pages {
            home: desk(home),
            telemetry: home.telemetry(),
            metrics,
            receivers: Receivers::new(settings.enrich.to.clone()),
        },
    }
}

/// Ends when the flag is set, or when its sender is gone.
async fn stopped(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        tracing::debug!("nothing is left to stop the pipeline; it stops");
    }
}
