//! `dlq`: what failed for good, why, and again.

use crate::command::lead;
use crate::command::leads::EVENT_ID_CHARS_SHOWN;
use crate::duration::{parse_age, render_relative};
use crate::home::{HomeArgs, Operated};
use crate::output::{BAD, Cell, DIM, Ended, GOOD, Output, plural, printable, shorten};
use crate::usage::Usage;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::failure::{FailureReason, FailureRecord};
use leadwire_domain::key::EventName;
use leadwire_domain::lead::id::LeadId;
use leadwire_pipeline::ledger::queue::QueueSnapshot;
use leadwire_pipeline::ledger::{Failure, Ledger};
use leadwire_pipeline::operate::quarantine;
use leadwire_pipeline::operate::redrive::{Redrive, Redriven, preview};
use leadwire_pipeline::port::Clock as _;
use serde_json::json;
use std::collections::BTreeSet;

/// Which failures, by their age.
#[derive(Clone, Debug, Args)]
pub(crate) struct AgeArgs {
    /// Only what failed longer ago than this, such as 90m, 12h or 3d
    #[arg(long, value_name = "TIME")]
    pub(crate) older_than: Option<String>,
    /// Only what failed within this time
    #[arg(long, value_name = "TIME")]
    pub(crate) newer_than: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DlqCommand {
    /// List what failed for good and is not settled
    Ls(DlqLsArgs),
    /// Show one failure: why, what to do, and its message
    Show(DlqShowArgs),
    /// Send dead letters again: a copy goes to the queue, then the dead letter is deleted
    Redrive(DlqRedriveArgs),
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire dlq ls
  leadwire dlq ls --reason owner_missing
  leadwire dlq ls --newer-than 2h")]
pub(crate) struct DlqLsArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    /// Only those that failed for this reason
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) age: AgeArgs,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire dlq show test-1
  leadwire dlq show crm_event_test-1_20261123T065000123456Z")]
pub(crate) struct DlqShowArgs {
    /// The event's name, event id, lead id or message id
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

#[derive(Clone, Debug, Args)]
#[command(
    override_usage = "leadwire dlq redrive [OPTIONS] <ID…|--all|--reason R|--older-than T|--newer-than T>"
)]
#[command(after_help = "\
It is safe to repeat: what is queued already is left alone, and a lead is never mailed twice.

Examples:
  leadwire dlq redrive test-1                     One lead
  leadwire dlq redrive --reason owner_missing     After the owner files were put
  leadwire dlq redrive --newer-than 2h            Everything that failed since a deployment went wrong
  leadwire dlq redrive --all --dry-run            What would be sent")]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true)
    .args(["ids", "all", "reason", "older_than", "newer_than"]))]
pub(crate) struct DlqRedriveArgs {
    /// The event's name, event id, lead id or message id
    #[arg(value_name = "ID", conflicts_with_all = ["all", "reason", "older_than", "newer_than"])]
    pub(crate) ids: Vec<String>,
    /// Everything that `dlq ls` lists
    #[arg(long, conflicts_with_all = ["reason", "older_than", "newer_than"])]
    pub(crate) all: bool,
    /// Everything that failed for this reason
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) age: AgeArgs,
    /// Only say what would be sent
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

/// Which failures are meant, by how long ago they failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Age {
    older_than: Option<SignedDuration>,
    newer_than: Option<SignedDuration>,
}

impl Age {
    /// Checks what was typed.
    pub(super) fn parse(args: &AgeArgs) -> Result<Self, Usage> {
        let age = |flag: &str, text: &Option<String>| {
            let age = text.as_ref().map(|text| {
                let wrong = || Usage::of(format!("{flag} {text:?}: give a time such as 12h or 3d"));
                parse_age(text).ok_or_else(wrong)
            });
            age.transpose()
        };
        Ok(Self {
            older_than: age("--older-than", &args.older_than)?,
            newer_than: age("--newer-than", &args.newer_than)?,
        })
    }

    /// Whether a failure is within it. One that cannot be read has no age, and is meant only where any age is.
    fn holds(self, failure: &Failure, now: Timestamp) -> bool {
        let is_any = self.older_than.is_none() && self.newer_than.is_none();
        let Some(record) = &failure.record else {
            return is_any;
        };
        let age = now.duration_since(record.failed_at);
        self.older_than.is_none_or(|limit| age > limit)
            && self.newer_than.is_none_or(|limit| age < limit)
    }
}

/// Whether a failure is the one that a person means.
fn is_meant(failure: &Failure, id: &str) -> bool {
    let is_name = |name: &EventName| name.to_string() == id || name.raw_key() == id;
    let lead = LeadId::from_text(id).ok();
    let is_record = |record: &FailureRecord| {
        record.message_id == id
            || (lead.is_some() && record.lead_id == lead)
            || record
                .event_id
                .as_ref()
                .is_some_and(|event| event.as_str() == id)
    };
    failure.key == id
        || failure.name.as_ref().is_some_and(is_name)
        || failure.record.as_ref().is_some_and(is_record)
}

fn is_within(failure: &Failure, reason: Option<&str>, age: Age, now: Timestamp) -> bool {
    reason.is_none_or(|reason| reason == reason_code(failure)) && age.holds(failure, now)
}

fn reason_code(failure: &Failure) -> &'static str {
    let record = failure.record.as_ref();
    record.map_or("unreadable", |record| record.reason.code())
}

fn lead_of(failure: &Failure) -> String {
    let record = failure.record.as_ref();
    let lead = record.and_then(|record| record.lead_id.as_ref());
    lead.map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// A failure's name for people and for `redrive`.
fn name_of(failure: &Failure) -> String {
    let name = failure.name.as_ref();
    name.map_or_else(|| failure.key.clone(), ToString::to_string)
}

/// `dlq ls`.
pub(super) async fn ls<O: Operated>(
    home: &O,
    args: &DlqLsArgs,
    age: Age,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let now = home.clock().now();
    let mut failures = Ledger::new(home.store()).failures().await?;
    failures.retain(|failure| is_within(failure, args.reason.as_deref(), age, now));
    let look = home.look().await?;
    for failure in &failures {
        output.json(&json!({
            "event": failure.name.as_ref().map(ToString::to_string),
            "key": failure.key,
            "reason": reason_code(failure),
            "advice": failure.record.as_ref().map(|record| record.reason.advice()),
            "effects": failure.effects,
            "failure": failure.record,
            "queued": is_queued(&look, failure),
        }))?;
    }
    let kept = quarantine::count(home).await?;
    if failures.is_empty() {
        output.line(format!("{GOOD}Nothing failed.{GOOD:#}"))?;
        mention(kept, output)?;
        return Ok(Ended::Done);
    }
    let rows = failures.iter().map(|failure| row(failure, &look, now));
    let headings = [
        "LEAD", "EVENT", "FAILED", "REASON", "NOT SENT", "RECEIVES", "",
    ];
    output.table(&headings, &rows.collect::<Vec<_>>())?;
    output.line("")?;
    let reasons = failures
        .iter()
        .filter_map(|failure| failure.record.as_ref());
    let reasons: BTreeSet<FailureReason> = reasons.map(|record| record.reason).collect();
    for reason in reasons {
        let (code, advice) = (reason.code(), reason.advice());
        output.line(format!("{BAD}{code}{BAD:#}  {advice}"))?;
    }
    output.line(format!(
        "{DIM}More: dlq show LEAD    Again: dlq redrive LEAD, or --reason REASON, or --all{DIM:#}"
    ))?;
    mention(kept, output)?;
    Ok(Ended::Done)
}

/// What never became an event is no failure of one, and is not listed here.
fn mention(kept: usize, output: &mut Output) -> anyhow::Result<()> {
    if kept > 0 {
        let requests = plural(kept, "request");
        output.line(format!(
            "{BAD}{requests}{BAD:#} in quarantine: quarantine ls"
        ))?;
    }
    Ok(())
}

fn row(failure: &Failure, look: &QueueSnapshot, now: Timestamp) -> Vec<Cell> {
    let record = failure.record.as_ref();
    let event = record.and_then(|record| record.event_id.as_ref());
    let event = event.map_or_else(|| name_of(failure), ToString::to_string);
    let failed = record.map(|record| render_relative(record.failed_at, now));
    let receives = record.map(|record| record.receives.to_string());
    let is_queued = is_queued(look, failure);
    vec![
        Cell::plain(lead_of(failure)),
        Cell::styled(shorten(&event, EVENT_ID_CHARS_SHOWN), DIM),
        Cell::plain(failed.unwrap_or_default()),
        Cell::styled(reason_code(failure), BAD),
        Cell::plain(not_sent(failure)),
        Cell::plain(receives.unwrap_or_default()),
        Cell::plain(if is_queued { "in the queue again" } else { "" }),
    ]
}

fn not_sent(failure: &Failure) -> String {
    match &*failure.effects {
        [] => String::new(),
        [effect] => effect.to_string(),
        several => format!("{} receivers", several.len()),
    }
}

fn is_queued(look: &QueueSnapshot, failure: &Failure) -> bool {
    let name = failure.name.as_ref();
    name.is_some_and(|name| look.is_queued(name))
}

/// `dlq show`.
pub(super) async fn show<O: Operated>(
    home: &O,
    args: &DlqShowArgs,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let ledger = Ledger::new(home.store());
    let mut failures = ledger.failures().await?;
    failures.retain(|failure| is_meant(failure, &args.id));
    anyhow::ensure!(
        !failures.is_empty(),
        "nothing that failed has the id {:?}; `dlq ls` lists what did",
        args.id
    );
    let look = home.look().await?;
    let now = home.clock().now();
    for failure in &failures {
        let Some(name) = &failure.name else {
            show_stranger(failure, &look, output)?;
            continue;
        };
        let event = ledger.history(&look, name.clone()).await?;
        let known = lead::Known::of(home, event.lead_id()).await?;
        lead::report(&event, &known, None, now, output)?;
        for letter in &event.dead {
            let (id, receives, body) =
                (&letter.message_id, letter.receives, printable(&letter.body));
            output.line(format!(
                "  Dead letter {id}, received {receives} times:\n  {body}"
            ))?;
        }
    }
    Ok(Ended::Done)
}

/// A message that names no event.
fn show_stranger(
    failure: &Failure,
    look: &QueueSnapshot,
    output: &mut Output,
) -> anyhow::Result<()> {
    let record = failure.record.as_ref();
    let id = record.map(|record| &record.message_id);
    let mut letters = look.dead_strangers.iter();
    let letter = letters.find(|letter| Some(&letter.message_id) == id);
    output.json(&json!({ "key": failure.key, "failure": failure.record, "body": letter.map(|letter| &letter.body) }))?;
    let (key, code) = (&failure.key, reason_code(failure));
    output.line(format!("{key}  {BAD}{code}{BAD:#}"))?;
    if let Some(record) = record {
        output.line(format!("  What to do: {}", record.reason.advice()))?;
    }
    if let Some(letter) = letter {
        output.line(format!("  Its message: {}", printable(&letter.body)))?;
    }
    Ok(())
}

/// Redrives what is meant; dead letters that are not meant are given back.
pub(super) async fn redrive<O: Operated>(
    home: &O,
    args: &DlqRedriveArgs,
    age: Age,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let now = home.clock().now();
    let failures = Ledger::new(home.store()).failures().await?;
    let is_unknown = |id: &&String| !failures.iter().any(|failure| is_meant(failure, id));
    let unknown: Vec<&String> = args.ids.iter().filter(is_unknown).collect();
    let is_wanted = |failure: &&Failure| is_wanted(failure, args, age, now);
    let mut wanted: Vec<Failure> = failures.iter().filter(is_wanted).cloned().collect();
    let queue = home.look().await?;
    let mut sent = 0;
    if args.dry_run {
        for want in &wanted {
            let done = want.name.as_ref().map(|name| preview(&queue, name));
            sent += usize::from(done == Some(Redriven::Sent));
            report(output, want, done, "would be sent")?;
        }
    } else {
        let mut redrive = Redrive::begin(home, &queue).await?;
        if args.all {
            wanted.extend(settled_leftovers(redrive.events(), &failures));
        }
        let all = send_all(&mut redrive, &wanted, output).await;
        redrive.end().await?;
        sent = all?;
    }
    for id in &unknown {
        output.json(&json!({ "id": id, "result": "not found" }))?;
        output.line(format!("{BAD}{id}{BAD:#}  not found in `dlq ls`"))?;
    }
    let would_be = if args.dry_run { "would be " } else { "" };
    output.line(format!("{sent} of {} {would_be}sent", wanted.len()))?;
    Ok(Ended::when(unknown.is_empty()))
}

fn is_wanted(failure: &Failure, args: &DlqRedriveArgs, age: Age, now: Timestamp) -> bool {
    if !args.ids.is_empty() {
        return args.ids.iter().any(|id| is_meant(failure, id));
    }
    is_within(failure, args.reason.as_deref(), age, now)
}

/// Dead letters of events that came to their end by another message: they would keep the alarm up for ever.
fn settled_leftovers<'a>(
    events: impl Iterator<Item = &'a EventName>,
    failures: &[Failure],
) -> Vec<Failure> {
    let listed = failures.iter().filter_map(|failure| failure.name.as_ref());
    let listed: BTreeSet<&EventName> = listed.collect();
    let leftovers = events.filter(|name| !listed.contains(name));
    let failure = |name: &EventName| Failure {
        key: name.failed_key(),
        name: Some(name.clone()),
        record: None,
        effects: Vec::new(),
    };
    leftovers.map(failure).collect()
}

/// Sends what is wanted, up to the first error. Returns how many were sent.
async fn send_all<O: Operated>(
    redrive: &mut Redrive<'_, O>,
    wanted: &[Failure],
    output: &mut Output,
) -> anyhow::Result<usize> {
    let mut sent = 0;
    for want in wanted {
        let mut done = None;
        if let Some(name) = &want.name {
            let sending = redrive.send(name).await;
            done = Some(sending.with_context(|| name_of(want))?);
        }
        sent += usize::from(done == Some(Redriven::Sent));
        report(output, want, done, "sent")?;
    }
    Ok(sent)
}

fn report(
    output: &mut Output,
    want: &Failure,
    done: Option<Redriven>,
    sent: &str,
) -> anyhow::Result<()> {
    let (lead_id, shown) = (lead_of(want), name_of(want));
    let result = match done {
        Some(Redriven::Sent) => sent,
        Some(Redriven::QueuedAlready) => "in the queue already",
        Some(Redriven::LetterGone) => {
            "its dead letter, which said whether it mails, is gone; replay it again"
        }
        None => "names no event; nothing can be sent",
    };
    output.json(&json!({ "event": shown, "lead_id": lead_id, "result": result }))?;
    output.line(format!("{lead_id}  {shown}  {result}"))?;
    Ok(())
}
