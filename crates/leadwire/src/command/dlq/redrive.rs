//! `dlq redrive`: which dead letters are meant, and what became of each.

use super::{Age, DlqRedriveArgs, is_meant, is_within, lead_of, name_of};
use crate::home::Operated;
use crate::output::{BAD, Ended, Output};
use anyhow::Context as _;
use jiff::Timestamp;
use leadwire_domain::key::EventName;
use leadwire_pipeline::ledger::{Failure, Ledger};
use leadwire_pipeline::operate::redrive::{Redrive, Redriven, preview};
use leadwire_pipeline::port::Clock as _;
use serde_json::json;
use std::collections::BTreeSet;

/// Redrives what is meant; dead letters that are not meant are given back.
pub(in crate::command) async fn redrive<O: Operated>(
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
