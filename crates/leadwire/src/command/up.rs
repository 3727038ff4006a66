//! `up`: the pipeline on this machine.

use super::forget::make_at_start;
use crate::console;
use crate::duration::render_seconds;
use crate::home::{self, DATA_DEFAULT, FolderArgs};
use crate::output::{BOLD, DIM, Ended, GOOD, Output, WAIT};
use crate::service::{self, Asked};
use crate::settings::typed::Typed;
use crate::settings::{Log, Settings, SignaturePolicy};
use crate::telemetry_store::SpanWriter;
use anyhow::Context as _;
use clap::Args;
use leadwire_domain::source::{Source, SourceConfig, Sources};
use leadwire_local::{LocalHome, Mode, RunnerConfig};
use leadwire_pipeline::observe::{FolderWarning, ServerStarted, ServerStopping};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};

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
Without it only unsigned requests to /ingest are taken, and only from this machine. SIGHUP reads it
again; one that is wrong changes nothing.")]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,
    #[command(flatten)]
    pub(crate) settings: Typed,
}

/// Runs until a signal stops it.
pub(super) async fn run(args: &UpArgs, output: &mut Output) -> anyhow::Result<Ended> {
    // From the first moment on: it would end a process that does not listen to it.
    let mut hangup = listen_to(SignalKind::hangup())?;
    let settings = check(args, output)?;
    let listener = listen(settings.bind).await?;
    let address = listener.local_addr();
    let address = address.context("could not tell the address")?;
    let home = LocalHome::open(&args.folder.data, Mode::Serve)?;
    let sink = Arc::new(SpanWriter(home.telemetry()));
    leadwire_telemetry::start_spans(&settings.spans, Some(sink));
    let rust_log = args.settings.text("--rust-log");
    console::start(&settings, rust_log.as_deref());
    for warning in &home.report().warnings {
        let warning = warning.to_string();
        FolderWarning { warning }.emit();
    }
    make_at_start(&home).await?;
    // A caller that sees this line may stop it at once.
    let mut signals = Signals::listen()?;
    announce(&settings, &home, address, output)?;
    let (stop, stopped) = watch::channel(false);
    let reload = Arc::new(Notify::new());
    let asked = Asked {
        stop: stopped,
        reload: Arc::clone(&reload),
    };
    let service = service::run(&home, listener, &settings, RunnerConfig::default(), asked);
    let mut service = std::pin::pin!(service);
    loop {
        tokio::select! {
            ended = &mut service => {
                ended?;
                anyhow::bail!("the pipeline ended by itself");
            }
            _ = hangup.recv() => reload.notify_one(),
            () = signals.next() => break,
        }
    }
    output.line(format!("\n{DIM}Stopping: finishing what is under way. Everything accepted is kept. Again to stop at once.{DIM:#}"))?;
    ServerStopping {}.emit();
    stop.send_replace(true);
    tokio::select! {
        ended = &mut service => ended?,
        () = signals.next() => {}
    }
    Ok(Ended::Done)
}

/// Every mistake in one go: the flags' own, the mail server's URL, `sources.json`.
fn check(args: &UpArgs, output: &mut Output) -> anyhow::Result<Settings> {
    let mut typed = args.settings.clone();
    if output.is_json() {
        typed.set("--log", "json");
    }
    let lookup = |name: &str| {
        let is_flag = name.starts_with('-');
        if is_flag { typed.text(name) } else { env(name) }
    };
    let sources = home::read_sources(&args.folder.data)?;
    let settings = Settings::read(&lookup, sources.as_deref())?;
    if settings.log == Log::Json {
        output.use_json();
    }
    Ok(settings)
}

/// OpenTelemetry's own variables have no flags: they are documented elsewhere.
#[expect(
    clippy::disallowed_methods,
    reason = "the command's other variables are read by its flags"
)]
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let advice = if error.kind() == io::ErrorKind::AddrInUse {
            "another program listens there; stop it, or choose another address with --bind"
        } else {
            "choose another address with --bind"
        };
        anyhow::Error::new(error).context(format!("could not listen at {address}: {advice}"))
    })
}

fn listen_to(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("could not listen to signals")
}

/// Ctrl-C and SIGTERM, from now on.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: listen_to(SignalKind::interrupt())?,
            terminate: listen_to(SignalKind::terminate())?,
        })
    }

    /// Waits for the first of either.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Says where to post, where owner files go, and where mails appear.
fn announce(
    settings: &Settings,
    home: &LocalHome,
    address: SocketAddr,
    output: &mut Output,
) -> io::Result<()> {
    let (folder, waits) = (home.folder(), &settings.enrich);
    let own_url = format!("http://{address}/ingest");
    ServerStarted {
        url: &own_url,
        data: folder.path().display().to_string(),
        delay_seconds: waits.delay_seconds,
        environment: &waits.environment,
        signed: settings.signatures == SignaturePolicy::Required,
        smtp: settings.smtp.is_some(),
        canary_seconds: settings.canary.map(|every| every.as_secs()),
    }
    .emit();
    let (data, lookup) = (folder.path().display(), folder.lookup());
    let mails = match settings.smtp {
        Some(_) => "are sent by SMTP".to_owned(),
        None => format!("{}/*.eml", folder.outbox().display()),
    };
    let public = settings.public_url.as_ref();
    let public = public.map(|url| format!("{url}/ingest"));
    let url = public.as_ref().unwrap_or(&own_url);
    let delay = render_seconds(waits.delay_seconds);
    let owner = render_seconds(waits.owner_wait_seconds);
    let addresses = addresses(folder.path(), url);
    let lines = [
        format!("{GOOD}leadwire runs.{GOOD:#} Data folder {data}"),
        format!("  Post leads to  {}", addresses.join("\n                 ")),
        format!("  Owner files    {}/<lead_id>.json", lookup.display()),
        format!("  Mails          {mails}"),
        format!("  Look at it     {}", page(address)),
        format!("  A lead waits   {delay}, then up to {owner} for its owner file"),
        String::new(),
    ];
    let hints = try_it(settings, folder.path(), &own_url);
    for line in lines.iter().chain(&hints) {
        output.line(line)?;
    }
    let stop = "Ctrl-C stops it; everything accepted is kept.";
    output.line(format!("\n{DIM}{stop}{DIM:#}\n"))
}

/// The configured sources; none where unsigned leads are taken.
fn sources_of(folder: &Path) -> Vec<Source> {
    // It was read and found good when the settings were.
    let text = home::read_sources(folder).ok().flatten();
    let sources = text.and_then(|text| Sources::parse(&text).ok());
    let sources = sources.iter().flat_map(Sources::iter);
    sources.map(SourceConfig::source).collect()
}

/// The addresses of the configured sources under `/ingest`.
fn addresses(folder: &Path, url: &str) -> Vec<String> {
    let base = url.strip_suffix("/ingest").unwrap_or(url);
    let sources = sources_of(folder);
    let address = |source: &Source| {
        let (path, kind) = (source.name().path(), source.kind());
        format!("{BOLD}{base}{path}{BOLD:#}  ({kind})")
    };
    if sources.is_empty() {
        vec![format!("{BOLD}{url}{BOLD:#}")]
    } else {
        sources.iter().map(address).collect()
    }
}

/// The start page's address on this machine, the only one that it is shown to.
fn page(address: SocketAddr) -> String {
    if address.ip().is_loopback() {
        format!("http://{address}/")
    } else {
        format!("http://127.0.0.1:{}/", address.port())
    }
}

/// What to paste to see it work.
fn try_it(settings: &Settings, folder: &Path, url: &str) -> Vec<String> {
    let mut data = String::new();
    if folder != Path::new(DATA_DEFAULT) {
        data = format!(" --data {}", folder.display());
    }
    let is_open = settings.signatures == SignaturePolicy::Waived;
    let mut lines = vec!["Try it:".to_owned()];
    if is_open {
        lines.push(format!(
            "  curl -X POST {url} -H 'Content-Type: application/json' \\"
        ));
        lines.push("    -d '{\"lead_id\":\"test-1\",\"display_name\":\"Alice\",\"lead_email\":\"alice@example.com\"}'".to_owned());
    } else {
        let sources = sources_of(folder);
        let named = sources.first().map(|source| format!(" --source {source}"));
        let named = named.unwrap_or_default();
        lines.push(format!(
            "  leadwire send {url}{named} --lead-id test-1{data}"
        ));
    }
    lines.push(format!("  leadwire lookup put test-1 --owner Omar{data}"));
    lines.push(format!("  leadwire lead test-1{data}"));
    if is_open {
        let why = "No sources.json: unsigned leads are taken";
        let from = if settings.bind.ip().is_loopback() {
            "this machine"
        } else {
            "every machine that can reach it"
        };
        lines.push(format!("{WAIT}{why}{WAIT:#} from {from}."));
    }
    lines
}
