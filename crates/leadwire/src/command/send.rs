//! `send`: a sample lead, as a CRM sends it.

use crate::client::{Client, Post, is_taken, named, target};
use crate::duration::render_time;
use crate::home::{self, FolderArgs};
use crate::output::{BAD, Ended, GOOD, Output, printable};
use crate::usage::Usage;
use anyhow::Context as _;
use clap::Args;
use leadwire_domain::lead::id::{EventId, LeadId};
use leadwire_domain::source::{Sample, Source, SourceConfig, SourceKind, SourceName, Sources};
use leadwire_pipeline::port::{Entropy as _, WebhookReply};
use serde_json::{Value, json};
use std::fmt::Display;

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire send
      A sample lead to the pipeline on this machine
  leadwire send --lead-id test-1 --name Alice --email alice@example.com
      A lead of your own
  leadwire send https://<API_ID>.execute-api.us-east-1.amazonaws.com/Prod/ingest --count 5
      Five leads, lead ids with -1 to -5 behind, to a deployed stack
  leadwire send --source close-eu
      As the CRM of this source of sources.json sends and signs it, to /ingest/close-eu
  leadwire send --source close --secret <64 hex digits>
      As Close sends and signs it, to /ingest/close, without a sources.json")]
pub(crate) struct SendArgs {
    #[arg(
        help = "Where to: the whole address, or only https://host, to which /ingest is added",
        value_name = "URL",
        default_value = "http://127.0.0.1:8787"
    )]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) folder: FolderArgs,
    /// As which source, by its name in sources.json of the data folder [default: what the address says, else generic]
    #[arg(long, value_name = "NAME", value_parser = SourceName::parse)]
    pub(crate) source: Option<SourceName>,
    /// The secret, of a source that is named after its kind [default: the first one of the source in sources.json]
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

/// Sends the leads one after the other. Done when each was taken.
pub(super) fn run(args: &SendArgs, output: &mut Output) -> anyhow::Result<Ended> {
    let (name, sender) = find_sender(args)?;
    let url = target(&args.url, name);
    let client = Client::new();
    let mut taken = 0;
    for number in 1..=args.count {
        let (sample, post) = prepare(args, &sender, number)?;
        let reply = client.post(&url, &post)?;
        taken += u32::from(is_taken(&reply));
        report(output, &sample, &reply)?;
    }
    if args.count > 1 {
        output.line(format!("{taken} of {} taken by {url}", args.count))?;
    }
    Ok(Ended::when(taken == args.count))
}

/// As whom the leads are sent.
enum Sender {
    Signed(Box<SourceConfig>),
    Unsigned(SourceKind),
}

/// The source with the secret that was given, else the one in `sources.json`; where there is no such file, a sender who signs nothing.
fn find_sender(args: &SendArgs) -> anyhow::Result<(SourceName, Sender)> {
    let asked = args.source.or_else(|| named(&args.url));
    let default = Source::default().name();
    let unsigned = |name: SourceName| {
        let kind = kind_of(name).unwrap_or_default();
        (name, Sender::Unsigned(kind))
    };
    if let Some(secret) = &args.secret {
        let name = asked.unwrap_or(default);
        return Ok((name, Sender::Signed(Box::new(with_secret(name, secret)?))));
    }
    let Some(document) = home::read_sources(&args.folder.data)? else {
        let name = asked.unwrap_or(default);
        if args.source.is_some() && kind_of(name).is_none() {
            let why = "there is no sources.json that says how it sends, and no kind of that name";
            return Err(Usage::of(format!("--source {name}: {why}")).into());
        }
        return Ok(unsigned(name));
    };
    let sources = Sources::parse(&document).context("could not read sources.json")?;
    let name = match asked {
        Some(name) => name,
        None => own(&sources, &args.url)?.unwrap_or(default),
    };
    match sources.get(name) {
        Some(source) => Ok((name, Sender::Signed(Box::new(source.clone())))),
        None if args.source.is_some() => {
            let why = format!("--source {name}: sources.json has {}", names(&sources));
            Err(Usage::of(why).into())
        }
        None => Ok(unsigned(name)),
    }
}

/// Which source is meant where none is named: of this machine's the default one or the only one; another machine has sources of its own.
fn own(sources: &Sources, url: &str) -> anyhow::Result<Option<SourceName>> {
    let is_here = ["://127.0.0.1", "://localhost", "://[::1]"];
    let is_here = is_here.into_iter().any(|host| url.contains(host));
    if !is_here || sources.get(Source::default().name()).is_some() {
        return Ok(None);
    }
    let mut all = sources.iter().map(|config| config.source().name());
    let only = all.next();
    if all.next().is_some() {
        let why = format!("which source? --source is one of {}", names(sources));
        return Err(Usage::of(why).into());
    }
    Ok(only)
}

fn names(sources: &Sources) -> String {
    let names = sources.iter().map(|config| config.source().to_string());
    names.collect::<Vec<_>>().join(", ")
}

/// The kind that has this name.
fn kind_of(name: SourceName) -> Option<SourceKind> {
    SourceKind::configurable().find(|kind| kind.name() == name.as_str())
}

/// A source that is named after its kind, which has nothing but secrets.
fn with_secret(name: SourceName, secret: &str) -> anyhow::Result<SourceConfig> {
    let kind = kind_of(name).filter(|kind| {
        let members = kind.example_members("");
        members
            .as_object()
            .is_some_and(|members| members.len() == 1)
    });
    let kind = kind.with_context(|| {
        format!("{name}: a secret is not all there is to it; put the source into sources.json, and leave --secret out")
    })?;
    kind.example(secret).context("the secret cannot be used")
}

fn prepare(args: &SendArgs, sender: &Sender, number: u32) -> anyhow::Result<(Sample, Post)> {
    let numbered = |text: &String| match args.count {
        1 => text.clone(),
        _ => format!("{text}-{number}"),
    };
    let event_id = match args.event_id.as_ref().map(numbered) {
        Some(id) => EventId::parse(&id).map_err(|error| wrong("--event-id", &error))?,
        None => EventId::from_random(home::entropy().bits()),
    };
    let lead_id = LeadId::from_text(&numbered(&args.lead_id));
    let now = home::now();
    let sample = Sample {
        lead_id: lead_id.map_err(|error| wrong("--lead-id", &error))?,
        name: args.name.clone(),
        email: args.email.clone(),
        event_id,
        made_at: args.event_id.is_none().then_some(now),
    };
    let post = match sender {
        Sender::Signed(source) => Post::signed(source, &sample, now)?,
        Sender::Unsigned(kind) => Post::unsigned(*kind, &sample),
    };
    Ok((sample, post))
}

fn wrong(flag: &str, error: &impl Display) -> Usage {
    Usage::of(format!("{flag}: {error}"))
}

fn report(output: &mut Output, sample: &Sample, reply: &WebhookReply) -> anyhow::Result<()> {
    let (status, lead_id) = (reply.status, &sample.lead_id);
    let body = String::from_utf8_lossy(&reply.body);
    let answer: Option<Value> = serde_json::from_str(&body).ok();
    let text = printable(&describe(answer.as_ref(), &body));
    let answer = answer.unwrap_or_else(|| body.into());
    output.json(&json!({ "lead_id": lead_id, "status": status, "answer": answer }))?;
    let style = if is_taken(reply) { GOOD } else { BAD };
    Ok(output.line(format!("{style}{status}{style:#}  {lead_id}  {text}"))?)
}

/// An answer in a line: of ours what matters, of others the beginning.
fn describe(answer: Option<&Value>, body: &str) -> String {
    let text = |value: &Value, name: &str| Some(value.get(name)?.as_str()?.to_owned());
    if let Some(event) = answer.and_then(|answer| answer.get("events")?.get(0)) {
        let is_again = event.get("duplicate") == Some(&Value::Bool(true));
        let again = if is_again { ", a duplicate" } else { "" };
        let due = text(event, "enrich_not_before").and_then(|time| time.parse().ok());
        let due = due.map_or_else(|| "?".to_owned(), render_time);
        let key = text(event, "s3_key").unwrap_or_default();
        return format!("accepted{again}, enriched from {due}, stored as {key}");
    }
    if let Some(problem) = answer {
        let any = |names: &[&str]| names.iter().find_map(|name| text(problem, name));
        let word = any(&["code", "status"]).unwrap_or_default();
        if let Some(detail) = any(&["detail", "reason", "message"]) {
            let line = format!("{word}: {detail}");
            return line.trim_start_matches(": ").to_owned();
        }
    }
    body.chars().take(200).collect()
}
