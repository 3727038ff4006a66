//! `dlq redrive`: dead letters sent again. The copy goes first, then the dead letter: what fails in between only doubles a trigger, which is
//! harmless, because a claim lets nobody mail twice.

use super::{is_meant, is_queued, lead_of, name_of, reason_code};
use crate::cli::DlqRedriveArgs;
use crate::home::Operated;
use crate::output::{BAD, Ended, Output};
use crate::view::{Failure, QueueLook, Queued, by_event, list_failures};
use anyhow::Context as _;
use leadwire_domain::key::EventName;
use leadwire_domain::trigger::Trigger;
use leadwire_domain::wait::Waiting;
use leadwire_pipeline::port::{DelayQueue as _, OutgoingMessage};
use leadwire_pipeline::trace::TraceContext;
use serde_json::json;
use std::collections::BTreeMap;

/// What redriving does to one failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Redriven {
    Sent,
    WouldSend,
    QueuedAlready,
    NotAnEvent,
}

impl Redriven {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::WouldSend => "would be sent",
            Self::QueuedAlready => "in the queue already",
            Self::NotAnEvent => "names no event; nothing can be sent",
        }
    }
}

/// What is to be redriven.
struct Wanted {
    lead_id: String,
    shown: String,
    name: Option<EventName>,
}

impl Wanted {
    fn of(failure: &Failure) -> Self {
        Self {
            lead_id: lead_of(failure),
            shown: name_of(failure),
            name: failure.name.clone(),
        }
    }
}

/// Redrives what is meant; dead letters that are not meant are given back.
pub(in crate::command) async fn redrive<O: Operated>(
    home: &O,
    args: &DlqRedriveArgs,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let failures = list_failures(home.store()).await?;
    let unknown: Vec<&String> = args
        .ids
        .iter()
        .filter(|id| !failures.iter().any(|failure| is_meant(failure, id)))
        .collect();
    let mut wanted: Vec<Wanted> = failures
        .iter()
        .filter(|failure| is_wanted(failure, args))
        .map(Wanted::of)
        .collect();
    let look = home.look().await?;
    let sent = if args.dry_run {
        let done = |want: &Wanted| match &want.name {
            None => Redriven::NotAnEvent,
            Some(name) if is_queued(&look, Some(name)) && look.dead(name).is_empty() => {
                Redriven::QueuedAlready
            }
            Some(_) => Redriven::WouldSend,
        };
        for want in &wanted {
            tell(output, want, done(want))?;
        }
        wanted
            .iter()
            .filter(|want| done(want) == Redriven::WouldSend)
            .count()
    } else {
        let (letters, strangers) = by_event(home.take_dead().await?);
        if args.all {
            wanted.extend(settled_leftovers(&letters, &failures));
        }
        let sent = send_all(home, &look, (&wanted, &letters), output).await;
        give_back(home, &wanted, &letters, &strangers).await?;
        sent?
    };
    for id in &unknown {
        output.json(&json!({ "id": id, "result": "not found" }))?;
        output.line(format!("{BAD}{id}{BAD:#}  not found in `dlq ls`"))?;
    }
    let verb = if args.dry_run {
        "would be sent"
    } else {
        "sent"
    };
    output.line(format!("{sent} of {} {verb}", wanted.len()))?;
    Ok(Ended::when(unknown.is_empty()))
}

fn is_wanted(failure: &Failure, args: &DlqRedriveArgs) -> bool {
    let reason = args.reason.as_deref();
    args.all
        || reason.is_some_and(|reason| reason == reason_code(failure))
        || args.ids.iter().any(|id| is_meant(failure, id))
}

type Letters = BTreeMap<EventName, Vec<Queued>>;

/// Dead letters of events that came to their end by another message: they would keep the alarm up for ever.
fn settled_leftovers(letters: &Letters, failures: &[Failure]) -> Vec<Wanted> {
    let is_listed = |name: &EventName| {
        failures
            .iter()
            .any(|failure| failure.name.as_ref() == Some(name))
    };
    let leftover = letters.keys().filter(|name| !is_listed(name));
    leftover
        .map(|name| Wanted {
            lead_id: "-".to_owned(),
            shown: name.to_string(),
            name: Some(name.clone()),
        })
        .collect()
}

async fn send_all<O: Operated>(
    home: &O,
    look: &QueueLook,
    (wanted, letters): (&[Wanted], &Letters),
    output: &mut Output,
) -> anyhow::Result<usize> {
    let mut sent = 0;
    for want in wanted {
        let letters = want.name.as_ref().and_then(|name| letters.get(name));
        let letters = letters.map_or(&[][..], Vec::as_slice);
        let done = send_one(home, look, want, letters)
            .await
            .with_context(|| want.shown.clone())?;
        sent += usize::from(done == Redriven::Sent);
        tell(output, want, done)?;
    }
    Ok(sent)
}

async fn send_one<O: Operated>(
    home: &O,
    look: &QueueLook,
    want: &Wanted,
    letters: &[Queued],
) -> anyhow::Result<Redriven> {
    let Some(name) = &want.name else {
        return Ok(Redriven::NotAnEvent);
    };
    let is_queued = is_queued(look, Some(name));
    if is_queued && letters.is_empty() {
        return Ok(Redriven::QueuedAlready);
    }
    if !is_queued {
        home.queue().send(copy_of(name, letters)).await?;
    }
    for letter in letters {
        home.delete_dead(letter).await?;
    }
    Ok(Redriven::Sent)
}

async fn give_back<O: Operated>(
    home: &O,
    wanted: &[Wanted],
    letters: &Letters,
    strangers: &[Queued],
) -> anyhow::Result<()> {
    let is_wanted = |name: &EventName| wanted.iter().any(|want| want.name.as_ref() == Some(name));
    let others = letters.iter().filter(|(name, _)| !is_wanted(name));
    let others: Vec<Queued> = others
        .flat_map(|(_, letters)| letters)
        .chain(strangers)
        .cloned()
        .collect();
    Ok(home.return_dead(&others).await?)
}

fn tell(output: &mut Output, want: &Wanted, done: Redriven) -> anyhow::Result<()> {
    let Wanted { lead_id, shown, .. } = want;
    output.json(&json!({ "event": shown, "lead_id": lead_id, "result": done.as_str() }))?;
    output.line(format!("{lead_id}  {shown}  {}", done.as_str()))?;
    Ok(())
}

/// A fresh trigger: its waits begin anew, else a wait that was used up would end it again at once. Where there is no dead letter any more,
/// the bare form does.
fn copy_of(name: &EventName, letters: &[Queued]) -> OutgoingMessage {
    let stored = letters
        .iter()
        .find_map(|letter| Trigger::parse(&letter.body).ok());
    let facts = stored.and_then(|trigger| trigger.facts);
    let trigger = Trigger {
        name: name.clone(),
        facts,
        waiting: Waiting::default(),
    };
    let trace = letters
        .first()
        .map_or_else(TraceContext::default, |letter| letter.trace.clone());
    OutgoingMessage {
        body: trigger.body(),
        delay_seconds: 0,
        trace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn a_copy_forgets_the_waits_that_were_used_up() {
        let name = EventName::parse_raw_key("raw/x.json").unwrap();
        let body = r#"{"s3_key":"raw/x.json","waiting":{"kind":"owner","hop":12,"reason":"owner_absent"}}"#.to_owned();
        let letter = Queued {
            message_id: "m".to_owned(),
            handle: "m".to_owned(),
            body,
            visible_at: Timestamp::UNIX_EPOCH,
            receives: 3,
            trace: TraceContext::default(),
        };
        assert_eq!(copy_of(&name, &[letter]).body, r#"{"s3_key":"raw/x.json"}"#);
        assert_eq!(copy_of(&name, &[]).body, r#"{"s3_key":"raw/x.json"}"#);
    }
}
