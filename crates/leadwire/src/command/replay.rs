//! `replay`: shows what would change, asks, and sends leads through the queue once more. It sends no mail itself.

mod select;
mod show;

use crate::home::{self, HomeArgs, Operated};
use crate::output::{BAD, DIM, Ended, Output, plural};
use crate::usage::Usage;
use anyhow::Context as _;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args};
use futures_util::future::join_all;
use leadwire_domain::key::EventName;
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::message::Notify;
use leadwire_pipeline::operate::replay::{Order, Preview, Ready, Replayed, preview, replay};
use leadwire_pipeline::port::{Entropy as _, PortError};
use select::{Selection, select};
use serde_json::json;
use show::{Shown, show_changes, show_refusal};
use std::io::IsTerminal as _;

/// Whether a replay mails, each way with what it means.
fn notify_values() -> impl TypedValueParser<Value = Notify> {
    let changed = "Mail what differs from the newest document, as the pipeline finds it";
    let values = [
        PossibleValue::new("never").help("Send no mail"),
        PossibleValue::new("if-changed").help(changed),
        PossibleValue::new("force").help("Mail everything again"),
    ];
    PossibleValuesParser::new(values).map(|name| match name.as_str() {
        "if-changed" => Notify::IfChanged,
        "force" => Notify::Force,
        _ => Notify::Never,
    })
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
It shows what would change, asks, and sends the leads through the queue: document and mail are made by the pipeline.
Nothing that was stored before is overwritten. A lead that was forgotten is never replayed.
A time is 2026-11-23, 2026-11-23T06:50:00Z, or a span such as 90m, 12h or 3d ago, by when a lead was stored.

Examples:
  leadwire replay test-1 --dry-run                        What would change
  leadwire replay test-1                                  A new document, and no mail
  leadwire replay --from 2d --notify if-changed           Mail what changed among the leads of two days
  leadwire replay raw/crm_event_test-1_20261123T065000123456Z.json --notify force --yes
  leadwire replay --from 2d --notify force --resume 5f0c…  Go on where it was interrupted")]
#[command(group = ArgGroup::new("which").required(true).args(["ids", "from"]))]
pub(crate) struct ReplayArgs {
    /// The lead's id, an event's name, or the key of its raw object
    #[arg(value_name = "LEAD|KEY")]
    pub(crate) ids: Vec<String>,
    /// Every lead that was stored from this time on
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// And before this time [default: now]
    #[arg(long, value_name = "TIME", requires = "from")]
    pub(crate) to: Option<String>,
    /// Whether to mail
    #[arg(long, value_name = "WHEN", default_value = "never", value_parser = notify_values())]
    pub(crate) notify: Notify,
    /// Only show what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Go on with the run of this id, which was interrupted: what it did is not done again
    #[arg(long, value_name = "RUN")]
    pub(crate) resume: Option<String>,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

/// Leads that are looked at, or sent, at once.
const AT_ONCE: usize = 16;
/// Longest id of a run, in characters.
const RUN_CHARS_MAX: usize = 64;

/// Checks what was typed. Without a terminal `--yes` must have been given before anything is done.
pub(super) fn parse(args: &ReplayArgs, is_json: bool) -> Result<Selection, Usage> {
    let can_ask = !is_json && std::io::stdin().is_terminal();
    if !args.dry_run && !args.yes && !can_ask {
        return Err(Usage::of(
            "replay asks before it sends, and there is no terminal to ask at: give --yes, or --dry-run to only look",
        ));
    }
    let is_id = |run: &String| {
        let is_plain = run.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_plain && (1..=RUN_CHARS_MAX).contains(&run.len())
    };
    if let Some(run) = args.resume.as_ref().filter(|run| !is_id(run)) {
        let mistake = format!("--resume {run:?}: give the id of a run, as it was printed");
        return Err(Usage::of(mistake));
    }
    Selection::parse(args, home::now())
}

/// Looks, shows, asks and sends.
pub(super) async fn run<O: Operated>(
    home: &O,
    args: &ReplayArgs,
    selection: &Selection,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let (candidates, unknown) = select(home, selection).await?;
    let is_range = matches!(selection, Selection::Time { .. });
    if is_range {
        let count = candidates.len();
        output.json(&json!({ "selected": count }))?;
        output.line(format!("Stored in this time: {count}"))?;
    }
    let looked = look_at_all(home, &candidates, output).await?;
    let mut shown = Shown::default();
    for id in &unknown {
        shown.refused += 1;
        output.json(&json!({ "id": id, "refused": "not_found" }))?;
        output.line(format!("{BAD}{id}{BAD:#}  no such lead or event here"))?;
    }
    let mut ready = Vec::new();
    for ((name, lead), looked) in candidates.iter().zip(looked) {
        match looked {
            Preview::Ready(event) if lead.as_ref().is_none_or(|lead| lead == event.lead_id()) => {
                show_changes(&event, is_range, &mut shown, output)?;
                ready.push(*event);
            }
            // Another lead's, whose id only begins alike.
            Preview::Ready(_) => {}
            Preview::Refused(refusal) => {
                show_refusal(name, refusal, is_range, &mut shown, output)?;
            }
        }
    }
    shown.sum_up(output)?;
    let is_whole = shown.refused == 0;
    if args.dry_run || ready.is_empty() {
        return Ok(Ended::when(is_whole));
    }
    if !args.yes && !output.ask(&question(args.notify, ready.len()))? {
        output.line("Nothing was sent.")?;
        return Ok(Ended::Failed);
    }
    let ended = send_all(home, args, &ready, output).await?;
    Ok(Ended::when(is_whole && ended == Ended::Done))
}

async fn look_at_all<O: Operated>(
    home: &O,
    candidates: &[(EventName, Option<LeadId>)],
    output: &mut Output,
) -> anyhow::Result<Vec<Preview>> {
    let mut looked = Vec::with_capacity(candidates.len());
    for some in candidates.chunks(AT_ONCE) {
        let previews = join_all(some.iter().map(|(name, _)| preview(home, name))).await;
        for ((name, _), preview) in some.iter().zip(previews) {
            looked.push(preview.with_context(|| name.to_string())?);
            output.progress("looked at", looked.len(), candidates.len())?;
        }
    }
    Ok(looked)
}

fn question(notify: Notify, count: usize) -> String {
    let mail = match notify {
        Notify::Never => "mail nobody",
        Notify::IfChanged => "mail those that changed",
        Notify::Force => "mail every one of them again",
    };
    format!("Replay {}, and {mail}?", plural(count, "event"))
}

async fn send_all<O: Operated>(
    home: &O,
    args: &ReplayArgs,
    ready: &[Ready],
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let order = Order {
        notify: args.notify,
        is_resumed: args.resume.is_some(),
        run: args.resume.clone().unwrap_or_else(|| new_run(home)),
    };
    let run = &order.run;
    output.json(&json!({ "run": run, "notify": order.notify.code() }))?;
    output.line(format!(
        "{DIM}Run {run}. Should it be interrupted, the same line with --resume {run} goes on.{DIM:#}"
    ))?;
    let (all, mut sent, mut is_whole) = (ready.len(), 0, true);
    for some in ready.chunks(AT_ONCE) {
        let results = join_all(some.iter().map(|event| replay(home, event, &order))).await;
        let mut failed: Option<PortError> = None;
        for (event, result) in some.iter().zip(results) {
            match result {
                Ok(replayed) => {
                    is_whole &= report(event, replayed, output)?;
                    sent += 1;
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(()), Err).with_context(|| {
            format!("stopped after {sent} of {all} events; go on with --resume {run}")
        })?;
    }
    output.line(format!("{sent} of {all} events done"))?;
    Ok(Ended::when(is_whole))
}

fn new_run<O: Operated>(home: &O) -> String {
    let bits = u128::from_be_bytes(home.entropy().bits());
    format!("{:016x}", bits >> 64)
}

/// Reports the outcome of one, and whether that was what was asked for.
fn report(event: &Ready, replayed: Replayed, output: &mut Output) -> anyhow::Result<bool> {
    let (revision, code, text) = match replayed {
        Replayed::Queued { revision } => (Some(revision), "queued", "in the queue".to_owned()),
        Replayed::DoneBefore { revision } => {
            let text = "was done before the interruption".to_owned();
            (Some(revision), "done_before", text)
        }
        Replayed::OtherOrder { notify } => {
            let notify = notify.code().replace('_', "-");
            (
                None,
                "other_order",
                format!("this run replays with --notify {notify}"),
            )
        }
    };
    let (name, lead_id) = (&event.name, event.lead_id());
    output.json(&json!({
        "event": name.to_string(), "lead_id": lead_id, "revision": revision, "result": code,
    }))?;
    let name = name.clone().with_revision(revision.unwrap_or(0));
    output.line(format!("{lead_id}  {name}  {text}"))?;
    Ok(revision.is_some())
}
