//! `source`: what is configured to come in, what came, and why a request does not verify.

mod check;

use crate::activity::{self, Activity};
use crate::duration::{parse_age, render_relative};
use crate::home::{HomeArgs, Operated};
use crate::output::{BAD, Cell, DIM, Ended, Output, WAIT, plural, printable};
use crate::usage::Usage;
use anyhow::Context as _;
use check::CheckArgs;
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::source::{SourceConfig, SourceName, Sources};
use leadwire_pipeline::ledger::Ledger;
use leadwire_pipeline::port::{Clock as _, SecretStore as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Debug, Subcommand)]
pub(crate) enum SourceCommand {
    /// List the configured sources: what they take, what came, what was ignored and refused, and since when nothing has come
    Ls(LsArgs),
    /// Say why a source does not verify a saved request: which of the known mistakes it is, and what to do
    Check(CheckArgs),
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Counted are new events, events that were there (again), events of a type that the source is not configured to take, and
requests that were refused, with why. LAST is when something verified came: in the last 35 days on one machine, since
--since on a stack. A source with silence_hours has an alarm when that is too long ago.

On one machine the counts are from telemetry.db, which `up` writes. On a stack they are those of the lines in the log of
IngestionFunction, by CloudWatch Logs Insights: as far back as the log is kept, and with the stack's LogLevel at info. AWS
charges by what the log of that time holds.

Examples:
  leadwire source ls
  leadwire source ls --since 7d --json
  leadwire source ls --stack crm-ingestion-prod")]
pub(crate) struct LsArgs {
    /// Count what came in this time until now, at most 35d
    #[arg(long, value_name = "AGE", default_value = "24h")]
    pub(crate) since: String,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

pub(super) use check::run as check;

/// How far back minutes are kept.
const SINCE_MAX: SignedDuration = SignedDuration::from_hours(35 * 24);

/// What came, as far as the home knows.
struct Seen {
    /// By the source's name. `None` where that could not be read.
    came: Option<BTreeMap<String, Activity>>,
    /// When something verified was recorded last of the sources that have an alarm for their silence.
    heard: BTreeMap<SourceName, Timestamp>,
}

/// The time that counts.
pub(super) fn parse_since(args: &LsArgs) -> anyhow::Result<SignedDuration> {
    let since = parse_age(&args.since).filter(|since| *since <= SINCE_MAX);
    let wrong = || Usage::of("--since: an age such as 24h or 7d, at most 35d".to_owned());
    Ok(since.ok_or_else(wrong)?)
}

/// `source ls`.
pub(super) async fn ls<O: Operated>(
    home: &O,
    since: SignedDuration,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let now = home.clock().now();
    let text = home.sources().fetch().await?;
    let sources = match &text {
        Some(text) => Sources::parse(text).context("the sources document cannot be used")?,
        None => Sources::open_dev(),
    };
    let came = activity::see(home, now, since).await;
    let unread = came.as_ref().err().map(|error| format!("{error:#}"));
    let mut seen = Seen {
        came: came.ok(),
        heard: BTreeMap::new(),
    };
    if sources.iter().any(|config| config.silence().is_some()) {
        seen.heard = Ledger::new(home.store()).seen().await?;
    }
    let mut rows = Vec::new();
    for config in sources.iter() {
        let name = config.source();
        let came = seen.came.as_ref();
        let came = came.map(|came| came.get(name.as_str()).cloned().unwrap_or_default());
        let came = came.as_ref();
        output.json(&document(config, came, &seen, (since, now)))?;
        rows.push(row(config, came, &seen, now));
    }
    output.table(
        &[
            "SOURCE", "KIND", "PATH", "TAKES", "CAME", "IGNORED", "REFUSED", "LAST",
        ],
        &rows,
    )?;
    if let Some(why) = unread {
        let why = printable(&why);
        output.line(format!("\n{WAIT}What came is not known: {why}.{WAIT:#}"))?;
    }
    let strays = seen.came.as_ref().and_then(|came| came.get(""));
    let strays = strays.map(|came| activity::list(&came.refused));
    if let Some(strays) = strays.filter(|strays| !strays.is_empty()) {
        output.line(format!("\nAt no configured source: {WAIT}{strays}{WAIT:#}"))?;
    }
    if sources.is_open() {
        output.line(format!(
            "\n{DIM}There is no sources document: unsigned leads are taken at /ingest, in the environment dev alone.{DIM:#}"
        ))?;
    }
    Ok(Ended::Done)
}

fn document(
    config: &SourceConfig,
    came: Option<&Activity>,
    seen: &Seen,
    (since, now): (SignedDuration, Timestamp),
) -> Value {
    let source = config.source();
    json!({
        "source": source.as_str(), "kind": source.kind().name(), "path": source.name().path(),
        "events": config.events(), "status": config.status(), "secrets": config.secrets(),
        "tolerance_seconds": config.tolerance().as_secs(), "window_seconds": since.as_secs(),
        "accepted": came.map(|came| came.accepted), "duplicates": came.map(|came| came.duplicates),
        "ignored": came.map(|came| &came.ignored), "refused": came.map(|came| &came.refused),
        "last_at": came.and_then(|came| came.last), "silence": silence(config, seen, now),
    })
}

/// What there is to say of the alarm for its silence, where it has one.
fn silence(config: &SourceConfig, seen: &Seen, now: Timestamp) -> Value {
    let heard_at = seen.heard.get(&config.source().name());
    config.silence().map_or(Value::Null, |limit| {
        let is_silent = heard_at.is_some_and(|at| config.is_silent(*at, now));
        json!({ "hours": limit.as_hours(), "since": heard_at, "is_silent": is_silent })
    })
}

/// When something verified came last, and what follows where that is too long ago.
fn last(config: &SourceConfig, came: Option<&Activity>, seen: &Seen, now: Timestamp) -> Cell {
    let heard_at = seen.heard.get(&config.source().name()).copied();
    // What was recorded begins with the sweep that found the alarm, so it says less than a count.
    let known = came.map_or(heard_at, |came| came.last);
    let unknown = came.map_or("?", |_| "nothing seen");
    let text = known.map_or(unknown.to_owned(), |last| render_relative(last, now));
    let Some(limit) = config.silence() else {
        return Cell::plain(text);
    };
    let alarm = format!("alarm after {} h", limit.as_hours());
    match heard_at.filter(|at| config.is_silent(*at, now)) {
        Some(since) => Cell::styled(format!("silent since {since:.0}, {alarm}"), BAD),
        None => Cell::plain(format!("{text}, {alarm}")),
    }
}

fn row(config: &SourceConfig, came: Option<&Activity>, seen: &Seen, now: Timestamp) -> Vec<Cell> {
    let source = config.source();
    let takes = config.events().map(|types| types.join(", "));
    let events = |came: &Activity| {
        let again = match came.duplicates {
            0 => String::new(),
            count => format!(", {count} again"),
        };
        format!("{}{again}", plural(came.accepted, "event"))
    };
    let known = |text: fn(&Activity) -> String| came.map_or("?".to_owned(), text);
    vec![
        Cell::plain(source.to_string()),
        Cell::plain(source.kind().name()),
        Cell::plain(source.name().path()),
        Cell::plain(takes.unwrap_or_else(|| "everything".to_owned())),
        Cell::plain(came.map_or("?".to_owned(), events)),
        Cell::styled(
            known(|came| printable(&activity::list(&came.ignored))),
            WAIT,
        ),
        Cell::styled(known(|came| printable(&activity::list(&came.refused))), BAD),
        last(config, came, seen, now),
    ]
}
