//! `canary`: sends a lead of our own the whole way, and follows it.

use crate::canary::Door;
use crate::client::target;
use crate::command::leads::EventLine;
use crate::duration::{parse_seconds, render, render_time};
use crate::home::{HomeArgs, Operated};
use crate::output::{DIM, Ended, Output, style_of};
use crate::status::{advice, explain};
use crate::usage::Usage;
use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use leadwire_domain::key::EventName;
use leadwire_domain::source::{Source, SourceKind, canary::LEAD_ID};
use leadwire_pipeline::ledger::Ledger;
use leadwire_pipeline::ledger::history::{EventHistory, EventStatus, LeadState};
use leadwire_pipeline::operate::canary::{Accepted, Canary};
use leadwire_pipeline::port::{Clock as _, PortError, SecretStore};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
A canary is a lead of our own that goes the whole way: the signed webhook, the delay, the owner file, the mail. On AWS its mail goes to \
SES's mailbox simulator; on one machine the mail server, or the outbox, is tried up to where a mail would reach somebody. `up` and \
a stack send one every 15 minutes by themselves.

Examples:
  leadwire canary
      Send one to the pipeline on this machine, and follow it until it is mailed
  leadwire canary --stack crm-ingestion-dev
      The same for a deployed stack
  leadwire canary --no-follow --json

Exit codes: 0 mailed, 1 failed or not in time, 2 wrong usage.")]
pub(crate) struct CanaryArgs {
    /// Where `up` listens; a stack's own address is known
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8787")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    /// How long it may take [default: two minutes more than its delay]
    #[arg(long, value_name = "TIME")]
    pub(crate) timeout: Option<String>,
    /// Only send it
    #[arg(long)]
    pub(crate) no_follow: bool,
}

/// Between two looks at where it stands.
const LOOK: Duration = Duration::from_secs(1);
/// How long after its delay a canary may be mailed, where nothing else was asked for: twice what a lead may take.
const GRACE: Duration = Duration::from_mins(2);

/// The canary's secret, as the home keeps it.
struct Kept<O>(Arc<O>);

impl<O: Operated> SecretStore for Kept<O> {
    async fn fetch(&self) -> Result<Option<String>, PortError> {
        self.0.canary_secret().await
    }
}

/// How long it may take, where that was said.
pub(super) fn parse_timeout(args: &CanaryArgs) -> Result<Option<Duration>, Usage> {
    let timeout = args.timeout.as_ref().map(|text| {
        let wrong = || Usage::of(format!("--timeout {text:?}: give a time such as 15m"));
        let seconds = parse_seconds(text).ok_or_else(wrong)?;
        Ok(Duration::from_secs(seconds.into()))
    });
    timeout.transpose()
}

/// Sends one. Done when it was mailed.
pub(super) async fn run<O: Operated>(
    home: Arc<O>,
    args: &CanaryArgs,
    timeout: Option<Duration>,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    if home.canary_secret().await?.is_none() {
        anyhow::bail!("there is no canary here: {}", O::WITHOUT_CANARY);
    }
    let stack = home.canary_url();
    let url = stack.unwrap_or_else(|| target(&args.url, Source::from(SourceKind::Canary).name()));
    let (door, secret) = (Door::to(url.clone()), Kept(Arc::clone(&home)));
    let canary = Canary::new(Arc::clone(&home), secret, door);
    let sent = canary.send().await.with_context(|| url)?;
    output.json(&sent)?;
    let (id, due) = (&sent.event_id, render_time(sent.enrich_not_before));
    output.line(format!("The canary {id} is accepted, enriched from {due}"))?;
    if args.no_follow {
        return Ok(Ended::Done);
    }
    follow(&*home, &sent, timeout, output).await
}

/// Prints its status as often as it changes, until it has come to its end.
async fn follow<O: Operated>(
    home: &O,
    sent: &Accepted,
    timeout: Option<Duration>,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let name = EventName::parse_raw_key(&sent.s3_key)?;
    let until_due = sent.enrich_not_before.duration_since(home.clock().now());
    let until_due = Duration::try_from(until_due).unwrap_or_default();
    let timeout = timeout.unwrap_or(until_due + GRACE);
    let deadline = Instant::now() + timeout;
    let mut reported = None;
    loop {
        let ledger = Ledger::new(home.store());
        let queue = home.messages_of(std::slice::from_ref(&name)).await?;
        let event = ledger.history(&queue, name.clone()).await?;
        let now = home.clock().now();
        let status = event.status(now);
        let news = Some((status.state, status.why.clone()));
        if reported != news {
            report(&event, &status, now, output)?;
            reported = news;
        }
        if status.state.is_end() {
            return Ok(Ended::when(status.state == LeadState::Mailed));
        }
        anyhow::ensure!(
            Instant::now() < deadline,
            "it was not mailed within {}; `leadwire lead {LEAD_ID}` shows where it stands",
            render(timeout.try_into().unwrap_or_default())
        );
        sleep(LOOK.min(deadline.saturating_duration_since(Instant::now()))).await;
    }
}

fn report(
    event: &EventHistory,
    status: &EventStatus,
    now: Timestamp,
    output: &mut Output,
) -> anyhow::Result<()> {
    output.json(&EventLine::new(event, status))?;
    let (style, state) = (style_of(status.state), status.state.as_str());
    let accepted = event.received.as_ref().map(|received| received.accepted_at);
    let text = match (status.state, status.since.zip(accepted)) {
        (LeadState::Mailed, Some((mailed, accepted))) => {
            format!(" {} after it came", render(mailed.duration_since(accepted)))
        }
        _ => explain(status, now),
    };
    let clock = now.strftime("%H:%M:%SZ");
    let line = format!("{DIM}{clock}{DIM:#}  {style}{state}{style:#}{text}");
    output.line(line)?;
    if let Some(advice) = advice(event, status.state) {
        output.line(format!("What to do: {advice}"))?;
    }
    Ok(())
}
